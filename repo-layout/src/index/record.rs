//! Records of the caches: fields with their lengths before them, guarded by a checksum.
//!
//! A cache is written by this program for itself. Whatever is not as it should be ends the reading of it: the rest of the
//! cache is then as if it were not there.

use std::hash::Hasher as _;
use std::io::{self, Read, Write};

use siphasher::sip::SipHasher13;

/// The longest record that is believed, bytes: no package has this much to say of itself.
const LONGEST: u32 = 1 << 30;

/// A record being written.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
}

impl Record {
    /// A text, or bytes.
    pub(crate) fn text(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text);
    }

    /// A number.
    pub(crate) fn number(&mut self, number: u64) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Makes it empty for the next one.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Writes it.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let length = u32::try_from(self.bytes.len()).ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| io::Error::other("a record of more than 1 GiB"))?;
        to.write_all(&length.to_le_bytes())?;
        to.write_all(&checksum(&self.bytes).to_le_bytes())?;
        to.write_all(&self.bytes)
    }
}

/// A record as it was read, which can be written again as it is.
#[derive(Debug)]
pub(crate) struct Sealed {
    bytes: Vec<u8>,
    sum: [u8; 8],
}

impl Sealed {
    /// Its fields.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields(&self.bytes)
    }

    /// How many bytes it takes in its file.
    pub(crate) fn length(&self) -> u64 {
        12 + self.bytes.len() as u64
    }

    /// Writes it again.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let length = u32::try_from(self.bytes.len()).map_err(io::Error::other)?;
        to.write_all(&length.to_le_bytes())?;
        to.write_all(&self.sum)?;
        to.write_all(&self.bytes)
    }
}

/// The next record of a file; `None` at its end, and where it is damaged.
pub(crate) fn next(from: &mut impl Read) -> Option<Sealed> {
    let mut head = [0; 12];
    from.read_exact(&mut head).ok()?;
    let (length, sum) = head.split_first_chunk::<4>()?;
    let length = Some(u32::from_le_bytes(*length)).filter(|length| *length <= LONGEST)?;
    let mut bytes = Vec::new();
    from.take(length.into()).read_to_end(&mut bytes).ok()?;
    let sum = *sum.first_chunk()?;
    let whole = bytes.len() as u64 == u64::from(length) && checksum(&bytes).to_le_bytes() == sum;
    whole.then_some(Sealed { bytes, sum })
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    hasher.finish()
}

/// A record that was written by another version of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldsError;

/// The fields of a record, one after the other.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    /// A number.
    pub(crate) fn number(&mut self) -> Result<u64, FieldsError> {
        let (number, rest) = self.0.split_first_chunk::<8>().ok_or(FieldsError)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*number))
    }

    /// Bytes.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], FieldsError> {
        let length = usize::try_from(self.number()?).map_err(|_| FieldsError)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(FieldsError)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Result<&'a str, FieldsError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| FieldsError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(fields: &[(String, u64)]) -> Vec<u8> {
        let (mut record, mut bytes) = (Record::default(), Vec::new());
        for (text, number) in fields {
            record.text(text);
            record.number(*number);
            record.write(&mut bytes).unwrap();
            record.clear();
        }
        bytes
    }

    proptest! {
        #[test]
        fn what_was_read_is_written_again_as_it_was(text in ".*", number in any::<u64>()) {
            let bytes = written(&[(text, number)]);
            let (record, mut again) = (next(&mut bytes.as_slice()).unwrap(), Vec::new());
            record.write(&mut again).unwrap();
            prop_assert_eq!(record.length(), bytes.len() as u64);
            prop_assert_eq!(again, bytes);
        }

        #[test]
        fn what_was_written_is_read(fields in proptest::collection::vec((".*", any::<u64>()), 0..6)) {
            let bytes = written(&fields);
            let mut from = bytes.as_slice();
            for (text, number) in &fields {
                let record = next(&mut from).unwrap();
                let mut read = record.fields();
                prop_assert_eq!(read.text(), Ok(text.as_str()));
                prop_assert_eq!(read.number(), Ok(*number));
                prop_assert_eq!(read.number(), Err(FieldsError));
            }
            prop_assert!(next(&mut from).is_none());
        }

        #[test]
        fn a_damaged_record_is_none(at in 0_usize..28, bit in 0_u8..8) {
            let mut bytes = written(&[("four".to_owned(), 7)]);
            bytes[at] ^= 1 << bit;
            prop_assert!(next(&mut bytes.as_slice()).is_none());
        }
    }
}
