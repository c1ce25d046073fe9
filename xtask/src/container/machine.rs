//! One booted machine.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cgroup::{self, Groups};
use super::network::{self, Cable, Link};
use super::{Finished, Interrupt, process};

const SCRIPT: &str = include_str!("machine.sh");

/// How long a machine may take from the first process to the end of its start.
const BOOT: Duration = Duration::from_secs(90);

/// Who runs a command inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// A person with an account of their own, who may use sudo.
    Administrator,
    /// The superuser: for what the test itself must see or do.
    Root,
}

/// A machine that runs. Dropping it ends it and leaves nothing.
#[derive(Debug)]
pub struct Machine {
    // The order is that of their end: control groups and folder can go when the processes are gone.
    supervisor: Supervisor,
    leader: u32,
    link: Link,
    _groups: Groups,
    _scratch: Scratch,
}

impl Machine {
    /// Boots a copy of `root` and waits until systemd says that it is up. `work` is a folder for small files.
    ///
    /// # Errors
    ///
    /// If a program is missing, the machine does not come up in time, or `interrupt` was raised. Nothing is left then.
    pub fn boot(root: &Path, work: &Path, interrupt: &Interrupt) -> Result<Self> {
        let (name, seed) = new_name();
        let scratch = Scratch::make(&work.join(&name))?;
        let groups = Groups::make(&name)?;
        let supervisor = Supervisor::start(&name, root, &scratch, &groups)?;
        let until = Instant::now() + BOOT;
        let mut machine = Self {
            supervisor,
            leader: 0,
            link: Link { host: Ipv4Addr::UNSPECIFIED, machine: Ipv4Addr::UNSPECIFIED },
            _groups: groups,
            _scratch: scratch,
        };
        machine.leader = machine.await_leader(until, interrupt)?;
        machine.await_start(until, interrupt)?;
        machine.link = network::connect(&name, machine.leader, seed, interrupt)?;
        Ok(machine)
    }

    /// The address under which the machine sees this host.
    #[must_use]
    pub fn host_address(&self) -> Ipv4Addr {
        self.link.host
    }

    /// The address under which this host sees the machine.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.link.machine
    }

    /// Connects this machine and another by a link of their own, the `number`th of this machine, from 0.
    ///
    /// # Errors
    ///
    /// If `ip` or `nsenter` is missing or fails.
    pub fn cable(&self, other: &Self, number: u8, interrupt: &Interrupt) -> Result<Cable> {
        network::cable(self.leader, other.leader, number, interrupt)
    }

    /// Runs a line of shell inside, with `stdin` as its input.
    ///
    /// # Errors
    ///
    /// If it takes longer than `limit` or `interrupt` was raised. A command that fails is no error: see [`Finished::ok`].
    pub fn run(
        &self,
        login: Login,
        line: &str,
        stdin: &str,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Finished> {
        let mut command = self.enter();
        // The limit is kept inside too: killing nsenter would leave the command running.
        command.args(["timeout", "--kill-after=5", &limit.as_secs().to_string()]);
        match login {
            Login::Administrator => command.args(["runuser", "--login", "admin", "--command", line]),
            Login::Root => command.args(["bash", "-c", line]),
        };
        process::run(&mut command, stdin, limit + Duration::from_secs(10), interrupt)
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.leader.to_string(), "--all", "--"]);
        command.env_clear().envs([
            ("HOME", "/root"),
            ("LANG", "C.UTF-8"),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("TERM", "dumb"),
        ]);
        command
    }

    /// The machine's systemd, seen from here: a grandchild of the supervisor, and PID 1 of its own name space.
    fn await_leader(&mut self, until: Instant, interrupt: &Interrupt) -> Result<u32> {
        loop {
            let found =
                children(self.supervisor.child.id()).into_iter().flat_map(children).find(|pid| is_systemd(*pid));
            if let Some(leader) = found {
                return Ok(leader);
            }
            self.still_starting(until, interrupt)?;
        }
    }

    fn await_start(&mut self, until: Instant, interrupt: &Interrupt) -> Result<()> {
        loop {
            // Fails while systemd does not answer yet; with --wait it then ends when the start is done.
            let left = until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
            let asked =
                process::run(self.enter().args(["systemctl", "is-system-running", "--wait"]), "", left, interrupt)?;
            // "degraded": some unit of the base system failed, which is not what is tested here.
            if matches!(asked.output.trim(), "running" | "degraded") {
                return Ok(());
            }
            self.still_starting(until, interrupt)?;
        }
    }

    fn still_starting(&mut self, until: Instant, interrupt: &Interrupt) -> Result<()> {
        interrupt.check()?;
        if let Some(status) = self.supervisor.child.try_wait()? {
            bail!("the machine did not start ({status}):\n{}", self.supervisor.console());
        }
        if Instant::now() > until {
            bail!("the machine was not up after {} s:\n{}", BOOT.as_secs(), self.supervisor.console());
        }
        std::thread::sleep(Duration::from_millis(20));
        Ok(())
    }
}

