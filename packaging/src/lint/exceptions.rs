//! `lint-exceptions.toml`: what may stay, each with its reason.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data_file::{self, DataFileError};

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// The rules of this folder.
    Own,
    /// Debian's.
    Lintian,
    /// Red Hat's.
    Rpmlint,
}

impl Tool {
    /// As the file spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Lintian => "lintian",
            Self::Rpmlint => "rpmlint",
        }
    }
}

/// One finding that stays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Who says it.
    pub tool: Tool,
    /// What it is called there.
    pub tag: String,
    /// The tool calls it an error; it stays only because the specification asks for it.
    #[serde(default)]
    pub error: bool,
    /// It stays for what is in this folder, and nowhere else.
    #[serde(default)]
    pub within: Option<String>,
    /// Why it stays.
    pub reason: String,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// In the order of the file.
    pub exception: Vec<Exception>,
}

impl Exceptions {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or has a wrong or unknown key.
    pub fn load(path: &Path) -> Result<Self, DataFileError> {
        data_file::read(path)
    }

    /// The number of the entry that a finding meets; `text` is the finding as it is told, with the file that it is about.
    #[must_use]
    pub fn find(&self, tool: Tool, error: bool, tag: &str, text: &str) -> Option<usize> {
        let is_there = |known: &Exception| known.within.as_ref().is_none_or(|folder| names(text, folder));
        let meets =
            |known: &Exception| known.tool == tool && known.error == error && known.tag == tag && is_there(known);
        self.exception.iter().position(meets)
    }
}

/// Whether a word of `text` is a path below `folder`.
fn names(text: &str, folder: &str) -> bool {
    text.split_whitespace().any(|word| word.trim_end_matches(':').starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_within_a_folder_meets_nothing_elsewhere() {
        let text = "[[exception]]\ntool = 'rpmlint'\ntag = 't'\nwithin = '/usr/lib/debug/'\nreason = 'r'\n";
        let exceptions: Exceptions = toml::from_str(text).unwrap();
        let find = |path: &str| exceptions.find(Tool::Rpmlint, false, "t", &format!("a.x86_64: W: t {path} more"));
        assert_eq!(find("/usr/lib/debug/.build-id/ab/cd.debug"), Some(0));
        assert_eq!(find("/usr/lib64/x.so"), None);
        assert_eq!(find("/srv/usr/lib/debug/x"), None);
    }
}
