//! Every command and flag, declared once: help, completions and parsing come from here.

mod repo;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use packaging::version::{Upstream, VersionError};

use crate::install_test::Side;

pub use self::repo::{Channels, ReadTarget, Repo, RepoChange, WriteTarget};

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
    /// Build packages twice, under circumstances that should not matter, and explain every byte that differs.
    Reproduce(Reproduce),
    /// Check where packages come from.
    #[command(subcommand)]
    Provenance(Provenance),
    /// Look for mistakes in packages: own rules, and lintian and rpmlint where they are installed.
    Lint(Lint),
    /// Write the source tarball of the last commit, with a list of all other inputs of a build.
    Source(Source),
    /// Offer a repository on a loopback port and print the commands to paste.
    Serve(Serve),
    /// Run a node API that keeps what it is sent and fails as a script says, and print what comes.
    FakeCloud(FakeCloud),
    /// Install from the repository in a container booted by systemd, as documented. Needs root.
    InstallTest(InstallTest),
    /// Check the facts about the module in real NGINX servers on loopback. Needs root.
    NginxTest(NginxTest),
    /// Run every test of the workspace. As root, it installs the Debian packages that it misses.
    Test(Test),
    /// Let what must hold for long run for long.
    #[command(subcommand)]
    Soak(Soak),
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

