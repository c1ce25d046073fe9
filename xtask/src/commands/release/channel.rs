//! Where a release is published: the one place of the pipeline that knows how.
//!
//! Both channels lie in one tree, beside each other: users are told of `stable`, whose paths are the documented ones ([`crate::channel`]).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use repo_layout::Summary;

use super::Context;
use crate::channel::Channel;
use crate::commands::repo::{self, Target};
use crate::guide;
use crate::steps::{Facts, facts};

/// For those who try it out before everybody.
pub const TESTING: &str = "testing";

/// For everybody.
pub const STABLE: &str = "stable";

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder that a web server publishes.
    Folder(PathBuf),
    /// Something that has an address.
    Address(String),
}

impl Destination {
    /// Tells an address from a folder by its scheme.
    pub fn parse(text: &str) -> Self {
        match text.contains("://") {
            true => Self::Address(text.trim_end_matches('/').to_owned()),
            false => Self::Folder(PathBuf::from(text)),
        }
    }

    /// The tree.
    ///
    /// # Errors
    /// When it is no folder.
    pub fn tree(&self) -> Result<&Path> {
        match self {
            Self::Folder(folder) => Ok(folder),
            Self::Address(address) => {
                bail!(
                    "cannot publish to {address}: only a folder can be published to; name one that a web server offers"
                )
            }
        }
    }
}

fn named(name: &str) -> Result<Channel> {
    name.parse().map_err(anyhow::Error::msg)
}

/// What readers of a channel see at the moment: the signed indexes of the release's distros, and their pages.
pub fn published(context: &Context, channel: &str) -> Result<Facts> {
    let (tree, line) = (context.destination()?.tree()?, named(channel)?.line(&context.version.line()));
    let mut found = Facts::new();
    for distro in &context.distros {
        for repository in guide::repositories(distro, &line)? {
            let seen = |path: &str| matches!(path, "InRelease" | "repodata/repomd.xml" | "index.html");
            let files = facts::files(&repository.under(tree), seen)?;
            found.extend(files.into_iter().map(|(path, fact)| (format!("{repository}/{path}"), fact)));
        }
    }
    Ok(found)
}

/// Adds the packages of a release to the channel testing; what is published stays. Readers see the old state or the new one, whole.
pub fn publish(context: &Context) -> Result<Summary> {
    context.need_packages()?;
    let mut order = context.layout(context.destination()?.tree()?.to_owned());
    order.channel = named(TESTING)?;
    repo::add_release(&order, &context.session)
}

/// Adds what testing has to stable, as it is.
pub fn promote(context: &Context) -> Result<Summary> {
    let (testing, stable) = (named(TESTING)?, named(STABLE)?);
    let target = Target { out: context.destination()?.tree()?.to_owned(), key: &context.key };
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
    fn an_address_is_told_from_a_folder_by_its_scheme() {
        assert_eq!(Destination::parse("srv/repo"), Destination::Folder("srv/repo".into()));
        assert_eq!(Destination::parse("s3://bucket/repo/"), Destination::Address("s3://bucket/repo".to_owned()));
    }

    #[test]
    fn both_channels_have_a_name_that_a_path_can_hold() {
        assert_eq!(named(TESTING).unwrap().line("4.8"), "4.8-testing");
        assert_eq!(named(STABLE).unwrap(), Channel::default());
    }
}
