//! A package to write.

use std::collections::BTreeMap;
use std::path::Path;

use packaging::changelog::Changelog;
use packaging::distro::Matrix;
use packaging::lifecycle::Lifecycle;
use packaging::model::{Content, Entry, EntryKind, Package, Role};
use packaging::names::{Arch, PackageArch};
use packaging::relation::{Relation, Relations};
use packaging::version::{Revision, Version};

/// 2023-11-14 22:13:20 UTC.
pub const EPOCH: u64 = 1_700_000_000;

const CHANGELOG: &str = "## [4.8.9] - 2023-11-14\n\n- One thing.\n- Another,\n  with its rest.\n";

/// A package without scripts, so that tests can install it into an empty root.
pub fn sample(distro: &str) -> Package {
    let matrix = Matrix::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("distros.toml")).unwrap();
    let distro = matrix.get(distro).unwrap();
    Package {
        name: "wallarm-sample".parse().unwrap(),
        version: Version { upstream: "4.8.9".into(), revision: Revision::new(1, &distro.release_suffix()) },
        arch: PackageArch::Native(Arch::X86_64),
        distro: distro.id.clone(),
        summary: "sample of everything that a package can hold".into(),
        description: vec![
            "This package is written by a test and read by the tools that users have, and its first paragraph is \
             long enough to be folded."
                .into(),
            "It has a second paragraph.".into(),
        ],
        section: "net".into(),
        licence: "Apache-2.0".into(),
        homepage: "https://node.example/".into(),
        maintainer: "Some Body <some@node.example>".into(),
        relations: relations(distro.format() == packaging::distro::Format::Rpm),
        contents: contents(),
        lifecycle: Lifecycle::default(),
        changelog: Changelog::parse(CHANGELOG).unwrap(),
        epoch: EPOCH,
        compression: distro.compression,
        build_ids: Vec::new(),
    }
}

fn relations(rpm: bool) -> Relations {
    let read = |texts: &[&str]| texts.iter().map(|text| text.parse::<Relation>().unwrap()).collect();
    Relations {
        depends: read(&["wallarm-common (>= 4.8)", "adduser | passwd"]),
        scripts_need: read(&["wallarm-common (>= 4.8)"]),
        rpm_rich: Vec::new(),
        rpm_libraries: if rpm { vec!["libc.so.6(GLIBC_2.14)(64bit)".into()] } else { Vec::new() },
        recommends: if rpm { Vec::new() } else { read(&["logrotate"]) },
        suggests: Vec::new(),
        conflicts: read(&["wallarm-other"]),
        provides: read(&["wallarm-virtual (= 1)"]),
        replaces: read(&["wallarm-old (<< 4.6)"]),
    }
}

fn contents() -> BTreeMap<packaging::names::InstallPath, Entry> {
    let file = |text: &str| EntryKind::File(Content::Bytes(text.into()));
    let this_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    [
        ("/etc/default/wallarm-sample", file("KEY=value\n"), 0o644, "root", Role::Config),
        ("/usr/bin/wallarm-sample", file("exit 0\n"), 0o755, "root", Role::Plain),
        ("/usr/bin/wallarm-again", EntryKind::Symlink("wallarm-sample".into()), 0o777, "root", Role::Plain),
        ("/usr/share/licenses/wallarm-sample/copyright", file("All of it.\n"), 0o644, "root", Role::Licence),
        ("/usr/share/doc/wallarm-sample/README", file("Read.\n"), 0o644, "root", Role::Doc),
        ("/usr/share/wallarm-sample/large", file(&"x".repeat(3000)), 0o644, "root", Role::Plain),
        ("/usr/share/wallarm-sample/manifest", EntryKind::File(Content::Path(this_file)), 0o600, "root", Role::Plain),
        ("/var/lib/wallarm-sample", EntryKind::Directory, 0o750, "daemon", Role::Plain),
    ]
    .into_iter()
    .map(|(path, kind, mode, owner, role)| {
        (path.parse().unwrap(), Entry { kind, mode, owner: owner.into(), group: owner.into(), role })
    })
    .collect()
}
