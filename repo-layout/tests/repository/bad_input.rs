//! Bad packages are refused by name, and nothing is published.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use repo_layout::{AptSuite, Error, STATE_FOLDER};

use crate::fixture::{Fixture, deb, deb_of, deb_with, new_key, run, sign_rpm, suite, unsigned_rpm};

/// Builds with one more package and gives the error; readers must see nothing, and nothing may be left of what was put aside.
fn refused(fixture: &mut Fixture, change: impl FnOnce(&mut Fixture)) -> Error {
    change(fixture);
    let error = fixture.build().unwrap_err();
    let left: Vec<_> =
        walkdir::WalkDir::new(fixture.tree()).min_depth(1).into_iter().map(|entry| entry.unwrap()).collect();
    let of_publisher = |path: &Path| path.ends_with(STATE_FOLDER) || path.ends_with("lock");
    assert!(left.iter().all(|entry| of_publisher(entry.path())), "something was published: {left:?}");
    error
}

fn debs(packages: Vec<PathBuf>) -> Vec<AptSuite> {
    vec![suite(packages)]
}

#[test]
fn a_truncated_deb_is_named() {
    let mut fixture = Fixture::apt_only();
    let path = fixture.pool().join("alpha_1.0-1_amd64.deb");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = refused(&mut fixture, |_| {});
    assert!(matches!(&error, Error::Deb { path: named, .. } if *named == path), "{error:?}");
}

/// A deb whose `control` file went through `edit`.
fn deb_with_control(fixture: &Fixture, edit: impl FnOnce(String) -> String) -> PathBuf {
    let original = deb(fixture.folder.path(), "alpha", "2.0-1", "amd64");
    let tree = fixture.folder.path().join("unpacked");
    run(Command::new("dpkg-deb").arg("-R").arg(&original).arg(&tree), "dpkg");
    let control = tree.join("DEBIAN/control");
    fs::write(&control, edit(fs::read_to_string(&control).unwrap())).unwrap();
    run(Command::new("dpkg-deb").args(["--nocheck", "--root-owner-group", "-b"]).arg(&tree).arg(&original), "dpkg");
    original
}

#[test]
fn control_data_that_pose_as_the_index_are_refused() {
    let mut fixture = Fixture::apt_only();
    let package = deb_with_control(&fixture, |control| control + "Filename: ../../elsewhere.deb\n");
    let error = refused(&mut fixture, |fixture| fixture.site.suites = debs(vec![package]));
    assert!(matches!(error, Error::IndexField { field: "Filename", .. }), "{error:?}");
}

#[test]
fn a_package_called_dot_dot_is_refused() {
    let mut fixture = Fixture::apt_only();
    let package = deb_with_control(&fixture, |control| control.replace("Package: alpha", "Package: .."));
    let renamed = package.with_file_name(".._2.0-1_amd64.deb");
    fs::rename(&package, &renamed).unwrap();
    let error = refused(&mut fixture, |fixture| fixture.site.suites = debs(vec![renamed]));
    assert!(matches!(error, Error::Field { field: "Package", .. }), "{error:?}");
}

#[test]
fn a_file_whose_name_no_index_can_list_is_refused() {
    for (name, shown) in [(b"a\xffb".as_slice(), "a\\xffb"), (b"a\x1b[2Jb", "a\\x1b[2Jb"), (b"a ", "a ")] {
        let mut fixture = Fixture::apt_only();
        let file = Path::new("usr/share").join(OsStr::from_bytes(name));
        let package = deb_of(fixture.folder.path(), "alpha", "2.0-1", "amd64", &[(&file, "x")]);
        let error = refused(&mut fixture, |fixture| fixture.site.suites = debs(vec![package]));
        assert!(matches!(&error, Error::FileName { name, .. } if name.ends_with(shown)), "{error:?}");
    }
}

#[test]
fn a_corrupt_rpm_is_named() {
    let mut fixture = Fixture::yum_only();
    let path = fixture.pool().join("gamma-1.0-1.el8.x86_64.rpm");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = refused(&mut fixture, |_| {});
    assert!(matches!(&error, Error::Rpm { path: named, .. } if *named == path), "{error:?}");
}

#[test]
fn a_package_for_another_architecture_is_refused() {
    let mut fixture = Fixture::new();
    let arm = deb(&fixture.pool(), "alpha", "1.0-1", "arm64");
    let error = refused(&mut fixture, |fixture| fixture.site.suites = debs(vec![arm]));
    assert!(error.to_string().ends_with("is for arm64; debian/wallarm-node/bookworm/4.8 serves amd64"), "{error}");
}

#[test]
fn two_files_of_one_version_are_refused_and_one_file_given_twice_is_not() {
    let mut fixture = Fixture::apt_only();
    let elsewhere = fixture.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let twin = deb_with(&elsewhere, "alpha", "1.0-1", "amd64", "other content\n");
    let first = fixture.pool().join("alpha_1.0-1_amd64.deb");
    let error = refused(&mut fixture, |fixture| fixture.site.suites = debs(vec![first.clone(), twin]));
    assert!(matches!(error, Error::Twins { .. }), "{error:?}");
    fixture.site.suites = debs(vec![first.clone(), first]);
    assert_eq!(fixture.build().unwrap().suites[0].packages, 1);
}

#[test]
fn a_package_under_a_false_name_is_refused() {
    let mut fixture = Fixture::apt_only();
    let wrong = fixture.pool().join("alpha_1.0-2_amd64.deb");
    fs::copy(fixture.pool().join("alpha_1.0-1_amd64.deb"), &wrong).unwrap();
    let error = refused(&mut fixture, |fixture| fixture.site.suites = debs(vec![wrong]));
    assert!(error.to_string().contains("says that it is alpha_1.0-1_amd64.deb"), "{error}");
}

#[test]
fn an_unsigned_rpm_and_one_by_another_key_are_refused() {
    let mut fixture = Fixture::yum_only();
    let raw = unsigned_rpm(&fixture.pool(), "delta", "1", "1.el8", "noarch");
    let error = refused(&mut fixture, |fixture| fixture.site.yum[0].packages = vec![raw.clone()].into());
    assert!(matches!(error, Error::Unsigned { .. }), "{error:?}");
    let signed = sign_rpm(&raw, &fixture.folder.path().join("signed"), &new_key(None));
    let error = refused(&mut fixture, |fixture| fixture.site.yum[0].packages = vec![signed].into());
    assert!(matches!(error, Error::Signature { .. }), "{error:?}");
}

#[test]
fn a_link_and_a_folder_are_no_packages() {
    let mut fixture = Fixture::apt_only();
    let (link, circle) = (fixture.pool().join("link.deb"), fixture.pool().join("circle.deb"));
    std::os::unix::fs::symlink(fixture.pool().join("alpha_1.0-1_amd64.deb"), &link).unwrap();
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    for path in [link, circle, fixture.pool()] {
        let error = refused(&mut fixture, |fixture| fixture.site.suites = debs(vec![path]));
        assert!(matches!(error, Error::NotRegular { .. }), "{error:?}");
    }
}

#[test]
fn two_suites_in_one_place_are_refused() {
    let mut fixture = Fixture::apt_only();
    let again = fixture.site.suites[0].clone();
    fixture.site.suites.push(again);
    let error = fixture.build().unwrap_err();
    assert!(matches!(error, Error::Overlap { .. }), "{error:?}");
}
