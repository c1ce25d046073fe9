//! `cargo xtask serve`: a repository on a loopback port, and the documented commands with its address in them.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use repo_layout::KEY_FILE;

use crate::cli::Serve;
use crate::install_test::{Documented, Part};
use crate::session::Session;
use crate::{http, report};

/// Serves until it is interrupted.
pub fn run(args: &Serve, session: &Session) -> Result<ExitCode> {
    let root = session.folder(args.dir.as_deref(), "repo");
    ensure!(
        root.join(KEY_FILE).is_file(),
        "{} is no repository, it has no {KEY_FILE}: make one with `cargo xtask repo build`",
        session.shown(&root)
    );
    let server = http::serve(&root, args.listen)?;
    let documented = Documented::read()?;
    if session.json {
        report::json(&commands(&documented, &server.url()))?;
    } else {
        show(&documented, &server.url());
        report::line(&format!("\nServing {} on {}; Ctrl-C ends it.", session.shown(&root), server.url()));
    }
    server.wait();
    Ok(ExitCode::SUCCESS)
}

/// What adds the repository and installs from it, for each system.
fn commands(documented: &Documented, url: &str) -> serde_json::Value {
    let of = |system| {
        let parts = [Part::AddRepository, Part::Install];
        let commands = parts.into_iter().flat_map(|part| documented.commands(system, part));
        commands.map(|command| documented.at(command, url)).collect::<Vec<_>>()
    };
    let systems: serde_json::Map<_, _> =
        documented.systems().map(|(name, system)| (name.to_owned(), of(system).into())).collect();
    serde_json::json!({ "url": url, "commands": systems })
}

fn show(documented: &Documented, url: &str) {
    for (_, system) in documented.systems() {
        report::line(&format!("\n# {}", system.title));
        for part in [Part::AddRepository, Part::Install] {
            for command in documented.commands(system, part) {
                report::line(&documented.at(command, url));
            }
        }
    }
}
