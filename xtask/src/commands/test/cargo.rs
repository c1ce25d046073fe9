//! The stages that are cargo's.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::stage::Count;
use crate::commands::package;
use crate::session::Session;

/// The crate that needs the headers of an NGINX to be compiled, and an NGINX to run. It has a stage of its own.
const MODULE: &str = "ngx_http_wallarm_module";

/// The NGINX that is in cargo's registry.
const HEADERS_OF: &str = "1.28.3";

/// `cargo fmt --check`
pub fn formatting(session: &Session) -> Result<Count> {
    succeed(session, &["fmt", "--all", "--check"], &[])
}

/// `cargo clippy -D warnings`
pub fn clippy(session: &Session) -> Result<Count> {
    let args =
        ["clippy", "--workspace", "--exclude", MODULE, "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"];
    succeed(session, &args, &[])
}

/// `cargo doc`: broken links and missing docs are errors.
pub fn documentation(session: &Session) -> Result<Count> {
    let args =
        ["doc", "--workspace", "--exclude", MODULE, "--no-deps", "--locked", "--quiet", "--document-private-items"];
    succeed(session, &args, &[("RUSTDOCFLAGS", "-D warnings".into())])
}

/// What the property tests draw from, unless the caller sets proptest's variable: two runs of one commit try the same cases.
/// A plain `cargo test` draws new ones each time.
const SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "4809");

/// clippy and `cargo doc` for the module's crate, with the headers of the NGINX whose source is always at hand.
pub fn module(session: &Session) -> Result<Count> {
    let variables = package::header_variables(HEADERS_OF, session)?;
    let clippy =
        ["clippy", "--package", MODULE, "--lib", "--all-features", "--locked", "--quiet", "--", "-D", "warnings"];
    let mut count = succeed(session, &clippy, &variables)?;
    let doc = ["doc", "--package", MODULE, "--no-deps", "--locked", "--quiet", "--document-private-items"];
    let [build, source, libclang, arguments] = variables;
    count += succeed(session, &doc, &[build, source, libclang, arguments, ("RUSTDOCFLAGS", "-D warnings".into())])?;
    Ok(count)
}

/// `cargo test`, with its own counts.
pub fn tests(session: &Session) -> Result<Count> {
    let mut child = command(session)
        .envs(std::env::var_os(SEED.0).is_none().then_some(SEED))
        .args(["test", "--workspace", "--exclude", MODULE, "--no-fail-fast", "--locked"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut count = Count::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what cargo test prints")?;
        count += counts(&line).unwrap_or_default();
        session.say(&line);
    }
    let status = child.wait().context("cargo test")?;
    match (status.success(), count) {
        (true, Count { passed: 0, .. }) => bail!("cargo test ran no test"),
        // It did not even compile.
        (false, Count { failed: 0, .. }) => bail!("cargo test failed, see above"),
        _ => Ok(count),
    }
}

/// The figures of `test result: ok. 12 passed; 0 failed; …`.
fn counts(line: &str) -> Option<Count> {
    let rest = line.strip_prefix("test result: ")?;
    let figure = |word: &str| {
        let part = rest.split(['.', ';']).find_map(|part| part.trim().strip_suffix(word))?;
        part.trim().parse::<usize>().ok()
    };
    Some(Count { passed: figure("passed")?, failed: figure("failed")? })
}

fn succeed(session: &Session, args: &[&str], variables: &[(&str, OsString)]) -> Result<Count> {
    let status = command(session).args(args).envs(variables.iter().cloned()).status().context("cannot run cargo")?;
    if status.success() { Ok(Count::ONE) } else { bail!("cargo {} failed, see above", args.join(" ")) }
}

/// The cargo that runs us, in the checkout, in the same target folder.
fn command(session: &Session) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&session.root).env("CARGO_TARGET_DIR", &session.target).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_line_of_cargo_test_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(counts(line), Some(Count { passed: 12, failed: 3 }));
        assert_eq!(counts("running 12 tests"), None);
    }
}
