//! Why a tree was not built. The tree that was there before is then as it was.

use std::io;
use std::path::{Path, PathBuf};

use crate::TreePath;

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
    #[error("{path} has no good signature by the key of this repository; nothing is built on what it signs", path = path.display())]
    PublishedSignature {
        /// The signed file, or its signature.
        path: PathBuf,
        /// What is wrong.
        source: signing::VerifyError,
    },
    /// What is published cannot be the base of a change.
    #[error("{path} cannot be changed: {why}; lay the repository out anew with `repo index`", path = path.display())]
    Published {
        /// The index.
        path: PathBuf,
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
