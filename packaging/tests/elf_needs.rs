//! Needs of a real binary, against the tools that both families use for it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed fact")]

mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use packaging::distro::{Distro, Matrix};
use packaging::names::Arch;
use packaging::needs;
use packaging::relation::{Relation, Relations};
use tools::run;

/// A small dynamic program that every Debian system has.
const PROGRAM: &str = "/bin/true";

fn distro(id: &str) -> Distro {
    let matrix = Matrix::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("distros.toml")).unwrap();
    // The program is this system's; it need not fit an older one here.
    Distro { glibc: "2.99".parse().unwrap(), ..matrix.get(id).unwrap().clone() }
}

fn needs_on(id: &str) -> Relations {
    let mut relations = Relations::default();
    needs::add(&mut relations, &[&PathBuf::from(PROGRAM)], &distro(id), None).unwrap();
    relations
}

#[test]
fn rpm_symbols_are_those_of_rpms_own_elfdeps() {
    let theirs = run("sh", "rpm", &["-c", &format!("echo {PROGRAM} | /usr/lib/rpm/elfdeps --requires")]);
    let theirs: BTreeSet<_> = theirs.lines().collect();
    let relations = needs_on("el8");
    assert_eq!(relations.rpm_libraries.iter().map(String::as_str).collect::<BTreeSet<_>>(), theirs);
    assert!(relations.depends.is_empty());
}

#[test]
fn deb_depends_are_those_of_dpkg_shlibdeps() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("debian")).unwrap();
    fs::write(folder.path().join("debian/control"), "Source: sample\n\nPackage: sample\nArchitecture: any\n").unwrap();
    let command = format!("cd '{}' && dpkg-shlibdeps -O {PROGRAM} 2>&1", folder.path().display());
    let theirs = run("sh", "dpkg-dev", &["-c", &command]);
    let ours: Vec<_> = needs_on("bookworm").depends.iter().map(Relation::to_string).collect();
    assert!(theirs.lines().any(|line| line == format!("shlibs:Depends={}", ours.join(", "))), "{theirs}\n{ours:?}");
}

#[test]
fn a_binary_of_this_system_is_refused_for_an_older_one() {
    let matrix = Matrix::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("distros.toml")).unwrap();
    let old = Distro { glibc: "2.2".parse().unwrap(), ..matrix.get("el7").unwrap().clone() };
    let program = PathBuf::from(PROGRAM);
    let error = needs::add(&mut Relations::default(), &[&program], &old, None).unwrap_err().to_string();
    assert!(error.starts_with("/bin/true needs GLIBC_2.") && error.contains("CentOS 7 has glibc 2.2"), "{error}");
}

#[test]
fn a_binary_for_another_processor_is_refused() {
    let other = match std::env::consts::ARCH {
        "aarch64" => Arch::X86_64,
        _ => Arch::Aarch64,
    };
    let program = PathBuf::from(PROGRAM);
    let error = needs::add(&mut Relations::default(), &[&program], &distro("jammy"), Some(other)).unwrap_err();
    assert!(error.to_string().contains("the package is for"), "{error}");
}
