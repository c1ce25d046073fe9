//! Packages of debugging symbols, as dpkg and rpm see them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed fact")]

mod sample;
mod tools;

use std::path::{Path, PathBuf};

use packaging::distro::{Distro, Matrix};
use packaging::model::{Content, Package};
use packaging::rpm::NoSigner;
use packaging::symbols::{Symbols, SymbolsByBinary, package_of};
use packaging::{deb, lint, rpm};
use sample::sample;
use tools::run;

const BUILD_ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn distro(name: &str) -> Distro {
    let matrix = Matrix::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("distros.toml")).unwrap();
    matrix.get(name).unwrap().clone()
}

/// The sample's one file that comes from a path stands for a binary.
fn symbols() -> SymbolsByBinary {
    let content = &sample("jammy").contents[&"/usr/share/wallarm-sample/manifest".parse().unwrap()].kind;
    let packaging::model::EntryKind::File(Content::Path(path)) = content else { panic!("no path") };
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    [(path.clone(), Symbols { build_id: BUILD_ID.into(), file })].into_iter().collect()
}

fn derived(name: &str) -> Package {
    package_of(&sample(name), &distro(name), &symbols()).unwrap().unwrap()
}

#[test]
fn a_deb_of_symbols_says_what_debian_expects() {
    let folder = tempfile::tempdir().unwrap();
    let path = deb::write(&derived("jammy"), folder.path()).unwrap().path;
    assert!(path.ends_with("wallarm-sample-dbgsym_4.8.9-1_amd64.deb"), "{}", path.display());
    let path = path.to_str().unwrap();
    let field = |name| run("dpkg-deb", "dpkg", &["--field", path, name]).trim().to_owned();
    assert_eq!(field("Auto-Built-Package"), "debug-symbols");
    assert_eq!(field("Build-Ids"), BUILD_ID);
    assert_eq!(field("Depends"), "wallarm-sample (= 4.8.9-1)");
    assert_eq!((field("Section"), field("Priority")), ("debug".to_owned(), "optional".to_owned()));
    let files = run("dpkg-deb", "dpkg", &["--contents", path]);
    assert!(files.contains("./usr/lib/debug/.build-id/01/23456789abcdef0123456789abcdef01234567.debug"), "{files}");
    for script in ["preinst", "postinst", "prerm", "postrm", "conffiles"] {
        assert!(!run("dpkg-deb", "dpkg", &["--info", path]).contains(script));
    }
}

#[test]
fn an_rpm_of_symbols_says_what_fedora_expects() {
    let folder = tempfile::tempdir().unwrap();
    let path = rpm::write(&derived("el8"), folder.path(), None::<NoSigner>).unwrap().path;
    assert!(path.ends_with("wallarm-sample-debuginfo-4.8.9-1.el8.x86_64.rpm"), "{}", path.display());
    let path = path.to_str().unwrap();
    let provides = run("rpm", "rpm", &["-qp", "--provides", path]);
    assert!(provides.contains(&format!("debuginfo(build-id) = {BUILD_ID}")), "{provides}");
    let requires = run("rpm", "rpm", &["-qp", "--requires", path]);
    assert!(!requires.contains("wallarm"), "{requires}");
    let files = run("rpm", "rpm", &["-qpl", path]);
    assert!(files.contains("/usr/lib/debug/.build-id/01/23456789abcdef0123456789abcdef01234567.debug"), "{files}");
    let links = run("rpm", "rpm", &["-qp", "--qf", "[%{FILENAMES} -> %{FILELINKTOS}\n]", path]);
    let link =
        "/.build-id/01/23456789abcdef0123456789abcdef01234567 -> ../../../../../usr/share/wallarm-sample/manifest\n";
    assert!(links.contains(link), "{links}");
    assert_eq!(run("rpm", "rpm", &["-qp", "--qf", "%{GROUP}", path]), "Development/Debug");
}

#[test]
fn a_package_without_binaries_has_no_symbols() {
    let none = package_of(&sample("jammy"), &distro("jammy"), &SymbolsByBinary::new()).unwrap();
    assert!(none.is_none());
}

#[test]
fn other_packages_say_nothing_of_symbols() {
    let folder = tempfile::tempdir().unwrap();
    let path = deb::write(&sample("jammy"), folder.path()).unwrap().path;
    let control = run("dpkg-deb", "dpkg", &["--field", path.to_str().unwrap()]);
    assert!(!control.contains("Build-Ids") && !control.contains("Auto-Built-Package"), "{control}");
}

/// What is written can be looked into again, with owners, marks and links as they were.
#[test]
fn a_written_package_reads_back_for_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let sample_of = |name| sample(name);
    let paths = [
        deb::write(&sample_of("jammy"), folder.path()).unwrap().path,
        rpm::write(&sample_of("el8"), folder.path(), None::<NoSigner>).unwrap().path,
    ];
    for path in paths {
        let subject = lint::read(&path).unwrap();
        let item = |path: &str| subject.items.iter().find(|item| item.path == path).unwrap();
        assert_eq!((subject.name.as_str(), subject.description.is_empty()), ("wallarm-sample", false));
        assert!(item("/etc/default/wallarm-sample").config);
        assert!(matches!(&item("/usr/bin/wallarm-again").kind, lint::ItemKind::Symlink(to) if to == "wallarm-sample"));
        assert_eq!(item("/usr/bin/wallarm-sample").mode, 0o755);
        // Its owner is one that no package here makes, and its licence and changes are elsewhere.
        let rules: Vec<_> = lint::check_subject(&subject).into_iter().map(|finding| finding.rule).collect();
        assert!(!rules.contains(&"special-file") && !rules.contains(&"duplicate-path"), "{rules:?}");
    }
    let other = folder.path().join("README");
    std::fs::write(&other, "text").unwrap();
    assert!(matches!(lint::read(&other), Err(lint::ReadError::Kind(_))));
}
