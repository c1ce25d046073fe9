//! The rule set: written as TOML, compiled into a `proton.db`, loaded by the node.
//!
//! ```text
//! rules/*.toml ── parse_source ──▶ Sources ── compile ──▶ proton.db ── Rules::from_db ──▶ Rules
//! ```
//!
//! A [`Rule`] is the same thing in all of these forms. The format of the file is described in `docs/proton-db.md`.

mod automata;
mod db;
mod literals;
mod place_set;
mod reader;
mod source;
mod standard;

pub(crate) use automata::CompiledRule;
pub use automata::Rules;
pub use db::{DbError, FORMAT_VERSION, MAGIC, compile};
pub use place_set::PlaceSet;
pub use source::{SourceError, Sources, parse_source};
pub use standard::{StandardError, standard_db, standard_sources};

use crate::attack::Attack;
use crate::detectors::Detector;

/// One rule, as a person wrote it and as a `proton.db` carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its number, unique in a rule set; findings name it.
    pub id: u32,
    /// What it finds.
    pub attack: Attack,
    /// The places in a request that it looks at.
    pub places: PlaceSet,
    /// What to look for first. A value in which no literal occurs is none of this rule's business.
    pub literals: Vec<Literal>,
    /// What the value has to match; a rule without one goes by its literals.
    pub regex: Option<String>,
    /// Who confirms that the value is what it looks like.
    pub detector: Option<Detector>,
    /// The rule may match a short value of letters, digits, `_`, `-` and single dots, which is otherwise not looked at.
    pub plain: bool,
    /// The rule is only a sign, and counts where confirmation is switched off.
    pub unconfirmed: bool,
    /// Why the rule is there, for the people who read its findings.
    pub why: String,
}

/// Some bytes that the first stage looks for, without regard to ASCII case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Literal {
    /// The bytes, at least one.
    pub bytes: Vec<u8>,
    /// The bytes have to stand alone: no letter or `_` before them, no letter, digit or `_` behind.
    pub word: bool,
}
