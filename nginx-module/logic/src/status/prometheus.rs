//! The status page in Prometheus' text format 0.0.4.
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>. Everything is a gauge.

use std::fmt::Write;
use std::time::Duration;

use super::keys::{KEYS, Value};
use super::snapshot::Snapshot;

/// Writes the metrics, in the order of the keys.
pub(super) fn write(snapshot: &Snapshot<'_>) -> String {
    let mut out = String::with_capacity(8192);
    for key in KEYS {
        if let Some(metric) = key.metric {
            // Writing to a String cannot fail.
            let _ = write_metric(&mut out, metric, key.meaning, &(key.value)(snapshot));
        }
    }
    out
}

fn write_metric(out: &mut String, metric: &str, meaning: &str, value: &Value<'_>) -> std::fmt::Result {
    writeln!(out, "# HELP {metric} {}.", escaped(meaning))?;
    writeln!(out, "# TYPE {metric} gauge")?;
    match value {
        Value::Integer(number) => writeln!(out, "{metric} {number}"),
        Value::Versioned { id, version } => writeln!(out, "{metric}{{format=\"{version}\"}} {id}"),
        Value::Seconds(time) => writeln!(out, "{metric} {}", seconds(*time)),
        Value::Instances(instances) => {
            let states =
                [("success", instances.success), ("fallback", instances.fallback), ("failed", instances.failed)];
            states.iter().try_for_each(|(state, number)| writeln!(out, "{metric}{{status=\"{state}\"}} {number}"))
        }
        Value::Workers(workers) => workers
            .iter()
            .try_for_each(|worker| writeln!(out, "{metric}{{pid=\"{}\"}} {}", worker.pid, seconds(worker.time))),
        // No metric is declared for these.
        Value::Files(_) | Value::RateLimit(_) | Value::Split(_) => Ok(()),
    }
}

fn seconds(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

/// A help text, in which backslash and line feed are escaped.
fn escaped(help: &str) -> String {
    help.replace('\\', "\\\\").replace('\n', "\\n")
}
