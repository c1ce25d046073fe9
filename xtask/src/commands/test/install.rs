//! The container stages.

use anyhow::Result;

use super::host;
use super::stage::Count;
use crate::commands::install_test;
use crate::install_test::{Outcome, Side};
use crate::session::Session;

/// Debian packages that the stage with nginx.org's NGINX calls: those of containers, and those that NGINX is built with.
pub const NEEDS_OF_NGINX_ORG: &[&str] = &[
    "debian-archive-keyring",
    "gcc",
    "iproute2",
    "libc6-dev",
    "libpcre2-dev",
    "libssl-dev",
    "make",
    "mmdebstrap",
    "systemd-container",
    "util-linux",
    "zlib1g-dev",
];

/// Debian 12.
pub fn bookworm(session: &Session) -> Result<Count> {
    install("bookworm", Side::Postanalytics, session)
}

/// Debian 12 with its NGINX.
pub fn bookworm_nginx(session: &Session) -> Result<Count> {
    install("bookworm", Side::Filtering, session)
}

/// Debian 12 with the NGINX of nginx.org.
pub fn bookworm_nginx_org(session: &Session) -> Result<Count> {
    install("bookworm", Side::FilteringNginxOrg, session)
}

/// Debian 11.
pub fn bullseye(session: &Session) -> Result<Count> {
    install("bullseye", Side::Postanalytics, session)
}

/// Debian 11 with its NGINX.
pub fn bullseye_nginx(session: &Session) -> Result<Count> {
    install("bullseye", Side::Filtering, session)
}

/// Debian 12, while one signing key follows another.
pub fn bookworm_rotation(session: &Session) -> Result<Count> {
    install("bookworm", Side::KeyRotation, session)
}

/// Debian 11, the same.
pub fn bullseye_rotation(session: &Session) -> Result<Count> {
    install("bullseye", Side::KeyRotation, session)
}

/// Enterprise Linux 8, the same.
pub fn el8_rotation(session: &Session) -> Result<Count> {
    install("el8", Side::KeyRotation, session)
}

/// Debian 13, the same.
pub fn trixie_rotation(session: &Session) -> Result<Count> {
    install("trixie", Side::KeyRotation, session)
}

/// Debian 13.
pub fn trixie(session: &Session) -> Result<Count> {
    install("trixie", Side::Postanalytics, session)
}

/// Debian 13 with its NGINX.
pub fn trixie_nginx(session: &Session) -> Result<Count> {
    install("trixie", Side::Filtering, session)
}

/// Enterprise Linux 8, over a fixture for its base.
pub fn el8(session: &Session) -> Result<Count> {
    install("el8", Side::Postanalytics, session)
}

fn install(distro: &str, side: Side, session: &Session) -> Result<Count> {
    anyhow::ensure!(host::is_root(), "containers need root: run the tests as root, or leave them out with --quick");
    let report = install_test::try_distro(distro, side, session)?;
    for row in report.rows.iter().filter(|row| row.outcome == Outcome::Failed) {
        session.say(&install_test::failure(row));
    }
    let failed = report.count(Outcome::Failed) + report.count(Outcome::NotReached);
    Ok(Count { passed: report.count(Outcome::Ok), failed })
}
