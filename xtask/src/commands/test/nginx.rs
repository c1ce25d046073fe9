//! The stages of the module in real NGINX servers.

use anyhow::Result;

use super::host;
use super::stage::Count;
use crate::commands::nginx_test;
use crate::nginx::release;
use crate::session::Session;

/// Debian packages that the stage calls.
pub const NEEDS: &[&str] = &[
    "curl",
    "debian-archive-keyring",
    "gcc",
    "libc6-dev",
    "libpcre2-dev",
    "libssl-dev",
    "make",
    "mmdebstrap",
    "util-linux",
    "zlib1g-dev",
];

/// Every fact in every release.
pub fn run(session: &Session) -> Result<Count> {
    anyhow::ensure!(
        host::is_root(),
        "NGINX is unpacked and run as root: run the tests as root, or leave this out with --quick"
    );
    let mut count = Count::default();
    for outcome in nginx_test::check(&release::ALL, "", None, session)? {
        nginx_test::show(&outcome, session);
        count += Count { passed: outcome.passed(), failed: outcome.failed() };
    }
    Ok(count)
}
