//! Every command and flag, declared once: help, completions and parsing come from here.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;

use packaging::version::{Upstream, VersionError};

use crate::install_test::Side;

/// Builds, packs, signs, publishes and tests the web-protection node.
///
/// Exit status: 0 when all went well, 1 when something failed or a check found something, 2 when the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Print results as JSON on standard output, for pipelines.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print no progress, only results and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print what a release consists of: distros, packages, processors and NGINX builds.
    Plan(Plan),
    /// Build binaries and pack them for distros.
    Package(Package),
    /// Make, show, export and check signing keys.
    #[command(subcommand)]
    Key(Key),
    /// Lay out and verify apt and yum repositories.
    #[command(subcommand)]
    Repo(Repo),
    /// Make a release, from checks to promotion, in steps that can be interrupted.
    Release(Release),
    /// Offer a repository on a loopback port and print the commands to paste.
    Serve(Serve),
    /// Install from the repository in a container booted by systemd, as documented. Needs root.
    InstallTest(InstallTest),
    /// Check the facts about the module in real NGINX servers on loopback. Needs root.
    NginxTest(NginxTest),
    /// Run every test of the workspace. As root, it installs the Debian packages that it misses.
    Test(Test),
    /// Measure the project beside its peers.
    #[command(subcommand)]
    Bench(Bench),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// Print what a release consists of.
#[derive(Debug, Args)]
pub struct Plan {
    /// A distro of packaging/distros.toml; may be repeated. [default: all]
    #[arg(long, value_name = "NAME")]
    pub distro: Vec<String>,
    /// Which packing of this version it is, from 1.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub revision: u32,
    /// Draw it.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Hand the matrix to later jobs of a GitHub workflow: append `matrix=…` to the file that GITHUB_OUTPUT names.
    #[arg(long)]
    pub github_output: bool,
}

