//! Packages to index: made by the project's own writers, with content that nothing compresses, so that their size is known.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use packaging::changelog::Changelog;
use packaging::distro::{Compression, Format};
use packaging::model::{Content, Entry, EntryKind, Package, Role};
use packaging::names::PackageArch;
use packaging::version::{Revision, Version};
use packaging::{deb, rpm};
use signing::Signer;

use super::threads;
use crate::session::Session;

/// Files of a package.
const FILES: usize = 12;

/// What is made.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Which format.
    pub format: Format,
    /// How many.
    pub count: usize,
    /// Bytes of one package's content.
    pub bytes: usize,
}

/// Packages on disk: all of them, and one more to add.
pub struct Made {
    /// The folder with all but one.
    pub pool: PathBuf,
    /// The one more.
    pub one_more: PathBuf,
}

/// Makes packages in `folder`; those of an earlier run with the same key are used again.
pub fn make(kind: Kind, folder: &Path, signer: &dyn Signer, session: &Session) -> Result<Made> {
    let key = signer.keyring().first().fingerprint().to_string();
    let name = format!("{}-{}-of-{}-{}", kind.format.extension(), kind.count, kind.bytes, &key[..8]);
    let (whole, place) = (folder.join(&name), folder.join(format!("{name}.new")));
    let made = Made { pool: whole.join("pool"), one_more: whole.join("more") };
    if !whole.is_dir() {
        let _ = fs::remove_dir_all(&place);
        for below in ["pool", "more"] {
            let path = place.join(below);
            fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        let step = session.progress.counted(format!("Making {} {}s", kind.count, kind.format.extension()), kind.count);
        let numbers: Vec<usize> = (0..=kind.count).collect();
        threads::each(&numbers, |number| {
            let folder = place.join(if *number == kind.count { "more" } else { "pool" });
            let package = package(*number, kind)?;
            match kind.format {
                Format::Deb => drop(deb::write(&package, &folder)?),
                Format::Rpm => drop(rpm::write(&package, &folder, Some(|header: &[u8]| sign(signer, header)))?),
            }
            step.advance();
            Ok(())
        })?;
        step.done();
        fs::rename(&place, &whole).with_context(|| format!("cannot make {}", whole.display()))?;
    }
    let mut more = fs::read_dir(&made.one_more)?;
    let one_more = more.next().with_context(|| format!("{} is empty", made.one_more.display()))??.path();
    Ok(Made { one_more, ..made })
}

fn sign(signer: &dyn Signer, header: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    signer.sign_detached(header, std::time::UNIX_EPOCH).map_err(Into::into)
}

/// Names are spread over the alphabet, as those of a distribution are.
fn package(number: usize, kind: Kind) -> Result<Package> {
    let mut noise = Noise(number as u64 + 1);
    let letter = char::from(b'a' + u8::try_from(noise.next() % 26)?);
    let name = format!("{letter}sample-{number:06}");
    let mut contents = BTreeMap::new();
    for file in 0..FILES {
        let content = noise.bytes(kind.bytes / FILES);
        let entry = Entry { kind: EntryKind::File(Content::Bytes(content)), role: Role::Plain, ..Entry::folder() };
        contents.insert(format!("/usr/share/{name}/part-{file}").parse()?, Entry { mode: 0o644, ..entry });
    }
    Ok(Package {
        name: name.parse()?,
        version: Version { upstream: format!("1.{}", number % 50), revision: Revision::new(1, "") },
        arch: PackageArch::Independent,
        distro: serde_json::from_str("\"bookworm\"")?,
        summary: format!("sample {number} for the benchmark of indexes"),
        description: vec!["It holds noise, which takes its place and says nothing.".to_owned()],
        section: "misc".to_owned(),
        licence: "Apache-2.0".to_owned(),
        homepage: "https://example.org/".to_owned(),
        maintainer: "Benchmark <benchmark@example.org>".to_owned(),
        relations: packaging::relation::Relations::default(),
        contents,
        lifecycle: packaging::lifecycle::Lifecycle::default(),
        changelog: Changelog::default(),
        epoch: 1_780_000_000,
        compression: Compression::Gzip,
        build_ids: Vec::new(),
    })
}

/// The same bytes in every run (xorshift64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        let mut word = self.0;
        word ^= word >> 30;
        word = word.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word ^ (word >> 27)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(count).collect()
    }
}
