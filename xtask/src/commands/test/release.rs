//! The release pipeline for real: killed, gone on with, disturbed, promoted. The systems that it is installed on are other stages' affair.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
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
        let testing = self.to.join("testing");
        // Killed early, it has not made the folder yet; whatever is there has an error in nothing that readers see.
        if testing.join("wallarm.gpg").exists() && !self.suites(&testing).is_empty() {
            let report = verify::check(&Source::Folder(testing.clone()), None, &self.session.hushed())?;
            ensure!(report.errors() == 0, "{:?}", report.findings);
        }
        let outcomes = self.outcomes(&["--until", "publish"])?;
        expect(&outcomes, &[("sign", "still-true"), ("verify", "still-true"), ("publish", "done")])?;
        self.is_clean(&testing)
    }

    fn suites(&self, tree: &Path) -> Vec<PathBuf> {
        let places = ["debian/wallarm-node/bookworm", "centos/wallarm-node/8"];
        places.into_iter().map(|place| tree.join(place)).filter(|path| path.is_dir()).collect()
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
        self.is_clean(&self.to.join("stable"))?;
        let compared = Command::new("diff")
            .args(["--recursive", "--exclude", repo_layout::STATE_FOLDER])
            .args([self.to.join("testing"), self.to.join("stable")])
            .output()
            .context("cannot run diff")?;
        ensure!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stdout));
        Ok(())
    }

    fn foreign_is_not_promoted(&self) -> Result<()> {
        let index = self.to.join("testing/debian/wallarm-node/bookworm");
        let index = fs::read_dir(&index)?.next().context("no suite was published")??.path().join("InRelease");
        let (stable, own) = (fs::read(self.stable(&index)?)?, fs::read(&index)?);
        fs::remove_file(&index)?;
        fs::write(&index, "something else")?;
        let output = self.output(&["--from", "promote"])?;
        fs::write(&index, own)?;
        ensure!(!output.status.success(), "it was promoted");
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(said.contains("has something else than this release"), "{said}");
        ensure!(fs::read(self.stable(&index)?)? == stable, "the channel stable was touched");
        Ok(())
    }

    fn stable(&self, testing: &Path) -> Result<PathBuf> {
        Ok(self.to.join("stable").join(testing.strip_prefix(self.to.join("testing"))?))
    }

    fn is_clean(&self, tree: &Path) -> Result<()> {
        let report = verify::check(&Source::Folder(tree.to_owned()), None, &self.session.hushed())?;
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
