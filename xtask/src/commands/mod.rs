//! One file a command.

mod bench;
mod completions;
mod fake_cloud;
pub mod install_test;
mod key;
pub mod lint;
pub mod nginx_test;
pub mod package;
mod plan;
mod provenance;
mod release;
pub mod repo;
pub mod reproduce;
mod serve;
mod soak;
mod source;
pub mod test;
pub mod verify;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Command;
use crate::session::Session;

/// Runs one command.
pub fn run(command: Command, session: &Session) -> Result<ExitCode> {
    match command {
        Command::Plan(args) => plan::run(&args, session),
        Command::Package(args) => package::run(&args, session),
        Command::Key(args) => key::run(&args, session),
        Command::Repo(args) => repo::run(&args, session),
        Command::Release(args) => release::run(&args, session),
        Command::Reproduce(args) => reproduce::run(&args, session),
        Command::Provenance(args) => provenance::run(&args, session),
        Command::Lint(args) => lint::run(&args, session),
        Command::Source(args) => source::run(&args, session),
        Command::Serve(args) => serve::run(&args, session),
        Command::FakeCloud(args) => fake_cloud::run(&args, session),
        Command::InstallTest(args) => install_test::run(&args, session),
        Command::NginxTest(args) => nginx_test::run(&args, session),
        Command::Test(args) => test::run(&args, session),
        Command::Soak(command) => soak::run(&command, session),
        Command::Bench(command) => bench::run(&command, session),
        Command::Completions { shell } => completions::run(shell),
    }
}
