//! `cargo xtask serve`: a repository on a loopback port, and the documented commands with its address in them.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use repo_layout::KEY_FILE;
use serde_json::{Map, Value, json};

use crate::cli::Serve;
use crate::guide::Purpose;
use crate::install_test::{Command, Documented, Part, System};
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

/// What adds the repository and what installs from it, for each system.
fn commands(documented: &Documented, url: &str) -> Value {
    let of = |commands: &[Command]| -> Value {
        commands.iter().map(|command| documented.at(command, url)).collect::<Vec<_>>().into()
    };
    let of_system = |system: &System| {
        let install: Map<_, _> = Purpose::ALL
            .into_iter()
            .map(|purpose| (purpose.key().to_owned(), of(purpose.install(documented, system))))
            .collect();
        json!({ "add-repository": of(documented.commands(system, Part::AddRepository)), "install": install })
    };
    let systems: Map<_, _> = documented.systems().map(|(name, system)| (name.to_owned(), of_system(system))).collect();
    json!({ "url": url, "commands": systems })
}

fn show(documented: &Documented, url: &str) {
    let list = |commands: &[Command]| {
        for command in commands {
            report::line(&documented.at(command, url));
        }
    };
    for (_, system) in documented.systems() {
        report::line(&format!("\n## {}\n", system.title));
        list(documented.commands(system, Part::AddRepository));
        for purpose in Purpose::ALL {
            report::line(&format!("# {}", purpose.title()));
            list(purpose.install(documented, system));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_told_how_to_add_the_repository_and_what_to_install_for_each_purpose() {
        let documented = Documented::read().unwrap();
        let said = commands(&documented, "http://127.0.0.1:8080");
        for (name, _) in documented.systems() {
            let system = &said["commands"][name];
            assert!(!system["add-repository"].as_array().unwrap().is_empty(), "{name}");
            for purpose in Purpose::ALL {
                assert!(!system["install"][purpose.key()].as_array().unwrap().is_empty(), "{name} {purpose:?}");
            }
        }
        let text = said.to_string();
        assert!(text.contains("http://127.0.0.1:8080/wallarm.gpg") && !text.contains(&documented.host));
    }
}
