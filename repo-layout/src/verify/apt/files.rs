//! `Contents` and the descriptions say what the packages say. A repository may be without them.

use std::collections::{BTreeMap, BTreeSet};

use formats::contents::{Line, package};
use formats::deb822::Paragraph;

use super::{Package, check_same};
use crate::TreePath;
use crate::apt::{contents, translation};
use crate::verify::{Checker, PUBLISH_AGAIN};

/// Checks both against the packages, which are in the order of the index.
pub(super) fn check(
    checker: &mut Checker<'_>,
    folder: &TreePath,
    release: &Paragraph,
    indexes: &BTreeMap<String, Vec<u8>>,
    packages: &[Package],
) {
    let architectures = release.get("Architectures").unwrap_or_default();
    let lists = |name: &str| indexes.keys().any(|index| index.strip_prefix(name).is_some_and(is_form));
    let any = architectures.split_ascii_whitespace().any(|architecture| lists(&contents::name(architecture)));
    for architecture in architectures.split_ascii_whitespace().filter(|_| any) {
        let name = contents::name(architecture);
        if !lists(&name) {
            let what = format!("there is no {name}, and there is one for another architecture");
            checker.error(format!("{folder}/InRelease"), what, PUBLISH_AGAIN);
            continue;
        }
        if let Some(found) = check_same(checker, folder, indexes, &name) {
            compare(checker, &format!("{folder}/{name}"), &found, &contents_of(architecture, packages));
        }
    }
    if lists(translation::NAME)
        && let Some(found) = check_same(checker, folder, indexes, translation::NAME)
    {
        compare(checker, &format!("{folder}/{}", translation::NAME), &found, &descriptions(packages));
    }
}

fn is_form(suffix: &str) -> bool {
    ["", ".gz", ".xz"].contains(&suffix)
}

fn compare(checker: &mut Checker<'_>, path: &str, found: &str, expected: &str) {
    let (mut says, mut should) = (found.lines(), expected.lines());
    for line in 1_usize.. {
        let what = match (says.next(), should.next()) {
            (None, None) => return,
            (found, expected) if found == expected => continue,
            (None, Some(expected)) => format!("ends at line {line}, where its packages have `{expected}`"),
            (Some(found), None) => format!("line {line} says `{found}`, of which its packages know nothing"),
            (Some(found), Some(expected)) => format!("line {line} says `{found}` where its packages have `{expected}`"),
        };
        return checker.error(path, what, PUBLISH_AGAIN);
    }
}

/// What the index of the files of these packages has to say.
fn contents_of(architecture: &str, packages: &[Package]) -> String {
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in packages {
        let field = |name| one.control.get(name).unwrap_or_default();
        if !contents::takes(architecture, field("Architecture")) {
            continue;
        }
        let package = package(one.control.get("Section"), field("Package"));
        for path in one.files.lines() {
            owners.entry(path.to_owned()).or_default().insert(package.clone());
        }
    }
    let mut text = String::new();
    for (path, packages) in &owners {
        Line { path, packages: packages.iter().map(String::as_str).collect() }.write(&mut text);
    }
    text
}

/// What the index of the descriptions of these packages has to say.
fn descriptions(packages: &[Package]) -> String {
    let mut told = translation::Told::default();
    let stanza = |one: &Package| told.stanza(one.control.get("Package").unwrap_or_default(), &one.control.to_string());
    packages.iter().filter_map(stanza).collect()
}
