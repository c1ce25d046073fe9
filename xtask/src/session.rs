//! What every command needs to know of the checkout: its folders, its version, the time stamp of its commit.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use packaging::changelog::Changelog;
use packaging::distro::Matrix;
use packaging::manifest::Manifest;
use packaging::project::Project;
use packaging::resolve::Release;
use packaging::version::Upstream;

use crate::report::{self, Progress};

/// One run of one command.
pub struct Session {
    /// The checkout.
    pub root: PathBuf,
    /// cargo's target folder, where everything that can be made again lives.
    pub target: PathBuf,
    /// Where fetched tools are kept.
    pub tools: PathBuf,
    /// Results go out as JSON.
    pub json: bool,
    /// Steps, shown as they happen.
    pub progress: Progress,
}

impl Session {
    /// Finds the checkout.
    pub fn open(json: bool, quiet: bool) -> Result<Self> {
        let root = find_root()?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        let tools = target.join("toolchain");
        Ok(Self { root, target, tools, json, progress: Progress::new(quiet) })
    }

    /// The same session without progress, for work that repeats itself.
    pub fn hushed(&self) -> Self {
        Self { progress: Progress::new(true), ..self.again() }
    }

    /// The same session, for something that keeps its own.
    pub fn again(&self) -> Self {
        Self {
            root: self.root.clone(),
            target: self.target.clone(),
            tools: self.tools.clone(),
            json: self.json,
            progress: Progress::new(self.progress.is_silent()),
        }
    }

    /// The distro matrix.
    pub fn matrix(&self) -> Result<Matrix> {
        Ok(Matrix::load(&self.root.join("packaging/distros.toml"))?)
    }

    /// Every package's definition.
    pub fn manifests(&self) -> Result<Vec<Manifest>> {
        Ok(Manifest::load_all(&self.root.join("packaging/packages"))?)
    }

    /// Who makes the packages.
    pub fn project(&self) -> Result<Project> {
        Ok(Project::load(&self.root.join("packaging/project.toml"))?)
    }

    /// Version of this checkout: the workspace's, which is this program's own.
    pub fn version(&self) -> Result<Upstream> {
        Ok(env!("CARGO_PKG_VERSION").parse()?)
    }

    /// What all packages of a run have in common.
    pub fn release(&self, revision: u32, url: Option<&str>) -> Result<Release> {
        let mut project = self.project()?;
        if let Some(url) = url {
            project.repository_url = url.to_owned();
        }
        let path = self.root.join("CHANGELOG.md");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let changelog = Changelog::parse(&text).with_context(|| path.display().to_string())?;
        let upstream = self.version()?;
        match changelog.0.first() {
            Some(newest) if newest.version == upstream => {}
            _ => bail!(
                "{}: the newest release is not {upstream}, the version in Cargo.toml: add its section",
                path.display()
            ),
        }
        Ok(Release { project, upstream, revision, changelog, epoch: self.epoch()? })
    }

    /// The one time stamp of everything that is made: `SOURCE_DATE_EPOCH` if it is set, otherwise the time of the
    /// commit that is checked out, in Unix seconds.
    pub fn epoch(&self) -> Result<u64> {
        if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
            return text.parse().with_context(|| format!("SOURCE_DATE_EPOCH is `{text}`: write Unix seconds"));
        }
        let git = Command::new("git").current_dir(&self.root).args(["log", "-1", "--format=%ct"]).output();
        let seconds = git.ok().and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok());
        seconds.context(
            "this is no git checkout with a commit: set SOURCE_DATE_EPOCH to the release's time in Unix seconds",
        )
    }

    /// The commit that is checked out, if this is a git checkout. Uncommitted work makes it `<commit>, changed`.
    pub fn commit(&self) -> Option<String> {
        let git = |args: &[&str]| {
            let output = Command::new("git").current_dir(&self.root).args(args).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let commit = git(&["rev-parse", "HEAD"])?;
        let clean = git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
        Some(if clean { commit } else { format!("{commit}, changed") })
    }

    /// [`Session::epoch`] as a point in time.
    pub fn epoch_time(&self) -> Result<SystemTime> {
        Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(self.epoch()?))
    }

    /// Says something that is not the result: beside it, where the result is JSON.
    pub fn say(&self, text: &str) {
        if self.json { report::aside(text) } else { report::line(text) }
    }

    /// A folder in `target` that a flag may override.
    pub fn folder(&self, flag: Option<&Path>, default: &str) -> PathBuf {
        flag.map_or_else(|| self.target.join(default), Path::to_owned)
    }

    /// A path as people want to read it: relative to where they are.
    pub fn shown(&self, path: &Path) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    }
}

/// cargo tells which manifest it runs; started by hand, the checkout is searched upwards.
fn find_root() -> Result<PathBuf> {
    if let Some(manifest) = std::env::var_os("CARGO_MANIFEST_DIR") {
        let manifest = PathBuf::from(manifest);
        return manifest.parent().map(Path::to_owned).context("CARGO_MANIFEST_DIR has no parent");
    }
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    let root = here.ancestors().find(|folder| folder.join("packaging/distros.toml").is_file());
    root.map(Path::to_owned).context("run this inside the checkout: no folder above has packaging/distros.toml")
}
