//! Work in steps that can be interrupted: what is finished and still true is not done again.
//!
//! A [`Step`] says what it is made from (its inputs) and what it leaves behind (its outputs), as [`Facts`]: names with digests. When it is finished, both
//! are written to a [`Journal`]. A later run reads both anew and compares: only a step whose inputs are the same and whose outputs are as it
//! left them is passed over. A run that is killed, at any moment, has at most the step that it was at to do again.
//!
//! | Module | Holds |
//! |---|---|
//! | [`facts`] | digests of files and of sets of files |
//! | [`journal`] | what is finished, in a file |
//! | [`drive`] | going through the steps |

pub mod drive;
pub mod facts;
pub mod journal;
#[cfg(test)]
mod tests;

use anyhow::Result;

pub use facts::Facts;
pub use journal::Journal;

/// One step of some work whose context is `C`.
pub struct Step<C> {
    /// As the command line and the journal call it.
    pub name: &'static str,
    /// What it does, for people: "Sign …".
    pub what: &'static str,
    /// Whether its result can still be true in a later run.
    pub lasts: Lasts,
    /// What it is made from.
    pub inputs: fn(&C) -> Result<Facts>,
    /// What it leaves behind, as it is at the moment.
    pub outputs: fn(&C) -> Result<Facts>,
    /// Does it; gives a remark for people.
    pub run: fn(&C) -> Result<String>,
}

/// How long the result of a step can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// As long as inputs and outputs are the same.
    WhileUnchanged,
    /// It is of this moment: it is run every time.
    ForNow,
}

/// Which steps are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// Begin here, and run this one even if its result is still true. What comes before is another's affair.
    pub from: Option<String>,
    /// End after this one.
    pub until: Option<String>,
}
