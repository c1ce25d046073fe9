//! The page of one suite or repository: what to type, and every package.

use maud::{Markup, html};
use signing::UtcTime;

use super::{Front, KeyFacts, Kind, Row, Rows, layout};
use crate::TreePath;

/// The page.
pub(super) fn page(
    front: &Front,
    keys: &[KeyFacts],
    when: UtcTime,
    folder: &TreePath,
    kind: Kind,
    rows: &Rows,
) -> String {
    let up = "../".repeat(folder.as_str().split('/').count());
    let titles: Vec<&str> = front.systems_of(folder).map(|system| system.title.as_str()).collect();
    let title = if titles.is_empty() { folder.to_string() } else { titles.join(", ") };
    let body = html! {
        header {
            nav { a href=(up) { (front.name) " packages" } }
            h1 { (title) }
            p.lead { code { (folder) } }
        }
        main {
            (commands(front, folder))
            (packages(rows, kind))
            (layout::keys(keys, &up))
        }
        (layout::foot(front, when, &format!("{}/{folder}/", front.url)))
    };
    layout::document(&format!("{title}: {} packages", front.name), &body)
}

/// Systems that share a repository differ in how it is added.
fn commands(front: &Front, folder: &TreePath) -> Markup {
    let systems: Vec<_> = front.systems_of(folder).collect();
    html! {
        @if let [only] = systems.as_slice() {
            section { h2 { "Install" } p.hint { "Click a command to select it." } (layout::steps(only)) }
        } @else if !systems.is_empty() {
            section {
                h2 { "Install" }
                p.hint { "Click a command to select it." }
                @for system in systems {
                    details name="system" { summary { (system.title) } (layout::steps(system)) }
                }
            }
        }
    }
}

fn packages(rows: &Rows, kind: Kind) -> Markup {
    let indexes: &[&str] = match kind {
        Kind::Apt => &["InRelease", "Release", "Release.gpg", "Packages"],
        Kind::Yum => &["repodata/repomd.xml", "repodata/repomd.xml.asc"],
    };
    html! {
        section #packages {
            h2 { "Packages" }
            p.hint {
                (rows.count) " packages, " (size(rows.bytes)) ". Signed index: "
                @for (number, index) in indexes.iter().enumerate() {
                    @if number > 0 { ", " }
                    a href=(index) { (index) }
                }
            }
            table {
                thead { tr { th { "Package" } th { "Version" } th { "Architecture" } th.number { "Size" } } }
                @for row in &rows.first { (package(row)) }
            }
            @if rows.count > rows.first.len() {
                p.hint { "And " (rows.count - rows.first.len()) " more, which the index has." }
            }
        }
    }
}

/// Two lines a package, kept together: what it is, and its checksum in full.
fn package(row: &Row) -> Markup {
    html! {
        tbody.package {
            tr {
                td.name { a href=(row.link()) { bdi { (row.name) } } p.summary { bdi { (row.summary) } } }
                td.version { bdi { (row.version) } }
                td { bdi { (row.architecture) } }
                td.number title={ (row.size) " bytes" } { (size(row.size)) }
            }
            tr { td.digest colspan="4" { span { "SHA-256" } " " code { (row.sha256) } } }
        }
    }
}

/// `1.6 MB`: decimal units, as package managers show them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}
