//! One `proton.db` with its custom ruleset.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use detection::{DbError, Rules};

use super::custom::{CustomError, CustomRuleset};
use super::key::{self, KeyError};
use crate::status::RulesetFile;
use crate::watched_file::{self, Contents, ReadError, Stamp};

/// Bytes that a compiled rule set takes for each byte of its file, rounded up: the automata are what is large. Measured with
/// the rules of this product.
const COMPILED: u64 = 256;

/// Where the files of a pair are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `wallarm_protondb_path`.
    pub database: PathBuf,
    /// `wallarm_custom_ruleset_path`. The file may be absent: the node has no rules of its own then.
    pub custom: PathBuf,
    /// `wallarm_key_path`: the key that the custom ruleset was made with. It may be absent too.
    pub key: PathBuf,
}

/// A pair that can be used.
#[derive(Clone)]
pub struct Pair {
    /// The compiled rules.
    pub rules: Arc<Rules>,
    /// The custom ruleset; empty without a file.
    pub custom: CustomRuleset,
    /// The `proton.db`.
    pub database: RulesetFile,
    /// The file of the custom ruleset, if there is one.
    pub custom_file: Option<RulesetFile>,
    /// What the files hold, for the backup.
    pub(super) bytes: [Arc<[u8]>; 2],
}

/// Why a pair cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The `proton.db` is not usable.
    #[error("{}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DbError,
    },
    /// The custom ruleset is not usable.
    #[error("{}: {source}", path.display())]
    Custom {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CustomError,
    },
    /// The custom ruleset is not of this node's key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The pair needs too much memory.
    #[error(
        "the rulesets {} and {} need about {needed} bytes of memory, more than the {limit} of \
         wallarm_general_ruleset_memory_limit",
        paths.database.display(), paths.custom.display()
    )]
    OverLimit {
        /// The files.
        paths: Paths,
        /// Bytes needed, estimated from the length of the files.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
}

impl Paths {
    /// What can be told of the files without reading them.
    pub(super) fn stamps(&self) -> [Option<Stamp>; 3] {
        self.all().map(|path| Stamp::of(path))
    }

    fn all(&self) -> [&PathBuf; 3] {
        [&self.database, &self.custom, &self.key]
    }

    /// The files that this process may not read.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = ReadError> {
        self.all().into_iter().filter_map(|path| match watched_file::read(path, 0) {
            Err(error) if error.is_denied() => Some(error),
            _ => None,
        })
    }
}

impl Pair {
    /// Reads, checks and compiles the files; `limit` is the memory they may take, 0 for no limit.
    ///
    /// # Errors
    ///
    /// When one cannot be read or is broken, they do not go together, or the limit is too small.
    pub(super) fn load(paths: &Paths, limit: u64) -> Result<Self, LoadError> {
        let most = if limit == 0 { u64::MAX } else { limit };
        let database = watched_file::read(&paths.database, most)?;
        let custom = match watched_file::read(&paths.custom, most) {
            Err(error) if error.is_absent() => None,
            read => Some(read?),
        };
        let needed = needed(&database, custom.as_ref());
        if needed > most {
            return Err(LoadError::OverLimit { paths: paths.clone(), needed, limit });
        }
        let broken = |source| LoadError::Database { path: paths.database.clone(), source };
        let rules = Rules::from_db(&database.bytes).map_err(broken)?;
        let broken = |source| LoadError::Custom { path: paths.custom.clone(), source };
        let ruleset = match &custom {
            Some(contents) => {
                let parsed = CustomRuleset::parse(&contents.bytes).map_err(broken)?;
                key::check(paths, parsed.seal.as_ref())?;
                parsed.ruleset
            }
            None => CustomRuleset::default(),
        };
        Ok(Self {
            database: described(&database, &paths.database, rules.id()),
            custom_file: custom.as_ref().map(|contents| described(contents, &paths.custom, ruleset.id)),
            rules: Arc::new(rules),
            custom: ruleset,
            bytes: [database.bytes.into(), custom.map(|contents| contents.bytes).unwrap_or_default().into()],
        })
    }

    /// Whether another pair holds the same bytes: a file that was only touched is no news.
    pub(super) fn same_content(&self, other: Option<&Arc<Self>>) -> bool {
        other.is_some_and(|other| other.bytes == self.bytes)
    }

    /// What the operator should know of a pair that works.
    pub(super) fn warning(&self) -> Option<String> {
        let file = self.custom_file.as_ref()?;
        let text = || format!("{}: the rules in this custom ruleset are not applied by this version", file.fname);
        self.custom.has_rules.then(text)
    }
}

/// The memory that the pair will take, and that is needed while it is compiled.
fn needed(database: &Contents, custom: Option<&Contents>) -> u64 {
    let custom = custom.map_or(0, |contents| contents.size);
    database.size.saturating_add(custom).saturating_mul(COMPILED)
}

fn described(contents: &Contents, path: &Path, id: u64) -> RulesetFile {
    RulesetFile { id, size: contents.size, mod_time: contents.modified, fname: path.to_string_lossy().into_owned() }
}

/// One line for the log.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rulesets replaced: {} with id {}, custom ruleset with id {}",
            self.database.fname, self.database.id, self.custom.id
        )
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("database", &self.database).field("custom", &self.custom).finish_non_exhaustive()
    }
}
