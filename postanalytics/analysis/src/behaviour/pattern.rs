//! URI patterns of counting scopes: `*` is one part, `**` any parts, and `{{regex}}` a part that a regular expression matches.
//!
//! A pattern that does not begin with a slash begins with a host. Arguments are no part of it.

use regex::bytes::{Regex, RegexBuilder};

use super::path::decoded;

/// Bytes of a pattern, and parts of it.
const MOST_BYTES: usize = 1024;
const MOST_PARTS: usize = 32;
/// Bytes of a compiled regular expression, and of what it keeps while it is used.
const REGEX_BYTES: usize = 64 << 10;
/// Parts of a path that a pattern may try before it is given up, again and again ones included.
const MOST_STEPS: usize = 2048;

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is nothing, or too much.
    #[error("its URI must have 1 to {MOST_BYTES} bytes and at most {MOST_PARTS} parts")]
    Length,
    /// A `{{` stays open.
    #[error("its URI opens {{{{ and does not close it with }}}}")]
    Open,
    /// Arguments or a fragment.
    #[error("its URI has \"?\" or \"#\", but only hosts and paths are compared")]
    Arguments,
    /// A regular expression does not compile, or would be too large.
    #[error("its regular expression {0:?} cannot be used: {1}")]
    Regex(String, String),
}

/// A pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    host: Option<Part>,
    parts: Vec<Part>,
    /// What every path begins with that matches.
    prefix: Vec<u8>,
    specificity: Specificity,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(Vec<u8>),
    One,
    Any,
    Regex(Regex),
}

/// How special a pattern is; of two that match, the greater one counts. The default is that of no pattern at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Specificity {
    literals: usize,
    regexes: usize,
    ones: usize,
    exists: bool,
}

impl Pattern {
    pub(crate) fn compile(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > MOST_BYTES {
            return Err(PatternError::Length);
        }
        let mut pieces = split(text)?.into_iter();
        // What stands before the first slash: nothing, or a host.
        let host = pieces.next().filter(|host| !host.is_empty()).map(Part::compile).transpose()?;
        let mut parts = pieces.map(Part::compile).collect::<Result<Vec<Part>, PatternError>>()?;
        if parts.len() > MOST_PARTS {
            return Err(PatternError::Length);
        }
        if parts.is_empty() {
            parts.push(Part::Any);
        }
        let mut pattern = Self { host, prefix: prefix(&parts), parts, specificity: Specificity::default() };
        pattern.specificity = pattern.measure();
        Ok(pattern)
    }

    fn measure(&self) -> Specificity {
        let mut sum = Specificity { exists: true, ..Specificity::default() };
        for part in self.host.iter().chain(&self.parts) {
            match part {
                Part::Literal(_) => sum.literals += 1,
                Part::Regex(_) => sum.regexes += 1,
                Part::One => sum.ones += 1,
                Part::Any => {}
            }
        }
        sum
    }

    pub(crate) fn specificity(&self) -> Specificity {
        self.specificity
    }

    /// Whether exactly one part of the path is variable.
    pub(crate) fn has_one_variable(&self) -> bool {
        let variable = self.parts.iter().filter(|part| !matches!(part, Part::Literal(_)));
        variable.map(|part| if matches!(part, Part::Any) { 2 } else { 1 }).sum::<usize>() == 1
    }

    /// How many regular expressions it has.
    pub(crate) fn regexes(&self) -> usize {
        self.specificity.regexes
    }

    /// Whether a request for this host and path matches. The path is one that [`super::path::plain`] made.
    pub(crate) fn matches(&self, host: &[u8], path: &[u8]) -> bool {
        path.starts_with(&self.prefix)
            && self.host.as_ref().is_none_or(|part| part.matches_host(host))
            && matches_parts(&self.parts, path)
    }
}

