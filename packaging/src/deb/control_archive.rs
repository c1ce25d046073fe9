//! `control.tar`: the control file, the list of conffiles, the sums, the maintainer scripts.

use std::io;

use crate::compress::{Compressor, Material};
use crate::model::{Package, Role};
use crate::names::PackageArch;
use crate::scripts::{self, DebScripts};
use crate::tarball::Archive;

use super::Error;
use super::control::control;
use super::data::Data;

/// Where every package of NGINX puts it.
const NGINX: &str = "/usr/sbin/nginx";

/// Packs the control archive of `package`, whose data archive is made already.
pub fn control_archive(package: &Package, data: &Data) -> Result<Vec<u8>, Error> {
    let control = control(package, data.installed_kib)?.to_string();
    let DebScripts { preinst, postinst, prerm, postrm } = scripts::debian(&package.name, &package.lifecycle);
    // In the order of names; scripts are executable (policy §6.1).
    let members = [
        ("conffiles", 0o644, conffiles(package)),
        ("control", 0o644, Some(control)),
        ("md5sums", 0o644, Some(data.md5sums.clone()).filter(|sums| !sums.is_empty())),
        ("postinst", 0o755, postinst),
        ("postrm", 0o755, postrm),
        ("preinst", 0o755, preinst),
        ("prerm", 0o755, prerm),
        ("triggers", 0o644, triggers(package)),
    ];
    let pack = || -> io::Result<Vec<u8>> {
        let compressor = Compressor::new(package.compression, Material::For(PackageArch::Independent))?;
        let mut archive = Archive::new(compressor, package.epoch);
        archive.directory("", 0o755)?;
        for (name, mode, content) in members {
            if let Some(content) = content {
                archive.file(name, mode, content.as_bytes())?;
            }
        }
        archive.finish()?.finish()
    };
    pack().map_err(|source| Error::Member { member: "control.tar", source })
}

/// deb-triggers(5): another package that brings the file wakes this one's `postinst`. Not waiting, since the other one works without us.
fn triggers(package: &Package) -> Option<String> {
    package.lifecycle.module.as_ref().map(|_| format!("interest-noawait {NGINX}\n"))
}

/// One absolute path a line (policy, appendix on configuration file handling).
fn conffiles(package: &Package) -> Option<String> {
    let conffiles = package.contents.iter().filter(|(_, entry)| entry.role == Role::Config);
    let text: String = conffiles.map(|(path, _)| format!("{path}\n")).collect();
    (!text.is_empty()).then_some(text)
}
