//! From sources to binaries: a pinned linker and cargo.
//!
//! [`Zig`] is fetched once into a folder of the caller's; [`Builder`] links every binary against an old glibc with it, so
//! that one build serves every distro of the matrix. This crate knows nothing of packages.

mod build;
mod zig;

pub use build::{BuildError, Builder, Target};
pub use zig::{FetchError, ZIG_VERSION, ZIGBUILD_VERSION, Zig};
