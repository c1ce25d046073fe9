//! One mistake a test, in a package that has no other.

use super::*;
use crate::distro::{Format, Glibc};

fn file(path: &str, content: &str) -> Item {
    let root = || "root".to_owned();
    let kind = ItemKind::File(content.into());
    Item { path: path.into(), kind, mode: 0o644, owner: root(), group: root(), config: false }
}

fn good() -> Subject {
    Subject {
        name: "sample".into(),
        format: Format::Deb,
        summary: "package that is looked at".into(),
        description: vec!["It has a text.".into()],
        items: vec![
            file("/usr/share/doc/sample/copyright", "All of it.\n"),
            file("/usr/share/doc/sample/changelog.Debian.gz", "new\n"),
            file("/lib/systemd/system/sample.service", "[Service]\nExecStart=/usr/bin/sample\n"),
        ],
        scripts: vec![Script {
            name: "postinst".into(),
            text: "#!/bin/sh\nset -e\n\nif [ \"$1\" = x ]; then\n    :\nfi\n".into(),
        }],
        known_users: vec!["root".into()],
        has_changelog: false,
        glibc: Some(Glibc { major: 2, minor: 17 }),
        systemd: Some(219),
    }
}

/// The rules that a changed package breaks.
fn broken(change: impl FnOnce(&mut Subject)) -> Vec<&'static str> {
    let mut subject = good();
    change(&mut subject);
    check_subject(&subject).into_iter().map(|finding| finding.rule).collect()
}

fn with_item(change: impl FnOnce(&mut Item)) -> Vec<&'static str> {
    broken(|subject| {
        let mut item = file("/usr/share/sample/file", "x");
        change(&mut item);
        subject.items.push(item);
    })
}

#[test]
fn a_good_package_has_no_finding() {
    assert_eq!(check_subject(&good()), []);
}

#[test]
fn modes_that_let_others_in_are_found() {
    assert_eq!(with_item(|item| item.mode = 0o666), ["world-writable"]);
    assert_eq!(with_item(|item| item.mode = 0o4755), ["set-user-or-group"]);
    assert_eq!(with_item(|item| item.mode = 0o044), ["unusable-mode"]);
    assert_eq!(with_item(|item| (item.mode, item.path) = (0o755, "/etc/sample".into())), ["executable-in-etc"]);
    let sticky = |item: &mut Item| (item.kind, item.mode) = (ItemKind::Directory, 0o1777);
    assert_eq!(with_item(sticky), [""; 0]);
}

#[test]
fn owners_that_nobody_makes_are_found() {
    assert_eq!(with_item(|item| item.owner = "mallory".into()), ["unknown-owner"]);
    assert_eq!(with_item(|item| item.group = "shadow".into()), ["unknown-owner"]);
}

#[test]
fn odd_names_and_foreign_folders_are_found() {
    assert_eq!(with_item(|item| item.path = "/usr/share/a b".into()), ["odd-file-name"]);
    assert_eq!(with_item(|item| item.path = "/usr/share/a\u{1b}[2J".into()), ["odd-file-name"]);
    assert_eq!(with_item(|item| item.path = "/usr/../etc/passwd".into()), ["path-outside-root"]);
    assert_eq!(with_item(|item| item.path = "/tmp/file".into()), ["foreign-folder"]);
    assert_eq!(with_item(|item| item.path = "/usr/share/doc/sample/copyright".into()), ["duplicate-path"]);
    assert_eq!(with_item(|item| item.kind = ItemKind::Other("a device".into())), ["special-file"]);
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let mut subject = good();
    subject.items.push(file("/usr/share/a\u{1b}[2J", "x"));
    assert!(!check_subject(&subject)[0].to_string().contains('\u{1b}'));
}

#[test]
fn links_out_of_the_package_are_found() {
    let link = |target: &'static str| move |item: &mut Item| item.kind = ItemKind::Symlink(target.to_owned());
    assert_eq!(with_item(link("/home/builder/file")), ["absolute-link"]);
    assert_eq!(with_item(link("/usr/share/doc/sample/copyright")), [""; 0]);
    assert_eq!(with_item(link("../../../../etc/passwd")), ["link-outside-root"]);
    assert_eq!(with_item(link("../../lib/sample")), [""; 0]);
    assert_eq!(with_item(link("")), ["odd-link"]);
}

#[test]
fn configuration_files_stand_in_etc_and_are_files() {
    assert_eq!(with_item(|item| item.config = true), ["conffile-outside-etc"]);
    let folder = |item: &mut Item| {
        (item.config, item.path, item.kind, item.mode) = (true, "/etc/x".into(), ItemKind::Directory, 0o755);
    };
    assert_eq!(with_item(folder), ["conffile-is-no-file"]);
}

