//! A line of a hexadecimal dump.

use std::fmt;

/// Bytes of a line.
const LINE: usize = 16;

/// The line of a dump in which a byte stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Where it begins, a multiple of 16.
    pub offset: u64,
    /// Up to 16 bytes; none behind the end.
    pub bytes: Vec<u8>,
}

impl Excerpt {
    pub(super) fn around(bytes: &[u8], offset: usize) -> Self {
        let begin = offset - offset % LINE;
        let end = bytes.len().min(begin + LINE);
        Self { offset: begin as u64, bytes: bytes.get(begin..end).unwrap_or_default().to_vec() }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let printable = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        let text: String = self.bytes.iter().map(printable).collect();
        write!(f, "{:08x}  {hex:width$}  |{text}|", self.offset, width = LINE * 3 - 1)
    }
}
