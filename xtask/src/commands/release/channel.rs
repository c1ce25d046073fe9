//! Where a release is published: the one place of the pipeline that knows how.
//!
//! Both channels lie in one tree, beside each other: users are told of `stable`, whose paths are the documented ones ([`crate::channel`]).

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use repo_layout::{Sha256Hex, Summary};

use super::Context;
use crate::channel::Channel;
use crate::commands::repo;
use crate::guide;
use crate::steps::Facts;

/// For those who try it out before everybody.
pub const TESTING: &str = "testing";

/// For everybody.
pub const STABLE: &str = "stable";

fn named(name: &str) -> Result<Channel> {
    name.parse().map_err(anyhow::Error::msg)
}

/// What readers of a channel see at the moment: the signed indexes of the release's distros, and their pages.
pub fn published(context: &Context, channel: &str) -> Result<Facts> {
    let (target, line) = (context.target()?, named(channel)?.line(&context.version.line()));
    let mut found = Facts::new();
    for distro in &context.distros {
        for repository in guide::repositories(distro, &line)? {
            for name in ["InRelease", "repodata/repomd.xml", "index.html"] {
                let path = repository.join(name)?;
                if let Some(seen) = target.destination.read(&path)? {
                    found.insert(path.to_string(), Sha256Hex::of(&seen.bytes).to_string());
                }
            }
        }
    }
    Ok(found)
}

/// Adds the packages of a release to the channel testing; what is published stays. Readers see the old state or the new one, whole.
pub fn publish(context: &Context) -> Result<Summary> {
    context.need_packages()?;
    let mut order = context.layout(context.tree());
    order.channel = named(TESTING)?;
    repo::add_release(&order, &context.target()?, &context.session)
}

/// Adds what testing has to stable, as it is.
pub fn promote(context: &Context) -> Result<Summary> {
    let (testing, stable) = (named(TESTING)?, named(STABLE)?);
    let target = context.target()?;
    let distros: Vec<String> = context.distros.iter().map(|distro| distro.id.to_string()).collect();
    // What lies in testing, by its signed indexes: promoting anything but this release would not be what was tested.
    let offered: BTreeSet<String> = repo::digests(&testing, &distros, &target, &context.session)?;
    if let Some((path, _)) = context.packed()?.iter().find(|(_, sha256)| !offered.contains(*sha256)) {
        bail!("the channel {testing} does not have {path}: publish it there first, with --from publish");
    }
    repo::promote(&testing, &stable, &distros, &target, &context.session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_channels_have_a_name_that_a_path_can_hold() {
        assert_eq!(named(TESTING).unwrap().line("4.8"), "4.8-testing");
        assert_eq!(named(STABLE).unwrap(), Channel::default());
    }
}
