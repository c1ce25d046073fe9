//! The second build: this program, run in a copy of the checkout, by what looks like another person on another machine.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::key_flags;
use crate::cli::KeyArgs;
use crate::keys;
use crate::session::Session;

/// Longer than the checkout's own path, and with characters that need care.
const FOLDER: &str = "another folder, with a longer path";

/// What is built a second time.
pub struct Order {
    /// Names of distros.
    pub distros: Vec<String>,
    /// Which packing.
    pub revision: u32,
    /// Sources of NGINX that the user gave.
    pub nginx_sources: Vec<PathBuf>,
    /// Go without modules whose source cannot be had.
    pub allow_missing: bool,
    /// Where packages go.
    pub out: PathBuf,
    /// One key for both: a signature tells who signed, so two keys would give two files.
    pub key: KeyArgs,
    /// What is different about it.
    pub disguise: Disguise,
}

/// Circumstances that should not matter.
pub struct Disguise {
    /// Variables of the environment.
    pub variables: Vec<(&'static str, &'static str)>,
    /// The bits that new files do not get.
    pub umask: &'static str,
    /// Only this processor works.
    pub processor: Option<u32>,
}

impl Disguise {
    /// Another zone, language, user and umask; with `one_processor`, one processor only, which takes longer.
    pub fn usual(one_processor: bool) -> Self {
        let variables = vec![
            ("TZ", "Pacific/Kiritimati"),
            ("LANG", "tr_TR.UTF-8"),
            ("LC_ALL", "C"),
            ("USER", "somebody-else"),
            ("LOGNAME", "somebody-else"),
            ("EMAIL", "somebody@else.example"),
            ("HOSTNAME", "another-machine"),
        ];
        let processor = if one_processor { first_processor() } else { None };
        Self { variables, umask: "0027", processor }
    }

    /// For people.
    pub fn described(&self) -> Vec<String> {
        let mut parts: Vec<String> = self.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        parts.push(format!("umask {}", self.umask));
        parts.push(format!("the checkout in a folder `{FOLDER}`"));
        parts.push("an empty cache of the linker".to_owned());
        if self.processor.is_some() {
            parts.push("one processor".to_owned());
        }
        parts
    }

    /// The program, run so.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("umask {}; exec \"$@\"", self.umask)).arg("sh");
        if let Some(number) = self.processor {
            command.args(["taskset", "-c", &number.to_string()]);
        }
        command.arg(program).envs(self.variables.iter().copied());
        command
    }
}

/// The first processor that this process may use.
fn first_processor() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    list.trim().split([',', '-']).next()?.parse().ok()
}

/// The configured key by its file, or the development key of this checkout, which the copy would not have.
pub fn key_for_both(key: &KeyArgs, session: &Session) -> Result<KeyArgs> {
    keys::load(key, session)?;
    let mut key = key.clone();
    // What the environment configures, the copy inherits.
    if !keys::is_configured(&key.which) {
        key.which.key = vec![keys::development_key(session)];
    }
    Ok(key)
}

/// Copies the checkout to `folder` and packs everything there, from nothing but the fetched tools.
///
/// # Errors
/// When the copy cannot be made, or the build in it fails.
pub fn build(order: &Order, folder: &Path, session: &Session) -> Result<()> {
    let folder = folder.join(FOLDER);
    // A clean start: an old build there would prove less.
    super::remove(&folder)?;
    let copy = folder.join("checkout");
    copy_checkout(&session.root, &copy)?;
    let target = copy.join("target");
    fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
    let tools = target.join("toolchain");
    std::os::unix::fs::symlink(&session.tools, &tools).with_context(|| format!("cannot make {}", tools.display()))?;
    let program = std::env::current_exe().context("cannot find this program")?;
    let step = session.progress.step("Packing again, elsewhere");
    step.hand_over();
    let status = order
        .disguise
        .command(&program)
        .args(arguments(order))
        .current_dir(&copy)
        // As cargo tells this program where it is.
        .env("CARGO_MANIFEST_DIR", copy.join("xtask"))
        .env("CARGO_TARGET_DIR", &target)
        // zig keeps there what it compiles of glibc and of its own runtime: the copy makes that anew, too.
        .env("XDG_CACHE_HOME", target.join("cache"))
        .env("SOURCE_DATE_EPOCH", session.epoch()?.to_string())
        .stdout(std::process::Stdio::null())
        .status()
        .context("cannot run sh")?;
    ensure!(status.success(), "the second build failed, see above");
    step.done();
    Ok(())
}

fn arguments(order: &Order) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = ["--quiet", "package"].map(OsString::from).to_vec();
    let mut flag = |name: &str, value: &OsStr| arguments.extend([name.into(), value.to_owned()]);
    for distro in &order.distros {
        flag("--distro", distro.as_ref());
    }
    for source in &order.nginx_sources {
        flag("--nginx-source", source.as_ref());
    }
    flag("--revision", order.revision.to_string().as_ref());
    flag("--out", order.out.as_ref());
    arguments.extend(key_flags(&order.key));
    if order.allow_missing {
        arguments.push("--allow-missing".into());
    }
    arguments
}

/// Every file that git tracks or would track, as it is now: uncommitted work is looked at, too.
fn copy_checkout(from: &Path, to: &Path) -> Result<()> {
    let listed = Command::new("git")
        .current_dir(from)
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output()
        .context("cannot run git")?;
    ensure!(listed.status.success(), "git ls-files failed: this runs in a git checkout");
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        let (source, target) = (from.join(name), to.join(name));
        if !source.is_file() {
            continue;
        }
        let parent = target.parent().unwrap_or(to);
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disguised_program_sees_another_world() {
        let disguise = Disguise::usual(true);
        let output = disguise.command(Path::new("sh")).args(["-c", "umask; nproc; echo $TZ $USER"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "0027\n1\nPacific/Kiritimati somebody-else\n");
    }
}
