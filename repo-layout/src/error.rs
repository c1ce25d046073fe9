//! Why a tree was not built. The tree that was there before is then as it was.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Sha256Hex, TreePath};

/// An error of [`crate::build()`], or of [`crate::verify()`] when it cannot even begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path is not fit for a tree.
    #[error(
        "`{path}` is no path within a repository: relative, without `.` and `..`, letters, digits and -_.+~^: only"
    )]
    TreePath {
        /// The path as given.
        path: String,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot {what} {path}", path = path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk, or the quota, is full. Nothing was published; what was written aside is removed.
    #[error("no space left while writing {path}; nothing was published, free some space and run again", path = path.display())]
    Full {
        /// The file being written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process publishes into the same tree.
    #[error("{path} is locked by {holder}; wait until it is done", path = path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as the lock file says.
        holder: String,
    },
    /// A package is a symbolic link, a folder, a device.
    #[error("{path} is not a regular file; name the package itself", path = path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// A file is not a sound Debian package.
    #[error("{path} is not a sound deb package", path = path.display())]
    Deb {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: formats::deb::Error,
    },
    /// A file is not a sound rpm package.
    #[error("{path} is not a sound rpm package", path = path.display())]
    Rpm {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: formats::rpm_header::Error,
    },
    /// A package lacks a field without which it cannot be indexed, or has one with an impossible value.
    #[error("{path}: the field {field} is missing or not valid", path = path.display())]
    Field {
        /// The package.
        path: PathBuf,
        /// Name of the field or tag.
        field: &'static str,
    },
    /// A package's control data have a field that the index gives every package.
    #[error("{path} has the field {field} in its control data, which only an index may set; remove it from the package", path = path.display())]
    IndexField {
        /// The package.
        path: PathBuf,
        /// The field.
        field: &'static str,
    },
    /// A package's file name is not the one that its control data asks for.
    #[error("{path} says that it is {expected}; rename it, or find out who mixed them up", path = path.display())]
    Name {
        /// The package.
        path: PathBuf,
        /// The name by its control data.
        expected: String,
    },
    /// A package has a file of a name that no index of files can list.
    #[error("{path} has a file of the name `{name}`, which no index can list; give the file another name", path = path.display())]
    FileName {
        /// The package.
        path: PathBuf,
        /// The name, with escapes for what is no printable ASCII.
        name: String,
        /// What is wrong with it.
        source: formats::contents::PathError,
    },
    /// A package is for an architecture that the suite does not serve.
    #[error("{path} is for {found}; {suite} serves {served}", path = path.display())]
    Architecture {
        /// The package.
        path: PathBuf,
        /// Its architecture.
        found: String,
        /// The suite or repository.
        suite: TreePath,
        /// What that serves.
        served: String,
    },
    /// Two different files claim to be the same package.
    #[error("{first} and {second} are two different files of one name, version and architecture; a version is built once",
        first = first.display(), second = second.display())]
    Twins {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// An rpm has no signature in its header.
    #[error("{path} is not signed; clients with gpgcheck=1 would refuse it: sign it before publishing", path = path.display())]
    Unsigned {
        /// The package.
        path: PathBuf,
    },
    /// An rpm's signature is not by the key of the repository, or does not hold.
    #[error("{path} has no good signature by the key of this repository", path = path.display())]
    Signature {
        /// The package.
        path: PathBuf,
        /// What is wrong.
        source: signing::VerifyError,
    },
    /// A package changed between reading and copying.
    #[error("{path} changed while it was being published; run again when nobody writes to it", path = path.display())]
    Changed {
        /// The package.
        path: PathBuf,
    },
    /// Two parts of a site would write the same file.
    #[error("two parts of the site write {path}; give them different places")]
    Overlap {
        /// The file.
        path: TreePath,
    },
    /// What is published has no good signature by the key of the repository: it cannot be the base of a change.
    #[error("{path} has no good signature by the key of this repository; nothing is built on what it signs")]
    PublishedSignature {
        /// The signed file, or its signature.
        path: TreePath,
        /// What is wrong.
        source: signing::VerifyError,
    },
    /// What is published cannot be the base of a change.
    #[error("{path} cannot be changed: {why}; lay the repository out anew with `repo index`")]
    Published {
        /// The index.
        path: TreePath,
        /// Why not.
        why: String,
    },
    /// Nothing that is published fits what is to be removed.
    #[error("{suite} has no package `{pattern}`: give a name, name=version, or a file name")]
    NoSuchPackage {
        /// The suite or repository.
        suite: TreePath,
        /// What was to be removed.
        pattern: String,
    },
    /// A newer version of a package is published already.
    #[error("{path} is older than {name} {published}, which {suite} has; add it with --allow-older if that is meant", path = path.display())]
    Older {
        /// The package.
        path: PathBuf,
        /// Its name.
        name: String,
        /// The newest version that is published.
        published: String,
        /// The suite or repository.
        suite: TreePath,
    },
    /// A field of an index cannot be written.
    #[error("cannot write the index of {suite}")]
    Index {
        /// The suite.
        suite: TreePath,
        /// Which field, and why.
        source: formats::deb822::Error,
    },
    /// The index could not be signed.
    #[error("cannot sign the index of {suite}")]
    Sign {
        /// The suite or repository.
        suite: TreePath,
        /// Why.
        source: signing::SignError,
    },
    /// The public key could not be exported.
    #[error("cannot export the public key")]
    Key(#[from] signing::KeyError),
    /// An address is not one that can be published to.
    #[error("`{address}` cannot be published to: {reason}")]
    Address {
        /// The address.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The destination refused, failed, or could not be reached.
    #[error("cannot {action} {object}; {advice}")]
    Destination {
        /// What was being done.
        action: &'static str,
        /// To which object.
        object: String,
        /// What to do about it.
        advice: &'static str,
        /// What the destination said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another publisher was quicker. Nothing was published; what to publish has to be computed again from what is there.
    #[error(
        "another publisher has changed {path} meanwhile, again and again; try later, or find out who publishes so often"
    )]
    Raced {
        /// The entry point that was to be replaced.
        path: TreePath,
    },
    /// A package would take the place of another one of the same name.
    #[error(
        "{path} is published already as another file (SHA-256 {published}, not {given}): a version is built once, so give \
             this one a new revision"
    )]
    Replaced {
        /// The file.
        path: TreePath,
        /// What is published.
        published: Sha256Hex,
        /// What was to be published.
        given: Sha256Hex,
    },
    /// The new indexes would be older than those which are published, and clients would ignore them.
    #[error(
        "the indexes of {repository} would be dated {given}, before the published ones ({published}): \
             clients keep the newer ones; correct the clock, or publish from a newer commit"
    )]
    Backwards {
        /// The suite or repository.
        repository: TreePath,
        /// The date that is published.
        published: String,
        /// The date that was to be published.
        given: String,
    },
    /// A file of an older generation is no longer there, or no longer what it was.
    #[error("{path} is not there any more as an older generation had it; publish its packages anew")]
    Gone {
        /// The file.
        path: TreePath,
    },
    /// Everything was published, but the journal does not say so yet.
    #[error("everything is published, but the journal could not be written; the next publisher enters it")]
    NotEntered {
        /// Why not.
        source: Box<Error>,
    },
    /// A record of the publishers' own state cannot be used.
    #[error("{path}: the publishers' own record cannot be used")]
    State {
        /// The record.
        path: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An address is not one that can be fetched from.
    #[error("`{address}` cannot be verified: {reason}")]
    Source {
        /// The folder or address.
        address: String,
        /// Why not.
        reason: String,
    },
}

impl Error {
    /// Something that is no regular file, or no file at all.
    pub(crate) fn not_regular(path: &Path) -> Self {
        match std::fs::symlink_metadata(path) {
            Ok(_) => Self::NotRegular { path: path.to_owned() },
            Err(source) => Self::Io { what: "read", path: path.to_owned(), source },
        }
    }

    /// An input or output error, with a full disk told apart from the rest.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_owned(), source },
            _ => Self::Io { what, path: path.to_owned(), source },
        }
    }
}
