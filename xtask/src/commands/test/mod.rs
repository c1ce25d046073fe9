//! `cargo xtask test`: every test of the workspace, in the order in which a mistake is cheapest to find.

mod cargo;
pub mod host;
mod install;
mod lanes;
pub mod lint;
mod nginx;
mod pages;
mod release;
mod reproduce;
mod stage;
mod symbols;
mod tidy;
mod tree;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::cli::Test;
use crate::session::Session;
use crate::{browser, container, report};
use stage::{Count, Ended, Stage};

/// In order, but for those of different systems, which run side by side. Each names the Debian packages that it needs of the machine.
const STAGES: &[Stage] = &[
    Stage::plain("formatting", &[], cargo::formatting),
    Stage::plain("house rules", &[], tidy::run),
    Stage::plain("clippy", &[], cargo::clippy),
    Stage::plain("documentation", &[], cargo::documentation),
    Stage::plain("the module's lints", &["libc6-dev"], cargo::module),
    Stage::plain("unit and integration tests", host::FOR_CARGO_TESTS, cargo::tests),
    Stage::plain("packages, repositories", &[], tree::run),
    Stage::plain("pages in a browser", browser::NEEDS, pages::run),
    Stage::plain("package lint", &["lintian", "rpmlint"], lint::run),
    Stage::plain("a release", &["diffutils", "git"], release::run),
    Stage::plain("debug symbols", symbols::NEEDS, symbols::run),
    Stage::in_containers("module in NGINX", nginx::NEEDS, nginx::run),
    Stage::in_containers("module under valgrind", nginx::VALGRIND, nginx::memory),
    Stage::plain("same bytes in another folder", &["git"], reproduce::run),
    Stage::on("bookworm", "install on bookworm", container::HOST_PACKAGES, install::bookworm),
    Stage::on("bullseye", "install on bullseye", container::HOST_PACKAGES, install::bullseye),
    Stage::on("bookworm", "filtering on bookworm", container::HOST_PACKAGES, install::bookworm_nginx),
    Stage::on("bookworm", "filtering, nginx.org's NGINX", install::NEEDS_OF_NGINX_ORG, install::bookworm_nginx_org),
    Stage::on("bullseye", "filtering on bullseye", container::HOST_PACKAGES, install::bullseye_nginx),
    Stage::on("trixie", "install on trixie", container::HOST_PACKAGES, install::trixie),
    Stage::on("trixie", "filtering on trixie", container::HOST_PACKAGES, install::trixie_nginx),
    Stage::on("el8", "install on el8", container::HOST_PACKAGES, install::el8),
    Stage::on("bookworm", "key rotation on bookworm", container::HOST_PACKAGES, install::bookworm_rotation),
    Stage::on("bullseye", "key rotation on bullseye", container::HOST_PACKAGES, install::bullseye_rotation),
    Stage::on("trixie", "key rotation on trixie", container::HOST_PACKAGES, install::trixie_rotation),
    Stage::on("el8", "key rotation on el8", container::HOST_PACKAGES, install::el8_rotation),
];

/// Runs every stage, also after one has failed, and ends with `N passed, N failed`.
pub fn run(args: &Test, session: &Session) -> Result<ExitCode> {
    let chosen: Vec<&Stage> =
        STAGES.iter().filter(|stage| args.only.as_ref().is_none_or(|words| stage.name.contains(words))).collect();
    ensure!(!chosen.is_empty(), "no stage has `{}` in its name", args.only.as_deref().unwrap_or_default());
    let needed: Vec<&Stage> = chosen.iter().filter(|stage| !(args.quick && stage.containers)).copied().collect();
    host::install_missing(&needed, session)?;
    let (systems, others): (Vec<&Stage>, Vec<&Stage>) =
        chosen.iter().partition(|stage| stage.system.is_some() && !args.quick);
    let mut ended: Vec<Ended> = others.into_iter().map(|stage| run_here(stage, args.quick, session)).collect();
    match systems[..] {
        [alone] => ended.push(run_here(alone, args.quick, session)),
        _ => ended.extend(lanes::run(&systems, session)?),
    }
    ended.sort_by_key(|ended| chosen.iter().position(|stage| stage.name == ended.stage));
    let mut total = Count::default();
    ended.iter().for_each(|ended| total += ended.count);
    if session.json {
        report::json(&serde_json::json!({ "stages": ended, "passed": total.passed, "failed": total.failed }))?;
    } else {
        let rows: Vec<_> = ended
            .into_iter()
            .map(|Ended { stage, count, took, remark }| {
                [stage, count.passed.to_string(), count.failed.to_string(), report::seconds(took), remark]
            })
            .collect();
        report::table(["Stage", "Passed", "Failed", "Time", ""], &rows);
        report::line(&format!("{} passed, {} failed", total.passed, total.failed));
    }
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a stage in this process. An error is a failure, not the end of the run.
fn run_here(stage: &Stage, quick: bool, session: &Session) -> Ended {
    let begun = Instant::now();
    let (count, remark) = if quick && stage.containers {
        // A pipeline that leaves something out must not look green.
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        (Count { passed: 0, failed: usize::from(in_ci) }, "left out by --quick".to_owned())
    } else {
        let step = session.progress.step(format!("Test: {}", stage.name));
        step.hand_over();
        match (stage.run)(session) {
            Ok(count) => (count, String::new()),
            Err(error) => {
                report::failure(&error, false);
                (Count { passed: 0, failed: 1 }, format!("{error:#}").lines().next().unwrap_or_default().to_owned())
            }
        }
    };
    Ended { stage: stage.name.to_owned(), count, took: begun.elapsed(), remark }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_stage_chooses_it_alone() {
        for stage in STAGES {
            let chosen: Vec<_> = STAGES.iter().filter(|other| other.name.contains(stage.name)).collect();
            assert_eq!(chosen.len(), 1, "{}", stage.name);
        }
    }
}