/// Build packages twice and compare.
///
/// The first build is this checkout's, as `cargo xtask package` makes it. The second is made from nothing in a copy of the checkout, in another
/// folder, zone, language, by another user with another umask, on one processor. A difference is told with the package, the member, the file, the
/// section or tag, the offset and both bytes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["distro", "all", "compare"]))]
pub struct Reproduce {
    /// A distro of packaging/distros.toml; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub distro: Vec<String>,
    /// Every distro of the matrix.
    #[arg(long)]
    pub all: bool,
    /// Build nothing, and compare two packages, or two folders of packages, that are there.
    #[arg(long, num_args = 2, value_names = ["FIRST", "SECOND"])]
    pub compare: Vec<PathBuf>,
    /// Which packing of this version it is, from 1.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub revision: u32,
    /// The source of an NGINX version that cannot be fetched here; may be repeated.
    #[arg(long, value_name = "FILE|DIR")]
    pub nginx_source: Vec<PathBuf>,
    /// Go without the modules whose NGINX source cannot be had.
    #[arg(long)]
    pub allow_missing: bool,
    /// The key that signs both.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// Make a release. What is finished and still true is not done again.
#[derive(Debug, Args)]
pub struct Release {
    /// Which version; `v4.8.9`, as its tag has it, is the same as `4.8.9`.
    #[arg(long, value_name = "VERSION", value_parser = version_or_tag)]
    pub version: Upstream,
    /// Where it is published: the tree with the channels `testing` and `stable`.
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

/// What signs, and when it may not.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyArgs {
    /// Which key.
    #[command(flatten)]
    pub which: WhichKey,
    /// Sign with a key that ends within 30 days, as long as it lasts so many. One that has ended never signs.
    #[arg(long, value_name = "DAYS")]
    pub allow_expiring: Option<u32>,
}

/// Where the signing keys are.
///
/// Several sign together, as in a key rotation: first the key that stays, last the one that every client knows. Commands come
/// before files.
#[derive(Debug, Clone, Default, Args)]
pub struct WhichKey {
    /// File with the secret key, armoured or binary; repeated in a key rotation, the new key first. [default: the variable
    /// WALLARM_SIGNING_KEY (a path, or the armoured key itself); otherwise a development key that is made in target/]
    #[arg(long, value_name = "FILE")]
    pub key: Vec<PathBuf>,
    /// File whose first line is the key's passphrase; one for all keys, or one for each. [default: the variable
    /// WALLARM_SIGNING_PASSPHRASE]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Vec<PathBuf>,
    /// Sign by a command that is called as gpg is, for a key on a card or another machine: `gpg --local-user FINGERPRINT!`.
    /// [default: the variable WALLARM_SIGN_WITH]
    #[arg(long, value_name = "COMMAND")]
    pub sign_with: Vec<String>,
    /// File with the public key that the command signs with. [default: the variable WALLARM_PUBLIC_KEY]
    #[arg(long, value_name = "FILE")]
    pub public_key: Vec<PathBuf>,
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
        key: WhichKey,
    },
    /// Write the public half, as users import it.
    Export {
        /// Which key.
        #[command(flatten)]
        key: WhichKey,
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
        key: WhichKey,
        /// What soon means.
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
}

/// Check where packages come from.
#[derive(Debug, Subcommand)]
pub enum Provenance {
    /// Check that packages are those that the signed statement beside them is about.
    Verify {
        /// A folder of packages, or one with a folder a distro. [default: target/packages]
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Public key to trust, or several in one file. [default: the configured key]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

/// Look for mistakes in packages.
///
/// Own rules are also run by `cargo xtask package`, which writes no package with a finding. What may stay, and why, stands in
/// packaging/lint-exceptions.toml.
#[derive(Debug, Args)]
pub struct Lint {
    /// Packages, or folders of them. [default: target/packages]
    #[arg(value_name = "FILE|DIR")]
    pub files: Vec<PathBuf>,
    /// The key that rpms are signed with, for rpmlint to know.
    #[command(flatten)]
    pub key: KeyArgs,
}

/// Write the source tarball.
#[derive(Debug, Args)]
pub struct Source {
    /// Where it goes. [default: target/source]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
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

/// Run a node API for tests by hand.
#[derive(Debug, Args)]
pub struct FakeCloud {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// What it answers when, as CONTRIBUTING.md shows it. [default: it takes everything]
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Speak TLS, with a certificate of an authority made for this run, which is written to FILE for `api.ca_file`.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Install in a container.
#[derive(Debug, Args)]
pub struct InstallTest {
    /// bookworm, bullseye, trixie or el8; may be repeated.
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

/// Let what must hold for long run for long.
#[derive(Debug, Subcommand)]
pub enum Soak {
    /// Four publishers that are killed now and then, against a folder and against S3, while apt and dnf update all the time.
    Publish(SoakPublish),
    /// What postanalytics promises to bear: kills, damage, a Cloud that fails, hostile peers, over and over.
    Postanalytics(SoakPostanalytics),
}

/// What postanalytics promises to bear.
#[derive(Debug, Args)]
pub struct SoakPostanalytics {
    /// How often the server is killed, its spool damaged, and so on; hostile peers come ten times as often.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// What chance begins with.
    #[arg(long, default_value_t = 4809, value_name = "N")]
    pub seed: u64,
}

/// Publishers that are killed.
#[derive(Debug, Args)]
pub struct SoakPublish {
    /// How many packages each of the four publishers adds.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// What chance begins with.
    #[arg(long, default_value_t = 4809, value_name = "N")]
    pub seed: u64,
}

/// Measure the project beside its peers.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// What the module costs a request: processor time, latency, memory, and what clients see while postanalytics is away.
    Nginx(BenchNginx),
    /// Indexing and publishing beside apt-ftparchive, createrepo_c, aptly and reprepro, as far as they are installed.
    Index(BenchIndex),
    /// Lay packages out once and end: what `bench index` takes the time of.
    #[command(hide = true)]
    LayOut(BenchLayOut),
    /// What postanalytics takes in: records a second, processor time, memory and latency, beside Tarantool where it is installed.
    Ingest(BenchIngest),
    /// What packing one large binary costs, as deb and as rpm, beside dpkg-deb, rpmbuild and nfpm where they are installed.
    Package(BenchPackage),
    /// Pack one file once and end: what `bench package` takes the time of.
    #[command(hide = true)]
    Pack(BenchPack),
}

/// What postanalytics takes in.
#[derive(Debug, Args)]
pub struct BenchIngest {
    /// How many times everything is measured; figures are medians.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// How long one load lasts at most.
    #[arg(long, default_value_t = 4, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
    /// A short run: one round, loads of a second, up to a hundred thousand stored records.
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    pub quick: bool,
    /// A postanalytics server. [default: built from this checkout]
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// Write the figures to docs/benchmarks.
    #[arg(long)]
    pub record: bool,
}

/// What indexing and publishing take.
#[derive(Debug, Args)]
pub struct BenchIndex {
    /// How many packages are indexed; may be repeated. They are made first, and kept in target/bench.
    #[arg(long, value_name = "N", default_values_t = [100, 1_000, 3_000, 10_000])]
    pub packages: Vec<usize>,
    /// How many times everything is measured; figures are medians.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Write the figures to docs/benchmarks.
    #[arg(long)]
    pub record: bool,
}

/// Lay packages out once.
#[derive(Debug, Args)]
pub struct BenchLayOut {
    /// The kind of packages.
    #[arg(long)]
    pub format: PackFormat,
    /// The tree.
    #[arg(long, value_name = "DIR")]
    pub root: PathBuf,
    /// Where caches are kept.
    #[arg(long, value_name = "DIR")]
    pub caches: Option<PathBuf>,
    /// The packages, instead of those that lie in the tree.
    #[arg(long, value_name = "DIR")]
    pub pool: Option<PathBuf>,
}

/// What packing one large binary costs.
#[derive(Debug, Args)]
pub struct BenchPackage {
    /// How many times everything is measured; figures are medians.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// The binary. [default: rustup, about 20 MB]
    #[arg(long, value_name = "FILE")]
    pub elf: Option<PathBuf>,
    /// Write the figures to docs/benchmarks.
    #[arg(long)]
    pub record: bool,
}

/// Pack one file once.
#[derive(Debug, Args)]
pub struct BenchPack {
    /// The binary.
    #[arg(long, value_name = "FILE")]
    pub elf: PathBuf,
    /// What to make.
    #[arg(long)]
    pub format: PackFormat,
    /// How its payload is compressed.
    #[arg(long)]
    pub compression: PackCompression,
    /// Where to.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Kinds of packages.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PackFormat {
    /// Debian's.
    Deb,
    /// Red Hat's.
    Rpm,
}

/// Compressions that every system of the matrix reads.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PackCompression {
    /// For debs.
    Xz,
    /// For rpms.
    Gzip,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_flag_is_declared_twice() {
        Cli::command().debug_assert();
    }
}
