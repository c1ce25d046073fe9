//! Copyright, changelog, and the text that package managers show.

use super::{Findings, ItemKind, Subject};
use crate::distro::Format;

/// Debian policy §3.4.1; longer ones are cut in lists.
const SUMMARY_MAX: usize = 80;

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    summary(subject, findings);
    description(subject, findings);
    if !are_shared(subject) {
        files(subject, findings);
    }
}

/// A package of symbols needs the package that they are of in its own version, so that it may link that one's documents (Debian policy §12.5).
fn are_shared(subject: &Subject) -> bool {
    let folder = format!("/usr/share/doc/{}", subject.name);
    let link = subject.items.iter().find_map(|item| match &item.kind {
        ItemKind::Symlink(to) if item.path == folder => Some(to),
        _ => None,
    });
    subject.format == Format::Deb && subject.name.strip_suffix("-dbgsym") == link.map(String::as_str) && link.is_some()
}

fn files(subject: &Subject, findings: &mut Findings) {
    let folder = format!("/usr/share/doc/{}/", subject.name);
    let has = |names: &[&str]| {
        subject.files().any(|(item, content)| {
            let name = item.path.strip_prefix(&folder);
            name.is_some_and(|name| names.contains(&name)) && !content.is_empty()
        })
    };
    let licence = format!("/usr/share/licenses/{}/", subject.name);
    if !has(&["copyright"]) && !subject.items.iter().any(|item| item.path.starts_with(&licence)) {
        findings.add(
            "no-copyright",
            folder.clone() + "copyright",
            "is missing: every package says under which terms it comes",
        );
    }
    let in_files = has(&["changelog.Debian.gz", "changelog.gz"]);
    let has_changelog = match subject.format {
        Format::Deb => in_files,
        Format::Rpm => subject.has_changelog,
    };
    if !has_changelog {
        findings.add("no-changelog", folder, "no changelog says what is new");
    }
}

fn summary(subject: &Subject, findings: &mut Findings) {
    let summary = subject.summary.as_str();
    let mut add = |what: &str| findings.add("summary", "Description", format!("`{}` {what}", summary.escape_debug()));
    if summary.trim().is_empty() {
        return add("is empty");
    }
    if summary.chars().count() > SUMMARY_MAX {
        add("has more than 80 characters");
    }
    if summary.chars().any(char::is_control) {
        add("has a control character");
    }
    if summary.ends_with('.') {
        add("ends with a full stop: it is no sentence");
    }
    let first = summary.split_whitespace().next().unwrap_or_default().to_lowercase();
    if ["a", "an", "the"].contains(&first.as_str()) {
        add("begins with an article");
    }
    if first == subject.name {
        add("begins with the package's name, which stands before it");
    }
}

fn description(subject: &Subject, findings: &mut Findings) {
    let text = subject.description.join("\n");
    let mut add = |what: &str| findings.add("description", "Description", what);
    if text.trim().is_empty() {
        return add("there is no text below the first line");
    }
    if text.chars().any(|letter| letter.is_control() && letter != '\n') {
        add("the text has a control character or a tab");
    }
    if text.trim() == subject.summary.trim() {
        add("the text says no more than the first line");
    }
}
