//! What all steps know, and what several of them are made from.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use packaging::distro::{Distro, Format};
use packaging::version::Upstream;
use signing::PublicKey;

use crate::channel::Channel;
use crate::cli::{KeyArgs, Release, WriteTarget};
use crate::commands::package::{self, Supply};
use crate::commands::repo;
use crate::keys;
use crate::plan::Plan;
use crate::session::Session;
use crate::steps::{Facts, facts};

/// Seconds that other publishers are waited for.
const PATIENCE: u64 = 600;

/// One release.
pub struct Context {
    /// Speaks and finds things.
    pub session: Session,
    /// What is released.
    pub version: Upstream,
    /// For which distros.
    pub distros: Vec<Distro>,
    /// Which packing.
    pub revision: u32,
    /// Where it will be published: scheme and host, if not the project's.
    pub url: Option<String>,
    /// Where NGINX sources are, and whether to go without.
    pub supply: Supply,
    /// What signs.
    pub key: KeyArgs,
    /// It is only tried out: HEAD needs no tag and may have changes, the key may be the development one.
    pub untagged: bool,
    /// Where everything of this release is kept.
    pub folder: PathBuf,
    to: Option<String>,
}

impl Context {
    /// What the command line asks for.
    pub fn new(args: &Release, session: &Session) -> Result<Self> {
        Ok(Self {
            session: session.again(),
            version: args.version,
            distros: package::distros(&args.distro, session)?,
            revision: args.revision,
            url: args.url.clone(),
            supply: Supply { sources: args.nginx_source.clone(), allow_missing: args.allow_missing },
            key: args.key.clone(),
            untagged: args.allow_untagged,
            folder: session.folder(args.folder.as_deref(), &format!("release/{}", args.version)),
            to: args.to.clone(),
        })
    }

    /// Packages, one folder a distro.
    pub fn packages(&self) -> PathBuf {
        self.folder.join("packages")
    }

    /// The signed tree.
    pub fn tree(&self) -> PathBuf {
        self.folder.join("repo")
    }

    /// Where it is published.
    pub fn destination(&self) -> Result<&str> {
        self.to.as_deref().context("say where to publish: --to DIR|URL; or end before that: --until verify")
    }

    /// The place where it is published, ready to be written to.
    pub fn target(&self) -> Result<repo::Target> {
        let to = Some(self.destination()?.to_owned());
        let args = WriteTarget { to, publisher: None, wait: PATIENCE, replace: false, key: self.key.clone() };
        repo::Target::to_write(&args, &self.session)
    }

    /// Everything that is to be packed.
    pub fn plan(&self) -> Result<Plan> {
        package::plan(&self.distros, self.revision, self.url.as_deref(), &self.session)
    }

    /// How packages are packed.
    pub fn packing(&self) -> package::Order {
        package::Order {
            distros: self.distros.clone(),
            revision: self.revision,
            url: self.url.clone(),
            out: self.packages(),
            key: self.key.clone(),
        }
    }

    /// How they are laid out in a folder.
    pub fn layout(&self, out: PathBuf) -> repo::Order {
        repo::Order {
            distros: self.distros.iter().map(|distro| distro.id.to_string()).collect(),
            channel: Channel::default(),
            packages: self.packages(),
            out,
            url: self.url.clone(),
            key: self.key.clone(),
        }
    }

    /// The files that were packed, by path within [`Context::packages`].
    pub fn packed(&self) -> Result<Facts> {
        let ours = |path: &str| {
            let (folder, name) = path.split_once('/').unwrap_or_default();
            let of = |distro: &&Distro| distro.id.as_str() == folder;
            self.distros
                .iter()
                .find(of)
                .is_some_and(|distro| name.ends_with(&format!(".{}", distro.format().extension())))
        };
        facts::files(&self.packages(), ours)
    }

    /// What signs, by fingerprint and end.
    pub fn key_fact(&self) -> Result<String> {
        let signer = keys::load(&self.key, &self.session.hushed())?;
        let one = |key: &PublicKey| {
            let end = key.expires().map(|end| end.to_string());
            format!("{} until {}", key.fingerprint(), end.as_deref().unwrap_or("ever"))
        };
        Ok(signer.keyring().iter().map(one).collect::<Vec<_>>().join(", "))
    }

    /// Whether anything that is packed carries a signature or the key itself.
    pub fn packs_with_key(&self) -> bool {
        self.distros.iter().any(|distro| distro.format() == Format::Rpm)
    }

    /// Fails when there is no package at all: an earlier step belongs to another run, and what it made has to be brought here.
    pub fn need_packages(&self) -> Result<()> {
        if self.packed()?.is_empty() {
            bail!("{} has no packages: run the step `pack`, or bring here what it has made", self.packages().display());
        }
        Ok(())
    }
}

/// One fact.
pub fn fact(name: &str, text: impl Into<String>) -> Facts {
    Facts::from([(name.to_owned(), text.into())])
}

/// The indexes and pages of a tree, which name everything else by digest.
pub fn indexes(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(name, "InRelease" | "repomd.xml" | "index.html" | "wallarm.gpg")
        && !path.starts_with(repo_layout::STATE_FOLDER)
}
