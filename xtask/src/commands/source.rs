//! `cargo xtask source`: the tarball of what is committed, and a list of everything else that a build takes in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};
use packaging::nginx::NginxVersion;
use packaging::source::{SourceFile, Sources};
use serde::Serialize;
use toolchain::{LIBCLANG_VERSION, Libclang, ZIG_VERSION, ZIGBUILD_VERSION};

use super::package::{self, modules};
use crate::cli::Source;
use crate::report;
use crate::session::Session;

/// What the tarball and its folder are called.
const NAME: &str = "wallarm-node";
/// The list within the tarball, and the end of its name beside it.
const INPUTS: &str = "outside-inputs.json";

/// What a build takes from outside the sources. Equal inputs give equal packages.
#[derive(Debug, Serialize)]
struct Inputs {
    version: String,
    /// Of git.
    commit: String,
    /// The one time in everything that is made, in Unix seconds.
    epoch: u64,
    /// SHA-256 of `Cargo.lock`, which holds the SHA-256 of every crate.
    cargo_lock: String,
    /// What `rustc --version` says.
    rustc: String,
    /// Programs and libraries that build, with the SHA-256 of each file.
    tools: Vec<Tool>,
    /// NGINX's sources.
    nginx: Vec<Nginx>,
}

#[derive(Debug, Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
    sha256: String,
}

#[derive(Debug, Serialize)]
struct Nginx {
    version: NginxVersion,
    /// Of `nginx-<version>.tar.gz`; none where no second source confirmed it.
    sha256: Option<String>,
    /// The crate that carries the same source, by its place in `Cargo.lock`.
    #[serde(rename = "crate")]
    crate_name: Option<String>,
}

/// Runs the command.
pub fn run(args: &Source, session: &Session) -> Result<ExitCode> {
    let out = session.folder(args.out.as_deref(), "source");
    let commit = git(&["rev-parse", "HEAD"], session)?;
    let mut files = committed(session)?;
    if !clean(session)? {
        session.progress.note("note: there are uncommitted changes; the tarball holds the last commit");
    }
    let inputs = inputs(commit.trim().to_owned(), &files, session)?;
    let text = serde_json::to_string_pretty(&inputs)? + "\n";
    let listed = SourceFile::File { content: text.clone().into_bytes(), executable: false };
    if files.insert(INPUTS.to_owned(), listed).is_some() {
        bail!("the checkout has a file called {INPUTS}, as the list of inputs in the tarball is called");
    }
    let sources = Sources { name: NAME.to_owned(), version: session.version()?, epoch: session.epoch()?, files };
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let list = out.join(format!("{NAME}_{}.{INPUTS}", sources.version));
    let written = sources.write(&out)?;
    std::fs::write(&list, text).with_context(|| format!("cannot write {}", list.display()))?;
    let sha256 = package::sha256(&written.path)?;
    if session.json {
        report::json(&serde_json::json!({
            "file": written.path, "size": written.size, "sha256": sha256, "inputs": list, "files": sources.files.len(),
        }))?;
    } else {
        let (shown, files) = (session.shown(&written.path), sources.files.len());
        report::line(&format!("{shown}  {}  {files} files", report::bytes(written.size)));
        report::line(&format!("SHA-256 {sha256}"));
        report::line(&session.shown(&list));
    }
    Ok(ExitCode::SUCCESS)
}

fn inputs(commit: String, files: &BTreeMap<String, SourceFile>, session: &Session) -> Result<Inputs> {
    let Some(SourceFile::File { content, .. }) = files.get("Cargo.lock") else { bail!("git has no Cargo.lock") };
    let rustc = Command::new("rustc").arg("--version").output().context("cannot run rustc")?;
    let builds = modules::builds(session)?;
    let nginx = builds.sources().map(|(version, source)| Nginx {
        version: *version,
        sha256: source.sha256.clone(),
        crate_name: source.crate_name.clone(),
    });
    Ok(Inputs {
        version: session.version()?.to_string(),
        commit,
        epoch: session.epoch()?,
        cargo_lock: package::sha256_of(content),
        rustc: String::from_utf8_lossy(&rustc.stdout).trim().to_owned(),
        tools: tools(session)?,
        nginx: nginx.collect(),
    })
}

/// Fetched if they are not there, since only the file itself tells its digest.
fn tools(session: &Session) -> Result<Vec<Tool>> {
    let [zig, zigbuild] = package::linker(session)?.programs();
    let given = std::env::var_os("WALLARM_TOOLCHAIN").map(PathBuf::from);
    let libclang = Libclang::fetch(given.as_deref(), &session.tools)?.library();
    let tool =
        |name, version, path: &Path| Ok::<_, anyhow::Error>(Tool { name, version, sha256: package::sha256(path)? });
    Ok(vec![
        tool("zig", ZIG_VERSION, &zig)?,
        tool("cargo-zigbuild", ZIGBUILD_VERSION, &zigbuild)?,
        tool("libclang.so", LIBCLANG_VERSION, &libclang)?,
    ])
}

/// Every file of the last commit, as git holds it: neither umask nor line-ending settings reach it.
fn committed(session: &Session) -> Result<BTreeMap<String, SourceFile>> {
    let mut files = BTreeMap::new();
    for record in git(&["ls-tree", "-r", "-z", "HEAD"], session)?.split('\0').filter(|record| !record.is_empty()) {
        let (facts, name) = record.split_once('\t').with_context(|| format!("git ls-tree says `{record}`"))?;
        let [mode, kind, object] = facts.split(' ').collect::<Vec<_>>()[..] else {
            bail!("git ls-tree says `{record}`")
        };
        ensure!(kind == "blob", "{name} is a {kind}, which a tarball cannot hold");
        let content = git_bytes(&["cat-file", "blob", object], session)?;
        let file = match mode {
            "120000" => SourceFile::Symlink(String::from_utf8_lossy(&content).into_owned()),
            _ => SourceFile::File { content, executable: mode == "100755" },
        };
        files.insert(name.to_owned(), file);
    }
    Ok(files)
}

fn clean(session: &Session) -> Result<bool> {
    Ok(git(&["status", "--porcelain", "--untracked-files=no"], session)?.is_empty())
}

fn git(arguments: &[&str], session: &Session) -> Result<String> {
    String::from_utf8(git_bytes(arguments, session)?).context("a file's name is not UTF-8")
}

fn git_bytes(arguments: &[&str], session: &Session) -> Result<Vec<u8>> {
    let output = Command::new("git").current_dir(&session.root).args(arguments).output().context("cannot run git")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), complaint.trim());
    Ok(output.stdout)
}
