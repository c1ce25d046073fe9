//! The values of a file, by their keys.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::NodeYamlError;

/// Levels of keys that are kept; what lies deeper is nobody's here.
const LEVELS: usize = 3;

/// The values of a file.
pub(super) struct Tree<'a> {
    values: BTreeMap<Vec<String>, Value>,
    path: &'a Path,
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Mapping,
    /// A list, an alias.
    Other,
}

/// A mapping or a list that is being read.
enum Open {
    /// With the key whose value comes next.
    Mapping(Option<String>),
    List,
}

impl<'a> Tree<'a> {
    /// Reads the first document. Aliases are not followed: what registration writes has none, and they can be made to grow without end.
    pub(super) fn parse(text: &str, path: &'a Path) -> Result<Self, NodeYamlError> {
        let mut tree = Self { values: BTreeMap::new(), path };
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let (event, _) = event.map_err(|error| {
                let at = error.marker();
                NodeYamlError::Syntax { path: path.to_owned(), line: at.line(), column: at.col() + 1 }
            })?;
            match event {
                Event::Scalar(text, ScalarStyle::Plain, ..)
                    if matches!(&*text, "" | "~" | "null" | "Null" | "NULL") =>
                {
                    tree.node(&mut open, None, Some(String::new()));
                }
                Event::Scalar(text, ..) => tree.node(&mut open, Some(Value::Text(text.to_string())), Some(text.into())),
                Event::Alias(_) => tree.node(&mut open, Some(Value::Other), None),
                Event::MappingStart(..) => {
                    tree.node(&mut open, Some(Value::Mapping), None);
                    open.push(Open::Mapping(None));
                }
                Event::SequenceStart(..) => {
                    tree.node(&mut open, Some(Value::Other), None);
                    open.push(Open::List);
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    open.pop();
                    ended(&mut open);
                }
                Event::DocumentEnd => break,
                _ => {}
            }
        }
        Ok(tree)
    }

    /// A node begins: it is a key, or the value of one, or an entry of a list. `key` is its text, if it is one.
    fn node(&mut self, open: &mut [Open], value: Option<Value>, key: Option<String>) {
        let is_scalar = key.is_some() || value == Some(Value::Other);
        let Some(Open::Mapping(expected)) = open.last_mut() else { return };
        if expected.is_none() {
            // Something with an inside is a key of nobody's here.
            *expected = Some(key.unwrap_or_default());
            return;
        }
        if let (Some(value), Some(place)) = (value, place(open)) {
            self.values.insert(place, value);
        }
        if is_scalar {
            ended(open);
        }
    }

    /// The text of a value; none where the key or its value is missing.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<String>, NodeYamlError> {
        let steps: Vec<String> = key.split('.').map(str::to_owned).collect();
        // A level that is no mapping holds none of its keys: that is said, instead of taking a default.
        for level in 1..steps.len() {
            match steps.get(..level).and_then(|above| self.values.get(above)) {
                None | Some(Value::Mapping) => {}
                Some(_) => return Err(self.invalid(key, "there, since what stands above it is no mapping")),
            }
        }
        match self.values.get(&steps) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok((!text.is_empty()).then(|| text.clone())),
            Some(_) => Err(self.invalid(key, "a text")),
        }
    }

    /// A number from 1.
    pub(super) fn number(&self, key: &'static str) -> Result<Option<u16>, NodeYamlError> {
        let number = |text: String| text.parse().map(NonZeroU16::get);
        self.text(key)?.map(number).transpose().map_err(|_| self.invalid(key, "a number from 1 to 65535"))
    }

    pub(super) fn switch(&self, key: &'static str) -> Result<Option<bool>, NodeYamlError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(Some(true)),
            "false" | "no" | "off" => Ok(Some(false)),
            _ => Err(self.invalid(key, "\"true\" or \"false\"")),
        }
    }

    pub(super) fn address(&self, key: &'static str) -> Result<Option<IpAddr>, NodeYamlError> {
        let address = |text: String| text.parse();
        self.text(key)?.map(address).transpose().map_err(|_| self.invalid(key, "an address of this machine"))
    }

    pub(super) fn missing(&self, key: &'static str) -> NodeYamlError {
        NodeYamlError::Missing { path: self.path.to_owned(), key }
    }

    pub(super) fn invalid(&self, key: &'static str, wanted: &'static str) -> NodeYamlError {
        NodeYamlError::Invalid { path: self.path.to_owned(), key, wanted }
    }
}

/// The keys that lead to the value that comes next; none below a list or too deep.
fn place(open: &[Open]) -> Option<Vec<String>> {
    if open.len() > LEVELS {
        return None;
    }
    open.iter()
        .map(|level| match level {
            Open::Mapping(Some(key)) => Some(key.clone()),
            _ => None,
        })
        .collect()
}

/// A value is complete: a key comes next.
fn ended(open: &mut [Open]) {
    if let Some(Open::Mapping(key)) = open.last_mut() {
        *key = None;
    }
}
