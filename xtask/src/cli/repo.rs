//! Commands about repositories.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{KeyArgs, WhichKey};
use crate::channel::Channel;

/// Lay out, change and verify apt and yum repositories.
#[derive(Debug, Subcommand)]
pub enum Repo {
    /// Lay packages out as signed apt and yum repositories.
    Build {
        /// A distro to lay out; may be repeated. [default: every distro that has packages]
        #[arg(long, value_name = "NAME")]
        distro: Vec<String>,
        /// Packages, one folder a distro. [default: target/packages]
        #[arg(long, value_name = "DIR")]
        packages: Option<PathBuf>,
        /// Which channel of the repositories.
        #[arg(long, default_value_t, value_name = "NAME")]
        channel: Channel,
        /// Where it will be read: scheme and host, as its pages show them. [default: repository-url in packaging/project.toml]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// Print what would be laid out; do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Where it goes.
        #[command(flatten)]
        target: WriteTarget,
    },
    /// Add packages to a published repository. Only they are read, and only what they change is written.
    Add {
        /// The packages.
        #[arg(required = true, value_name = "FILE")]
        packages: Vec<PathBuf>,
        /// Remove what fits in the same step: a name, name=version or a file name; may be repeated.
        #[arg(long, value_name = "PACKAGE")]
        remove: Vec<String>,
        /// Add a package although a newer one of its name is published.
        #[arg(long)]
        allow_older: bool,
        /// Which repository.
        #[command(flatten)]
        change: RepoChange,
        /// Where it is.
        #[command(flatten)]
        target: WriteTarget,
    },
    /// Remove packages from a published repository.
    Remove {
        /// What to remove: a name, name=version or a file name.
        #[arg(required = true, value_name = "PACKAGE")]
        packages: Vec<String>,
        /// Which repository.
        #[command(flatten)]
        change: RepoChange,
        /// Where it is.
        #[command(flatten)]
        target: WriteTarget,
    },
    /// Write and sign indexes for the packages that lie in the repositories of a folder already.
    Index {
        /// Which repositories. [default: every distro whose repository is there]
        #[command(flatten)]
        channels: Channels,
        /// Where they are.
        #[command(flatten)]
        target: WriteTarget,
    },
    /// List what is published.
    List {
        /// Which repositories. [default: every distro that has something published]
        #[command(flatten)]
        channels: Channels,
        /// Where they are.
        #[command(flatten)]
        target: ReadTarget,
    },
    /// Add what one channel has to another one, as it is: nothing is built again.
    Promote {
        /// From which channel.
        #[arg(value_name = "FROM")]
        from: Channel,
        /// To which channel.
        #[arg(id = "into", value_name = "TO")]
        to: Channel,
        /// A distro; may be repeated. [default: every distro that has something published in the first channel]
        #[arg(long, value_name = "NAME")]
        distro: Vec<String>,
        /// Print what would be added; do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Where they are.
        #[command(flatten)]
        target: WriteTarget,
    },
    /// Show which packages differ between two channels.
    Diff {
        /// One channel.
        from: Channel,
        /// The other one.
        to: Channel,
        /// A distro; may be repeated. [default: every distro that has something published in either]
        #[arg(long, value_name = "NAME")]
        distro: Vec<String>,
        /// Where they are.
        #[command(flatten)]
        target: ReadTarget,
    },
    /// Give the present state of all repositories a name, under which no prune removes it.
    Snapshot {
        /// The name; without one, the snapshots are listed.
        name: Option<String>,
        /// Where they are.
        #[command(flatten)]
        target: ReadTarget,
    },
    /// Publish an older state again, newly dated and signed.
    Rollback {
        /// Which: the number of a generation, or the name of a snapshot. [default: the one before the present one]
        #[arg(value_name = "NUMBER|NAME")]
        state: Option<String>,
        /// Only these distros; may be repeated. [default: every repository that the state has]
        #[arg(long, value_name = "NAME")]
        distro: Vec<String>,
        /// Which channel of these distros.
        #[arg(long, default_value_t, value_name = "NAME")]
        channel: Channel,
        /// Print what would go back; do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Where they are.
        #[command(flatten)]
        target: WriteTarget,
    },
    /// Remove older states, and then every file that none of the rest needs.
    Prune {
        /// So many of the newest states stay, the present one among them.
        #[arg(long, default_value_t = 2, value_name = "N")]
        keep: usize,
        /// Those that were current within so many days stay as well.
        #[arg(long, default_value_t = 1, value_name = "DAYS")]
        older_than: u64,
        /// Print what would go; do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Where they are.
        #[command(flatten)]
        target: ReadTarget,
    },
    /// Tell who published what.
    Log {
        /// Check the signature of every entry, and that none is missing; exit status 1 when something is wrong.
        #[arg(long)]
        verify: bool,
        /// Where it is.
        #[command(flatten)]
        target: ReadTarget,
    },
    /// Check signatures, digests, sizes, key expiry, missing and stray files, from the signed index to every package.
    Verify {
        /// A folder, or the URL of a published tree. [default: target/repo]
        #[arg(value_name = "DIR|URL")]
        source: Option<String>,
        /// Public key to trust, or several in one file. [default: wallarm.gpg of the tree itself, which shows integrity but not
        /// origin]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

/// Repositories of one channel.
#[derive(Debug, Args)]
pub struct Channels {
    /// A distro; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub distro: Vec<String>,
    /// Which channel of their repositories.
    #[arg(long, default_value_t, value_name = "NAME")]
    pub channel: Channel,
}

/// Which published repository a change is for.
#[derive(Debug, Args)]
pub struct RepoChange {
    /// A distro of packaging/distros.toml.
    #[arg(long, value_name = "NAME")]
    pub distro: String,
    /// Which channel of its repository.
    #[arg(long, default_value_t, value_name = "NAME")]
    pub channel: Channel,
}

/// A place to publish to.
#[derive(Debug, Args)]
pub struct WriteTarget {
    /// A folder, or s3://BUCKET/PREFIX, gs://…, az://…, with credentials from the usual variables. There, older states are kept for slow clients,
    /// and no package takes the place of another one of its name. [default: target/repo, which is yours alone]
    #[arg(long, alias = "out", value_name = "DIR|URL")]
    pub to: Option<String>,
    /// Who publishes, as the journal names it. [default: the owner of the key]
    #[arg(long, value_name = "NAME")]
    pub publisher: Option<String>,
    /// How long to wait for other publishers.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub wait: u64,
    /// Let a package take the place of another one with the same file name. Caches keep the old one: never where users are.
    #[arg(long)]
    pub replace: bool,
    /// The key that signs.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// A place to look at.
#[derive(Debug, Args)]
pub struct ReadTarget {
    /// A folder, or s3://BUCKET/PREFIX, gs://…, az://…, with credentials from the usual variables. [default: target/repo]
    #[arg(long, value_name = "DIR|URL")]
    pub at: Option<String>,
    /// The key that signed.
    #[command(flatten)]
    pub key: WhichKey,
}
