//! From sources to binaries: a pinned linker, cargo, and NGINX's headers.
//!
//! [`Zig`] is fetched once into a folder of the caller's; [`Builder`] links every binary against an old glibc with it, so
//! that one build serves every distro of the matrix. [`nginx`] fetches and configures NGINX sources and builds the module for each. This crate knows nothing of packages.

mod build;
mod debug;
mod libclang;
pub mod nginx;
mod pip;
mod remap;
mod zig;

pub use build::{Artifact, BuildError, Builder, Target};
pub use debug::{Split, SplitError, split};
pub use libclang::{LIBCLANG_VERSION, Libclang};
pub use pip::FetchError;
pub use zig::{ZIG_VERSION, ZIGBUILD_VERSION, Zig};
