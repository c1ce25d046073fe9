//! What a program that runs to its end has used, by the kernel's account.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use wait4::Wait4 as _;

/// What one run used, with every process that it started and waited for.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// From start to end, on the clock.
    pub wall: Duration,
    /// Processor time, in user and kernel mode.
    pub cpu: Duration,
    /// The most memory that one of its processes had at a time, in bytes.
    pub resident: u64,
}

/// Runs a program whose output nobody reads.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn run(command: &mut Command) -> Result<Used> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot run {program}"))?;
    let ended = child.wait4().with_context(|| format!("cannot wait for {program}"))?;
    let wall = begun.elapsed();
    ensure!(ended.status.success(), "{program}: {}, see above", ended.status);
    Ok(Used { wall, cpu: ended.rusage.utime + ended.rusage.stime, resident: ended.rusage.maxrss })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_used_time_and_memory_also_in_its_children() {
        let used = run(Command::new("sh").args(["-c", "sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'; :"]))
            .unwrap();
        assert!(used.cpu > Duration::ZERO && used.wall > Duration::ZERO && used.resident > 100_000, "{used:?}");
        let failed = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(failed.contains("sh: exit status: 3"), "{failed}");
    }
}
