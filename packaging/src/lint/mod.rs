//! What is wrong with a package, before anybody gets it.
//!
//! ```text
//! model::Package ──────────────┐
//!                              ├─▶ Subject ─▶ rules ─▶ findings ─▶ exceptions ─▶ what remains
//! a .deb or .rpm ─▶ read.rs ───┘
//! ```
//!
//! | Module | Rules about |
//! |---|---|
//! | `files` | names, modes, owners, links |
//! | `documents` | copyright, changelog, the text that package managers show |
//! | `scripts` | what runs as root on installing and removing |
//! | `programs` | ELF files: their C library, their protections |
//! | `units` | systemd units on old systemd |

mod documents;
mod exceptions;
mod files;
mod programs;
mod read;
mod scripts;
mod subject;
mod units;

use std::fmt;

use serde::Serialize;

pub use self::exceptions::{Exception, Exceptions, Tool};
pub use self::read::{ReadError, read};
pub use self::subject::{Item, ItemKind, Script, Subject};
use crate::distro::Distro;
use crate::model::Package;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The package.
    pub package: String,
    /// The rule's name, as exceptions name it.
    pub rule: &'static str,
    /// Which file, script or field.
    pub place: String,
    /// What is wrong, and what is expected.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, rule, place, what } = self;
        write!(f, "{package}: {place}: {what} ({rule})")
    }
}

/// Looks at a package that is about to be written for `distro`.
///
/// # Errors
/// When the content of a file cannot be read.
pub fn check(package: &Package, distro: &Distro) -> std::io::Result<Vec<Finding>> {
    Ok(check_subject(&Subject::of(package, distro)?))
}

/// Looks at what a package holds.
#[must_use]
pub fn check_subject(subject: &Subject) -> Vec<Finding> {
    let mut findings = Findings { package: subject.name.clone(), found: Vec::new() };
    files::check(subject, &mut findings);
    documents::check(subject, &mut findings);
    scripts::check(subject, &mut findings);
    programs::check(subject, &mut findings);
    units::check(subject, &mut findings);
    findings.found
}

/// Findings being collected.
struct Findings {
    package: String,
    found: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, rule: &'static str, place: impl Into<String>, what: impl Into<String>) {
        let (package, place, what) = (self.package.clone(), place.into(), what.into());
        self.found.push(Finding { package, rule, place, what });
    }
}

#[cfg(test)]
mod tests;
