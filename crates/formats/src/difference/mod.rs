//! Why two files that should be the same are not: down through archives to the file, the section or the tag, and the first byte that differs.
//!
//! ```text
//! deb ─▶ members of ar ─▶ xz, gzip ─▶ entries of tar ─▶ sections of ELF
//! rpm ─▶ lead, tags of both headers, payload ─▶ gzip, xz ─▶ entries of cpio ─▶ sections of ELF
//! ```
//!
//! Formats are told by their content, not by names, and a file that turns out broken is compared as plain bytes.

mod excerpt;
mod parts;

use std::collections::BTreeMap;
use std::fmt;

pub use self::excerpt::Excerpt;
use self::parts::{Part, unpack};

/// Archives in archives beyond this are compared as bytes.
const DEPTH_MAX: usize = 8;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, from the outside in: `data.tar.xz`, `./usr/bin/wtarantool`, `.text`.
    pub place: Vec<String>,
    /// What.
    pub what: What,
}

/// What differs at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Only one of the two has it.
    Only(Side),
    /// Both hold the same parts, in another order; the number of the first that stands elsewhere, from 1.
    Order {
        /// Counted from 1.
        position: usize,
    },
    /// What an archive says about a file.
    Fact {
        /// Which.
        name: &'static str,
        /// The first's.
        first: String,
        /// The second's.
        second: String,
    },
    /// The content.
    Bytes {
        /// The first byte that differs, or the length of the shorter one.
        offset: u64,
        /// How many bytes differ up to the length of the shorter one.
        count: u64,
        /// The first's length.
        first_len: u64,
        /// The second's length.
        second_len: u64,
        /// Around that byte.
        first: Excerpt,
        /// Around that byte.
        second: Excerpt,
    },
}

/// One of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::Second => "second",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place.join(" > "))?;
        }
        match &self.what {
            What::Only(side) => write!(f, "only in the {side}"),
            What::Order { position } => write!(f, "the same parts in another order, from part {position} on"),
            What::Fact { name, first, second } => write!(f, "{name} is {first} in the first, {second} in the second"),
            What::Bytes { offset, count, first_len, second_len, first, second } => {
                write!(f, "byte {offset} ({offset:#x})")?;
                match (first_len == second_len, count) {
                    (true, 1) => write!(f, ", the only one that differs")?,
                    (true, _) => write!(f, ", the first of {count} that differ")?,
                    (false, _) => write!(f, "; {first_len} bytes in the first, {second_len} in the second")?,
                }
                write!(f, "\n  first  {first}\n  second {second}")
            }
        }
    }
}

/// Every difference between two files; empty when they are the same.
#[must_use]
pub fn explain(first: &[u8], second: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    contents(first, second, &mut Vec::new(), &mut found);
    found
}

/// Looks into both if they can be unpacked and that shows something; otherwise compares bytes.
fn contents(first: &[u8], second: &[u8], place: &mut Vec<String>, found: &mut Vec<Difference>) {
    if first == second {
        return;
    }
    let before = found.len();
    if place.len() < DEPTH_MAX
        && let (Some(first), Some(second)) = (unpack(first), unpack(second))
    {
        parts(&first, &second, place, found);
    }
    if found.len() == before {
        found.push(Difference { place: place.clone(), what: bytes(first, second) });
    }
}

fn parts(first: &[Part], second: &[Part], place: &mut Vec<String>, found: &mut Vec<Difference>) {
    let (left, right) = (numbered(first), numbered(second));
    for (key, part) in &left {
        place.push(part.name.clone());
        match right.get(key) {
            None => found.push(Difference { place: place.clone(), what: What::Only(Side::First) }),
            Some(other) => one_part(part, other, place, found),
        }
        place.pop();
    }
    for (_, part) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
        let place = place.iter().chain([&part.name]).cloned().collect();
        found.push(Difference { place, what: What::Only(Side::Second) });
    }
    let same_parts = left.len() == right.len() && left.keys().all(|key| right.contains_key(key));
    let moved = first.iter().zip(second).position(|(one, other)| one.name != other.name);
    if let (true, Some(index)) = (same_parts, moved) {
        found.push(Difference { place: place.clone(), what: What::Order { position: index + 1 } });
    }
}

