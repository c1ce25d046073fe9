//! The NGINX releases that the module is tested in, and where each comes from.
//!
//! Debian's are the binaries that people run: the machine's own where it has that version, otherwise unpacked from Debian's
//! archive, not installed. The newest is built from the source that the module is built with, as nginx.org configures it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use toolchain::nginx::Source;

use super::program::{Program, Version};
use crate::container::{Interrupt, mirror, process};

/// Unpacking takes a quarter of a minute near a mirror, building a minute; a slow line or machine may need this.
const LIMIT: Duration = Duration::from_secs(900);

/// Where the keys of Debian's archive are.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One release.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    /// Its version.
    pub version: Version,
    origin: Origin,
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    /// A package of a Debian release.
    Debian { suite: &'static str, package: &'static str },
    /// Built here.
    Source,
}

/// Every release, oldest first.
pub const ALL: [Release; 4] = [
    Release { version: Version::new(1, 18, 0), origin: Origin::Debian { suite: "bullseye", package: "nginx-core" } },
    Release { version: Version::new(1, 22, 1), origin: Origin::Debian { suite: "bookworm", package: "nginx" } },
    Release { version: Version::new(1, 26, 3), origin: Origin::Debian { suite: "trixie", package: "nginx" } },
    Release { version: Version::new(1, 28, 3), origin: Origin::Source },
];

/// What releases are made from and where they are kept.
pub struct Store<'a> {
    /// A folder of ours: each release is made once.
    pub folder: PathBuf,
    /// Finds the source of an NGINX, and the arguments that nginx.org configures it with.
    pub source: &'a dyn Fn(Version) -> Result<(Source, Vec<String>)>,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
}

impl Release {
    /// Whether it is built from source on this machine, and so runs what is linked against this machine's libraries.
    #[must_use]
    pub fn is_built_here(&self) -> bool {
        matches!(self.origin, Origin::Source)
    }

    /// The release of that version, such as `1.22.1`.
    ///
    /// # Errors
    ///
    /// If it is none of [`ALL`]; the message lists them.
    pub fn named(name: &str) -> Result<Self> {
        let found = ALL.into_iter().find(|release| release.version.to_string() == name);
        found.with_context(|| {
            let known: Vec<String> = ALL.iter().map(|release| release.version.to_string()).collect();
            format!("the tests have no NGINX {name}; they have {}", known.join(", "))
        })
    }

    /// The program, fetched or built if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be had, or turns out to be another version.
    pub fn program(&self, store: &Store<'_>) -> Result<Program> {
        let program = match self.origin {
            Origin::Debian { suite, package } => match Program::native(Path::new("/usr/sbin/nginx")) {
                Ok(program) if program.version == self.version => program,
                _ => Program::unpacked(&store.debian(suite, package)?)?,
            },
            Origin::Source => {
                let built = store.built(&format!("built-{}", self.version), self.version, &[])?;
                Program::native(&built.join("objs/nginx"))?
            }
        };
        ensure!(
            program.version == self.version,
            "{} is NGINX {}, the tests want {}",
            program.path().display(),
            program.version,
            self.version
        );
        Ok(program)
    }
}

impl Store<'_> {
    /// The package and all that it depends on, unpacked and not set up: nothing of it is run as root at installation.
    fn debian(&self, suite: &str, package: &str) -> Result<PathBuf> {
        self.once(&format!("debian-{suite}"), |folder| {
            let mut command = process::sealed("mmdebstrap");
            command.args(["--variant=extract", "--quiet", "--mode=root", "--format=directory"]);
            command.arg(format!("--keyring={KEYRING}"));
            command.arg("--aptopt=Acquire::Languages \"none\"").arg("--aptopt=Acquire::Retries \"3\"");
            command.arg(format!("--include={package}")).arg(suite).arg(folder);
            command.arg(format!("deb {} {suite} main", mirror::find(Path::new("/etc/apt"))?));
            process::check(&mut command, LIMIT, self.interrupt).map(drop)
        })
    }

    /// The folder of a source, called `name` among ours, in which NGINX was configured and made. `more` are arguments beside those of the
    /// source; the program is `objs/nginx`.
    ///
    /// # Errors
    ///
    /// If the source cannot be had, or something of it fails.
    pub fn built(&self, name: &str, version: Version, more: &[&str]) -> Result<PathBuf> {
        self.once(name, |folder| {
            let (source, arguments) = (self.source)(version)?;
            let run = |command: &mut Command| process::check(command, LIMIT, self.interrupt).map(drop);
            // configure writes into the source.
            match &source {
                Source::Folder(from) => run(Command::new("cp").arg("--recursive").arg(from).arg(folder))?,
                Source::Archive(file) => {
                    fs::create_dir(folder)?;
                    let mut tar = Command::new("tar");
                    run(tar
                        .arg("--extract")
                        .arg("--strip-components=1")
                        .arg("--file")
                        .arg(file)
                        .arg("-C")
                        .arg(folder))?;
                }
            }
            // The archive has the script at its top, the repository in a folder.
            let script = ["configure", "auto/configure"].into_iter().find(|script| folder.join(script).is_file());
            let script = script.context("the source has no configure")?;
            run(Command::new("sh").current_dir(folder).arg(script).args(&arguments).args(more))?;
            let jobs = std::thread::available_parallelism().map_or(1, usize::from);
            run(Command::new("make").current_dir(folder).arg(format!("--jobs={jobs}")))
        })
    }

    /// A folder that `make` fills aside, and that appears when it is whole.
    fn once(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let place = self.folder.join(name);
        if place.is_dir() {
            return Ok(place);
        }
        let aside = self.folder.join(format!("{name}.making-{}", std::process::id()));
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        let made = make(&aside).with_context(|| format!("cannot make {}", place.display()));
        let moved = made.and_then(|()| match fs::rename(&aside, &place) {
            // Another run was quicker. Its folder came from the same data.
            Err(_) if place.is_dir() => Ok(()),
            other => other.with_context(|| format!("cannot rename {}", aside.display())),
        });
        // Gone already, if all went well.
        let _ = fs::remove_dir_all(&aside);
        moved.map(|()| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_found_by_its_version_and_others_are_refused_with_the_known_ones() {
        assert_eq!(Release::named("1.26.3").unwrap().version, Version::new(1, 26, 3));
        let error = Release::named("1.0.0").unwrap_err().to_string();
        assert!(error.contains("1.0.0") && error.contains("1.18.0, 1.22.1, 1.26.3, 1.28.3"), "{error}");
    }
}
