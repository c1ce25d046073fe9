//! Package files that somebody made to do harm: the rules name what is wrong, and nothing else happens.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed fact")]

mod sample;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use formats::rpm_header::Rpm;
use formats::{ar, cpio};
use packaging::lint::{self, ReadError};
use packaging::rpm::{self, NoSigner};
use sample::sample;
use tar::EntryType;

const CONTROL: &str = "Package: x\nVersion: 1\nArchitecture: all\nDescription: thing\n A thing.\n";

/// One entry of `data.tar`, with its header written as the attacker likes.
struct Entry {
    name: &'static [u8],
    kind: EntryType,
    mode: u32,
    /// What the header says; the content is `abc`, or nothing.
    size: u64,
}

const FILE: Entry = Entry { name: b"./usr/bin/x", kind: EntryType::Regular, mode: 0o755, size: 3 };

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..entry.name.len()].copy_from_slice(entry.name);
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_size(entry.size);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_username("root").unwrap();
        header.set_groupname("root").unwrap();
        header.set_cksum();
        bytes.extend(header.as_bytes());
        if entry.size > 0 {
            bytes.extend([b"abc".as_slice(), &[0; 509]].concat());
        }
    }
    bytes.extend([0; 1024]);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn control_tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(CONTROL.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "control", CONTROL.as_bytes()).unwrap();
    builder.into_inner().unwrap()
}

fn deb(data: &[u8]) -> Vec<u8> {
    let mut writer = ar::Writer::new(Vec::new(), 0).unwrap();
    writer.append("debian-binary", b"2.0\n").unwrap();
    writer.append("control.tar.gz", &gzip(&control_tar())).unwrap();
    writer.append("data.tar.gz", &gzip(data)).unwrap();
    writer.finish()
}

/// What is said of a file of this name and content.
fn read(name: &str, bytes: &[u8]) -> Result<Vec<String>, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let subject = lint::read(&path)?;
    // Nothing is ever unpacked to disk.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    Ok(lint::check_subject(&subject).iter().map(ToString::to_string).collect())
}

#[track_caller]
fn names_rule(entry: Entry, rule: &str) {
    let said = read("x.deb", &deb(&tar(&[entry]))).unwrap();
    assert!(said.iter().any(|line| line.ends_with(&format!("({rule})"))), "{rule} in {said:?}");
    assert!(!said.iter().any(|line| line.chars().any(char::is_control)), "{said:?}");
}

#[test]
fn paths_that_climb_out_are_named() {
    names_rule(Entry { name: b"./../../etc/passwd", ..FILE }, "path-outside-root");
    names_rule(Entry { name: b"usr/../../x", ..FILE }, "path-outside-root");
}

#[test]
fn names_that_would_drive_a_terminal_are_named_without_doing_so() {
    names_rule(Entry { name: b"./usr/bin/\x1b[2J\x07", ..FILE }, "odd-file-name");
    names_rule(Entry { name: b"./usr/bin/\xff\xfe", ..FILE }, "odd-file-name");
    names_rule(Entry { name: b"./usr/bin/a\nb", ..FILE }, "odd-file-name");
}

#[test]
fn rights_and_kinds_that_no_package_needs_are_named() {
    names_rule(Entry { mode: 0o4755, ..FILE }, "set-user-or-group");
    names_rule(Entry { mode: 0o777, ..FILE }, "world-writable");
    names_rule(Entry { kind: EntryType::Block, size: 0, ..FILE }, "special-file");
    names_rule(Entry { kind: EntryType::Fifo, size: 0, ..FILE }, "special-file");
}

#[test]
fn the_same_path_twice_is_named() {
    let said = read("x.deb", &deb(&tar(&[FILE, FILE]))).unwrap();
    assert!(said.iter().any(|line| line.ends_with("(duplicate-path)")), "{said:?}");
}

#[test]
fn a_tar_header_that_lies_about_its_size_is_an_error_or_harmless() {
    let lying = |size| read("x.deb", &deb(&tar(&[Entry { size, ..FILE }])));
    // Within the archive's padding it is a longer file, beyond its end an error.
    assert!(lying(4).is_ok());
    for size in [1 << 20, 1 << 32, u64::MAX >> 1] {
        assert!(lying(size).is_err(), "{size}");
    }
}

#[test]
fn a_deb_that_ends_anywhere_is_an_error() {
    let whole = deb(&tar(&[FILE]));
    for length in (0..whole.len() - 1).step_by(7) {
        assert!(read("x.deb", &whole[..length]).is_err(), "cut to {length} of {}", whole.len());
    }
}

#[test]
fn an_rpm_whose_payload_lies_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = rpm::write(&sample("el8"), folder.path(), None::<NoSigner>).unwrap().path;
    let whole = fs::read(path).unwrap();
    let start = usize::try_from(Rpm::read(&mut whole.as_slice()).unwrap().payload_start()).unwrap();
    let with = |payload: &[u8]| read("x.rpm", &[&whole[..start], &gzip(payload)].concat());
    let entry = cpio::Entry { name: "./x".into(), inode: 1, mode: 0o100_644, mtime: 0, size: 0 };
    let mut archive = cpio::Writer::new(Vec::new());
    archive.append(&entry, b"abc").unwrap();
    let (good, _) = archive.finish().unwrap();
    assert!(with(&good).is_ok());
    let mut lies = good.clone();
    lies[54..62].copy_from_slice(b"fffffff0");
    assert!(with(&lies).is_err());
    let mut endless_name = good;
    endless_name[94..102].copy_from_slice(b"7fffffff");
    assert!(with(&endless_name).is_err());
    assert!(with(b"").is_err());
    assert!(read("x.rpm", &whole[..start]).is_err());
}

#[test]
fn an_archive_bomb_is_refused_before_it_fills_the_memory() {
    // Each block of zeros is a few bytes of gzip; ten members of it make a gigabyte and more.
    let block = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 128 << 20]).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = block.repeat(9);
    let mut writer = ar::Writer::new(Vec::new(), 0).unwrap();
    writer.append("debian-binary", b"2.0\n").unwrap();
    writer.append("control.tar.gz", &gzip(&control_tar())).unwrap();
    writer.append("data.tar.gz", &bomb).unwrap();
    let bytes = writer.finish();
    assert!(bytes.len() < 16 << 20, "{}", bytes.len());
    let error = read("x.deb", &bytes).unwrap_err().to_string();
    assert!(error.contains("data.tar: unpacks to more than 1 GiB"), "{error}");
}