#[test]
fn missing_documents_are_found() {
    assert_eq!(broken(|subject| _ = subject.items.remove(0)), ["no-copyright"]);
    assert_eq!(broken(|subject| _ = subject.items.remove(1)), ["no-changelog"]);
    assert_eq!(broken(|subject| subject.items[0].kind = ItemKind::File(Vec::new())), ["no-copyright"]);
    let rpm = |has_changelog| {
        move |subject: &mut Subject| {
            (subject.format, subject.has_changelog) = (Format::Rpm, has_changelog);
            subject.items.remove(1);
        }
    };
    assert_eq!(broken(rpm(false)), ["no-changelog"]);
    assert_eq!(broken(rpm(true)), [""; 0]);
}

#[test]
fn a_package_of_symbols_may_link_the_documents_of_the_package_that_they_are_of() {
    let linked = |name: &'static str, to: &'static str| {
        move |subject: &mut Subject| {
            subject.name = name.into();
            let link =
                Item { kind: ItemKind::Symlink(to.into()), mode: 0o777, ..file(&format!("/usr/share/doc/{name}"), "") };
            subject.items = vec![link];
        }
    };
    assert_eq!(broken(linked("sample-dbgsym", "sample")), [""; 0]);
    assert_eq!(broken(linked("sample-dbgsym", "other")), ["no-copyright", "no-changelog"]);
    assert_eq!(broken(linked("other", "sample")), ["no-copyright", "no-changelog"]);
}

#[test]
fn the_text_that_lists_show_has_a_form() {
    for summary in ["", "a sample", "Package that is looked at.", "sample again", "x\ty", &"x".repeat(81)] {
        assert_eq!(broken(|subject| subject.summary = summary.into()), ["summary"], "{summary}");
    }
    assert_eq!(broken(|subject| subject.description.clear()), ["description"]);
    assert_eq!(broken(|subject| subject.description = vec!["package that is looked at".into()]), ["description"]);
}

#[test]
fn scripts_stop_at_errors_and_speak_plain_shell() {
    let script = |text: &'static str| move |subject: &mut Subject| subject.scripts[0].text = text.to_owned();
    assert_eq!(broken(script("#!/bin/sh\ntrue\n")), ["script-goes-on"]);
    assert_eq!(broken(script("#!/bin/bash\nset -e\n")), ["script-interpreter"]);
    assert_eq!(broken(script("#!/bin/sh\nset -e\nif [[ -f x ]]; then :; fi\n")), ["bashism"]);
    assert_eq!(broken(script("#!/bin/sh\nset -e\necho x > /tmp/file\n")), ["script-uses-tmp"]);
}

#[test]
fn units_hold_on_the_distros_systemd() {
    let unit = |line: &'static str, systemd| {
        move |subject: &mut Subject| {
            subject.items[2].kind = ItemKind::File(format!("[Service]\n{line}\n").into());
            subject.systemd = Some(systemd);
        }
    };
    assert_eq!(broken(unit("StateDirectory=sample", 219)), ["unit-too-new"]);
    assert_eq!(broken(unit("StateDirectory=sample", 241)), [""; 0]);
    assert_eq!(broken(unit("Type=exec", 239)), ["unit-too-new"]);
    // What an old one passes over is hardening, not meaning.
    assert_eq!(broken(unit("ProtectKernelTunables=yes", 219)), [""; 0]);
    assert_eq!(broken(unit("no key", 219)), ["unit-syntax"]);
    assert_eq!(broken(|subject| subject.items[2].mode = 0o755), ["unit-executable"]);
}

#[test]
fn a_program_that_is_too_new_or_carries_its_symbols_is_found() {
    // This test: built for this machine's glibc, with line tables, by a Rust that protects it.
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let with = |path: &'static str, glibc| {
        let content = ItemKind::File(program.clone());
        move |subject: &mut Subject| {
            subject.glibc = Some(glibc);
            let item = Item { kind: content, mode: 0o755, ..file(path, "") };
            subject.items.push(item);
        }
    };
    let (old, new) = (Glibc { major: 2, minor: 0 }, Glibc { major: 9, minor: 0 });
    assert!(broken(with("/usr/bin/sample", old)).contains(&"glibc-too-new"));
    assert_eq!(broken(with("/usr/bin/sample", new)), ["debug-info"]);
    assert_eq!(broken(with("/usr/lib/debug/sample", new)), [""; 0]);
    let cut = ItemKind::File(program[..200].to_vec());
    assert_eq!(with_item(|item| (item.kind, item.path) = (cut, "/usr/bin/cut".into())), ["broken-program"]);
}
