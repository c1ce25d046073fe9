//! systemd units, as an old systemd reads them.
//!
//! A key that systemd does not know is passed over with a warning, so hardening may be written for newer ones. What counts is a key that the service
//! relies on, and a value that changes its meaning.

use super::{Findings, Subject};

/// Where units are installed.
const FOLDERS: [&str; 3] = ["/lib/systemd/system/", "/usr/lib/systemd/system/", "/etc/systemd/system/"];

/// Keys without which a service does not work, and the systemd that brought them (its NEWS).
const KEYS: [(&str, u32); 6] = [
    ("StateDirectory", 235),
    ("LogsDirectory", 235),
    ("CacheDirectory", 235),
    ("ConfigurationDirectory", 235),
    ("DynamicUser", 232),
    ("ExecCondition", 243),
];

/// Values that are an error, or mean another thing, before the systemd that brought them: key, how the value begins.
const VALUES: [(&str, &str, u32); 8] = [
    ("Type", "exec", 240),
    ("Type", "notify-reload", 253),
    ("StandardOutput", "append:", 240),
    ("StandardError", "append:", 240),
    ("StandardOutput", "file:", 236),
    ("StandardError", "file:", 236),
    ("ExecStart", "+", 231),
    ("ExecStartPre", "+", 231),
];

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    for (item, content) in subject.files() {
        if !FOLDERS.iter().any(|folder| item.path.starts_with(folder)) {
            continue;
        }
        let place = item.path.escape_debug().to_string();
        let Ok(text) = std::str::from_utf8(content) else {
            findings.add("unit-is-no-text", place, "is not UTF-8");
            continue;
        };
        lines(subject, &place, text, findings);
        if item.mode & 0o111 != 0 {
            findings.add("unit-executable", place, "is marked executable, of which systemd warns");
        }
    }
}

fn lines(subject: &Subject, place: &str, text: &str, findings: &mut Findings) {
    let systemd = subject.systemd.unwrap_or(u32::MAX);
    let mut section = None;
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = Some(name);
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            findings.add("unit-syntax", place, format!("line {line_number} is neither a section nor a key"));
            continue;
        };
        if section.is_none() {
            findings.add("unit-syntax", place, format!("line {line_number} stands before the first section"));
        }
        let since = since(key.trim(), value.trim());
        if since > systemd {
            let what = format!("line {line_number} needs systemd {since}, and the distro has {systemd}: `{line}`");
            findings.add("unit-too-new", place, what);
        }
    }
}

/// The first systemd that reads a line as it is meant.
fn since(key: &str, value: &str) -> u32 {
    let of_key = KEYS.iter().find(|(known, _)| *known == key).map(|(_, since)| *since);
    let of_value = VALUES.iter().find(|(known, begin, _)| *known == key && value.starts_with(begin));
    of_key.or_else(|| of_value.map(|(_, _, since)| *since)).unwrap_or(0)
}
