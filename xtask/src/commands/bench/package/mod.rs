//! `cargo xtask bench package`: one large binary, packed by this project and by the tools that others pack with.
//!
//! Every round gives each contender each job in turn, as a process of its own, and figures are medians over rounds, so that a disturbance of the
//! machine meets all alike.
//!
//! | Module | Holds |
//! |---|---|
//! | [`contender`] | who packs, and how each is told to |
//! | [`results`] | figures, goals and medians |
//! | [`page`] | tables, the page in the documentation, its picture |

mod contender;
mod page;
mod results;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use super::measure;
use crate::cli::{BenchPack, BenchPackage};
use crate::report;
use crate::session::Session;
use contender::{Contender, JOBS};
use results::{Input, Results, Row, Sample};

/// Runs the command.
pub fn run(args: &BenchPackage, session: &Session) -> Result<ExitCode> {
    let elf = match &args.elf {
        Some(file) => file.canonicalize().with_context(|| format!("cannot find {}", file.display()))?,
        None => usual_elf()?,
    };
    let folder = tempfile::tempdir().context("cannot make a folder for packages")?;
    let results = compare(&elf, args.rounds, folder.path(), session)?;
    if session.json {
        report::json(&results)?;
    } else {
        page::show(&results);
    }
    if args.record {
        record(&results, session)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Packs one file once and ends: what [`run`] takes the time of.
pub fn pack(args: &BenchPack, session: &Session) -> Result<ExitCode> {
    contender::pack(&args.elf, args.format, args.compression, &args.out, session)?;
    Ok(ExitCode::SUCCESS)
}

fn compare(elf: &Path, rounds: u32, folder: &Path, session: &Session) -> Result<Results> {
    let (contenders, left_out) = contender::all(elf, folder)?;
    for remark in &left_out {
        session.progress.note(remark);
    }
    let mut samples: Vec<Vec<Vec<Sample>>> = vec![vec![Vec::new(); contenders.len()]; JOBS.len()];
    for round in 1..=rounds {
        for (job, row) in JOBS.iter().zip(&mut samples) {
            for (contender, cell) in contenders.iter().zip(row) {
                let Some(command) = contender.command(job) else { continue };
                session.progress.note(&format!("round {round} of {rounds}: {}, {}", job.name, contender.name()));
                cell.push(sample(command, &contender.output(job))?);
            }
        }
    }
    let names: Vec<&'static str> = contenders.iter().map(Contender::name).collect();
    let rows = JOBS.iter().zip(&samples).map(|(job, row)| Row::new(job, &names, row)).collect();
    let versions = contenders.iter().filter_map(Contender::version).collect();
    let bytes = fs::metadata(elf).with_context(|| format!("cannot read {}", elf.display()))?.len();
    let name = elf.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Results { input: Input { name, bytes }, rounds, processors, versions, left_out, jobs: rows })
}

/// One run, into an empty folder.
fn sample(mut command: Command, out: &Path) -> Result<Sample> {
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("cannot clear {}", out.display()))?;
    }
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let used = measure::run(&mut command)?;
    let size = size_of_package(out)?;
    Ok(Sample::new(used, size))
}

/// The one package below a folder; rpmbuild makes a folder for the processor.
fn size_of_package(folder: &Path) -> Result<u64> {
    let context = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.is_dir() {
            return size_of_package(&path);
        }
        if path.extension().is_some_and(|ending| ending == "deb" || ending == "rpm") {
            return Ok(fs::metadata(&path).with_context(context)?.len());
        }
    }
    anyhow::bail!("{} holds no package", folder.display())
}

/// A stripped binary of some 20 MB that is wherever this project is built: rustup, which brings Rust.
fn usual_elf() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).context("there is no home folder")?;
    let rustup = home.join(OsString::from("bin/rustup"));
    let found = rustup.canonicalize();
    found.with_context(|| format!("cannot find {}: name another binary of about 20 MB with --elf", rustup.display()))
}

/// Keeps the figures in the documentation.
fn record(results: &Results, session: &Session) -> Result<()> {
    super::record("package", &page::page(results), &page::svg(results), session)
}
