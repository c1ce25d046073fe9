//! `cargo xtask test`: every test of the workspace, in the order in which a mistake is cheapest to find.

mod cargo;
pub mod host;
mod install;
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
use stage::{Count, Stage};

/// In order. Each names the Debian packages that it needs of the machine.
const STAGES: &[Stage] = &[
    Stage { name: "formatting", needs: &[], containers: false, run: cargo::formatting },
    Stage { name: "house rules", needs: &[], containers: false, run: tidy::run },
    Stage { name: "clippy", needs: &[], containers: false, run: cargo::clippy },
    Stage { name: "documentation", needs: &[], containers: false, run: cargo::documentation },
    Stage { name: "the module's lints", needs: &["libc6-dev"], containers: false, run: cargo::module },
    Stage { name: "unit and integration tests", needs: host::FOR_CARGO_TESTS, containers: false, run: cargo::tests },
    Stage { name: "packages, repositories", needs: &[], containers: false, run: tree::run },
    Stage { name: "pages in a browser", needs: browser::NEEDS, containers: false, run: pages::run },
    Stage { name: "package lint", needs: &["lintian", "rpmlint"], containers: false, run: lint::run },
    Stage { name: "a release", needs: &["diffutils", "git"], containers: false, run: release::run },
    Stage { name: "debug symbols", needs: symbols::NEEDS, containers: false, run: symbols::run },
    Stage { name: "module in NGINX", needs: nginx::NEEDS, containers: true, run: nginx::run },
    Stage { name: "module under valgrind", needs: nginx::VALGRIND, containers: true, run: nginx::memory },
    Stage { name: "same bytes in another folder", needs: &["git"], containers: false, run: reproduce::run },
    Stage { name: "install on bookworm", needs: container::HOST_PACKAGES, containers: true, run: install::bookworm },
    Stage { name: "install on bullseye", needs: container::HOST_PACKAGES, containers: true, run: install::bullseye },
    Stage {
        name: "filtering on bookworm",
        needs: container::HOST_PACKAGES,
        containers: true,
        run: install::bookworm_nginx,
    },
    Stage {
        name: "filtering, nginx.org's NGINX",
        needs: install::NEEDS_OF_NGINX_ORG,
        containers: true,
        run: install::bookworm_nginx_org,
    },
    Stage {
        name: "filtering on bullseye",
        needs: container::HOST_PACKAGES,
        containers: true,
        run: install::bullseye_nginx,
    },
    Stage { name: "install on trixie", needs: container::HOST_PACKAGES, containers: true, run: install::trixie },
    Stage {
        name: "filtering on trixie",
        needs: container::HOST_PACKAGES,
        containers: true,
        run: install::trixie_nginx,
    },
    Stage { name: "install on el8", needs: container::HOST_PACKAGES, containers: true, run: install::el8 },
    Stage {
        name: "key rotation on bookworm",
        needs: container::HOST_PACKAGES,
        containers: true,
        run: install::bookworm_rotation,
    },
    Stage {
        name: "key rotation on bullseye",
        needs: container::HOST_PACKAGES,
        containers: true,
        run: install::bullseye_rotation,
    },
    Stage {
        name: "key rotation on trixie",
        needs: container::HOST_PACKAGES,
        containers: true,
        run: install::trixie_rotation,
    },
    Stage {
        name: "key rotation on el8",
        needs: container::HOST_PACKAGES,
        containers: true,
        run: install::el8_rotation,
    },
];

/// Runs every stage, also after one has failed, and ends with `N passed, N failed`.
pub fn run(args: &Test, session: &Session) -> Result<ExitCode> {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let chosen: Vec<&Stage> =
        STAGES.iter().filter(|stage| args.only.as_ref().is_none_or(|words| stage.name.contains(words))).collect();
    ensure!(!chosen.is_empty(), "no stage has `{}` in its name", args.only.as_deref().unwrap_or_default());
    let needed: Vec<&Stage> = chosen.iter().filter(|stage| !(args.quick && stage.containers)).copied().collect();
    host::install_missing(&needed, session)?;
    let (mut total, mut rows) = (Count::default(), Vec::new());
    for stage in chosen {
        let begun = Instant::now();
        let (count, remark) = if args.quick && stage.containers {
            // A pipeline that leaves something out must not look green.
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
        total += count;
        rows.push((stage.name, count, report::seconds(begun.elapsed()), remark));
    }
    if session.json {
        let stages: Vec<_> = rows
            .iter()
            .map(|(name, count, _, remark)| {
                serde_json::json!({ "stage": name, "passed": count.passed, "failed": count.failed, "remark": remark })
            })
            .collect();
        report::json(&serde_json::json!({ "stages": stages, "passed": total.passed, "failed": total.failed }))?;
    } else {
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(name, count, time, remark)| {
                [name.to_owned(), count.passed.to_string(), count.failed.to_string(), time, remark]
            })
            .collect();
        report::table(["Stage", "Passed", "Failed", "Time", ""], &rows);
        report::line(&format!("{} passed, {} failed", total.passed, total.failed));
    }
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
