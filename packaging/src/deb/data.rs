//! `data.tar`: what is installed, and the sums over it.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use crate::compress::{Compressor, Material};
use crate::model::{Entry, EntryKind, Package, Role};
use crate::names::InstallPath;
use crate::tarball::Archive;

use super::Error;

/// Mode of directories that the package only passes through.
const PARENT_MODE: u32 = 0o755;

/// The archive, and what the control archive says about it.
pub struct Data {
    /// Compressed.
    pub archive: Vec<u8>,
    /// The file `md5sums`: paths without `./`, conffiles left out since users change them (dh_md5sums).
    pub md5sums: String,
    /// `Installed-Size`: KiB, every file rounded up, every other entry counted as one (policy §5.6.20).
    pub installed_kib: u64,
}

/// Reads every file once and packs it. Owners are root: dpkg unpacks before `postinst` makes a user.
pub fn data(package: &Package) -> Result<Data, Error> {
    let failed = |source| Error::Member { member: "data.tar", source };
    let compressor = Compressor::new(package.compression, Material::of(package)).map_err(failed)?;
    let mut archive = Archive::new(compressor, package.epoch);
    let (mut md5sums, mut installed_kib) = (String::new(), 0);
    for (path, node) in nodes(package)? {
        let mut kib = 1;
        let written = match node {
            Node::Parent => archive.directory(path, PARENT_MODE),
            Node::Entry(_, Entry { kind: EntryKind::Directory, mode, .. }) => archive.directory(path, *mode),
            Node::Entry(_, Entry { kind: EntryKind::Symlink(target), .. }) => archive.symlink(path, target),
            Node::Entry(install, Entry { kind: EntryKind::File(content), mode, role, .. }) => {
                let bytes = content.read().map_err(|source| Error::Content { path: install.clone(), source })?;
                kib = (bytes.len() as u64).div_ceil(1024);
                if *role != Role::Config {
                    md5sums += &format!("{:x}  {path}\n", Md5::digest(&bytes));
                }
                archive.file(path, *mode, &bytes)
            }
        };
        written.map_err(failed)?;
        installed_kib += kib;
    }
    let archive = archive.finish().and_then(Compressor::finish).map_err(failed)?;
    Ok(Data { archive, md5sums, installed_kib })
}

/// What stands at a path of the archive.
enum Node<'a> {
    /// A directory that only leads to others.
    Parent,
    /// Something that the package declares.
    Entry(&'a InstallPath, &'a Entry),
}

/// Everything that the archive holds, by relative path, the root first. Sorting by bytes puts a directory before what is in it.
fn nodes(package: &Package) -> Result<BTreeMap<&str, Node<'_>>, Error> {
    let mut nodes = BTreeMap::from([("", Node::Parent)]);
    for (path, entry) in &package.contents {
        nodes.insert(path.relative(), Node::Entry(path, entry));
    }
    for path in package.contents.keys() {
        let relative = path.relative();
        for (slash, _) in relative.match_indices('/') {
            let parent = &relative[..slash];
            match nodes.entry(parent).or_insert(Node::Parent) {
                Node::Parent | Node::Entry(_, Entry { kind: EntryKind::Directory, .. }) => {}
                Node::Entry(..) => {
                    return Err(Error::Parent { path: path.clone(), parent: format!("/{parent}") });
                }
            }
        }
    }
    Ok(nodes)
}
