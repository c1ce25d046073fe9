//! The real tools, run as a user would.

use std::process::{Command, Output};

/// Runs a tool and gives what it printed; fails when the tool does.
#[track_caller]
pub fn run(tool: &str, debian_package: &str, arguments: &[&str]) -> String {
    let output = try_run(tool, debian_package, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{tool} {arguments:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Runs a tool, whatever it says.
#[track_caller]
pub fn try_run(tool: &str, debian_package: &str, arguments: &[&str]) -> Output {
    Command::new(tool)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| panic!("cannot run {tool} ({error}); install it: apt-get install {debian_package}"))
}
