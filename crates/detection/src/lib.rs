//! Finds attacks in HTTP requests.
//!
//! A request is fed to an `Inspection` in pieces; every value in it is decoded by every suitable decoder, recursively, and
//! every value that comes out is scanned by the detectors that a compiled rule set holds. Nothing here does I/O or knows NGINX.

pub mod attack;
mod body;
mod decoders;
pub mod detectors;
mod findings;
mod inspection;
mod limits;
mod look;
mod memo;
mod parser;
mod point;
mod request;
pub mod rules;
pub mod scan;
mod values;
mod walk;

pub use attack::{Attack, AttackSet};
pub use findings::{Finding, MAX_FINDINGS, SHOWN_VALUE};
pub use inspection::{Inspection, Progress, Settings};
pub use limits::{Limits, MAX_DEPTH, Overlimit, WINDOW, WINDOW_OVERLAP};
pub use parser::{Parser, ParserSet};
pub use point::Point;
pub use rules::{DbError, Rules};
pub use scan::Place;
pub use walk::Observer;
