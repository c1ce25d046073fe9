//! Rules as people write them: a TOML file for each kind of attack.
//!
//! ```toml
//! attack = "ssi"
//!
//! [[rule]]
//! id = 1001
//! why = "A directive that runs a command or includes a file"
//! places = ["values", "raw-body"]
//! literals = ["<!--#"]
//! regex = '<!--#\s*(exec|include)\b'
//! ```
//!
//! Literals may hold any byte as `\xNN`; a backslash is written `\\`. Regular expressions know nothing of case, `.` matches every
//! byte, and they are those of the `regex` crate: linear in time, without look-around and back-references.

use serde::Deserialize;

use super::{Literal, PlaceSet, Rule};
use crate::attack::Attack;
use crate::detectors::Detector;

/// Why a rule source was refused.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not TOML, or a key is unknown, missing or of the wrong type.
    #[error("{file}: {source}")]
    Toml {
        /// The name of the source.
        file: String,
        /// What the TOML parser says, with line and column.
        source: Box<toml::de::Error>,
    },
    /// `attack` is not the code of an attack.
    #[error("{file}: attack = {code:?} is not an attack code of the specification")]
    Attack {
        /// The name of the source.
        file: String,
        /// What stands there.
        code: String,
    },
    /// A rule makes no sense.
    #[error("{file}: rule {id}: {problem}")]
    Rule {
        /// The name of the source.
        file: String,
        /// The rule.
        id: u32,
        /// What is wrong with it and what it should be.
        problem: String,
    },
    /// Two rules share a number.
    #[error("rule id {id} is used twice; give one of the rules another number")]
    Twice {
        /// The number.
        id: u32,
    },
    /// More rules than a rule set may hold.
    #[error("{count} rules are more than the {most} that a rule set may hold")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
}

/// Everything a rule set is compiled from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The number of the rule set; the status page shows it as `db_id`.
    pub id: u64,
    /// The rules, in any order.
    pub rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    attack: String,
    #[serde(default)]
    rule: Vec<WrittenRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    id: u32,
    why: String,
    places: Vec<String>,
    #[serde(default)]
    literals: Vec<String>,
    #[serde(default)]
    words: Vec<String>,
    regex: Option<String>,
    detector: Option<String>,
    #[serde(default)]
    plain: bool,
    #[serde(default)]
    unconfirmed: bool,
}

/// Reads the rules of one file. `file` names it in errors.
///
/// # Errors
///
/// When the text is not TOML of this shape, or a rule in it names an unknown attack, place or detector, has no literal, or
/// carries a regular expression that does not compile.
pub fn parse_source(file: &str, text: &str) -> Result<Vec<Rule>, SourceError> {
    let parsed: File =
        toml::from_str(text).map_err(|source| SourceError::Toml { file: file.to_owned(), source: Box::new(source) })?;
    let attack = Attack::by_code(&parsed.attack)
        .ok_or_else(|| SourceError::Attack { file: file.to_owned(), code: parsed.attack.clone() })?;
    parsed
        .rule
        .into_iter()
        .map(|written| {
            let id = written.id;
            rule(attack, written).map_err(|problem| SourceError::Rule { file: file.to_owned(), id, problem })
        })
        .collect()
}

fn rule(attack: Attack, written: WrittenRule) -> Result<Rule, String> {
    let mut places = PlaceSet::default();
    for name in &written.places {
        let known = PlaceSet::by_name(name).ok_or_else(|| format!("{name:?} is not a place"))?;
        places = places.union(known);
    }
    let detector = written
        .detector
        .map(|name| Detector::by_name(&name).ok_or_else(|| format!("{name:?} is not a detector")))
        .transpose()?;
    if let Some(pattern) = &written.regex {
        super::automata::compile_regex(pattern).map_err(|error| error.to_string())?;
    }
    let mut literals = Vec::new();
    for (texts, word) in [(&written.literals, false), (&written.words, true)] {
        for text in texts {
            literals.push(Literal { bytes: unescape(text)?.to_ascii_lowercase(), word });
        }
    }
    literals.sort_unstable();
    literals.dedup();
    if places.is_empty() {
        return Err("`places` is empty; name at least one".to_owned());
    }
    if literals.is_empty() {
        return Err("neither `literals` nor `words` holds anything; name what every match contains".to_owned());
    }
    Ok(Rule {
        id: written.id,
        attack,
        places,
        literals,
        regex: written.regex,
        detector,
        plain: written.plain,
        unconfirmed: written.unconfirmed,
        why: written.why,
    })
}

/// Resolves `\xNN` and `\\`.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("{text:?} holds a backslash that is neither \\\\ nor \\xNN, or is empty");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        match rest {
            [b'\\', behind @ ..] => {
                bytes.push(b'\\');
                rest = behind;
            }
            [b'x', high, low, behind @ ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(digit(*high).ok_or_else(wrong)? << 4 | digit(*low).ok_or_else(wrong)?);
                rest = behind;
            }
            _ => return Err(wrong()),
        }
    }
    if bytes.is_empty() { Err(wrong()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
        attack = "ssi"
        [[rule]]
        id = 7
        why = "because"
        places = ["values", "raw-body"]
        literals = ['<!--#', 'A\x00\\']
        words = ["exec"]
        regex = '<!--#\s*exec'
    "#;

    #[test]
    fn a_rule_is_read_with_its_attack_places_and_literals() {
        let rules = parse_source("ssi.toml", SOURCE).unwrap();
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].attack, Attack::Ssi);
        assert!(rules[0].literals.contains(&Literal { bytes: b"a\0\\".to_vec(), word: false }));
        assert!(rules[0].literals.contains(&Literal { bytes: b"exec".to_vec(), word: true }));
    }

    #[test]
    fn errors_name_the_file_the_rule_and_the_fault() {
        for (wrong, says) in [
            (SOURCE.replace("\"ssi\"", "\"soup\""), "\"soup\" is not an attack"),
            (SOURCE.replace("raw-body", "attic"), "rule 7: \"attic\" is not a place"),
            (SOURCE.replace("\\s*exec'", "(exec'"), "rule 7: "),
            (SOURCE.replace("why", "wherefore"), "unknown field `wherefore`"),
            (SOURCE.replace("\\x00", "\\n"), "neither \\\\ nor \\xNN"),
            (SOURCE.replace("regex", "detector"), "is not a detector"),
        ] {
            let error = parse_source("ssi.toml", &wrong).unwrap_err().to_string();
            assert!(error.starts_with("ssi.toml") && error.contains(says), "{error}");
        }
    }
}
