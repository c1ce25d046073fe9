//! What a piece of work takes: time on the clock and on the processors, memory, and how much of it is signing.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use signing::{Keyring, SignError, SignatureKind, Signer};

/// What one run took.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of all processors, in user and kernel mode.
    pub cpu: f64,
    /// Seconds on the clock that went into signatures, which peers do not make.
    pub signing: f64,
    /// Most resident memory, in MB; 0 where it was not measured.
    pub memory: f64,
}

impl Timing {
    /// Seconds on the clock without signatures.
    pub fn unsigned(&self) -> f64 {
        self.wall - self.signing
    }

    /// The median of each figure.
    pub fn median(mut runs: Vec<Self>) -> Self {
        let mut middle = |figure: fn(&Self) -> f64| {
            runs.sort_by(|a, b| figure(a).total_cmp(&figure(b)));
            runs.get(runs.len() / 2).map_or(0.0, figure)
        };
        Self {
            wall: middle(|run| run.wall),
            cpu: middle(|run| run.cpu),
            signing: middle(|run| run.signing),
            memory: middle(|run| run.memory),
        }
    }
}

/// Measures work of this process.
pub fn own<T>(signer: &Stopwatch<'_>, work: impl FnOnce() -> Result<T>) -> Result<Timing> {
    signer.spent.store(0, Ordering::Relaxed);
    // 5 sets the peak of resident memory back (proc(5)).
    fs::write("/proc/self/clear_refs", "5").context("cannot set the peak of memory back")?;
    let (cpu, begun) = (own_processor_time(), Instant::now());
    work()?;
    let wall = begun.elapsed().as_secs_f64();
    Ok(Timing {
        wall,
        cpu: own_processor_time() - cpu,
        signing: Duration::from_nanos(signer.spent.load(Ordering::Relaxed)).as_secs_f64(),
        memory: peak_memory()?,
    })
}

/// Measures a program from start to end. Its output goes where nobody reads it.
pub fn program(command: &mut Command) -> Result<Timing> {
    program_to(command, Stdio::null())
}

/// The same for a program whose output is the result.
pub fn program_to(command: &mut Command, output: impl Into<Stdio>) -> Result<Timing> {
    let (cpu, begun) = (processor_time_of_children()?, Instant::now());
    let status = command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(Timing { wall: begun.elapsed().as_secs_f64(), cpu: processor_time_of_children()? - cpu, ..Timing::default() })
}

/// Seconds that all threads of this process have had on processors, those that ended included.
fn own_processor_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Seconds that children which have ended had on processors: fields 16 and 17 of `/proc/self/stat`, in hundredths.
fn processor_time_of_children() -> Result<f64> {
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
    ensure!(ticks.len() == 2, "/proc/self/stat is not as proc(5) has it");
    Ok(ticks.iter().sum::<f64>() / TICKS)
}

fn peak_memory() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in /proc/self/status")?;
    let kilobytes: f64 = line.split_whitespace().next().context("VmHWM has no number")?.parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

/// Signs, and keeps how long that took.
#[derive(Debug)]
pub struct Stopwatch<'a> {
    signer: &'a dyn Signer,
    spent: AtomicU64,
}

impl<'a> Stopwatch<'a> {
    /// Signs as `signer` does.
    pub fn new(signer: &'a dyn Signer) -> Self {
        Self { signer, spent: AtomicU64::new(0) }
    }
}

impl Signer for Stopwatch<'_> {
    fn keyring(&self) -> &Keyring {
        self.signer.keyring()
    }

    fn sign_detached(&self, data: &[u8], when: SystemTime) -> Result<Vec<u8>, SignError> {
        self.signer.sign_detached(data, when)
    }

    fn packets(&self, kind: SignatureKind, octets: &[u8], when: SystemTime) -> Result<Vec<Vec<u8>>, SignError> {
        let begun = Instant::now();
        let packets = self.signer.packets(kind, octets, when);
        let spent = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spent.fetch_add(spent, Ordering::Relaxed);
        packets
    }
}
