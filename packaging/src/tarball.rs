//! Tar archives as dpkg-deb makes them: GNU format, owner root, one time for all entries, names that begin with `./` or another folder.

use std::io::{self, Write};

use tar::{Builder, EntryType, Header};

/// Length of a name that fits a header; longer ones get an entry of their own before.
const NAME_MAX: usize = 100;
/// The name that marks such an entry.
const LONG_NAME: &str = "././@LongLink";

/// An archive being written.
pub struct Archive<W: Write> {
    builder: Builder<W>,
    /// Time of every entry, in Unix seconds.
    mtime: u64,
    /// What all names begin with, up to a slash.
    root: String,
}

impl<W: Write> Archive<W> {
    /// An archive whose entries all have this time, in Unix seconds.
    pub fn new(to: W, mtime: u64) -> Self {
        Self::below("./", to, mtime)
    }

    /// The same, with another folder than `./`; `root` ends with a slash.
    pub fn below(root: &str, to: W, mtime: u64) -> Self {
        Self { builder: Builder::new(to), mtime, root: root.to_owned() }
    }

    /// Appends a directory; `path` is relative, without a slash at its end, and empty for the root.
    pub fn directory(&mut self, path: &str, mode: u32) -> io::Result<()> {
        let end = if path.is_empty() { "" } else { "/" };
        let name = format!("{}{path}{end}", self.root);
        self.entry(EntryType::Directory, &name, None, mode, &[])
    }

    /// Appends a regular file.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        self.entry(EntryType::Regular, &format!("{}{path}", self.root), None, mode, content)
    }

    /// Appends a symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.entry(EntryType::Symlink, &format!("{}{path}", self.root), Some(target), 0o777, &[])
    }

    /// Ends the archive and hands the writer back.
    pub fn finish(self) -> io::Result<W> {
        self.builder.into_inner()
    }

    fn entry(
        &mut self,
        kind: EntryType,
        name: &str,
        target: Option<&str>,
        mode: u32,
        content: &[u8],
    ) -> io::Result<()> {
        if name.len() > NAME_MAX {
            self.long(EntryType::GNULongName, name)?;
        }
        if let Some(target) = target.filter(|target| target.len() > NAME_MAX) {
            self.long(EntryType::GNULongLink, target)?;
        }
        let mut header = self.header(kind, name, mode, content.len());
        // The crate's own setters would drop the leading `./`, which dpkg's archives have.
        if let (Some(target), Some(gnu)) = (target, header.as_gnu_mut()) {
            copy_prefix(&mut gnu.linkname, target);
        }
        header.set_cksum();
        self.builder.append(&header, content)
    }

    /// GNU tar's way of a name beyond 100 bytes.
    fn long(&mut self, kind: EntryType, name: &str) -> io::Result<()> {
        let content = [name.as_bytes(), &[0]].concat();
        let mut header = self.header(kind, LONG_NAME, 0o644, content.len());
        header.set_mtime(0);
        header.set_cksum();
        self.builder.append(&header, content.as_slice())
    }

    fn header(&self, kind: EntryType, name: &str, mode: u32, size: usize) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_mtime(self.mtime);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(size as u64);
        if let Some(gnu) = header.as_gnu_mut() {
            copy_prefix(&mut gnu.name, name);
            copy_prefix(&mut gnu.uname, "root");
            copy_prefix(&mut gnu.gname, "root");
        }
        header
    }
}

fn copy_prefix(field: &mut [u8], text: &str) {
    let len = text.len().min(field.len());
    field[..len].copy_from_slice(&text.as_bytes()[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn long_names_and_targets_are_kept_whole() {
        let long = "a/".repeat(60) + "b";
        let mut archive = Archive::new(Vec::new(), 7);
        archive.directory("", 0o755).unwrap();
        archive.file(&long, 0o644, b"content").unwrap();
        archive.symlink("link", &long).unwrap();
        let bytes = archive.finish().unwrap();
        let mut entries = tar::Archive::new(bytes.as_slice());
        let mut entries = entries.entries().unwrap().map(Result::unwrap);
        assert_eq!(&*entries.next().unwrap().path_bytes(), b"./");
        let mut file = entries.next().unwrap();
        assert_eq!(&*file.path_bytes(), format!("./{long}").as_bytes());
        let mut content = String::new();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
        assert_eq!(entries.next().unwrap().link_name_bytes().unwrap().as_ref(), long.as_bytes());
    }
}
