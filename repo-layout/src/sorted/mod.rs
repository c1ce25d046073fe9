//! Lines in rising order, more of them than memory holds.
//!
//! | Module | Does |
//! |---|---|
//! | [`sorter`] | takes lines in any order, and gives them in order |
//! | [`sheet`] | keeps lines that are in order in a file, to be read any number of times |
//! | [`sieve`] | leaves out of a sheet what is met elsewhere |
//! | [`mod@join`] | walks two streams side by side |
//!
//! Most lines begin with a path, then a blank: no path has a lesser byte, so that lines are in the order of their paths.

mod at;
mod join;
mod sheet;
mod sieve;
mod sorter;

pub(crate) use at::At;
pub(crate) use join::{Keyed, join};
pub(crate) use sheet::{Lines, Sheet, SheetWriter};
pub(crate) use sieve::Sieve;
pub(crate) use sorter::{Merged, Run, Sorter};

/// The path that a line begins with.
pub(crate) fn path_of(line: &str) -> &str {
    line.split_once(' ').map_or(line, |(path, _)| path)
}
