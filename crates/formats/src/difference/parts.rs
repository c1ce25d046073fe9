//! What a file is made of, told by its first bytes.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use object::read::elf::{FileHeader as _, SectionHeader as _};
use object::{Endianness, elf::FileHeader64};

use crate::rpm_header::{Header, Rpm, Tag};
use crate::{ar, cpio, xz};

/// Most bytes that are unpacked at a time: a guard against archive bombs.
const UNPACKED_MAX: u64 = 2 << 30;
/// Where a tar archive says that it is one.
const USTAR: std::ops::Range<usize> = 257..262;

/// One part.
pub(super) struct Part {
    pub name: String,
    /// What the whole says about it.
    pub facts: Vec<(&'static str, String)>,
    pub bytes: Vec<u8>,
}

impl Part {
    fn plain(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), facts: Vec::new(), bytes: bytes.into() }
    }
}

/// The parts in their order; nothing when the format is unknown or the file broken.
pub(super) fn unpack(bytes: &[u8]) -> Option<Vec<Part>> {
    match bytes {
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => members(bytes),
        [0xed, 0xab, 0xee, 0xdb, ..] => package(bytes),
        [0x1f, 0x8b, ..] => bounded(MultiGzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => bounded(xz::reader(bytes).ok()?),
        [0x7f, b'E', b'L', b'F', 2, ..] => sections(bytes),
        [b'0', b'7', b'0', b'7', b'0', b'1', ..] => files_of_cpio(bytes),
        _ if bytes.get(USTAR) == Some(b"ustar") => files_of_tar(bytes),
        _ => None,
    }
}

/// A compressed file has one part.
fn bounded(from: impl Read) -> Option<Vec<Part>> {
    let mut bytes = Vec::new();
    let read = from.take(UNPACKED_MAX).read_to_end(&mut bytes).ok()?;
    (read as u64 != UNPACKED_MAX).then(|| vec![Part::plain("uncompressed", bytes)])
}

fn members(bytes: &[u8]) -> Option<Vec<Part>> {
    let mut archive = ar::Reader::new(bytes).ok()?;
    let mut parts = Vec::new();
    while let Some(mut member) = archive.next_member().ok()? {
        let header = member.header().clone();
        let mut content = Vec::new();
        member.read_to_end(&mut content).ok()?;
        let facts = vec![
            ("time", header.mtime.to_string()),
            ("owner", format!("{}:{}", header.uid, header.gid)),
            ("mode", format!("{:o}", header.mode)),
        ];
        parts.push(Part { name: header.name, facts, bytes: content });
    }
    Some(parts)
}

fn files_of_tar(bytes: &[u8]) -> Option<Vec<Part>> {
    let mut archive = tar::Archive::new(bytes);
    let mut parts = Vec::new();
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let header = entry.header().clone();
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let link = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
        let text = |name: Option<&[u8]>| String::from_utf8_lossy(name.unwrap_or_default()).into_owned();
        let facts = vec![
            ("type", format!("{:?}", header.entry_type())),
            ("mode", format!("{:o}", header.mode().ok()?)),
            ("owner", format!("{}:{}", header.uid().ok()?, header.gid().ok()?)),
            ("owner's name", format!("{}:{}", text(header.username_bytes()), text(header.groupname_bytes()))),
            ("time", header.mtime().ok()?.to_string()),
            ("link target", link.unwrap_or_default()),
        ];
        let mut content = Vec::new();
        entry.read_to_end(&mut content).ok()?;
        parts.push(Part { name, facts, bytes: content });
    }
    Some(parts)
}

fn files_of_cpio(bytes: &[u8]) -> Option<Vec<Part>> {
    let mut archive = cpio::Reader::new(bytes);
    let mut parts = Vec::new();
    while let Some(entry) = archive.next_entry().ok()? {
        let mut content = Vec::new();
        archive.read_to_end(&mut content).ok()?;
        let facts = vec![
            ("mode", format!("{:o}", entry.mode)),
            ("time", entry.mtime.to_string()),
            ("inode", entry.inode.to_string()),
        ];
        parts.push(Part { name: entry.name, facts, bytes: content });
    }
    Some(parts)
}

fn package(bytes: &[u8]) -> Option<Vec<Part>> {
    let mut payload = bytes;
    let rpm = Rpm::read(&mut payload).ok()?;
    let mut parts = vec![Part::plain("lead", *rpm.lead.as_bytes())];
    let mut tags = |header: &Header, part: &str, name: fn(Tag) -> Option<&'static str>| {
        for (entry, value) in header.raw_values() {
            let name = name(entry.tag).map_or_else(|| entry.tag.to_string(), |name| format!("{name} ({})", entry.tag));
            parts.push(Part::plain(format!("{part}, tag {name}"), value));
        }
    };
    tags(&rpm.signature, "signature header", Tag::name_in_signature);
    tags(&rpm.header, "main header", Tag::name);
    parts.push(Part::plain("payload", payload));
    Some(parts)
}

/// The sections of a 64-bit file, after its header and the table of segments.
fn sections(bytes: &[u8]) -> Option<Vec<Part>> {
    let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let table = header.sections(endian, bytes).ok()?;
    let mut parts = vec![Part::plain("ELF header", bytes.get(..size_of::<FileHeader64<Endianness>>())?)];
    for section in table.iter().skip(1) {
        let name = String::from_utf8_lossy(table.section_name(endian, section).ok()?).into_owned();
        let facts =
            vec![("address", format!("{:#x}", section.sh_addr(endian))), ("size", section.sh_size(endian).to_string())];
        parts.push(Part { name, facts, bytes: section.data(endian, bytes).ok()?.to_vec() });
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn this_program_has_sections() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let names: Vec<_> = unpack(&program).unwrap().into_iter().map(|part| part.name).collect();
        assert!(names.contains(&".text".to_owned()) && names[0] == "ELF header", "{names:?}");
    }

    proptest! {
        #[test]
        fn anything_behind_a_magic_is_survived(number in 0..6_usize, rest in prop::collection::vec(any::<u8>(), 0..400)) {
            let magics: [&[u8]; 6] =
                [b"!<arch>\n", b"\xed\xab\xee\xdb", b"\x1f\x8b", b"\xfd7zXZ\0", b"\x7fELF\x02\x01", b"070701"];
            let _ = unpack(&[magics[number], &rest].concat());
        }
    }
}
