//! Puts right what the `rpm` crate writes into a main header for newer systems only.

use super::payload::Payload;
use crate::model::Package;
use crate::scripts;

use formats::rpm_header::{Error, HeaderBuilder, Limits, Rpm, Tag};

/// Packages whose installation makes the module's link be looked at again.
const TRIGGERING: [&str; 3] = ["nginx", "nginx-core", "nginx-plus"];
const TRIGGER_SCRIPTS: Tag = Tag(1065);
const TRIGGER_NAME: Tag = Tag(1066);
const TRIGGER_VERSION: Tag = Tag(1067);
const TRIGGER_FLAGS: Tag = Tag(1068);
const TRIGGER_INDEX: Tag = Tag(1069);
const TRIGGER_SCRIPT_PROG: Tag = Tag(1092);
/// `RPMSENSE_TRIGGERIN` (rpm's `lib/rpmds.h`).
const SENSE_TRIGGER_IN: u32 = 1 << 16;

/// Names, flags, versions of `Recommends`.
const RECOMMENDS: (Tag, Tag, Tag) = (Tag::RECOMMEND_NAME, Tag::RECOMMEND_FLAGS, Tag::RECOMMEND_VERSION);

/// Writes the main header of `laid_out` anew, with what is known of the payload. The signature header no longer fits
/// afterwards: [`formats::rpm_header::assemble`] writes a new one.
pub fn refine(
    laid_out: Rpm,
    made_from: &Package,
    payload: &Payload,
    source_rpm: &str,
    built: u32,
) -> Result<Rpm, Error> {
    let mut builder = HeaderBuilder::from_header(&laid_out.header);
    // The crate says `(none)`, and the clock's time when `built` lies ahead of it.
    builder.string(Tag::SOURCE_RPM, source_rpm)?.u32s(Tag::BUILD_TIME, &[built]);
    payload.describe(&mut builder)?;
    drop_user_recommends(&mut builder, &laid_out)?;
    if let Some(text) = scripts::rpm(&made_from.name, &made_from.lifecycle).trigger_in {
        add_trigger(&mut builder, &text)?;
    }
    Ok(Rpm { header: builder.build(&Limits::MAIN)?, ..laid_out })
}

/// `%triggerin -- nginx, nginx-core, nginx-plus`: the crate knows no triggers. The tags are arrays: scripts with their interpreters, and names with versions, flags
/// and the number of the script that each is for (rpm's `lib/rpmtriggers.c`).
fn add_trigger(builder: &mut HeaderBuilder, text: &str) -> Result<(), Error> {
    let scripts = vec![0; TRIGGERING.len()];
    let flags = vec![SENSE_TRIGGER_IN; TRIGGERING.len()];
    let versions = vec![""; TRIGGERING.len()];
    builder
        .strings(TRIGGER_SCRIPTS, &[text])?
        .strings(TRIGGER_SCRIPT_PROG, &["/bin/sh"])?
        .strings(TRIGGER_NAME, &TRIGGERING)?
        .strings(TRIGGER_VERSION, &versions)?
        .u32s(TRIGGER_FLAGS, &flags)
        .u32s(TRIGGER_INDEX, &scripts);
    Ok(())
}

/// For files of other owners the crate recommends `user(…)` and `group(…)`. Only rpm since 4.19 provides those; on older systems
/// they are weak dependencies on nothing, and el7 should have no weak ones at all.
fn drop_user_recommends(builder: &mut HeaderBuilder, package: &Rpm) -> Result<(), Error> {
    let header = &package.header;
    let (names, flags, versions) =
        (header.strings(RECOMMENDS.0)?, header.u32s(RECOMMENDS.1)?, header.strings(RECOMMENDS.2)?);
    let kept = || {
        let all = names.iter().zip(&flags).zip(&versions);
        all.filter(|((name, _), _)| !name.starts_with("user(") && !name.starts_with("group("))
    };
    let flags: Vec<u32> = kept().map(|((_, flags), _)| *flags).collect();
    let kept_names: Vec<&str> = kept().map(|((name, _), _)| *name).collect();
    let kept_versions: Vec<&str> = kept().map(|(_, version)| *version).collect();
    builder.remove(RECOMMENDS.0).remove(RECOMMENDS.1).remove(RECOMMENDS.2);
    // Setting an empty list sets nothing.
    builder.strings(RECOMMENDS.0, &kept_names)?.u32s(RECOMMENDS.1, &flags).strings(RECOMMENDS.2, &kept_versions)?;
    Ok(())
}
