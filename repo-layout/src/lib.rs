//! From packages to signed apt and yum repositories, and back: verify.
//!
//! [`build()`] lays packages out in a folder as apt and yum read them and signs the indexes; [`publish()`] does so at any [`destination`], beside
//! other publishers; [`verify()`] walks such a tree, in a folder or over HTTP, as a distrustful reader would. Neither knows of distros: a [`Site`] says what stands where.
//!
//! ```text
//! <root>/wallarm.gpg                              the public key, binary; wallarm.asc is the same, armoured
//! <root>/index.html …                            a page for people, here and in each repository; index.html.asc is its signature
//! <root>/<apt root>/<suite>/InRelease …           a flat apt repository: Release, Release.gpg, Packages*, Contents-*, en*, by-hash/, pool/
//! <root>/<yum path>/repodata/repomd.xml …         a yum repository: repomd.xml.asc, <sha256>-primary.xml.gz …, Packages/
//! <root>/.wallarm-repo/                           state of the publishers: lock, generations, journal; no reader needs it
//! ```
//!
//! Nothing half-written is ever visible. Files are written aside on the same file system and synced, then renamed:
//! packages, by-hash copies, indexes, `Release` with `Release.gpg`, and last `InRelease`; a yum repository's `repodata`
//! folder is exchanged whole. What is no longer referred to goes after that. Output depends on the packages, the key and
//! the given time alone.

mod apt;
mod build;
pub mod destination;
mod digest;
mod error;
#[cfg(test)]
mod golden;
mod index;
mod key_report;
mod lay_out;
mod listener;
mod listing;
mod page;
mod pool;
mod publish;
mod selection;
mod sequence;
mod site;
mod sorted;
mod verify;
mod yum;

pub use build::{Job, KEY_FILE, KEY_FILE_ARMORED, SuiteSummary, Summary, build, publish};
pub use digest::{Checksum, Digests, Sha256Hex, Sha512Hex};
pub use error::Error;
pub use key_report::KeyReport;
pub use listener::{Event, Listener, Silent};
pub use listing::{ListedPackage, Listing, listings};
pub use page::{Front, Step, System};
pub use publish::{
    Entry, FileRecord, Files, Generation, Journal, Keep, Pruned, Publisher, Rollback, STATE_FOLDER, Snapshot, Target,
    journal, prune, published, rollback, snapshot, snapshots,
};
pub use selection::{Change, Pattern, Selection};
pub use site::{AptSuite, Bootstrap, Site, TreePath, YumRepository};
pub use verify::{Finding, Options, Report, Severity, Source, SuiteKind, SuiteReport, verify};
