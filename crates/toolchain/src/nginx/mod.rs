//! NGINX, as far as a module needs it: its source, configured as the target's NGINX was, and proof that what was built fits.
//!
//! ```text
//! Recipe ─▶ Sources::obtain ─▶ Source ─▶ Configurer::configure ─▶ Configured ─▶ build_module ─▶ a checked .so
//!           source.rs, fetch.rs         configure.rs, headers/                  module.rs, stamp.rs
//! ```
//!
//! A module loads only into an NGINX of the same version and signature (`src/core/ngx_module.h`, `ngx_add_module` of `src/core/ngx_module.c`). The signature depends on the configure
//! arguments alone, so it is compared twice: when the source is configured, and in the finished module, read back as NGINX would.

mod configure;
mod fetch;
mod module;
mod source;
mod stamp;
mod vendored;

pub use configure::{ConfigureError, Configured, Configurer};
pub use module::{ModuleBuilder, ModuleError};
pub use source::{Attempt, Source, SourceError, Sources};
pub use stamp::{Stamp, StampError};

/// One NGINX to build for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Three numbers, for example `1.28.3`.
    pub version: String,
    /// SHA-256 of nginx.org's archive, in hexadecimal digits. Without it nothing is fetched.
    pub sha256: Option<String>,
    /// A crate that carries the source whole.
    pub crate_name: Option<String>,
    /// Whether Debian's mirrors have the archive.
    pub debian: bool,
    /// Configure arguments.
    pub arguments: Vec<String>,
    /// The signature that must come out.
    pub signature: String,
}

impl Recipe {
    /// The archive's name, on nginx.org and in the cache.
    pub fn archive_name(&self) -> String {
        format!("nginx-{}.tar.gz", self.version)
    }
}

/// The lower-case hexadecimal digits of a SHA-256.
fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
