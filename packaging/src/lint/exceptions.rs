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

    /// The number of the entry that a finding meets.
    #[must_use]
    pub fn find(&self, tool: Tool, error: bool, tag: &str) -> Option<usize> {
        let meets = |known: &Exception| known.tool == tool && known.error == error && known.tag == tag;
        self.exception.iter().position(meets)
    }
}
