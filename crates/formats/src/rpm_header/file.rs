//! A package file: lead, both headers, and where its parts lie.

use std::io::Read;
use std::ops::Range;

use super::header::read_exactly;
use super::{Error, Header, Lead, Limits};

/// Everything before the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rpm {
    /// The first 96 bytes.
    pub lead: Lead,
    /// Size, digests and signatures over what follows.
    pub signature: Header,
    /// Everything about the package.
    pub header: Header,
}

impl Rpm {
    /// Reads up to the payload and leaves `from` at its first byte. `from` should be buffered.
    ///
    /// # Errors
    /// [`Error::Magic`] when this is no rpm package; otherwise as [`Header::read`].
    pub fn read(from: &mut impl Read) -> Result<Self, Error> {
        let mut raw = Vec::with_capacity(Lead::LEN);
        read_exactly(from, &mut raw, Lead::LEN, "lead")?;
        let raw = raw.try_into().map_err(|_| Error::Truncated { within: "lead" })?;
        let lead = Lead::parse(raw)?;
        let signature = Header::read(from, &Limits::SIGNATURE)?;
        read_exactly(from, &mut Vec::new(), padding(&signature), "signature header")?;
        let header = Header::read(from, &Limits::MAIN)?;
        Ok(Self { lead, signature, header })
    }

    /// Where the signature header lies in the file, its padding not included.
    #[must_use]
    pub fn signature_range(&self) -> Range<u64> {
        let begin = Lead::LEN as u64;
        begin..begin + self.signature.as_bytes().len() as u64
    }

    /// Where the main header lies in the file.
    #[must_use]
    pub fn header_range(&self) -> Range<u64> {
        let begin = self.signature_range().end + padding(&self.signature) as u64;
        begin..begin + self.header.as_bytes().len() as u64
    }

    /// Where the payload begins; it reaches up to the end of the file.
    #[must_use]
    pub fn payload_start(&self) -> u64 {
        self.header_range().end
    }

    /// Lead, signature header with its padding, main header: the file up to the payload.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.lead.as_bytes().to_vec();
        bytes.extend_from_slice(self.signature.as_bytes());
        bytes.resize(bytes.len() + padding(&self.signature), 0);
        bytes.extend_from_slice(self.header.as_bytes());
        bytes
    }
}

/// Zero bytes after a signature header, so that the main header begins at a multiple of eight.
fn padding(signature: &Header) -> usize {
    let len = signature.as_bytes().len();
    len.next_multiple_of(8) - len
}
