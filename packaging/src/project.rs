//! `project.toml`: who makes the packages, under which licence, and where they are published.

use std::path::Path;

use serde::Deserialize;

use crate::data_file::{self, DataFileError};

/// What every package says of its maker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Project {
    /// Name of the whole.
    pub name: String,
    /// `Name <address>`.
    pub maintainer: String,
    /// Project page.
    pub homepage: String,
    /// SPDX expression.
    pub licence: String,
    /// Years and holders.
    pub copyright: String,
    /// Where the repositories are published: scheme and host, and a path if there is one.
    pub repository_url: String,
}

impl Project {
    /// Reads it from a file.
    ///
    /// # Errors
    /// When it cannot be read or a key is unknown, missing or wrong.
    pub fn load(path: &Path) -> Result<Self, DataFileError> {
        data_file::read(path)
    }

    /// The machine-readable copyright file (copyright-format 1.0).
    pub fn copyright_file(&self) -> String {
        let Self { name, maintainer, homepage, licence, copyright, .. } = self;
        format!(
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
             Upstream-Name: {name}\nUpstream-Contact: {maintainer}\nSource: {homepage}\n\n\
             Files: *\nCopyright: {copyright}\nLicense: {licence}\n\n\
             License: {licence}\n \
             On Debian systems the text of the Apache License, version 2.0, is in\n \
             /usr/share/common-licenses/Apache-2.0; elsewhere it is at\n \
             https://www.apache.org/licenses/LICENSE-2.0.\n"
        )
    }
}
