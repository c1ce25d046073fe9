//! Keyed hashes, by which entries are found and groups are named.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::signs::{Sign, Step};

/// Stands for what was hashed. Tables keep it instead of addresses, paths and payloads, which can be of any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Says where in a table an entry stands.
    pub(crate) place: u64,
    /// Tells it from others that stand there; never 0.
    pub(crate) tag: u64,
}

/// What a hash is for: what is equal but for this has different hashes.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Purpose {
    Target,
    Group,
    SourceGroup,
    GroupName,
    Identical,
    Payload,
    Counted,
    Blocked,
}

/// Begins hashes with the key of the analysis.
#[derive(Clone, Debug)]
pub(crate) struct Hashing(SipHasher13);

impl Hashing {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(key))
    }

    pub(crate) fn begin(&self, purpose: Purpose) -> Hash {
        let mut hash = Hash(self.0);
        hash.0.write_u8(purpose as u8);
        hash
    }
}

/// A hash that is being made. Each part says how long it is, so that no two lists of parts are the same bytes.
#[derive(Debug)]
pub(crate) struct Hash(SipHasher13);

impl Hash {
    pub(crate) fn number(mut self, number: u64) -> Self {
        self.0.write_u64(number);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.write_u64(bytes.len() as u64);
        self.0.write(bytes);
        self
    }

    pub(crate) fn key(self, key: Key) -> Self {
        self.number(key.place).number(key.tag)
    }

    /// The point of a sign, however its list is written.
    pub(crate) fn point(self, sign: Option<&Sign<'_>>) -> Self {
        let Some(sign) = sign else { return self.number(0) };
        let hash = sign.steps().fold(self, |hash, step| match step {
            Step::Index(place) => hash.number(1).number(place),
            Step::Name(name) => hash.number(2).bytes(name),
        });
        hash.number(3)
    }

    pub(crate) fn end(self) -> Key {
        let hash = self.0.finish128();
        Key { place: hash.h1, tag: hash.h2.max(1) }
    }

    /// The hash as 32 hexadecimal digits.
    pub(crate) fn name(self) -> String {
        format!("{:032x}", self.0.finish128().as_u128())
    }
}
