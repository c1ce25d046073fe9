//! Where a release is published: the one place of the pipeline that knows how.
//!
//! A channel is a tree of its own below the destination, `<destination>/testing` and `<destination>/stable`; users are told of the second.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::Context;
use super::context::indexes;
use crate::commands::repo;
use crate::steps::{Facts, facts};

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder that a web server publishes.
    Folder(PathBuf),
    /// Something that has an address.
    Address(String),
}

/// Whom it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Those who try it out before everybody.
    Testing,
    /// Everybody.
    Stable,
}

impl Channel {
    /// Its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Testing => "testing",
            Self::Stable => "stable",
        }
    }
}

impl Destination {
    /// Tells an address from a folder by its scheme.
    pub fn parse(text: &str) -> Self {
        match text.contains("://") {
            true => Self::Address(text.trim_end_matches('/').to_owned()),
            false => Self::Folder(PathBuf::from(text)),
        }
    }

    /// The tree of a channel.
    pub fn tree(&self, channel: Channel) -> Result<PathBuf> {
        match self {
            Self::Folder(folder) => Ok(folder.join(channel.name())),
            Self::Address(address) => {
                bail!(
                    "cannot publish to {address}: only a folder can be published to; name one that a web server offers"
                )
            }
        }
    }
}

/// What readers of a channel see at the moment.
pub fn published(destination: &Destination, channel: Channel) -> Result<Facts> {
    facts::files(&destination.tree(channel)?, indexes)
}

/// Publishes the packages of a release to a channel; readers see the old state or the new one, whole.
pub fn publish(context: &Context, channel: Channel) -> Result<PathBuf> {
    let tree = context.destination()?.tree(channel)?;
    lay_out(context, &tree)?;
    Ok(tree)
}

/// Publishes to one channel what another has.
pub fn promote(context: &Context, from: Channel, to: Channel) -> Result<PathBuf> {
    let destination = context.destination()?;
    let (tested, signed) = (published(destination, from)?, facts::files(&context.tree(), indexes)?);
    if let Some(name) = facts::difference(&signed, &tested) {
        bail!("the channel {} has something else than this release: {name}; publish it there first", from.name());
    }
    let tree = destination.tree(to)?;
    lay_out(context, &tree)?;
    Ok(tree)
}

/// The same packages, key and time give the same bytes as the tree that was verified.
fn lay_out(context: &Context, tree: &Path) -> Result<()> {
    context.need_packages()?;
    repo::build(&context.layout(tree.to_owned()), &context.session)?;
    let (signed, there) = (facts::files(&context.tree(), indexes)?, facts::files(tree, indexes)?);
    let differs = signed.iter().find(|(name, fact)| *name != "index.html" && there.get(*name) != Some(fact));
    match differs {
        None => Ok(()),
        Some((name, _)) => bail!("{}: {name} is not what was verified; run again from the step `sign`", tree.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_folder_by_its_scheme() {
        assert_eq!(Destination::parse("srv/repo"), Destination::Folder("srv/repo".into()));
        assert_eq!(Destination::parse("s3://bucket/repo/"), Destination::Address("s3://bucket/repo".to_owned()));
    }
}