/// The process below which a machine lives.
#[derive(Debug)]
struct Supervisor {
    child: Child,
    console: PathBuf,
}

impl Supervisor {
    fn start(name: &str, root: &Path, scratch: &Scratch, groups: &Groups) -> Result<Self> {
        let console = scratch.folder.join("console");
        let output = File::create(&console).with_context(|| format!("cannot write {}", console.display()))?;
        let mut command = process::sealed("sh");
        command.args(["-c", SCRIPT, "machine.sh", name]);
        command.arg(root).arg(scratch.mount_point()).args(groups.folders());
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        Ok(Self { child: process::spawn(&mut command)?, console })
    }

    /// The last of what nspawn and the machine wrote to the console.
    fn console(&self) -> String {
        let output = String::from_utf8_lossy(&fs::read(&self.console).unwrap_or_default()).into_owned();
        Finished { code: None, output }.tail(15)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}

/// The folder of one machine.
#[derive(Debug)]
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn make(folder: &Path) -> Result<Self> {
        let scratch = Self { folder: folder.to_owned() };
        let mount_point = scratch.mount_point();
        fs::create_dir_all(&mount_point).with_context(|| format!("cannot make {}", mount_point.display()))?;
        Ok(scratch)
    }

    fn mount_point(&self) -> PathBuf {
        self.folder.join("machine")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes what killed runs have left: control groups, and folders below `work`.
///
/// # Errors
///
/// If something cannot be removed.
pub fn sweep(work: &Path) -> Result<()> {
    for group in cgroup::hierarchies()?.iter().flat_map(|hierarchy| leftovers(hierarchy)) {
        cgroup::remove(&group).with_context(|| format!("cannot remove the control group {}", group.display()))?;
    }
    for folder in leftovers(work) {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let gone = |path: &PathBuf| {
        let maker = path.file_name().and_then(|name| maker(name.to_str()?));
        maker.is_some_and(|pid| !alive(pid))
    };
    entries.map(|entry| entry.path()).filter(gone).collect()
}

/// Whether a process with this number runs.
#[must_use]
pub fn alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// A name for a machine that no other run uses, and a number that differs as well.
///
/// At most 12 bytes: with `ve-` before it, it names a network device, which the kernel limits to 15.
fn new_name() -> (String, u32) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed) % 256;
    let pid = std::process::id();
    (format!("wn-{pid:x}-{number:x}"), pid.wrapping_mul(16).wrapping_add(number))
}

/// The process that gave a machine this name.
fn maker(name: &str) -> Option<u32> {
    let (pid, _) = name.strip_prefix("wn-")?.split_once('-')?;
    u32::from_str_radix(pid, 16).ok()
}

fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| status_field(*pid, "PPid:").is_some_and(|value| value == parent.to_string())).collect()
}

/// nspawn's helpers are its children too for a moment. The one that matters is PID 1 where it lives and has started systemd.
fn is_systemd(pid: u32) -> bool {
    let first = status_field(pid, "NSpid:").is_some_and(|pids| pids.split_whitespace().last() == Some("1"));
    first && status_field(pid, "Name:").is_some_and(|name| name == "systemd")
}

/// A line of `/proc/<pid>/status`, see proc(5).
fn status_field(pid: u32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| Some(line.strip_prefix(field)?.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_who_made_it_and_fits_a_network_device() {
        let (one, _) = new_name();
        let (two, _) = new_name();
        assert_ne!(one, two);
        assert_eq!(maker(&one), Some(std::process::id()));
        // The highest process number there is.
        assert!(format!("ve-wn-{:x}-{:x}", (1 << 22) - 1, 255).len() <= 15);
    }

    #[test]
    fn folders_of_runs_that_are_gone_are_leftovers_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("true").spawn().unwrap();
        let gone = format!("wn-{:x}-0", child.id());
        child.wait().unwrap();
        for name in [gone.as_str(), &new_name().0, "wn-zz-0", "roots"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        assert_eq!(leftovers(folder.path()), [folder.path().join(gone)]);
    }
}
