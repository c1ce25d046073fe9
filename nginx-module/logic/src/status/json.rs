//! The status page as JSON (RFC 8259).

use std::fmt::Write;

use super::keys::{KEYS, RATE_LIMIT, Value};
use super::snapshot::{Client, Counts, RulesetFile, Snapshot};
use super::workers::StalledWorker;

/// Writes the object, in the order of the keys and without white space, as scripts that cut it with `grep` expect.
pub(super) fn write(snapshot: &Snapshot<'_>) -> String {
    let mut out = Json(String::with_capacity(2048));
    out.object(KEYS, |out, key| {
        out.name(key.name);
        out.value(&(key.value)(snapshot));
    });
    out.0.push('\n');
    out.0
}

struct Json(String);

impl Json {
    fn value(&mut self, value: &Value<'_>) {
        match *value {
            Value::Integer(number) | Value::Versioned { id: number, .. } => self.display(number),
            Value::Seconds(time) => self.seconds(time),
            Value::Instances(instances) => {
                let fields = [
                    ("total", instances.total()),
                    ("success", instances.success),
                    ("fallback", instances.fallback),
                    ("failed", instances.failed),
                ];
                self.object(&fields, |out, (name, number)| out.field(name, *number));
            }
            Value::Workers(workers) => self.list(workers, Self::worker),
            Value::Files(files) => self.list(files, Self::file),
            Value::RateLimit(limit) => {
                self.object(RATE_LIMIT, |out, (name, _, value)| out.field(name, value(&limit)));
            }
            Value::Split(clients) => {
                self.0.push('{');
                self.name("clients");
                self.list(clients, Self::client);
                self.0.push('}');
            }
        }
    }

    fn worker(&mut self, worker: &StalledWorker) {
        self.0.push('{');
        self.field("pid", worker.pid);
        self.0.push(',');
        self.name("time");
        self.seconds(worker.time);
        self.0.push('}');
    }

    fn file(&mut self, file: &RulesetFile) {
        self.0.push('{');
        self.field("id", file.id);
        self.0.push(',');
        self.field("size", file.size);
        self.0.push(',');
        self.field("mod_time", file.mod_time);
        self.0.push(',');
        self.name("fname");
        self.string(&file.fname);
        self.0.push('}');
    }

    fn client(&mut self, client: &Client) {
        self.0.push('{');
        self.name("client_id");
        match client.id {
            Some(id) => self.string(&id.to_string()),
            None => self.0.push_str("null"),
        }
        self.counts(&client.counts);
        self.0.push(',');
        self.name("applications");
        self.list(&client.applications, |out, (id, counts)| {
            out.0.push('{');
            out.field("app_id", id);
            out.counts(counts);
            out.0.push('}');
        });
        self.0.push('}');
    }

    /// Counters, each after a comma.
    fn counts(&mut self, counts: &Counts) {
        let numbers = [
            ("requests", counts.requests),
            ("attacks", counts.attacks),
            ("blocked", counts.blocked),
            ("blocked_by_acl", counts.blocked_by_acl),
            ("overlimits_time", counts.overlimits_time),
        ];
        for (name, number) in numbers {
            self.0.push(',');
            self.field(name, number);
        }
        self.0.push(',');
        self.name("time_detect");
        self.seconds(counts.time_detect);
    }

    fn object<T>(&mut self, fields: &[T], write: impl FnMut(&mut Self, &T)) {
        self.0.push('{');
        self.separated(fields, write);
        self.0.push('}');
    }

    fn list<T>(&mut self, items: &[T], write: impl FnMut(&mut Self, &T)) {
        self.0.push('[');
        self.separated(items, write);
        self.0.push(']');
    }

    fn separated<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        for (position, item) in items.iter().enumerate() {
            if position > 0 {
                self.0.push(',');
            }
            write(self, item);
        }
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        self.name(name);
        self.display(value);
    }

    fn name(&mut self, name: &str) {
        self.string(name);
        self.0.push(':');
    }

    fn seconds(&mut self, time: std::time::Duration) {
        self.display(format_args!("{}.{:06}", time.as_secs(), time.subsec_micros()));
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{value}");
    }

    /// A string; control characters, quotes and backslashes are escaped (RFC 8259, section 7).
    fn string(&mut self, text: &str) {
        self.0.push('"');
        for character in text.chars() {
            match character {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\0'..='\u{1f}' => self.display(format_args!("\\u{:04x}", u32::from(character))),
                _ => self.0.push(character),
            }
        }
        self.0.push('"');
    }
}
