//! The two corpora: values that are attacks, and values that are not. A value is written on a line of its own, with `\n`, `\r`, `\t`,
//! `\0`, `\\` and `\xNN` for bytes that a line cannot hold, and `@place ` before it when it is not that of a query parameter.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a corpus that cannot be read is a failed test")]

use std::path::{Path, PathBuf};

use detection::attack::Attack;
use detection::rules::Rules;
use detection::scan::{Matches, Place};

/// A line of a corpus.
struct Sample {
    written: String,
    value: Vec<u8>,
    place: Place,
}

fn place(name: &str) -> Place {
    match name {
        "query-value" => Place::QueryValue,
        "uri" => Place::Uri,
        "path" => Place::Path,
        "path-part" => Place::PathPart,
        "parameter-name" => Place::ParameterName,
        "body-value" => Place::BodyValue,
        "file-content" => Place::FileContent,
        "file-name" => Place::FileName,
        "xml-dtd" => Place::XmlDtd,
        "raw-body" => Place::RawBody,
        "cookie" => Place::Cookie,
        "user-agent" => Place::UserAgent,
        "referer" => Place::Referer,
        "host" => Place::Host,
        "header" => Place::Header,
        "header-name" => Place::HeaderName,
        "method" => Place::Method,
        "response" => Place::Response,
        other => panic!("{other} is not a place"),
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'0') => bytes.push(0),
            Some(b'x') => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            Some(b'\\') => bytes.push(b'\\'),
            other => panic!("{text}: \\ and {other:?}"),
        }
    }
    bytes
}

fn samples(file: &Path) -> Vec<Sample> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let sample = |line: &str| match line.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
        Some((name, value)) => Sample { written: line.to_owned(), value: unescape(value), place: place(name) },
        None => Sample { written: line.to_owned(), value: unescape(line), place: Place::QueryValue },
    };
    text.lines().filter(|line| !line.is_empty()).map(sample).collect()
}

fn files(corpus: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(corpus);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

#[test]
fn every_attack_is_found_under_its_own_code() {
    let rules = Rules::standard().unwrap();
    let mut missed = Vec::new();
    for file in files("attacks") {
        let code = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let attack = Attack::by_code(&code).unwrap_or_else(|| panic!("{code} is no attack"));
        for sample in samples(&file) {
            let mut found = Matches::new();
            rules.scan(&sample.value, sample.place, true, &mut found);
            if !found.attacks().contains(attack) {
                missed.push(format!("{code}: {} (found: {})", sample.written, found.attacks()));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn nothing_is_found_in_clean_values() {
    let rules = Rules::standard().unwrap();
    let mut wrong = Vec::new();
    for file in files("clean") {
        for sample in samples(&file) {
            let mut found = Matches::new();
            rules.scan(&sample.value, sample.place, true, &mut found);
            for hit in found.as_slice() {
                wrong.push(format!("{} by rule {}: {}", hit.attack.code(), hit.rule, sample.written));
            }
        }
    }
    assert!(wrong.is_empty(), "{} flagged:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn without_confirmation_nothing_is_lost() {
    let rules = Rules::standard().unwrap();
    for file in files("attacks") {
        for sample in samples(&file) {
            let (mut strict, mut loose) = (Matches::new(), Matches::new());
            rules.scan(&sample.value, sample.place, true, &mut strict);
            rules.scan(&sample.value, sample.place, false, &mut loose);
            let (strict, loose) = (strict.attacks(), loose.attacks());
            assert_eq!(strict.union(loose), loose, "{}", sample.written);
        }
    }
}
