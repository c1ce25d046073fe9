//! This project's own runs, each in a process of its own: what an earlier one learned must not help a later one. The OpenPGP library, for
//! one, remembers which signatures it has found good as long as the process lives.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use packaging::distro::Format;
use repo_layout::{AptSuite, Bootstrap, Job, Selection, Silent, Site, TreePath, YumRepository};

use super::files_in;
use super::timing::{self, Stopwatch, Timing};
use crate::cli::{BenchLayOut, KeyArgs, PackFormat};
use crate::session::Session;
use crate::{keys, report};

/// Lays a tree out in another process: the packages that lie in it, or copies of those in `pool`.
pub fn lay_out(format: Format, root: &Path, caches: Option<&Path>, pool: Option<&Path>) -> Result<Timing> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.args(["--quiet", "bench", "lay-out", "--format", format.extension(), "--root"]).arg(root);
    for (option, folder) in [("--caches", caches), ("--pool", pool)] {
        if let Some(folder) = folder {
            command.arg(option).arg(folder);
        }
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot run this program")?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{command:?} printed no figures"))
}

/// The other process: lays out once, and prints what the call took.
pub fn run(args: &BenchLayOut, session: &Session) -> Result<ExitCode> {
    let signer = keys::load(&KeyArgs::default(), session)?;
    let packages = match &args.pool {
        Some(pool) => Selection::Exactly(files_in(pool)?),
        None => Selection::InPlace,
    };
    let site = site(args.format, packages)?;
    let signer = Stopwatch::new(signer.as_ref());
    let caches = args.caches.as_deref();
    let job = Job { signer: &signer, when: std::time::SystemTime::now(), caches, listener: &Silent };
    report::json(&timing::own(&signer, || Ok(repo_layout::build(&site, &args.root, &job)?))?)?;
    Ok(ExitCode::SUCCESS)
}

fn site(format: PackFormat, packages: Selection) -> Result<Site> {
    let mut site = Site::default();
    match format {
        PackFormat::Deb => site.suites.push(AptSuite {
            root: TreePath::new("debian")?,
            suite: TreePath::new("bench")?,
            origin: "Benchmark".to_owned(),
            label: "Benchmark".to_owned(),
            description: "Packages that hold noise".to_owned(),
            architectures: vec!["amd64".to_owned()],
            // No peer lists the files of debs.
            contents: false,
            packages,
        }),
        PackFormat::Rpm => site.yum.push(YumRepository {
            path: TreePath::new("yum")?,
            architecture: "x86_64".to_owned(),
            packages,
            bootstrap: Vec::<Bootstrap>::new(),
        }),
    }
    Ok(site)
}
