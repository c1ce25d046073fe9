//! The lead: 96 bytes from rpm's first days. Only its magic and its signature type still count.

use super::Error;

const MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// The one signature type ("header style") that rpm has accepted since version 3.
const SIGNATURE_HEADER: u16 = 5;

/// The first 96 bytes of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    raw: [u8; Self::LEN],
}

impl Lead {
    /// Length in bytes.
    pub const LEN: usize = 96;

    /// Checks what rpm checks: magic, format 3 or 4, header-style signature.
    ///
    /// # Errors
    /// [`Error::Magic`].
    pub fn parse(raw: [u8; Self::LEN]) -> Result<Self, Error> {
        let lead = Self { raw };
        let known = raw[..4] == MAGIC && matches!(raw[4], 3 | 4) && lead.u16(78) == SIGNATURE_HEADER;
        if known { Ok(lead) } else { Err(Error::Magic { part: "lead" }) }
    }

    /// Whether this is a source package.
    #[must_use]
    pub const fn is_source(&self) -> bool {
        self.raw[7] == 1
    }

    /// The lead as it stands in the file.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.raw
    }

    const fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.raw[at], self.raw[at + 1]])
    }
}
