//! The release pipeline for real: killed, gone on with, disturbed, promoted. The systems that it is installed on are other stages' affair.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use repo_layout::Source;
use serde_json::Value;

use super::stage::Count;
use crate::commands::verify;
use crate::session::Session;

/// One of each format.
const DISTROS: [&str; 2] = ["bookworm", "el8"];

/// Runs the stage.
pub fn run(session: &Session) -> Result<Count> {
    let home = session.target.join("test/release");
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("cannot clear {}", home.display()))?;
    }
    let trial = Trial { session: session.again(), folder: home.join("work"), to: home.join("published") };
    let facts: [(&str, Check); 6] = [
        ("killed while it signs, it goes on with signing", Trial::killed_while_it_signs),
        ("killed while it publishes, readers see a whole tree or none", Trial::killed_while_it_publishes),
        ("what is finished is passed over", Trial::finished_is_passed_over),
        ("a package that was changed is packed again, to the same bytes", Trial::changed_package),
        ("what is promoted is what was published", Trial::promoted),
        ("a channel that has something else is not promoted", Trial::foreign_is_not_promoted),
    ];
    let mut count = Count::default();
    for (fact, check) in facts {
        let outcome = check(&trial);
        if let Err(error) = &outcome {
            session.say(&format!("FAILED: {fact}: {error:#}"));
        }
        count += Count::of(outcome.is_ok());
    }
    Ok(count)
}

/// Looks whether a fact holds.
type Check = fn(&Trial) -> Result<()>;

struct Trial {
    session: Session,
    folder: PathBuf,
    to: PathBuf,
}

impl Trial {
    /// This program, as a person would call it who tries a release out.
    fn command(&self, span: &[&str]) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("cannot tell which program this is")?);
        command.current_dir(&self.session.root).stdin(Stdio::null()).args(["release", "--json"]);
        command.args(["--version", &self.session.version()?.to_string(), "--allow-untagged", "--allow-missing"]);
        command.args(DISTROS.iter().flat_map(|distro| ["--distro", distro]));
        command.arg("--folder").arg(&self.folder).arg("--to").arg(&self.to).args(span);
        Ok(command)
    }

    fn output(&self, span: &[&str]) -> Result<Output> {
        self.command(span)?.output().context("cannot run the release")
    }

    /// Runs it to its end; gives what became of each step.
    fn outcomes(&self, span: &[&str]) -> Result<Vec<(String, String)>> {
        let output = self.output(span)?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).context("the result is no JSON")?;
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let rows = said["steps"].as_array().context("the result has no steps")?;
        Ok(rows.iter().map(|row| (text(row, "step"), text(row, "outcome"))).collect())
    }

    /// Runs it until it says that a step begins, and then kills it.
    fn kill_at(&self, step: &str) -> Result<()> {
        let mut child = self.command(&["--until", "publish"])?.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("no output")?).lines();
        let begins = format!("==> {step}: ");
        let begun = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with(&begins))).is_some();
        child.kill().context("cannot kill the release")?;
        child.wait()?;
        ensure!(begun, "the step {step} never began");
        Ok(())
    }

    fn killed_while_it_signs(&self) -> Result<()> {
        self.kill_at("sign")?;
        let outcomes = self.outcomes(&["--until", "verify"])?;
        expect(&outcomes, &[("pack", "still-true"), ("lint", "still-true"), ("sign", "done"), ("verify", "done")])
    }

    fn killed_while_it_publishes(&self) -> Result<()> {
        self.kill_at("publish")?;
        // Killed early, it has not published anything yet; whatever is there has no error that readers would see.
        if self.to.join("wallarm.gpg").exists() && self.has_suites() {
            let report = verify::check(&Source::Folder(self.to.clone()), None, &self.session.hushed())?;
            ensure!(report.errors() == 0, "{:?}", report.findings);
        }
        let outcomes = self.outcomes(&["--until", "publish"])?;
        expect(&outcomes, &[("sign", "still-true"), ("verify", "still-true"), ("publish", "done")])?;
        self.is_clean()
    }

    fn has_suites(&self) -> bool {
        ["debian", "centos"].iter().any(|place| self.to.join(place).is_dir())
    }

    fn finished_is_passed_over(&self) -> Result<()> {
        let outcomes = self.outcomes(&["--until", "publish"])?;
        let passed = ["changelog", "pack", "lint", "sign", "verify", "publish"].map(|step| (step, "still-true"));
        expect(&outcomes, &passed)?;
        expect(&outcomes, &[("check", "done"), ("install-test", "left-out"), ("promote", "left-out")])
    }

    fn changed_package(&self) -> Result<()> {
        let folder = self.folder.join("packages/bookworm");
        let context = || format!("cannot read {}", folder.display());
        let mut names: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(&folder).with_context(context)? {
            names.push(entry.with_context(context)?.path());
        }
        names.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
        names.sort();
        let victim = names.first().context("no package was made")?;
        let whole = fs::read(victim)?;
        let mut broken = whole.clone();
        broken.truncate(whole.len() / 2);
        fs::write(victim, broken)?;
        let outcomes = self.outcomes(&["--until", "publish"])?;
        expect(
            &outcomes,
            &[("pack", "done"), ("lint", "still-true"), ("sign", "still-true"), ("publish", "still-true")],
        )?;
        ensure!(fs::read(victim)? == whole, "{} has other bytes now", victim.display());
        Ok(())
    }

    fn promoted(&self) -> Result<()> {
        let outcomes = self.outcomes(&["--from", "promote"])?;
        expect(&outcomes, &[("pack", "left-out"), ("promote", "done")])?;
        self.is_clean()?;
        let program = std::env::current_exe().context("cannot tell which program this is")?;
        let compared = Command::new(program)
            .args(["repo", "diff", "testing", "stable", "--json", "--at"])
            .arg(&self.to)
            .output()
            .context("cannot compare the channels")?;
        ensure!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
        let differences: Vec<Value> = serde_json::from_slice(&compared.stdout)?;
        ensure!(differences.is_empty(), "{differences:?}");
        Ok(())
    }

    fn foreign_is_not_promoted(&self) -> Result<()> {
        let line = self.session.version()?.line();
        let place = |channel: &str| self.to.join(format!("debian/wallarm-node/bookworm/{line}{channel}/InRelease"));
        let (testing, stable) = (place("-testing"), place(""));
        let (own, before) = (fs::read(&testing)?, fs::read(&stable)?);
        fs::remove_file(&testing)?;
        fs::write(&testing, "something else")?;
        let output = self.output(&["--from", "promote"])?;
        fs::write(&testing, own)?;
        ensure!(!output.status.success(), "it was promoted");
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(said.contains("InRelease"), "{said}");
        ensure!(fs::read(&stable)? == before, "the channel stable was touched");
        Ok(())
    }

    fn is_clean(&self) -> Result<()> {
        let report = verify::check(&Source::Folder(self.to.clone()), None, &self.session.hushed())?;
        ensure!(report.is_clean(), "{:?}", report.findings);
        Ok(())
    }
}

fn expect(outcomes: &[(String, String)], expected: &[(&str, &str)]) -> Result<()> {
    for (step, outcome) in expected {
        let found = outcomes.iter().find(|(name, _)| name == step).map(|(_, outcome)| outcome.as_str());
        ensure!(found == Some(outcome), "step {step} is {}, not {outcome}", found.unwrap_or("not there"));
    }
    Ok(())
}
