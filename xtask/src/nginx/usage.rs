//! What a process uses, from `/proc` (proc(5)).

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Processor time of every thread of `pid` so far, in user and kernel mode. The scheduler counts it in nanoseconds.
///
/// # Errors
///
/// If there is no such process.
pub fn processor_time(pid: u32) -> Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("no process {pid}"))? {
        let path = task?.path().join("schedstat");
        // A thread may end between listing and reading.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let first = text.split_whitespace().next().and_then(|field| field.parse::<u64>().ok());
        total += first.with_context(|| format!("{} begins with no number", path.display()))?;
    }
    Ok(Duration::from_nanos(total))
}

/// Resident memory of `pid`, in bytes.
///
/// # Errors
///
/// If there is no such process.
pub fn resident(pid: u32) -> Result<u64> {
    let kilobytes = status(pid, "VmRSS:")?;
    let number = kilobytes.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    Ok(number.with_context(|| format!("VmRSS of process {pid} is `{kilobytes}`"))? * 1024)
}

/// Open file descriptors of `pid`.
///
/// # Errors
///
/// If there is no such process.
pub fn open_files(pid: u32) -> Result<usize> {
    let folder = format!("/proc/{pid}/fd");
    Ok(fs::read_dir(&folder).with_context(|| format!("cannot list {folder}"))?.count())
}

/// Processes that `pid` started and that still run; a zombie does not.
#[must_use]
pub fn children(pid: u32) -> Vec<u32> {
    // One file by process, where a look through all of /proc would cost more than what is being tested.
    let listed = || fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    // proc_pid_task(5): a child may be left out while another one ends. One that is left out of two lists in a row is gone.
    let mut list = listed();
    loop {
        let again = listed();
        if again == list {
            break;
        }
        list = again;
    }
    let runs = |child: &u32| status(*child, "State:").is_ok_and(|state| !state.starts_with('Z'));
    list.split_whitespace().filter_map(|word| word.parse().ok()).filter(runs).collect()
}

fn status(pid: u32, field: &str) -> Result<String> {
    let path = PathBuf::from(format!("/proc/{pid}/status"));
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let line = text.lines().find_map(|line| Some(line.strip_prefix(field)?.trim().to_owned()));
    line.with_context(|| format!("{} has no {field}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_memory_and_files() {
        let own = std::process::id();
        assert!(processor_time(own).unwrap() > Duration::ZERO);
        assert!(resident(own).unwrap() > 100_000);
        assert!(open_files(own).unwrap() >= 3);
    }
}
