//! The matrix of a GitHub workflow: a job for each distro.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use packaging::distro::{DistroId, Format};
use serde::Serialize;

use super::System;

/// What `strategy.matrix` takes through `fromJSON`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// A job each.
    pub include: Vec<Job>,
}

/// What a job is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// For `--distro`.
    pub distro: DistroId,
    /// For the job's name.
    pub title: String,
    /// `deb` or `rpm`.
    pub format: Format,
    /// Whether `install-test` can boot it.
    #[serde(rename = "install-test")]
    pub install_test: bool,
}

impl Matrix {
    pub(super) fn of(systems: &[System]) -> Self {
        let job = |system: &System| Job {
            distro: system.distro.clone(),
            title: system.title.clone(),
            format: system.format,
            install_test: system.install_test,
        };
        Self { include: systems.iter().map(job).collect() }
    }

    /// Hands the matrix on to later jobs: appends `matrix=` and its JSON, in one line, to the file of a job's outputs.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put_out(&self, file: &Path) -> Result<()> {
        let context = || format!("cannot write {}", file.display());
        let mut outputs = std::fs::OpenOptions::new().append(true).create(true).open(file).with_context(context)?;
        outputs.write_all(format!("matrix={}\n", serde_json::to_string(self)?).as_bytes()).with_context(context)
    }
}
