//! Two folders of packages, and what differs between them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use formats::difference::{self, Difference, What};
use serde::Serialize;
use walkdir::WalkDir;

/// More differences of one package help nobody.
const SHOWN_MAX: usize = 20;

/// What a comparison found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How many packages are the same.
    pub same: usize,
    /// Those that are not.
    pub different: Vec<Different>,
}

impl Report {
    /// Something was compared, and nothing differs.
    pub fn is_clean(&self) -> bool {
        self.different.is_empty() && self.same > 0
    }
}

/// A package that differs.
#[derive(Debug, Serialize)]
pub struct Different {
    /// Its path below both folders.
    pub package: PathBuf,
    /// How many differences there are.
    pub count: usize,
    /// The first of them.
    pub differences: Vec<Told>,
}

/// One difference, told.
#[derive(Debug, Serialize)]
pub struct Told {
    /// From the outside in.
    pub place: Vec<String>,
    /// Of the first byte that differs, where bytes do.
    pub offset: Option<u64>,
    /// The whole of it, in words.
    pub text: String,
}

impl From<&Difference> for Told {
    fn from(difference: &Difference) -> Self {
        let offset = match difference.what {
            What::Bytes { offset, .. } => Some(offset),
            _ => None,
        };
        Self { place: difference.place.clone(), offset, text: difference.to_string() }
    }
}

impl fmt::Display for Different {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} differs:", self.package.display())?;
        for told in &self.differences {
            write!(f, "\n  {}", told.text.replace('\n', "\n  "))?;
        }
        match self.count - self.differences.len() {
            0 => Ok(()),
            more => write!(f, "\n  and {more} differences more"),
        }
    }
}

/// Compares two files, or all packages below two folders.
///
/// # Errors
/// When something cannot be read.
pub fn compare(first: &Path, second: &Path) -> Result<Report> {
    if first.is_file() && second.is_file() {
        let different = one(first, second, Path::new(first.file_name().unwrap_or_default()))?;
        return Ok(Report { same: usize::from(different.is_none()), different: different.into_iter().collect() });
    }
    let (ours, theirs) = (packages(first)?, packages(second)?);
    let mut report = Report { same: 0, different: Vec::new() };
    for name in ours.union(&theirs) {
        let different = match (ours.contains(name), theirs.contains(name)) {
            (true, true) => one(&first.join(name), &second.join(name), name)?,
            (in_first, _) => Some(missing(name, if in_first { "first" } else { "second" })),
        };
        match different {
            None => report.same += 1,
            Some(different) => report.different.push(different),
        }
    }
    Ok(report)
}

fn one(first: &Path, second: &Path, name: &Path) -> Result<Option<Different>> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let differences = difference::explain(&read(first)?, &read(second)?);
    let told = differences.iter().take(SHOWN_MAX).map(Told::from).collect();
    let different = Different { package: name.to_owned(), count: differences.len(), differences: told };
    Ok((!differences.is_empty()).then_some(different))
}

fn missing(name: &Path, side: &str) -> Different {
    let text = format!("only in the {side}");
    Different { package: name.to_owned(), count: 1, differences: vec![Told { place: Vec::new(), offset: None, text }] }
}

/// Every package below a folder, by its path there.
fn packages(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for entry in WalkDir::new(folder) {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let is_package = entry.path().extension().is_some_and(|ending| ending == "deb" || ending == "rpm");
        if is_package && let Ok(name) = entry.path().strip_prefix(folder) {
            found.insert(name.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn packages_are_compared_by_their_path() {
        let first = folder(&[("a/x.deb", "1"), ("a/y.deb", "2"), ("b/x.rpm", "3"), ("a/.lock", "")]);
        let second = folder(&[("a/x.deb", "1"), ("a/y.deb", "3"), ("c/x.rpm", "3"), ("a/.lock", "other")]);
        let report = compare(first.path(), second.path()).unwrap();
        let told: Vec<_> = report.different.iter().map(ToString::to_string).collect();
        assert_eq!(report.same, 1);
        assert_eq!(told[0].lines().next().unwrap(), "a/y.deb differs:");
        assert_eq!(told[1..], ["b/x.rpm differs:\n  only in the first", "c/x.rpm differs:\n  only in the second"]);
        assert_eq!(report.different[0].differences[0].offset, Some(0));
    }

    #[test]
    fn nothing_compared_is_nothing_proved() {
        let empty = folder(&[]);
        assert!(!compare(empty.path(), empty.path()).unwrap().is_clean());
    }
}
