//! The peers, as their manuals have them called for the same result.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use packaging::distro::Format;

use super::Tree;
use super::timing::{self, Timing};

/// What is done to an index.
pub const JOBS: [&str; 3] = ["cold", "again, nothing changed", "one package added"];

/// What is done to a folder of packages.
pub const PUBLISH: &str = "publish, signed";

/// A program that does the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// apt-ftparchive with SHA-256 alone.
    FtparchiveSha256,
    /// apt-ftparchive with all its digests.
    Ftparchive,
    /// createrepo_c without SQLite.
    CreaterepoC,
    /// aptly, unsigned.
    Aptly,
    /// reprepro, unsigned.
    Reprepro,
}

/// By what the first peer's time is multiplied to give the goal, for each of [`JOBS`].
pub fn goal(format: Format, job: usize) -> Option<f64> {
    match (format, job) {
        (_, 0) => Some(0.6),
        (Format::Deb, 2) => Some(0.5),
        (Format::Rpm, 2) => Some(0.1),
        _ => None,
    }
}

/// The peers for one format that are installed.
pub fn of_indexes(format: Format) -> Vec<Peer> {
    let peers: &[Peer] = match format {
        Format::Deb => &[Peer::FtparchiveSha256, Peer::Ftparchive],
        Format::Rpm => &[Peer::CreaterepoC],
    };
    peers.iter().copied().filter(|peer| peer.is_installed()).collect()
}

impl Peer {
    /// Those that publish, of which there are.
    pub fn publishers() -> Vec<Self> {
        [Self::Reprepro, Self::Aptly].into_iter().filter(|peer| peer.is_installed()).collect()
    }

    /// For tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FtparchiveSha256 => "apt-ftparchive, SHA-256 alone",
            Self::Ftparchive => "apt-ftparchive, all digests",
            Self::CreaterepoC => "createrepo_c",
            Self::Aptly => "aptly, not signing",
            Self::Reprepro => "reprepro, not signing",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::FtparchiveSha256 | Self::Ftparchive => "apt-ftparchive",
            Self::CreaterepoC => "createrepo_c",
            Self::Aptly => "aptly",
            Self::Reprepro => "reprepro",
        }
    }

    fn is_installed(self) -> bool {
        Command::new("which").arg(self.program()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Indexes the tree's folder of packages; `again` is for a tree that it has indexed before.
    pub fn index(self, tree: &Tree, again: bool) -> Result<Timing> {
        let folder = tree.pool.parent().unwrap_or(&tree.pool);
        fs::create_dir_all(&tree.caches).with_context(|| format!("cannot make {}", tree.caches.display()))?;
        let mut command = Command::new(self.program());
        command.current_dir(folder);
        match self {
            Self::FtparchiveSha256 | Self::Ftparchive => {
                if self == Self::FtparchiveSha256 {
                    command.args(["--md5=false", "--sha1=false", "--sha512=false"]);
                }
                command.arg("--db").arg(tree.caches.join("packages.db")).args(["packages", "pool"]);
                return timing::program_to(&mut command, File::create(folder.join("Packages"))?);
            }
            Self::CreaterepoC => {
                command.args(["--quiet", "--no-database", "--general-compress-type=gz"]);
                if again {
                    command.arg("--update");
                }
                command.arg(".");
            }
            Self::Aptly | Self::Reprepro => {}
        }
        timing::program(&mut command)
    }

    /// Makes a repository of the packages in `pool`.
    pub fn publish(self, tree: &Tree, pool: &Path) -> Result<Timing> {
        fs::create_dir_all(&tree.root).with_context(|| format!("cannot make {}", tree.root.display()))?;
        match self {
            Self::Reprepro => {
                let settings = tree.root.join("conf");
                fs::create_dir_all(&settings)?;
                fs::write(settings.join("distributions"), "Codename: bench\nArchitectures: amd64\nComponents: main\n")?;
                let mut command = Command::new("sh");
                command.arg("-c").arg("reprepro --silent -b . includedeb bench \"$0\"/*.deb").arg(pool);
                timing::program(command.current_dir(&tree.root))
            }
            _ => {
                let settings = tree.root.join("aptly.conf");
                let text =
                    serde_json::json!({ "rootDir": tree.root, "gpgDisableSign": true, "skipContentsPublishing": true });
                fs::write(&settings, text.to_string())?;
                let script = "aptly -config=aptly.conf repo create -distribution=bench bench && \
                              aptly -config=aptly.conf repo add bench \"$0\" && \
                              aptly -config=aptly.conf publish repo -skip-signing -architectures=amd64 bench";
                let mut command = Command::new("sh");
                command.arg("-c").arg(script).arg(pool);
                let timing = timing::program(command.current_dir(&tree.root))?;
                ensure!(tree.root.join("public").is_dir(), "aptly published nothing");
                Ok(timing)
            }
        }
    }
}
