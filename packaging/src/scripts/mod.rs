//! Lowers a [`crate::lifecycle::Lifecycle`] into shell: maintainer scripts for dpkg, scriptlets for rpm.
//!
//! The same facts hold on both sides: a fresh install starts the service, an upgrade restarts it only if it was
//! running, removal stops it, and an umbrella's removal stops and disables the unit that it drives. Nothing here asks
//! a question, and no step fails where systemd is not running (a chroot, an image build).

mod deb;
pub mod nginx_module;
mod rpm;
mod shell;

pub use deb::{DebScripts, debian};
pub use rpm::{RpmScriptlets, rpm};
