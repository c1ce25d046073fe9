//! The rules that come with the node.

use super::{DbError, SourceError, Sources, compile, parse_source};

/// The number of the rule set that these sources make. Raise it whenever a rule changes.
const ID: u64 = 1;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../rules/", $name)))),+]
    };
}

/// The files in `rules/`, a file for each kind of attack.
const FILES: [(&str, &str); 17] = files![
    "crlf.toml",
    "infoleak.toml",
    "ldapi.toml",
    "mail_injection.toml",
    "mass_assignment.toml",
    "nosqli.toml",
    "ptrav.toml",
    "rce.toml",
    "rce_deserialization.toml",
    "redir.toml",
    "scanner.toml",
    "sqli.toml",
    "ssi.toml",
    "ssrf.toml",
    "ssti.toml",
    "xss.toml",
    "xxe.toml",
];

/// The sources of the rule set that comes with the node.
///
/// # Errors
///
/// Never for the sources of a release: a test reads them all.
pub fn standard_sources() -> Result<Sources, SourceError> {
    let mut sources = Sources { id: ID, rules: Vec::new() };
    for (name, text) in FILES {
        sources.rules.extend(parse_source(name, text)?);
    }
    Ok(sources)
}

/// The `proton.db` that comes with the node.
///
/// # Errors
///
/// As [`standard_sources`].
pub fn standard_db() -> Result<Vec<u8>, SourceError> {
    compile(&standard_sources()?)
}

impl super::Rules {
    /// The rule set that comes with the node, compiled.
    ///
    /// # Errors
    ///
    /// Never for the sources of a release: a test loads them.
    pub fn standard() -> Result<Self, StandardError> {
        Ok(Self::from_db(&standard_db()?)?)
    }
}

/// Why the rules that come with the node could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum StandardError {
    /// Their sources are at fault.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What they were compiled into is.
    #[error(transparent)]
    Db(#[from] DbError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_that_come_with_the_node_compile_to_the_same_bytes_each_time() {
        assert_eq!(standard_db().unwrap(), standard_db().unwrap());
    }

    #[test]
    fn every_rule_of_the_node_says_why_it_is_there() {
        for rule in standard_sources().unwrap().rules {
            assert!(rule.why.len() > 10, "rule {}", rule.id);
        }
    }
}
