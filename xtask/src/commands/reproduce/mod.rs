//! `cargo xtask reproduce`: packages that are built twice, under circumstances that should not matter, have the same bytes; or it is told why not.
//!
//! | Module | Holds |
//! |---|---|
//! | [`again`] | the second build, in a copy of the checkout and in disguise |
//! | [`compare`] | two folders of packages, and what differs between them |

pub mod again;
pub mod compare;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::cli::{self, Reproduce};
use crate::commands::package::{self, Supply};
use crate::report;
use crate::session::Session;
use again::{Disguise, Order};
use compare::Report;

/// Runs the command; any difference makes it fail.
pub fn run(args: &Reproduce, session: &Session) -> Result<ExitCode> {
    let begun = Instant::now();
    let (report, disguise) = match args.compare.as_slice() {
        [first, second] => (compare::compare(first, second)?, Vec::new()),
        _ => twice(args, session)?,
    };
    show(&report, &disguise, begun, session)?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds here, then elsewhere.
fn twice(args: &Reproduce, session: &Session) -> Result<(Report, Vec<String>)> {
    let folder = session.target.join("reproduce");
    let (first, second) = (folder.join("first"), folder.join("second"));
    for stale in [&first, &second] {
        remove(stale)?;
    }
    // With --all no name is given.
    let distros = package::distros(&args.distro, session)?;
    let key = again::key_for_both(&args.key, session)?;
    let order = package::Order { distros, revision: args.revision, url: None, out: first.clone(), key: key.clone() };
    let supply = Supply { sources: args.nginx_source.clone(), allow_missing: args.allow_missing };
    package::make_with(&order, &supply, session)?;
    let names = order.distros.iter().map(|distro| distro.id.to_string()).collect();
    let disguise = Disguise::usual(true);
    let described = disguise.described();
    let order = Order {
        distros: names,
        revision: args.revision,
        nginx_sources: args.nginx_source.clone(),
        allow_missing: args.allow_missing,
        out: second.clone(),
        key,
        disguise,
    };
    again::build(&order, &folder, session)?;
    Ok((compare::compare(&first, &second)?, described))
}

fn remove(folder: &Path) -> Result<()> {
    use anyhow::Context as _;
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    Ok(())
}

fn show(report: &Report, disguise: &[String], begun: Instant, session: &Session) -> Result<()> {
    let took = begun.elapsed();
    if session.json {
        return report::json(&serde_json::json!({
            "same": report.same, "different": report.different, "second_build": disguise, "seconds": took.as_secs_f64(),
        }));
    }
    for package in &report.different {
        report::line(&package.to_string());
    }
    if !disguise.is_empty() {
        report::line(&format!("The second build had {}.", disguise.join(", ")));
    }
    let (same, different) = (report.same, report.different.len());
    report::line(&format!("{same} packages are the same, {different} differ, in {}", report::seconds(took)));
    Ok(())
}

/// The flags of what signs, as another run of this program takes them.
pub fn key_flags(key: &cli::KeyArgs) -> Vec<std::ffi::OsString> {
    let which = &key.which;
    let files =
        [("--key", &which.key), ("--passphrase-file", &which.passphrase_file), ("--public-key", &which.public_key)];
    let files = files.into_iter().flat_map(|(flag, paths)| paths.iter().map(move |path| (flag, path.clone().into())));
    let commands = which.sign_with.iter().map(|command| ("--sign-with", command.into()));
    let lasting = key.allow_expiring.map(|days| ("--allow-expiring", days.to_string().into()));
    files.chain(commands).chain(lasting).flat_map(|(flag, value)| [flag.into(), value]).collect()
}
