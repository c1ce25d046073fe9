//! Relations between packages: Depends/Requires and their siblings, written once for both formats.
//!
//! In a manifest a relation reads like a Debian dependency: `name`, `name (>= 1.2)`, and `a | b` where a format knows
//! alternatives (rpm 4.11 does not, so the first one counts there). `[deb]` or `[rpm]` at its end says that it holds in that format alone. `@word` stands for a name that differs between
//! distros and is looked up in the distro's `[names]`.

use std::fmt;
use std::str::FromStr;

use crate::names::PackageName;

/// Why a relation was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is no relation: {why}; write `name`, `name (>= version)` or `a | b`")]
pub struct RelationError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// How a version is compared (Debian policy §7.1; rpm knows the same five).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// `<<` in Debian, `<` in rpm.
    Earlier,
    /// `<=`.
    EarlierOrEqual,
    /// `=`.
    Equal,
    /// `>=`.
    LaterOrEqual,
    /// `>>` in Debian, `>` in rpm.
    Later,
}

impl Comparison {
    const ALL: [Self; 5] = [Self::Earlier, Self::EarlierOrEqual, Self::Equal, Self::LaterOrEqual, Self::Later];

    /// As Debian writes it.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }
}

/// One package name with an optional constraint on its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Whose version is compared.
    pub name: String,
    /// The comparison and the version, if any.
    pub constraint: Option<(Comparison, String)>,
}

impl Target {
    /// A relation on a name alone.
    pub fn any(name: impl Into<String>) -> Self {
        Self { name: name.into(), constraint: None }
    }
}

impl FromStr for Target {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        let refuse = |why: &str| RelationError { text: text.to_owned(), why: why.to_owned() };
        let (name, rest) = match text.split_once('(') {
            Some((name, rest)) => (name.trim(), Some(rest)),
            None => (text.trim(), None),
        };
        // `/bin/sh` and `libc.so.6()(64bit)` are rpm's; manifests name packages only.
        let _: PackageName = name.parse().map_err(|_| refuse(&format!("`{name}` is no package name")))?;
        let Some(rest) = rest else { return Ok(Self::any(name)) };
        let inner = rest.trim_end().strip_suffix(')').ok_or_else(|| refuse("the parenthesis does not close"))?.trim();
        let comparison = Comparison::ALL
            .into_iter()
            .filter(|c| inner.starts_with(c.debian()))
            .max_by_key(|c| c.debian().len())
            .ok_or_else(|| refuse("the comparison is none of << <= = >= >>"))?;
        let version = inner.trim_start_matches(comparison.debian()).trim();
        if version.is_empty() || version.contains(char::is_whitespace) {
            return Err(refuse("the version is missing or has a space inside"));
        }
        Ok(Self { name: name.to_owned(), constraint: Some((comparison, version.to_owned())) })
    }
}

/// Debian's notation.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.constraint {
            None => f.write_str(&self.name),
            Some((comparison, version)) => write!(f, "{} ({} {version})", self.name, comparison.debian()),
        }
    }
}

/// One entry of Depends and its siblings: one target, or several of which any will do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// The preferred target, and the only one that rpm hears of.
    pub first: Target,
    /// What else would do.
    pub alternatives: Vec<Target>,
}

impl From<Target> for Relation {
    fn from(first: Target) -> Self {
        Self { first, alternatives: Vec::new() }
    }
}

impl FromStr for Relation {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        let mut targets = text.split('|').map(str::parse);
        let first = targets.next().unwrap_or_else(|| text.parse())?;
        Ok(Self { first, alternatives: targets.collect::<Result<_, _>>()? })
    }
}

/// Debian's notation.
impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.alternatives.iter().try_for_each(|other| write!(f, " | {other}"))
    }
}

/// All relations of one package, by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relations {
    /// `Depends` / `Requires`.
    pub depends: Vec<Relation>,
    /// Relations with `or` and `if` in rpm's notation (rpm 4.13 and later), needed to work and by the install scripts; empty for deb.
    pub rpm_rich: Vec<String>,
    /// Of those in `depends`, the names that install scripts call: rpm gets `Requires(pre)` and `Requires(post)`, so
    /// that they are there before the scripts run. dpkg's `Depends` already says so for `postinst`.
    pub scripts_need: Vec<Relation>,
    /// Sonames and symbol versions in rpm's notation, for example `libc.so.6(GLIBC_2.14)(64bit)`; empty for deb.
    pub rpm_libraries: Vec<String>,
    /// `Recommends`; rpm before 4.12 ignores it, and el7's packages leave it out.
    pub recommends: Vec<Relation>,
    /// `Suggests`.
    pub suggests: Vec<Relation>,
    /// `Conflicts`.
    pub conflicts: Vec<Relation>,
    /// `Provides`.
    pub provides: Vec<Relation>,
    /// `Replaces` / `Obsoletes`.
    pub replaces: Vec<Relation>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_read_as_they_are_written() {
        for text in ["wallarm-common", "libc6 (>= 2.17)", "adduser | systemd-sysusers (>> 250)", "a-b (= 4.8.9-1)"] {
            assert_eq!(text.parse::<Relation>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_broken_relation_says_what_is_wrong() {
        for (text, why) in [
            ("Wallarm", "no package name"),
            ("a-b (>= 1", "does not close"),
            ("a-b (~ 1)", "none of"),
            ("a-b (>=)", "version is missing"),
            ("a-b |", "no package name"),
        ] {
            let error = text.parse::<Relation>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
