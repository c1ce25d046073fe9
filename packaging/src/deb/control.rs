//! The control file of a binary package (Debian policy §5.3).

use formats::deb822::{self, Paragraph};

use crate::model::Package;
use crate::relation::Relation;
use crate::text;

/// Lines of the description stay within 80 columns, the leading blank included.
const DESCRIPTION_WIDTH: usize = 79;

/// The control file, its fields in the order in which dpkg-gencontrol writes them. `installed_kib` is the sum of what is
/// installed, in KiB.
///
/// # Errors
/// When a text of the package cannot stand in a field.
pub fn control(package: &Package, installed_kib: u64) -> Result<Paragraph, deb822::Error> {
    let relations = &package.relations;
    let fields = [
        ("Package", package.name.to_string()),
        ("Version", package.version.to_string()),
        ("Architecture", package.arch.debian().to_owned()),
        ("Maintainer", package.maintainer.clone()),
        ("Installed-Size", installed_kib.to_string()),
        ("Depends", list(&relations.depends)),
        ("Recommends", list(&relations.recommends)),
        ("Suggests", list(&relations.suggests)),
        ("Conflicts", list(&relations.conflicts)),
        ("Replaces", list(&relations.replaces)),
        ("Provides", list(&relations.provides)),
        ("Section", package.section.clone()),
        ("Priority", priority(package).to_owned()),
        ("Homepage", package.homepage.clone()),
        ("Auto-Built-Package", auto_built(package).to_owned()),
        ("Build-Ids", package.build_ids.join(" ")),
        ("Description", description(&package.summary, &package.description)),
    ];
    let mut paragraph = Paragraph::new();
    for (name, value) in fields {
        if !value.is_empty() {
            paragraph.set(name, value)?;
        }
    }
    Ok(paragraph)
}

/// When NGINX comes in a version that no module is for, `apt dist-upgrade` settles it by the higher score, of which the priority is a part
/// (apt's `algorithms.cc`, `MakeScores`). NGINX packages are `optional`: against those an optional module would lose, be removed, and NGINX go on
/// without it or not at all. So NGINX is kept back until there is a module for it.
fn priority(package: &Package) -> &'static str {
    if package.lifecycle.module.is_some() { "standard" } else { "optional" }
}

/// By this, tools know packages of debugging symbols (deb-control(5)).
fn auto_built(package: &Package) -> &'static str {
    if package.build_ids.is_empty() { "" } else { "debug-symbols" }
}

fn list(relations: &[Relation]) -> String {
    relations.iter().map(Relation::to_string).collect::<Vec<_>>().join(", ")
}

/// The synopsis, then paragraphs with an empty line between them (policy §5.6.13).
fn description(summary: &str, paragraphs: &[String]) -> String {
    let mut lines = vec![summary.to_owned()];
    for (index, paragraph) in paragraphs.iter().enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        lines.extend(text::fold(paragraph, DESCRIPTION_WIDTH - 1));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_is_folded_below_80_columns_with_dots_between_paragraphs() {
        let paragraphs = ["word ".repeat(40), "x".repeat(100)];
        let mut paragraph = Paragraph::new();
        paragraph.set("Description", description("short", &paragraphs)).unwrap();
        let text = paragraph.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "Description: short");
        assert_eq!(lines[4], " .");
        assert!(lines[1..4].iter().all(|line| line.len() <= DESCRIPTION_WIDTH && line.starts_with(" word")));
        assert_eq!(lines[5], format!(" {}", "x".repeat(100)));
    }
}
