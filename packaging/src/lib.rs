//! From binaries to packages: one definition of a package, written as deb **and** rpm.
//!
//! ```text
//! distros.toml ─▶ distro.rs ─┐
//! packages/<name>/package.toml ─▶ manifest.rs ─┬─▶ resolve.rs ─▶ model::Package ─┬─▶ deb/  ─▶ <name>_<version>_<arch>.deb
//! CHANGELOG.md ─▶ changelog.rs ────────────────┘       ▲                         └─▶ rpm/  ─▶ <name>-<version>-<release>.<arch>.rpm
//! a built binary (ELF) ─▶ needs.rs ────────────────────┤
//! nginx.toml ─▶ nginx.rs, built modules ───────────────┘
//! ```
//!
//! This library never compiles anything, never signs and never prints: it is given paths and returns what it wrote.

pub mod changelog;
pub mod data_file;
pub mod deb;
pub mod distro;
pub mod lifecycle;
pub mod lint;
pub mod manifest;
pub mod model;
pub mod modules;
pub mod names;
pub mod needs;
pub mod nginx;
pub mod output;
pub mod project;
pub mod relation;
pub mod resolve;
pub mod rpm;
pub mod sbom;
pub mod scripts;
pub mod source;
pub mod symbols;
pub mod variables;
pub mod version;

mod compress;
mod tarball;
mod text;
