//! The file of hits that the Cloud refused: a line of JSON each, for whoever finds out why. It holds request data, so nobody else reads it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::value::RawValue;

/// Bytes of the file. A full one takes the place of the one before, so there are at most twice as many.
const LIMIT: u64 = 4 << 20;

/// The file.
#[derive(Debug)]
pub(super) struct SetAside {
    path: PathBuf,
    limit: u64,
}

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    /// When it was refused, Unix seconds.
    time: u64,
    status: u16,
    why: &'a str,
    hit: &'a RawValue,
}

impl SetAside {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, limit: LIMIT }
    }

    /// Appends a hit; it is on disk when this returns.
    pub(super) fn append(&mut self, hit: &RawValue, status: u16, why: &str) -> io::Result<()> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let text = serde_json::to_string(&Line { time, status, why, hit })?;
        // JSON that was written elsewhere may have line ends between its values, never within.
        let line = text.replace(['\n', '\r'], " ") + "\n";
        let mut file = self.open()?;
        let length = file.metadata()?.len();
        if length > 0 && length + line.len() as u64 > self.limit {
            std::fs::rename(&self.path, self.path.with_extension("old.jsonl"))?;
            file = self.open()?;
        }
        let length = file.metadata()?.len();
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // No half line stays; if even that fails, the next line tells where it begins by its end.
            let _ = file.set_len(length);
        }
        written
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::Value;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_refused_hit_is_a_line_that_only_the_server_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set-aside.jsonl");
        let mut file = SetAside::new(path.clone());
        file.append(&raw("{\"id\":\n[\"a\",\"xss\"]}"), 422, "no such field").unwrap();
        file.append(&raw(r#"{"id":["b","xss"]}"#), 400, "").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), &lines[0]["hit"]["id"][0], &lines[0]["status"]), (2, &"a".into(), &422.into()));
        assert_eq!(lines[0]["why"], "no such field");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn it_takes_a_bounded_place_and_keeps_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set-aside.jsonl");
        let mut file = SetAside { path: path.clone(), limit: 1000 };
        for number in 0..100 {
            file.append(&raw(&format!(r#"{{"id":["{number}","xss"]}}"#)), 422, "").unwrap();
        }
        let sizes: Vec<u64> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
        assert!(sizes.len() == 2 && sizes.iter().all(|size| *size <= 1000), "{sizes:?}");
        assert!(std::fs::read_to_string(&path).unwrap().contains("\"99\""));
    }

    #[test]
    fn a_place_that_is_none_is_an_error() {
        assert!(SetAside::new(PathBuf::from("/nowhere/set-aside.jsonl")).append(&raw("{}"), 422, "").is_err());
    }
}
