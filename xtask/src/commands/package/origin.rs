//! The signed statement about where the packages of a distro come from, written beside them.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use packaging::distro::Distro;
use packaging::output;
use packaging::resolve::Release;
use serde_json::json;
use signing::Signer;

use super::Made;
use crate::provenance::{self, Build, Input, SIGNATURE_FILE, STATEMENT_FILE};
use crate::session::Session;

/// What all packages of a run come from.
pub struct Origin {
    homepage: String,
    repository_url: String,
    revision: u32,
    epoch: u64,
    inputs: Vec<Input>,
}

impl Origin {
    /// Looks at the checkout and the tools; `sources` are those of NGINX.
    pub fn of(release: &Release, sources: Vec<Input>, session: &Session) -> Result<Self> {
        let homepage = release.project.homepage.clone();
        let mut inputs = vec![
            provenance::checkout(&session.root, &homepage),
            provenance::file(&session.root, "Cargo.lock")?,
            provenance::compiler(),
        ];
        inputs.extend(linker());
        inputs.extend(sources);
        let (repository_url, revision, epoch) =
            (release.project.repository_url.clone(), release.revision, release.epoch);
        Ok(Self { homepage, repository_url, revision, epoch, inputs })
    }

    /// Writes the statement and its signature, the statement first: one without a signature is believed by nobody.
    pub fn write(&self, folder: &Path, distro: &Distro, made: &[Made], signer: &dyn Signer) -> Result<()> {
        let parameters = json!({
            "distro": distro.id.as_str(), "revision": self.revision, "repositoryUrl": self.repository_url,
        });
        let build = Build { homepage: &self.homepage, parameters, epoch: self.epoch, inputs: &self.inputs };
        let name = |one: &Made| one.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let statement = build.statement(made.iter().map(|one| (name(one), one.sha256.clone())));
        let text = serde_json::to_string_pretty(&statement)? + "\n";
        let when = SystemTime::UNIX_EPOCH + Duration::from_secs(self.epoch);
        let signature = signer.sign_detached_armored(text.as_bytes(), when)?;
        for (name, content) in [(STATEMENT_FILE, &text), (SIGNATURE_FILE, &signature)] {
            let path = folder.join(name);
            output::write_whole(&path, |error| error, |out| out.write_all(content.as_bytes()))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// What links, by the versions that are pinned, unless the user brought it along.
fn linker() -> Vec<Input> {
    if std::env::var_os("WALLARM_TOOLCHAIN").is_some() {
        return vec![Input::named("zig", None).with_annotation("folder", "given by WALLARM_TOOLCHAIN")];
    }
    let versions = [
        ("ziglang", toolchain::ZIG_VERSION),
        ("cargo-zigbuild", toolchain::ZIGBUILD_VERSION),
        ("libclang", toolchain::LIBCLANG_VERSION),
    ];
    versions.map(|(name, version)| Input::named(name, Some(format!("pkg:pypi/{name}@{version}")))).into()
}
