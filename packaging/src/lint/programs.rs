//! ELF files: whether they load on the distro, and what protects them.

use formats::elf::{self, Hardening, Needs};

use super::{Findings, Subject};
use crate::distro::Glibc;

/// Where debugging information belongs.
const DEBUG_FOLDER: &str = "/usr/lib/debug/";

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    for (item, content) in subject.files().filter(|(_, content)| elf::is_elf(content)) {
        let place = item.path.escape_debug().to_string();
        if item.path.starts_with(DEBUG_FOLDER) {
            continue;
        }
        if item.path.starts_with("/usr/share/") {
            findings.add("program-in-share", place.clone(), "is machine code in a folder for what fits every machine");
        }
        match (Needs::parse(content), Hardening::parse(content)) {
            (Ok(needs), Ok(hardening)) => {
                glibc(subject, &place, &needs, findings);
                protections(&place, &hardening, findings);
            }
            (Err(error), _) | (_, Err(error)) => findings.add("broken-program", place, error.to_string()),
        }
    }
}

fn glibc(subject: &Subject, place: &str, needs: &Needs, findings: &mut Findings) {
    let Some(floor) = subject.glibc else { return };
    for need in needs.versions.iter().filter(|need| !need.weak) {
        let Some(version) = need.version.strip_prefix("GLIBC_") else { continue };
        if version.parse::<Glibc>().is_ok_and(|version| version > floor) {
            let what = format!("needs {} of {}, and the distro has glibc {floor}", need.version, need.library);
            findings.add("glibc-too-new", place, what);
        }
    }
}

fn protections(place: &str, found: &Hardening, findings: &mut Findings) {
    let mut add = |rule, is_wrong: bool, what: &str| {
        if is_wrong {
            findings.add(rule, place, what);
        }
    };
    add("no-pie", found.is_program && !found.position_independent, "is loaded at one fixed address: no PIE");
    add("executable-stack", found.executable_stack, "may run code on its stack, or does not say that it need not");
    add("no-relro", !found.relro, "leaves writable what the loader has set up: no RELRO");
    add(
        "lazy-binding",
        found.relro && !found.bind_now,
        "binds functions late, so that their addresses stay writable: no full RELRO",
    );
    add("text-relocations", found.text_relocations, "has the loader write into its code");
    add("debug-info", found.debug_info, "carries its debugging information, which has a package of its own");
    if let Some(path) = &found.search_path {
        findings.add(
            "search-path",
            place,
            format!("looks for libraries in `{}` before the system does", path.escape_debug()),
        );
    }
}
