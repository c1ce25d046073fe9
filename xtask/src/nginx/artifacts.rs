//! What is tested: built from this checkout.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use detection::{Attack, AttackSet, rules};
use toolchain::nginx::Source;

use super::program::Version;
use crate::commands::package;
use crate::session::Session;

/// The module for an NGINX, as it is packed.
///
/// # Errors
///
/// If it cannot be built.
pub fn module(version: Version, session: &Session) -> Result<PathBuf> {
    package::module_for(&version.to_string(), session)
}

/// A module that panics when a request asks for it: the only one that is not built as it is packed.
///
/// # Errors
///
/// If it cannot be built.
pub fn module_with_faults(version: Version, session: &Session) -> Result<PathBuf> {
    let variables = package::header_variables(&version.to_string(), session)?;
    let package = ["--package", package::modules::MODULE, "--features", "faults"];
    cargo(session, &[&["build", "--locked", "--quiet"], &package[..]].concat(), &variables)?;
    let built = present(session.target.join("debug/libngx_http_wallarm_module.so"))?;
    let kept = session.target.join("nginx-tests").join(format!("faults-{version}.so"));
    std::fs::copy(&built, &kept).with_context(|| format!("cannot copy {} to {}", built.display(), kept.display()))?;
    Ok(kept)
}

/// The source of an NGINX, and the arguments that nginx.org configures it with.
///
/// # Errors
///
/// If `packaging/nginx.toml` does not know it as one of nginx.org's, or its source cannot be had.
pub fn source(version: Version, session: &Session) -> Result<(Source, Vec<String>)> {
    let (recipe, source) = package::modules::source_of_nginx_org(&version.to_string(), session)?;
    Ok((source, recipe.arguments))
}

/// The compiled rule set.
///
/// # Errors
///
/// If it cannot be compiled.
pub fn rules(session: &Session) -> Result<PathBuf> {
    keep("proton.db", &rules::standard_db()?, session)
}

/// A rule set that knows the attack of the tests and what responses give away, and one sign of each other attack. Under valgrind
/// the whole one takes ten seconds at each start of an NGINX.
///
/// # Errors
///
/// If it cannot be compiled.
pub fn few_rules(session: &Session) -> Result<PathBuf> {
    let mut sources = rules::standard_sources()?;
    let mut seen = AttackSet::EMPTY;
    sources.rules.retain(|rule| {
        let first = !seen.contains(rule.attack);
        seen.insert(rule.attack);
        first || matches!(rule.attack, Attack::Ptrav | Attack::Infoleak)
    });
    keep("few-rules.db", &rules::compile(&sources)?, session)
}

fn keep(name: &str, bytes: &[u8], session: &Session) -> Result<PathBuf> {
    let folder = session.target.join("nginx-tests");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(name);
    std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The postanalytics server.
///
/// # Errors
///
/// If it cannot be built.
pub fn postanalytics(session: &Session) -> Result<PathBuf> {
    cargo(session, &["build", "--release", "--locked", "--quiet", "--package", "postanalytics"], &[])?;
    present(session.target.join("release/wtarantool"))
}

/// The cargo that runs us, in the checkout.
fn cargo(session: &Session, arguments: &[&str], variables: &[(&str, OsString)]) -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&session.root).env("CARGO_TARGET_DIR", &session.target).args(arguments);
    command.envs(variables.iter().cloned());
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo {} failed, see above", arguments.join(" "));
    Ok(())
}

fn present(path: PathBuf) -> Result<PathBuf> {
    ensure!(Path::new(&path).is_file(), "cargo reported success, but {} is not there", path.display());
    Ok(path)
}
