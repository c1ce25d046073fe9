//! What a stage of the test run is.

use std::ops::AddAssign;

use anyhow::Result;

use crate::session::Session;

/// One stage.
pub struct Stage {
    /// As the table at the end shows it.
    pub name: &'static str,
    /// Debian packages that the machine must have.
    pub needs: &'static [&'static str],
    /// Boots containers: needs root, and `--quick` leaves it out.
    pub containers: bool,
    /// Runs it. An error counts as one failure.
    pub run: fn(&Session) -> Result<Count>,
}

/// How many checks went well, and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Went well.
    pub passed: usize,
    /// Did not.
    pub failed: usize,
}

impl Count {
    /// One check that went well.
    pub const ONE: Self = Self { passed: 1, failed: 0 };

    /// One check.
    pub fn of(passed: bool) -> Self {
        Self { passed: usize::from(passed), failed: usize::from(!passed) }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}
