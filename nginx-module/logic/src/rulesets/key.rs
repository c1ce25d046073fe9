//! The key of a node (`wallarm_key_path`), by which it tells whether a custom ruleset was made for it.
//!
//! | Key file | Ruleset without a MAC | Ruleset with a MAC |
//! |---|---|---|
//! | is there | refused | taken if the MAC is right |
//! | is not there | taken | refused: it cannot be checked |

use std::path::PathBuf;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::custom::Seal;
use super::pair::{LoadError, Paths};
use crate::watched_file;

/// Bytes of the longest key.
const LONGEST: u64 = 64 << 10;

/// A key and a custom ruleset that do not go together.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file that cannot be a key.
    #[error(
        "{} is no key: it has {size} bytes, and must have from 1 to {LONGEST}; register the node again, or name another file in \
         wallarm_key_path",
        key.display()
    )]
    NoKey {
        /// The file of the key.
        key: PathBuf,
        /// Bytes that it has.
        size: u64,
    },
    /// The ruleset has no MAC.
    #[error(
        "the custom ruleset {} has no MAC, so the key {} cannot tell where it comes from; download it again, or remove the key to take \
         rulesets without a MAC",
        custom.display(), key.display()
    )]
    Unsealed {
        /// The file of the ruleset.
        custom: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The MAC was made with another key, or over something else.
    #[error(
        "the MAC of the custom ruleset {} is not of the key {}: the ruleset was changed, or made for another node; download it again, or \
         put the key that it was made with there",
        custom.display(), key.display()
    )]
    Foreign {
        /// The file of the ruleset.
        custom: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// There is no key to check the MAC with.
    #[error(
        "the custom ruleset {} has a MAC, which cannot be checked, since there is no key {}; register the node, or name the file of the \
         key in wallarm_key_path",
        custom.display(), key.display()
    )]
    Missing {
        /// The file of the ruleset.
        custom: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// Checks a custom ruleset with the key of its pair.
pub(super) fn check(paths: &Paths, seal: Option<&Seal<'_>>) -> Result<(), LoadError> {
    let (custom, key) = (paths.custom.clone(), paths.key.clone());
    let contents = match watched_file::read(&key, LONGEST) {
        Ok(contents) => contents,
        Err(error) if error.is_absent() && seal.is_none() => return Ok(()),
        Err(error) if error.is_absent() => return Err(KeyError::Missing { custom, key }.into()),
        Err(error) => return Err(error.into()),
    };
    if !(1..=LONGEST).contains(&contents.size) {
        return Err(KeyError::NoKey { key, size: contents.size }.into());
    }
    let Some(seal) = seal else { return Err(KeyError::Unsealed { custom, key }.into()) };
    // In constant time, and so is a key of the wrong length, which HMAC does not know.
    let right = Hmac::<Sha256>::new_from_slice(&contents.bytes).is_ok_and(|mut mac| {
        seal.covered.iter().for_each(|piece| mac.update(piece));
        mac.verify_slice(&seal.mac).is_ok()
    });
    if right { Ok(()) } else { Err(KeyError::Foreign { custom, key }.into()) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;
    use crate::rulesets::CustomRuleset;

    const KEY: &str = "the key of this node\n";
    const RULESET: &str = "wallarm custom ruleset, format 51, id 7, length 2";
    /// HMAC-SHA256 of the ruleset with that key, as Python's `hmac` has it.
    const RIGHT: &str = "781d4e74dba4fb92f076a67a21e497ae6816dd42a594999dbee838a8967849d1";

    /// A folder with or without a key.
    struct Node(TempDir);

    impl Node {
        fn with(key: Option<&str>) -> Self {
            let node = Self(tempfile::tempdir().unwrap());
            if let Some(key) = key {
                fs::write(node.paths().key, key).unwrap();
            }
            node
        }

        fn paths(&self) -> Paths {
            let [database, custom, key] = ["db", "custom", "key"].map(|name| self.0.path().join(name));
            Paths { database, custom, key }
        }

        /// What is said of a ruleset with this MAC; empty is none.
        fn check(&self, mac: &str) -> Result<(), String> {
            let field = if mac.is_empty() { String::new() } else { format!(", mac {mac}") };
            self.check_file(&format!("{RULESET}{field}\n{{}}"))
        }

        fn check_file(&self, text: &str) -> Result<(), String> {
            let parsed = CustomRuleset::parse(text.as_bytes()).unwrap();
            check(&self.paths(), parsed.seal.as_ref()).map_err(|error| error.to_string())
        }

        /// A message must name both files.
        fn refuses(&self, mac: &str, part: &str) {
            let message = self.check(mac).unwrap_err();
            let named =
                [self.paths().custom, self.paths().key].iter().all(|path| message.contains(path.to_str().unwrap()));
            assert!(named && message.contains(part), "{message}");
        }
    }

    #[test]
    fn with_a_key_a_ruleset_needs_the_right_mac() {
        let node = Node::with(Some(KEY));
        assert_eq!(node.check(RIGHT), Ok(()));
        assert_eq!(node.check(&RIGHT.to_uppercase()), Ok(()));
        node.refuses("", "has no MAC");
        node.refuses(&RIGHT.replacen('0', "1", 1), "was changed, or made for another node");
        Node::with(Some("another key")).refuses(RIGHT, "was changed, or made for another node");
    }

    #[test]
    fn a_mac_vouches_for_the_rules_and_for_the_line_above_them() {
        let node = Node::with(Some(KEY));
        for (from, to) in [("id 7", "id 8"), ("{}", "[]")] {
            let text = format!("{RULESET}, mac {RIGHT}\n{{}}").replace(from, to);
            assert!(node.check_file(&text).unwrap_err().contains("was changed"), "{to}");
        }
    }

    #[test]
    fn without_a_key_only_a_ruleset_without_a_mac_is_taken() {
        let node = Node::with(None);
        assert_eq!(node.check(""), Ok(()));
        node.refuses(RIGHT, "cannot be checked");
    }

    #[test]
    fn a_file_that_is_no_key_is_told_with_its_size() {
        assert!(Node::with(Some("")).check(RIGHT).unwrap_err().contains("it has 0 bytes"));
        let long = "k".repeat(65_537);
        assert!(Node::with(Some(&long)).check(RIGHT).unwrap_err().contains("it has 65537 bytes"));
    }

    #[test]
    fn a_key_that_leads_nowhere_is_as_absent_and_one_that_cannot_be_read_is_an_error() {
        let node = Node::with(None);
        symlink("/nonexistent", node.paths().key).unwrap();
        assert_eq!(node.check(""), Ok(()));
        fs::remove_file(node.paths().key).unwrap();
        fs::create_dir(node.paths().key).unwrap();
        assert!(node.check("").unwrap_err().contains("not a regular file"));
    }
}
