//! The JSON of the whole matrix, as pipelines read it: what changes here changes for them.
//!
//! To accept a change, run the tests with `UPDATE_GOLDEN=1` and read the difference.

use std::path::Path;

use packaging::changelog::Changelog;
use packaging::resolve::Release;

use super::{Plan, Sources, picture, text};
use crate::commands::package;
use crate::session::Session;

/// The plan of this checkout, but for what changes with every release.
pub fn whole() -> Plan {
    let session = Session::open(false, true).unwrap();
    let mut project = session.project().unwrap();
    project.repository_url = "https://repo.example.org".to_owned();
    let release = Release {
        project,
        upstream: "4.8.9".parse().unwrap(),
        revision: 1,
        changelog: Changelog::default(),
        epoch: 1_780_000_000,
    };
    let distros = package::distros(&[], &session).unwrap();
    let manifests = session.manifests().unwrap();
    let builds = package::modules::builds(&session).unwrap();
    let glibc = distros.iter().map(|distro| distro.glibc).min().unwrap();
    let sources = Sources { release: &release, distros: &distros, manifests: &manifests, builds: &builds, glibc };
    Plan::resolve(&sources).unwrap()
}

/// `path` is relative to the folder of this crate.
fn check(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "{}", path.display());
}

#[test]
fn the_json_of_the_whole_matrix() {
    check("tests/golden/plan.json", &(serde_json::to_string_pretty(&whole()).unwrap() + "\n"));
}

#[test]
fn the_tables_of_the_whole_matrix() {
    check("tests/golden/plan.txt", &text::show(&whole()));
}

#[test]
fn the_picture_in_the_documentation_is_of_this_checkout() {
    check("../docs/plan.svg", &picture::svg(&whole()));
}

/// Both packages would hold the same file of symbols, and dpkg refuses the second.
#[test]
fn no_two_packages_of_a_distro_have_symbols_of_the_same_thing() {
    for system in whole().distros {
        let mut seen = std::collections::BTreeSet::new();
        for package in system.packages.iter().filter(|package| package.symbols_of.is_some()) {
            let built = package.nginx.iter().map(|build| format!("{} {}", build.version, build.signature));
            for built in built.chain(package.binaries.clone()) {
                assert!(seen.insert((built.clone(), package.arch.clone())), "{}: {built}", package.file);
            }
        }
        assert!(!seen.is_empty(), "{}", system.distro);
    }
}

#[test]
fn a_workflow_gets_the_matrix_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("output");
    std::fs::write(&file, "earlier=1\n").unwrap();
    let plan = whole();
    plan.matrix.put_out(&file).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let json = text.strip_prefix("earlier=1\nmatrix=").unwrap();
    assert_eq!(json.lines().count(), 1);
    let read: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(read, serde_json::to_value(&plan.matrix).unwrap());
}
