//! Finds attacks in HTTP requests.
//!
//! A request is fed to an `Inspection` in pieces; every value in it is decoded by every suitable decoder, recursively, and
//! every value that comes out is scanned by the detectors that a compiled rule set holds. Nothing here does I/O or knows NGINX.

pub mod attack;
pub mod rules;
pub mod scan;