impl Part {
    fn compile(text: &str) -> Result<Self, PatternError> {
        match text {
            "*" => Ok(Self::One),
            "**" => Ok(Self::Any),
            _ if !text.contains('*') && !text.contains("{{") => Ok(Self::Literal(decoded(text.as_bytes()))),
            _ => regex(text).map(Self::Regex),
        }
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => literal == text,
            Self::One => !text.is_empty(),
            Self::Any => true,
            Self::Regex(regex) => regex.is_match(text),
        }
    }

    fn matches_host(&self, host: &[u8]) -> bool {
        let port = host.iter().rposition(|byte| *byte == b':').filter(|colon| {
            host.get(colon + 1..).is_some_and(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit))
        });
        let host = port.and_then(|colon| host.get(..colon)).unwrap_or(host);
        match self {
            Self::Literal(literal) => literal.eq_ignore_ascii_case(host),
            part => part.matches(host),
        }
    }
}

/// The parts between slashes. A slash inside `{{` and `}}` belongs to the regular expression.
fn split(text: &str) -> Result<Vec<&str>, PatternError> {
    let (mut parts, mut begin, mut at) = (Vec::new(), 0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(inside) = rest.strip_prefix("{{") {
            at += 2 + closing(inside)?;
            continue;
        }
        if rest.starts_with('/') {
            parts.push(text.get(begin..at).unwrap_or_default());
            begin = at + 1;
        }
        if rest.starts_with(['?', '#']) {
            return Err(PatternError::Arguments);
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    parts.push(text.get(begin..).unwrap_or_default());
    Ok(parts)
}

/// How far it is to behind the `}}` that closes. A third brace belongs to the expression, as in `{{\d{2}}}`.
fn closing(inside: &str) -> Result<usize, PatternError> {
    let end = inside.find("}}").ok_or(PatternError::Open)?;
    let braces = inside.get(end..).map_or(0, |rest| rest.len() - rest.trim_start_matches('}').len());
    Ok(end + braces)
}

/// A part with more in it than a literal, as one regular expression.
fn regex(text: &str) -> Result<Regex, PatternError> {
    let mut pattern = String::from("^(?:");
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix("{{") {
            let (inside, behind) = inside.split_at_checked(closing(inside)?).ok_or(PatternError::Open)?;
            let expression = inside.strip_suffix("}}").unwrap_or(inside);
            pattern.extend(["(?:", expression, ")"]);
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix('*') {
            pattern.push_str(".*");
            rest = behind;
        } else {
            let end = rest.find("{{").into_iter().chain(rest.find('*')).min().unwrap_or(rest.len());
            let (literal, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            pattern.push_str(&regex::escape(literal));
            rest = behind;
        }
    }
    pattern.push_str(")$");
    let built = RegexBuilder::new(&pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .build();
    built.map_err(|error| PatternError::Regex(text.to_owned(), why(&error)))
}

/// The reason in one line; the library draws a picture of several.
fn why(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("it would take more than {limit} bytes"),
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// The slashes and literals that every matching path begins with.
fn prefix(parts: &[Part]) -> Vec<u8> {
    let mut prefix = Vec::new();
    for part in parts {
        let Part::Literal(literal) = part else { break };
        prefix.push(b'/');
        prefix.extend_from_slice(literal);
    }
    prefix
}

fn matches_parts(parts: &[Part], path: &[u8]) -> bool {
    let mut rest = path.get(1..).unwrap_or_default().split(|byte| *byte == b'/');
    let (mut at, mut retry) = (0, None);
    for _ in 0..MOST_STEPS {
        let part = parts.get(at);
        if let Some(Part::Any) = part {
            at += 1;
            if at == parts.len() {
                return true;
            }
            retry = Some((at, rest.clone()));
            continue;
        }
        match (part, rest.next()) {
            (None, None) => return true,
            (Some(part), Some(text)) if part.matches(text) => at += 1,
            _ => {
                // The last `**` takes one part more. Earlier ones need not: what they could reach, it can.
                let Some((behind, mut from)) = retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                (at, rest) = (behind, from.clone());
                retry = Some((behind, from));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests;