/// Build binaries and pack them for distros.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["distro", "all"]))]
pub struct Package {
    /// A distro of packaging/distros.toml; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub distro: Vec<String>,
    /// Every distro of the matrix.
    #[arg(long)]
    pub all: bool,
    /// Which packing of this version it is, from 1.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub revision: u32,
    /// Where the repository will be published: scheme and host. [default: repository-url in packaging/project.toml]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Where packages go, one folder a distro. [default: target/packages]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The source of an NGINX version that cannot be fetched here: `nginx-VERSION.tar.gz` or its unpacked folder; may be repeated.
    #[arg(long, value_name = "FILE|DIR")]
    pub nginx_source: Vec<PathBuf>,
    /// Go without the modules whose NGINX source cannot be had, and say which they are, instead of failing.
    #[arg(long)]
    pub allow_missing: bool,
    /// Print what would be built, packed and signed, and where it would go; do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The key that signs rpms.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// Make a release. What is finished and still true is not done again.
#[derive(Debug, Args)]
pub struct Release {
    /// Which version; `v4.8.9`, as its tag has it, is the same as `4.8.9`.
    #[arg(long, value_name = "VERSION", value_parser = version_or_tag)]
    pub version: Upstream,
    /// Where it is published: the channels `testing` and `stable` are folders in there.
    #[arg(long, value_name = "DIR|URL")]
    pub to: Option<String>,
    /// A distro of packaging/distros.toml; may be repeated. [default: all]
    #[arg(long, value_name = "NAME")]
    pub distro: Vec<String>,
    /// Which packing of this version it is, from 1.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub revision: u32,
    /// Where the repository will be found: scheme and host. [default: repository-url in packaging/project.toml]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The source of an NGINX version that cannot be fetched here: `nginx-VERSION.tar.gz` or its unpacked folder; may be repeated.
    #[arg(long, value_name = "FILE|DIR")]
    pub nginx_source: Vec<PathBuf>,
    /// Go without the modules whose NGINX source cannot be had.
    #[arg(long)]
    pub allow_missing: bool,
    /// Where everything of the release is kept. [default: target/release/VERSION]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Try it out: go on without the tag, with uncommitted changes, and with the development key.
    #[arg(long)]
    pub allow_untagged: bool,
    /// Begin at this step and run it again; what comes before is left out, and what it makes has to be there.
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// End after this step.
    #[arg(long, value_name = "STEP")]
    pub until: Option<String>,
    /// Print which steps would be run and why; do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The key that signs.
    #[command(flatten)]
    pub key: KeyArgs,
}

fn version_or_tag(text: &str) -> Result<Upstream, VersionError> {
    text.strip_prefix('v').unwrap_or(text).parse()
}

/// Where the signing key is.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyArgs {
    /// File with the secret key, armoured or binary. [default: the variable WALLARM_SIGNING_KEY (a path, or the armoured
    /// key itself); otherwise a development key that is made in target/]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// File whose first line is the key's passphrase. [default: the variable WALLARM_SIGNING_PASSPHRASE]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Make, show, export and check signing keys.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make an RSA-4096 key that signs, in a new file that only its owner can read.
    New {
        /// Whose key it is: `Name <address>`. [default: the maintainer in packaging/project.toml]
        #[arg(long)]
        user_id: Option<String>,
        /// Days until it expires.
        #[arg(long, default_value_t = 1095, value_parser = clap::value_parser!(u32).range(1..))]
        days: u32,
        /// Where it is kept. An existing file is never overwritten.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// File whose first line becomes the key's passphrase. [default: the variable WALLARM_SIGNING_PASSPHRASE]
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Show fingerprint, owner and expiry.
    Show {
        /// Which key.
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Write the public half, as users import it.
    Export {
        /// Which key.
        #[command(flatten)]
        key: KeyArgs,
        /// ASCII armour, as rpm imports it; binary if left out, as apt keeps it.
        #[arg(long)]
        armor: bool,
        /// Where to. [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Fail when the key cannot sign packages for every system of the matrix, or expires soon.
    Check {
        /// Which key.
        #[command(flatten)]
        key: KeyArgs,
        /// What soon means.
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
}

/// Lay out and verify apt and yum repositories.
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
        /// Where the repositories go. [default: target/repo]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Where it will be published: scheme and host, as its pages show them. [default: repository-url in packaging/project.toml]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        /// Print what would be laid out; do nothing.
        #[arg(long)]
        dry_run: bool,
        /// The key that signs.
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Check signatures, digests, sizes, key expiry, missing and stray files, from the signed index to every package.
    Verify {
        /// A folder, or the URL of a published tree. [default: target/repo]
        #[arg(value_name = "DIR|URL")]
        source: Option<String>,
        /// Public key to trust. [default: wallarm.gpg of the tree itself, which shows integrity but not origin]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

/// Offer a repository on a loopback port.
#[derive(Debug, Args)]
pub struct Serve {
    /// The tree. [default: target/repo]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
}

/// Install in a container.
#[derive(Debug, Args)]
pub struct InstallTest {
    /// bookworm, bullseye or el8; may be repeated.
    #[arg(long, required = true, value_name = "NAME")]
    pub distro: Vec<String>,
    /// Which half of the node; may be repeated. [default: each that the distro has a root for]
    #[arg(long, value_enum, value_name = "SIDE")]
    pub side: Vec<Side>,
}

/// Check the facts about the module.
#[derive(Debug, Args)]
pub struct NginxTest {
    /// Only the facts with these words in their name.
    #[arg(value_name = "WORDS")]
    pub fact: Option<String>,
    /// 1.18.0, 1.22.1, 1.26.3 or 1.28.3; may be repeated. [default: all]
    #[arg(long, value_name = "VERSION")]
    pub nginx: Vec<String>,
    /// A module for that version. [default: built from this checkout]
    #[arg(long, value_name = "FILE", requires = "nginx")]
    pub module: Option<PathBuf>,
    /// Watch over the memory of NGINX with valgrind, in the facts that are fit for it. [default release: the one that is built here]
    #[arg(long)]
    pub valgrind: bool,
}

/// Run every test.
#[derive(Debug, Args)]
pub struct Test {
    /// Only the stages with these words in their name. Some look at what earlier ones have made.
    #[arg(long, value_name = "WORDS", conflicts_with = "quick")]
    pub only: Option<String>,
    /// Leave out what needs containers, package tools or minutes.
    #[arg(long)]
    pub quick: bool,
}

/// Measure the project beside its peers.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// What the module costs a request: processor time, latency, memory, and what clients see while postanalytics is away.
    Nginx(BenchNginx),
}

/// What the module costs a request.
#[derive(Debug, Args)]
pub struct BenchNginx {
    /// How many times everything is measured; figures are medians.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// How long one load lasts.
    #[arg(long, default_value_t = 4, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
    /// A module for Debian 12's NGINX. [default: built from this checkout]
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// Write the figures to docs/benchmarks.
    #[arg(long)]
    pub record: bool,
}
