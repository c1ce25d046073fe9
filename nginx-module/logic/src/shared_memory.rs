//! What all tables in shared memory have in common: they are views of words that the boundary allocates, and processes that
//! use them may be killed at any moment.

use rustix::process::{Pid, test_kill_process};

/// The memory given is too small for what is to be kept in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{needed} words of shared memory are needed, {found} are there")]
pub struct TooSmall {
    /// Words needed, of eight bytes each.
    pub needed: usize,
    /// Words given.
    pub found: usize,
}

/// Whether a process with this number exists. One of another user does, even though it may not be sent signals.
#[must_use]
pub fn process_exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_exists_until_it_is_waited_for() {
        assert!(process_exists(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(!process_exists(pid));
        assert!(!process_exists(0));
        assert!(!process_exists(u32::MAX));
    }
}
