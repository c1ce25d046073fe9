//! What the system refuses rarely: it is made to fail here.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tempfile::TempDir;

use super::Spool;
use crate::error::WriteError;
use crate::writer::Calls;
use crate::{Draft, Options, Recovery};

thread_local! {
    /// Which calls of this thread fail.
    static FAULTS: Cell<Faults> = const { Cell::new(Faults { write: false, sync: false, cut: false, delete: false }) };
}

#[derive(Clone, Copy)]
struct Faults {
    write: bool,
    sync: bool,
    cut: bool,
    delete: bool,
}

const NONE: Faults = Faults { write: false, sync: false, cut: false, delete: false };

fn fail_if(fails: bool) -> io::Result<()> {
    if fails { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
}

/// Half of the bytes reach the file before a write fails, as on a disk that fills up.
fn write(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    let fails = FAULTS.get().write;
    file.write_all_at(if fails { &bytes[..bytes.len() / 2] } else { bytes }, at)?;
    fail_if(fails)
}

fn sync(_: &File) -> io::Result<()> {
    fail_if(FAULTS.get().sync)
}

fn cut(file: &File, length: u64) -> io::Result<()> {
    fail_if(FAULTS.get().cut)?;
    file.set_len(length)
}

fn delete(path: &Path) -> io::Result<()> {
    fail_if(FAULTS.get().delete)?;
    fs::remove_file(path)
}

fn open(place: &TempDir) -> (Spool, Recovery) {
    FAULTS.set(NONE);
    let options = Options { directory: place.path().to_owned(), limit: 1 << 20, segment: 400 };
    let (mut spool, recovery) = Spool::open(options).unwrap();
    spool.calls = Calls { write, sync, cut, delete };
    (spool, recovery)
}

fn put(spool: &mut Spool, text: &str) -> Result<(), WriteError> {
    spool.write(&[Draft::alone(1, text.as_bytes()), Draft::alone(1, b"and another")]).map(|_| ())
}

fn contents(spool: &mut Spool) -> Vec<String> {
    let entries = spool.next(1000).unwrap();
    entries
        .into_iter()
        .map(|entry| String::from_utf8(entry.bytes).unwrap())
        .filter(|text| text != "and another")
        .collect()
}

fn segments(place: &TempDir) -> usize {
    let files = fs::read_dir(place.path()).unwrap();
    files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".seg")).count()
}

#[test]
fn after_a_failed_sync_a_new_segment_is_begun() {
    let place = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&place);
    put(&mut spool, "before").unwrap();
    FAULTS.set(Faults { sync: true, ..NONE });
    assert!(matches!(put(&mut spool, "batch"), Err(WriteError::Sync { .. })));
    FAULTS.set(NONE);
    put(&mut spool, "batch").unwrap();
    assert_eq!(segments(&place), 2);
    assert_eq!(contents(&mut spool), ["before", "batch"]);
    drop(spool);
    let (mut spool, recovery) = open(&place);
    assert_eq!(recovery.damage, crate::Damage::default());
    assert_eq!(contents(&mut spool), ["before", "batch"]);
}

#[test]
fn what_cannot_be_cut_back_is_in_nobodys_way() {
    for faults in [Faults { write: true, cut: true, ..NONE }, Faults { sync: true, cut: true, ..NONE }] {
        let place = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(&place);
        put(&mut spool, "before").unwrap();
        FAULTS.set(faults);
        put(&mut spool, "refused").unwrap_err();
        FAULTS.set(NONE);
        put(&mut spool, "after").unwrap();
        assert_eq!(contents(&mut spool), ["before", "after"]);
        drop(spool);
        let (mut spool, recovery) = open(&place);
        assert_eq!(recovery.damage, crate::Damage::default());
        assert!(recovery.torn > 0);
        assert_eq!(contents(&mut spool), ["before", "after"]);
    }
}

#[test]
fn a_new_segment_that_fails_and_cannot_be_deleted_does_not_come_back() {
    for faults in [Faults { write: true, delete: true, ..NONE }, Faults { sync: true, delete: true, ..NONE }] {
        let place = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(&place);
        FAULTS.set(faults);
        put(&mut spool, "refused").unwrap_err();
        put(&mut spool, "refused").unwrap_err();
        FAULTS.set(NONE);
        put(&mut spool, "after").unwrap();
        assert_eq!(contents(&mut spool), ["after"]);
        drop(spool);
        let (mut spool, recovery) = open(&place);
        assert_eq!(recovery.damage.lost, 0);
        assert_eq!(contents(&mut spool), ["after"]);
    }
}

#[test]
fn a_segment_that_cannot_be_deleted_stops_the_writing_and_drops_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&place);
    spool.options.limit = 1000;
    FAULTS.set(Faults { delete: true, ..NONE });
    let error = loop {
        if let Err(error) = put(&mut spool, "content") {
            break error;
        }
    };
    assert!(matches!(error, WriteError::Delete { .. }), "{error}");
    assert_eq!(spool.state().dropped, 0);
    FAULTS.set(NONE);
    let waiting = spool.state().waiting;
    put(&mut spool, "content").unwrap();
    let state = spool.state();
    assert!(state.dropped > 0);
    assert_eq!(state.waiting, waiting + 2 - state.dropped);
}

#[test]
fn a_segment_that_vanishes_is_told_once_and_the_rest_is_handed_out() {
    let place = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&place);
    for number in 0..12 {
        put(&mut spool, &format!("content {number} {}", "x".repeat(100))).unwrap();
    }
    let mut paths: Vec<_> = spool.segments.keys().map(|first| crate::segment::path(place.path(), *first)).collect();
    fs::remove_file(paths.remove(1)).unwrap();
    let before = spool.next(1000).unwrap();
    let error = spool.next(1000).unwrap_err();
    let after = spool.next(1000).unwrap();
    assert!(!before.is_empty() && !after.is_empty());
    let lost = 24 - before.len() as u64 - after.len() as u64;
    assert_eq!((error.entries, spool.state().damage.lost), (lost, lost));
    assert_eq!(spool.state().waiting, 0);
    assert!(error.to_string().contains(".seg: cannot read the spool, 2 entries are left out"), "{error}");
}
