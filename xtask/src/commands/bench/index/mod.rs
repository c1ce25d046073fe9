//! `cargo xtask bench index`: indexing and publishing beside apt-ftparchive, createrepo_c, aptly and reprepro.
//!
//! Everything runs in one go over the same packages, in turns, so that whatever else the machine does strikes all alike. Our own
//! figures are taken in a process for each run, from the call that `repo index` and `repo build` make to its return, signatures included;
//! how long those took is told apart, since peers for indexes make none.

mod ours;
mod packages;
mod page;
mod peers;
mod threads;
mod timing;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use packaging::distro::Format;
use serde::Serialize;

pub use self::ours::run as lay_out;
use self::packages::{Kind, Made};
use self::peers::Peer;
use self::timing::Timing;
use crate::cli::{BenchIndex, KeyArgs};
use crate::session::Session;
use crate::{keys, report};

/// Bytes of a package that is indexed: as in docs/benchmarks, 3,000 make some 210 MB.
const PACKAGE: usize = 70_000;

/// Packages that are published, and bytes of each.
const PUBLISHED: (usize, usize) = (300, 1_150_000);

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Results {
    /// How often.
    pub rounds: u32,
    /// Table rows.
    pub rows: Vec<Row>,
}

/// One job, done by us and by a peer.
#[derive(Debug, Serialize)]
pub struct Row {
    /// `deb`, `rpm`.
    pub format: &'static str,
    /// How many packages.
    pub packages: usize,
    /// What was done.
    pub job: &'static str,
    /// Our figures.
    pub ours: Timing,
    /// The peers', by name.
    pub peers: Vec<(&'static str, Timing)>,
    /// The first peer's time multiplied by this is what we want to stay below.
    pub goal: Option<f64>,
}

impl Row {
    /// Our time divided by the first peer's; without signatures where the peer makes none.
    pub fn ratio(&self) -> Option<f64> {
        let (_, peer) = self.peers.first()?;
        let ours = if self.job == peers::PUBLISH { self.ours.wall } else { self.ours.unsigned() };
        Some(ours / peer.wall)
    }
}

/// Runs the command.
pub fn run(args: &BenchIndex, session: &Session) -> Result<ExitCode> {
    let folder = session.target.join("bench/index");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let signer = keys::load(&KeyArgs::default(), session)?;
    let mut results = Results { rounds: args.rounds, rows: Vec::new() };
    for count in &args.packages {
        for format in [Format::Deb, Format::Rpm] {
            let kind = Kind { format, count: *count, bytes: PACKAGE };
            let made = packages::make(kind, &folder, signer.as_ref(), session)?;
            let bench = Bench { kind, made, folder: &folder, rounds: args.rounds };
            session.progress.note(&format!("Indexing {count} {}s", format.extension()));
            bench.index(&mut results)?;
        }
    }
    let kind = Kind { format: Format::Deb, count: PUBLISHED.0, bytes: PUBLISHED.1 };
    let made = packages::make(kind, &folder, signer.as_ref(), session)?;
    session.progress.note(&format!("Publishing {} debs", kind.count));
    Bench { kind, made, folder: &folder, rounds: args.rounds }.publish(&mut results)?;
    if session.json {
        report::json(&results)?;
    } else {
        let (head, rows) = page::table(&results);
        report::table(head, &rows);
    }
    if args.record {
        page::record(&results, session)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One set of packages under measurement.
struct Bench<'a> {
    kind: Kind,
    made: Made,
    folder: &'a Path,
    rounds: u32,
}

impl Bench<'_> {
    /// Cold, again without a change, and with one package more.
    fn index(&self, results: &mut Results) -> Result<()> {
        let peers = peers::of_indexes(self.kind.format);
        read_all(&self.made.pool)?;
        let mut ours: [Vec<Timing>; 3] = Default::default();
        let mut theirs: [Vec<Vec<Timing>>; 3] = std::array::from_fn(|_| vec![Vec::new(); peers.len()]);
        for _ in 0..self.rounds {
            let tree = Tree::new(self)?;
            for (job, runs) in ours.iter_mut().enumerate() {
                if job == 2 {
                    tree.add(&self.made.one_more)?;
                }
                runs.push(ours::lay_out(self.kind.format, &tree.root, Some(&tree.caches), None)?);
            }
            for (number, peer) in peers.iter().enumerate() {
                let tree = Tree::new(self)?;
                for (job, runs) in theirs.iter_mut().enumerate() {
                    if job == 2 {
                        tree.add(&self.made.one_more)?;
                    }
                    runs[number].push(peer.index(&tree, job > 0)?);
                }
            }
        }
        for (job, (ours, theirs)) in ours.into_iter().zip(theirs).enumerate() {
            let peers = peers.iter().zip(theirs).map(|(peer, runs)| (peer.name(), Timing::median(runs))).collect();
            results.rows.push(Row {
                format: self.kind.format.extension(),
                packages: self.kind.count,
                job: peers::JOBS[job],
                ours: Timing::median(ours),
                peers,
                goal: peers::goal(self.kind.format, job),
            });
        }
        Ok(())
    }

    /// From a folder of packages to a signed repository.
    fn publish(&self, results: &mut Results) -> Result<()> {
        let peers = Peer::publishers();
        read_all(&self.made.pool)?;
        let mut ours = Vec::new();
        let mut theirs = vec![Vec::new(); peers.len()];
        for _ in 0..self.rounds {
            let tree = Tree::empty(self)?;
            ours.push(ours::lay_out(self.kind.format, &tree.root, None, Some(&self.made.pool))?);
            for (peer, runs) in peers.iter().zip(&mut theirs) {
                let tree = Tree::empty(self)?;
                runs.push(peer.publish(&tree, &self.made.pool)?);
            }
        }
        let peers = peers.iter().zip(theirs).map(|(peer, runs)| (peer.name(), Timing::median(runs))).collect();
        results.rows.push(Row {
            format: self.kind.format.extension(),
            packages: self.kind.count,
            job: peers::PUBLISH,
            ours: Timing::median(ours),
            peers,
            goal: Some(0.2),
        });
        Ok(())
    }
}

/// A tree of its own for each run; packages are linked into it, so that nobody pays for copies.
pub struct Tree {
    /// The tree.
    pub root: PathBuf,
    /// The repository's folder of packages.
    pub pool: PathBuf,
    /// Caches of whoever keeps some.
    pub caches: PathBuf,
    _folder: tempfile::TempDir,
}

impl Tree {
    fn new(bench: &Bench<'_>) -> Result<Self> {
        let tree = Self::empty(bench)?;
        fs::create_dir_all(&tree.pool).with_context(|| format!("cannot make {}", tree.pool.display()))?;
        for file in files_in(&bench.made.pool)? {
            tree.add(&file)?;
        }
        Ok(tree)
    }

    fn empty(bench: &Bench<'_>) -> Result<Self> {
        let folder = tempfile::tempdir_in(bench.folder).context("cannot make a folder for a run")?;
        let root = folder.path().join("tree");
        let pool = match bench.kind.format {
            Format::Deb => root.join("debian/bench/pool"),
            Format::Rpm => root.join("yum/Packages"),
        };
        Ok(Self { caches: folder.path().join("caches"), root, pool, _folder: folder })
    }

    fn add(&self, file: &Path) -> Result<()> {
        let target = self.pool.join(file.file_name().unwrap_or_default());
        fs::hard_link(file, &target).with_context(|| format!("cannot link {}", target.display()))
    }
}

/// Reads every package once, so that whoever is first does not wait for the disk on behalf of the others.
fn read_all(folder: &Path) -> Result<()> {
    for file in files_in(folder)? {
        let mut open = fs::File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
        io::copy(&mut open, &mut io::sink()).with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(())
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
