//! Throw-away systems: a Debian root made once, copied by an overlay and booted with systemd as PID 1.
//!
//! | Module | Does |
//! |---|---|
//! | [`recipe`] | says what a root holds (`roots/roots.toml`) |
//! | [`mirror`] | finds the Debian mirror that this host itself uses |
//! | [`root`] | makes a root with mmdebstrap, once, and keeps it |
//! | [`machine`] | boots a copy of it, runs commands inside, ends it |
//! | [`cgroup`], [`network`] | what a machine needs of its own, so that two never meet |
//! | [`process`] | bounded child processes |
//! | [`interrupt`] | Ctrl-C as an error that unwinds, so that everything is put away |
//!
//! A machine lives in name spaces of its own (mounts, processes, network, host name) below one supervisor process. When that
//! ends, for whatever reason, the kernel ends the processes, undoes the mounts and removes the network link. All that a
//! killed run can leave are empty cgroups and folders, which the next run removes ([`machine::sweep`]).

pub mod cgroup;
pub mod interrupt;
pub mod machine;
pub mod mirror;
pub mod network;
pub mod process;
pub mod recipe;
pub mod root;

pub use interrupt::Interrupt;
pub use machine::{Login, Machine};
pub use process::Finished;
pub use recipe::Recipe;

/// Debian packages that must be installed on the host for this module to work.
pub const HOST_PACKAGES: &[&str] =
    &["debian-archive-keyring", "iproute2", "mmdebstrap", "systemd-container", "util-linux"];
