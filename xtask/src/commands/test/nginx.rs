//! The stages of the module in real NGINX servers.

use anyhow::Result;

use super::host;
use super::stage::Count;
use crate::commands::nginx_test::{self, Order};
use crate::nginx::release::{self, Release};
use crate::nginx::valgrind;
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
    "openssl",
    "util-linux",
    "zlib1g-dev",
];

/// What the stage with valgrind calls besides.
pub const VALGRIND: &[&str] = valgrind::NEEDS;

/// Every fact in every release.
pub fn run(session: &Session) -> Result<Count> {
    check(&release::ALL, Order::default(), session)
}

/// The facts that are fit for it, under valgrind, in the release that is built here.
pub fn memory(session: &Session) -> Result<Count> {
    let releases: Vec<Release> = release::ALL.into_iter().filter(Release::is_built_here).collect();
    check(&releases, Order { valgrind: true, ..Order::default() }, session)
}

fn check(releases: &[Release], order: Order<'_>, session: &Session) -> Result<Count> {
    anyhow::ensure!(
        host::is_root(),
        "NGINX is unpacked and run as root: run the tests as root, or leave this out with --quick"
    );
    let mut count = Count::default();
    for outcome in nginx_test::check(releases, order, session)? {
        nginx_test::show(&outcome, session);
        count += Count { passed: outcome.passed(), failed: outcome.failed() };
    }
    Ok(count)
}
