//! What a stage of the test run is.

use std::ops::AddAssign;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::session::Session;

/// One stage.
pub struct Stage {
    /// As the table at the end shows it. No name is a part of another.
    pub name: &'static str,
    /// Debian packages that the machine must have.
    pub needs: &'static [&'static str],
    /// Boots containers: needs root, and `--quick` leaves it out.
    pub containers: bool,
    /// The system that it boots. Stages of different systems may run side by side.
    pub system: Option<&'static str>,
    /// Runs it. An error counts as one failure.
    pub run: Run,
}

/// What a stage does.
pub type Run = fn(&Session) -> Result<Count>;

impl Stage {
    /// One that needs no containers.
    pub const fn plain(name: &'static str, needs: &'static [&'static str], run: Run) -> Self {
        Self { name, needs, containers: false, system: None, run }
    }

    /// One that boots containers.
    pub const fn in_containers(name: &'static str, needs: &'static [&'static str], run: Run) -> Self {
        Self { name, needs, containers: true, system: None, run }
    }

    /// One that boots this system.
    pub const fn on(system: &'static str, name: &'static str, needs: &'static [&'static str], run: Run) -> Self {
        Self { name, needs, containers: true, system: Some(system), run }
    }
}

/// What came of a stage: as JSON, a stage of what `cargo xtask test --json` prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ended {
    /// Its name.
    pub stage: String,
    /// Its checks.
    #[serde(flatten)]
    pub count: Count,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
    /// Why it has none, or failed as a whole.
    pub remark: String,
}

/// How many checks went well, and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
