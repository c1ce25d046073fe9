//! Channels: the same repository for those who wait, and for those who try first.

use std::fmt;
use std::str::FromStr;

/// A channel of a repository: `stable`, which the documented commands name, or another one beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel(String);

/// What is published under the documented paths.
const STABLE: &str = "stable";

impl Channel {
    /// What stands in for the release line in paths: `4.8`, `4.8-testing`.
    pub fn line(&self, line: &str) -> String {
        match self.0.as_str() {
            STABLE => line.to_owned(),
            other => format!("{line}-{other}"),
        }
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self(STABLE.to_owned())
    }
}

impl FromStr for Channel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if plain { Ok(Self(text.to_owned())) } else { Err("a channel has a name of a-z and 0-9".to_owned()) }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_has_the_documented_path() {
        assert_eq!(Channel::default().line("4.8"), "4.8");
        assert_eq!("testing".parse::<Channel>().unwrap().line("4.8"), "4.8-testing");
    }

    #[test]
    fn a_channel_cannot_lead_elsewhere() {
        for bad in ["", "..", "a/b", "Testing", "a b"] {
            assert!(bad.parse::<Channel>().is_err(), "{bad}");
        }
    }
}
