//! Packages that differ in one place, and what is told of it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed fact")]

mod sample;

use std::fs;

use formats::difference::explain;
use packaging::model::{Content, EntryKind, Package};
use packaging::rpm::NoSigner;
use packaging::{deb, rpm};
use sample::sample;

/// A real ELF file that every system has, with one byte in its middle turned.
fn with_program(mut package: Package, turned: bool) -> Package {
    let mut program = fs::read("/bin/sh").unwrap();
    let middle = program.len() / 2;
    program[middle] ^= u8::from(turned);
    let entry = package.contents.get_mut(&"/usr/bin/wallarm-sample".parse().unwrap()).unwrap();
    entry.kind = EntryKind::File(Content::Bytes(program));
    package
}

fn written(package: &Package) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let is_deb = package.distro.as_str() == "jammy";
    let path = if is_deb {
        deb::write(package, folder.path()).unwrap().path
    } else {
        rpm::write(package, folder.path(), None::<NoSigner>).unwrap().path
    };
    fs::read(path).unwrap()
}

fn told(first: &Package, second: &Package) -> String {
    explain(&written(first), &written(second)).iter().map(|difference| format!("{difference}\n")).collect()
}

#[test]
fn a_byte_of_a_program_in_a_deb_is_found_in_its_section() {
    let (first, second) = (with_program(sample("jammy"), false), with_program(sample("jammy"), true));
    let told = told(&first, &second);
    let program = "data.tar.xz > uncompressed > ./usr/bin/wallarm-sample > .";
    assert!(told.contains(program) && told.contains(", the only one that differs"), "{told}");
    assert!(told.contains("control.tar.xz > uncompressed > ./md5sums: byte "), "{told}");
    assert!(told.lines().any(|line| line.starts_with("  first  0") && line.ends_with('|')), "{told}");
}

#[test]
fn a_byte_of_a_program_in_an_rpm_is_found_in_its_section_and_the_tags_that_follow_from_it() {
    let (first, second) = (with_program(sample("el8"), false), with_program(sample("el8"), true));
    let told = told(&first, &second);
    for place in [
        "signature header, tag SIG_MD5 (1004): byte ",
        "main header, tag FILE_DIGESTS (1035): byte ",
        "payload > uncompressed > ./usr/bin/wallarm-sample > .",
    ] {
        assert!(told.contains(place), "{place} in {told}");
    }
}

#[test]
fn modes_and_times_are_told_as_such() {
    let (first, mut second) = (sample("jammy"), sample("jammy"));
    second.contents.get_mut(&"/usr/bin/wallarm-sample".parse().unwrap()).unwrap().mode = 0o700;
    let told_of_mode = told(&first, &second);
    let expected = "data.tar.xz > uncompressed > ./usr/bin/wallarm-sample: mode is 755 in the first, 700 in the second";
    assert!(told_of_mode.starts_with(expected), "{told_of_mode}");
    second = sample("jammy");
    second.epoch += 1;
    assert!(told(&first, &second).contains("debian-binary: time is 1700000000 in the first, 1700000001 in the second"));
}

#[test]
fn the_same_package_has_no_difference() {
    assert_eq!(told(&sample("jammy"), &sample("jammy")), "");
    assert_eq!(told(&sample("el8"), &sample("el8")), "");
}
