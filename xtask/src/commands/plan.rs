//! `cargo xtask plan`: what a release consists of, as tables, JSON and a picture.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use packaging::distro::Distro;

use super::package;
use crate::cli;
use crate::plan::{picture, text};
use crate::report;
use crate::session::Session;

/// Runs the command.
pub fn run(args: &cli::Plan, session: &Session) -> Result<ExitCode> {
    let distros: Vec<Distro> = package::distros(&args.distro, session)?;
    let plan = package::plan(&distros, args.revision, None, session)?;
    if let Some(path) = &args.svg {
        write(path, &picture::svg(&plan))?;
    }
    if args.github_output {
        let file = std::env::var_os("GITHUB_OUTPUT")
            .context("--github-output is for a step of a GitHub workflow: GITHUB_OUTPUT is not set")?;
        plan.matrix.put_out(Path::new(&file))?;
    }
    if session.json {
        report::json(&plan)?;
    } else {
        report::line(text::show(&plan).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