fn one_part(first: &Part, second: &Part, place: &mut Vec<String>, found: &mut Vec<Difference>) {
    for (name, value) in &first.facts {
        let other = second.facts.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        if let Some(other) = other.filter(|other| *other != value) {
            let what = What::Fact { name, first: value.clone(), second: other.clone() };
            found.push(Difference { place: place.clone(), what });
        }
    }
    contents(&first.bytes, &second.bytes, place, found);
}

/// Parts by name, and by number where a name stands several times.
fn numbered(parts: &[Part]) -> BTreeMap<(&str, usize), &Part> {
    let mut numbered = BTreeMap::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for part in parts {
        let count = seen.entry(part.name.as_str()).or_default();
        numbered.insert((part.name.as_str(), *count), part);
        *count += 1;
    }
    numbered
}

fn bytes(first: &[u8], second: &[u8]) -> What {
    let differing = || first.iter().zip(second).enumerate().filter(|(_, (one, other))| one != other);
    let offset = differing().next().map_or(first.len().min(second.len()), |(offset, _)| offset);
    What::Bytes {
        offset: offset as u64,
        count: differing().count() as u64,
        first_len: first.len() as u64,
        second_len: second.len() as u64,
        first: Excerpt::around(first, offset),
        second: Excerpt::around(second, offset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ar;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ar::Writer::new(Vec::new(), 7).unwrap();
        for (name, content) in members {
            writer.append(name, content).unwrap();
        }
        writer.finish()
    }

    fn told(first: &[u8], second: &[u8]) -> Vec<String> {
        explain(first, second).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn equal_files_have_no_difference() {
        assert_eq!(explain(b"a", b"a"), []);
    }

    #[test]
    fn plain_bytes_are_told_with_offset_and_both_sides() {
        let expected = "byte 17 (0x11), the only one that differs\n  \
             first  00000010  30 31 32                                         |012|\n  \
             second 00000010  30 78 32                                         |0x2|";
        assert_eq!(told(b"0123456789abcdef012", b"0123456789abcdef0x2"), [expected]);
    }

    #[test]
    fn a_missing_end_is_told_with_both_lengths() {
        let told = told(b"abc", b"abcd");
        assert!(told[0].starts_with("byte 3 (0x3); 3 bytes in the first, 4 in the second"), "{told:?}");
    }

    #[test]
    fn members_are_named_and_what_stands_around_them_too() {
        let (one, other) = (archive(&[("a", b"1"), ("b", b"2")]), archive(&[("a", b"1"), ("b", b"3")]));
        let told = told(&one, &other);
        assert!(told[0].starts_with("b: byte 0 (0x0), the only one that differs"), "{told:?}");
        let mut later = one.clone();
        later[8 + 16] = b'9';
        assert_eq!(told_facts(&one, &later), ["a: time is 7 in the first, 9 in the second"]);
    }

    fn told_facts(first: &[u8], second: &[u8]) -> Vec<String> {
        told(first, second)
    }

    #[test]
    fn parts_of_one_side_and_another_order_are_told() {
        let one = archive(&[("a", b"1"), ("b", b"2")]);
        assert_eq!(told(&one, &archive(&[("a", b"1")])), ["b: only in the first"]);
        assert_eq!(told(&archive(&[("a", b"1")]), &one), ["b: only in the second"]);
        let turned = archive(&[("b", b"2"), ("a", b"1")]);
        assert_eq!(told(&one, &turned), ["the same parts in another order, from part 1 on"]);
    }

    #[test]
    fn a_broken_archive_is_compared_as_bytes() {
        let one = archive(&[("a", b"1234")]);
        let told = told(&one, &one[..one.len() - 2]);
        assert!(told[0].starts_with(&format!("byte {}", one.len() - 2)), "{told:?}");
    }
}
