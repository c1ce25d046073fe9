//! Names, modes, owners, links.

use super::subject::{Item, ItemKind};
use super::{Findings, Subject};

/// Bits of a mode.
const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const WRITE_BY_ALL: u32 = 0o002;
const EXECUTE: u32 = 0o111;

/// Folders that belong to administrators, users or a running system (FHS).
const FOREIGN: [&str; 9] =
    ["/usr/local/", "/home/", "/root/", "/tmp/", "/var/tmp/", "/run/", "/var/run/", "/dev/", "/mnt/"];

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    for item in &subject.items {
        name(item, findings);
        mode(item, findings);
        owner(subject, item, findings);
        link(subject, item, findings);
        config(item, findings);
        if let ItemKind::Other(kind) = &item.kind {
            findings.add(
                "special-file",
                shown(&item.path),
                format!("is {kind}; packages hold files, folders and links"),
            );
        }
    }
    let mut paths: Vec<&str> = subject.items.iter().map(|item| item.path.as_str()).collect();
    paths.sort_unstable();
    for pair in paths.windows(2).filter(|pair| pair[0] == pair[1]) {
        findings.add("duplicate-path", shown(pair[0]), "is there twice");
    }
}

/// Control characters would reach the reader's terminal.
fn shown(path: &str) -> String {
    path.escape_debug().to_string()
}

fn name(item: &Item, findings: &mut Findings) {
    let path = item.path.as_str();
    let odd = |letter: char| letter.is_control() || letter.is_whitespace() || letter == char::REPLACEMENT_CHARACTER;
    if let Some(letter) = path.chars().find(|letter| odd(*letter)) {
        let what = format!("has {letter:?} in its name, which scripts trip over");
        findings.add("odd-file-name", shown(path), what);
    }
    if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
        findings.add("path-outside-root", shown(path), "does not stay below the root");
    }
    if FOREIGN.iter().any(|folder| path.starts_with(folder)) {
        findings.add("foreign-folder", shown(path), "is in a folder that packages leave alone");
    }
}

fn mode(item: &Item, findings: &mut Findings) {
    if matches!(item.kind, ItemKind::Symlink(_)) {
        return;
    }
    let (mode, path) = (item.mode, shown(&item.path));
    if mode & (SET_USER | SET_GROUP) != 0 {
        findings.add(
            "set-user-or-group",
            path.clone(),
            format!("has mode {mode:o}: it would run with another's rights"),
        );
    }
    let is_folder = matches!(item.kind, ItemKind::Directory);
    if mode & WRITE_BY_ALL != 0 && !(is_folder && mode & STICKY != 0) {
        findings.add("world-writable", path.clone(), format!("has mode {mode:o}: anybody may change it"));
    }
    if mode & 0o400 == 0 || (is_folder && mode & 0o100 == 0) {
        findings.add("unusable-mode", path.clone(), format!("has mode {mode:o}: its owner cannot use it"));
    }
    if mode & !0o7777 != 0 {
        findings.add("unknown-mode", path.clone(), format!("has mode {mode:o}: more bits than a mode has"));
    }
    let in_etc = item.path.starts_with("/etc/") && !item.path.starts_with("/etc/init.d/");
    if in_etc && !is_folder && mode & EXECUTE != 0 {
        findings.add("executable-in-etc", path, format!("has mode {mode:o}: settings are not run"));
    }
}

fn owner(subject: &Subject, item: &Item, findings: &mut Findings) {
    for name in [&item.owner, &item.group] {
        if !subject.known_users.contains(name) {
            let what = format!("belongs to `{name}`, whom nothing here makes");
            findings.add("unknown-owner", shown(&item.path), what);
        }
    }
}

fn link(subject: &Subject, item: &Item, findings: &mut Findings) {
    let ItemKind::Symlink(target) = &item.kind else { return };
    let path = shown(&item.path);
    if target.is_empty() || target.chars().any(char::is_control) {
        findings.add("odd-link", path, "leads to nothing that could be a file");
        return;
    }
    if target.starts_with('/') {
        // A link within the package moves with the root that it is unpacked into; one out of it leads into the builder's system.
        if !subject.items.iter().any(|other| other.path == *target) {
            findings.add("absolute-link", path, format!("leads to {}, which the package does not hold", shown(target)));
        }
        return;
    }
    let mut depth = item.path.matches('/').count().saturating_sub(1);
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, depth) {
            ("..", 0) => {
                findings.add("link-outside-root", path, format!("leads to {}, above the root", shown(target)));
                return;
            }
            ("..", _) => depth -= 1,
            _ => depth += 1,
        }
    }
}

fn config(item: &Item, findings: &mut Findings) {
    let (is_file, in_etc) = (matches!(item.kind, ItemKind::File(_)), item.path.starts_with("/etc/"));
    if item.config && !is_file {
        findings.add("conffile-is-no-file", shown(&item.path), "is listed as a configuration file");
    }
    if item.config && !in_etc {
        findings.add("conffile-outside-etc", shown(&item.path), "is a configuration file, which belong in /etc");
    }
}
