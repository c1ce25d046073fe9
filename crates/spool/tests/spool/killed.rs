//! A server that is killed at any moment keeps everything that was acknowledged.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use spool::{Draft, Options, Spool};

use crate::place::{Place, all};

/// Folder of the spool, and the number of its first entry, for the process that is to be killed.
const FOLDER: &str = "SPOOL_TEST_KILLED";
const FIRST: &str = "SPOOL_TEST_FIRST";
const KILLS: usize = 20;

fn options(directory: PathBuf) -> Options {
    Options { directory, limit: 1 << 30, segment: 4096 }
}

/// The stream of entries: the number tells the content.
fn content(number: u64) -> Vec<u8> {
    format!("{number} {}", "x".repeat((number * 7919 % 500) as usize)).into_bytes()
}

/// Writes batch after batch, says so after each, and reports every third entry as done.
fn write_until_killed(folder: PathBuf) {
    let (mut spool, _) = Spool::open(options(folder)).unwrap();
    let mut number: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let mut out = std::io::stdout().lock();
    loop {
        let contents: Vec<Vec<u8>> = (number..number + 1 + number % 5).map(content).collect();
        let batch: Vec<_> = (number..).zip(&contents).map(|(number, content)| Draft::alone(number, content)).collect();
        spool.write(&batch).unwrap();
        number += batch.len() as u64;
        writeln!(out, "written {number}").unwrap();
        out.flush().unwrap();
        for entry in spool.next(10).unwrap() {
            if entry.written % 3 == 0 {
                spool.done(entry.sequence);
            }
        }
    }
}

/// Runs the writer, and kills it while it writes what follows the line after which it is killed. Returns what it has acknowledged.
fn run_and_kill(place: &Place, first: u64, lines: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "killed::whatever_was_acknowledged_is_there_after_a_kill"])
        .env(FOLDER, place.path())
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = first;
    let output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let numbers = output.filter_map(|line| Some(line.split_once("written ")?.1.parse::<u64>().unwrap()));
    for (line, number) in numbers.enumerate() {
        acknowledged = number;
        if line == lines {
            child.kill().unwrap();
        }
    }
    assert_eq!(child.wait().unwrap().code(), None, "it was killed and did not end");
    acknowledged
}

#[test]
fn whatever_was_acknowledged_is_there_after_a_kill() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return write_until_killed(folder.into());
    }
    let place = Place::new();
    let moments = RandomState::new();
    let mut written = 0;
    for kill in 0..KILLS {
        let acknowledged = run_and_kill(&place, written, (moments.hash_one(kill) % 40) as usize);
        assert!(acknowledged > written);
        let (mut spool, recovery) = Spool::open(options(place.path())).unwrap();
        assert_eq!(recovery.damage, spool::Damage::default(), "an unfinished write is no damage");
        let entries = all(&mut spool);
        assert!(entries.iter().all(|entry| entry.bytes == content(entry.written)));
        assert!(entries.windows(2).all(|pair| pair[0].written < pair[1].written), "in order, each once");
        let found: BTreeSet<u64> = entries.iter().map(|entry| entry.written).collect();
        // What was written and not acknowledged may be there, too.
        written = acknowledged.max(found.last().map_or(0, |last| last + 1));
        let missing: Vec<u64> = (0..written).filter(|number| !found.contains(number) && number % 3 != 0).collect();
        assert!(missing.is_empty(), "after kill {kill}: {missing:?} of {written}");
    }
}
