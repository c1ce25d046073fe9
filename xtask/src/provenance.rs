//! Where packages come from: an in-toto statement (<https://in-toto.io/Statement/v1>) with SLSA's provenance
//! (<https://slsa.dev/spec/v1.0/provenance>) about the packages of one distro and one run.
//!
//! It says what this program knows: what was asked for, the commit, the lock file, the NGINX sources, the tools. It says nothing
//! of the machine, since a program cannot vouch for the machine it runs on. There is no clock in it, so that the same commit gives
//! the same statement.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Name of the statement, beside the packages that it is about.
pub const STATEMENT_FILE: &str = "provenance.intoto.json";

/// Name of the signature over the statement's bytes, an armoured OpenPGP one by the keys that sign packages.
pub const SIGNATURE_FILE: &str = "provenance.intoto.json.asc";

/// What every statement of this form says of itself.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What its predicate is.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// A statement.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The packages.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    pub predicate_type: String,
    /// What is said of them.
    pub predicate: Value,
}

/// One package.
#[derive(Debug, Serialize, Deserialize)]
pub struct Subject {
    /// Its file name.
    pub name: String,
    /// By algorithm.
    pub digest: BTreeMap<String, String>,
}

/// An input that is named by digest where it has one.
#[derive(Debug, Clone, Serialize)]
pub struct Input {
    /// What it is.
    pub name: String,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// By algorithm.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Value>,
}

impl Input {
    /// An input without digest.
    pub fn named(name: impl Into<String>, uri: Option<String>) -> Self {
        Self { name: name.into(), uri, digest: BTreeMap::new(), annotations: BTreeMap::new() }
    }

    /// The same with a digest.
    pub fn with_digest(mut self, algorithm: &str, value: impl Into<String>) -> Self {
        self.digest.insert(algorithm.to_owned(), value.into());
        self
    }

    /// The same with a remark.
    pub fn with_annotation(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.annotations.insert(name.to_owned(), value.into());
        self
    }
}

/// What a run was asked for, and from what it made its packages.
#[derive(Debug)]
pub struct Build<'a> {
    /// Project page: identifiers of our own begin with it.
    pub homepage: &'a str,
    /// What the user asked for.
    pub parameters: Value,
    /// The one time stamp, in Unix seconds.
    pub epoch: u64,
    /// From what.
    pub inputs: &'a [Input],
}

impl Build<'_> {
    /// The statement about packages: file names and SHA-256 digests.
    pub fn statement(&self, packages: impl Iterator<Item = (String, String)>) -> Statement {
        let subject = |(name, sha256)| Subject { name, digest: BTreeMap::from([("sha256".to_owned(), sha256)]) };
        let mut subject: Vec<Subject> = packages.map(subject).collect();
        subject.sort_by(|a, b| a.name.cmp(&b.name));
        let (builder, invocation) = builder(self.homepage, |name| std::env::var(name).ok());
        let mut details = json!({ "builder": { "id": builder } });
        if let Some(invocation) = invocation {
            details["metadata"] = json!({ "invocationId": invocation });
        }
        Statement {
            kind: STATEMENT_TYPE.to_owned(),
            subject,
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: json!({
                "buildDefinition": {
                    "buildType": format!("{}/docs/provenance.md", self.homepage),
                    "externalParameters": self.parameters,
                    "internalParameters": { "sourceDateEpoch": self.epoch },
                    "resolvedDependencies": self.inputs,
                },
                "runDetails": details,
            }),
        }
    }
}

/// Who built, and in which run: a workflow of GitHub says so in its environment; anything else is a machine of somebody's.
fn builder(homepage: &str, variable: impl Fn(&str) -> Option<String>) -> (String, Option<String>) {
    let (Some(server), Some(workflow)) = (variable("GITHUB_SERVER_URL"), variable("GITHUB_WORKFLOW_REF")) else {
        return (format!("{homepage}/docs/provenance.md#a-machine-of-somebodys"), None);
    };
    let run = variable("GITHUB_REPOSITORY").zip(variable("GITHUB_RUN_ID"));
    let run = run.map(|(repository, run)| format!("{server}/{repository}/actions/runs/{run}"));
    (format!("{server}/{workflow}"), run)
}

/// The checkout: its commit, and whether the files are that commit's.
pub fn checkout(root: &Path, homepage: &str) -> Input {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (commit, changes) = (git(&["rev-parse", "HEAD"]), git(&["status", "--porcelain"]));
    match (commit, changes) {
        (Some(commit), Some(changes)) => Input::named("source", Some(format!("git+{homepage}@{commit}")))
            .with_digest("gitCommit", commit)
            .with_annotation("uncommittedChanges", !changes.is_empty()),
        _ => Input::named("source", None).with_annotation("commit", "unknown: not a git checkout"),
    }
}

/// A file of the checkout by its digest.
pub fn file(root: &Path, name: &str) -> Result<Input> {
    use sha2::Digest as _;
    let path = root.join(name);
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Input::named(name, None).with_digest("sha256", format!("{:x}", sha2::Sha256::digest(bytes))))
}

/// The compiler, by its own word.
pub fn compiler() -> Input {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    Input::named("rustc", None).with_annotation("version", version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_names_itself_and_its_run_and_a_machine_of_somebodys_claims_nothing() {
        let home = "https://example.org/node";
        let on_github = |name: &str| match name {
            "GITHUB_SERVER_URL" => Some("https://git.example".to_owned()),
            "GITHUB_WORKFLOW_REF" => Some("o/r/.github/workflows/release.yml@refs/tags/v1".to_owned()),
            "GITHUB_REPOSITORY" => Some("o/r".to_owned()),
            "GITHUB_RUN_ID" => Some("7".to_owned()),
            _ => None,
        };
        let (id, run) = builder(home, on_github);
        assert_eq!(id, "https://git.example/o/r/.github/workflows/release.yml@refs/tags/v1");
        assert_eq!(run.as_deref(), Some("https://git.example/o/r/actions/runs/7"));
        let (id, run) = builder(home, |_| None);
        assert!(id.ends_with("#a-machine-of-somebodys") && run.is_none(), "{id}");
    }

    #[test]
    fn a_statement_has_the_members_that_the_specifications_ask_for() {
        let inputs = [Input::named("Cargo.lock", None).with_digest("sha256", "00")];
        let build = Build {
            homepage: "https://example.org",
            parameters: json!({ "distro": "jammy" }),
            epoch: 1,
            inputs: &inputs,
        };
        let packages = [("b.deb", "02"), ("a.deb", "01")].map(|(name, digest)| (name.to_owned(), digest.to_owned()));
        let value = serde_json::to_value(build.statement(packages.into_iter())).unwrap();
        assert_eq!(value["_type"], STATEMENT_TYPE);
        assert_eq!(value["predicateType"], PREDICATE_TYPE);
        assert_eq!(value["subject"][0], json!({ "name": "a.deb", "digest": { "sha256": "01" } }));
        let definition = &value["predicate"]["buildDefinition"];
        assert!(definition["buildType"].is_string() && definition["externalParameters"].is_object());
        assert_eq!(definition["resolvedDependencies"][0]["digest"]["sha256"], "00");
        assert!(value["predicate"]["runDetails"]["builder"]["id"].is_string());
    }
}
