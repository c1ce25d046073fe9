//! What stands before each record in the ring.
//!
//! | Bytes | Hold |
//! |---|---|
//! | 0..4 | the length of the record, big-endian |
//! | 4..12 | its arrival in milliseconds of the server's clock, big-endian |

/// Bytes before each record.
pub const HEADER: usize = 12;

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the record. No frame is larger than 128 MiB.
    pub length: u32,
    /// When it came, in milliseconds of the server's clock.
    pub arrival: u64,
}

impl Header {
    /// Its bytes.
    #[must_use]
    pub fn encode(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.length.to_be_bytes());
        bytes[4..].copy_from_slice(&self.arrival.to_be_bytes());
        bytes
    }

    /// The header that these bytes are.
    #[must_use]
    pub fn decode(bytes: [u8; HEADER]) -> Self {
        let [a, b, c, d, arrival @ ..] = bytes;
        Self { length: u32::from_be_bytes([a, b, c, d]), arrival: u64::from_be_bytes(arrival) }
    }

    /// Bytes that it and its record take.
    #[must_use]
    pub fn size(self) -> u64 {
        HEADER as u64 + u64::from(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        for length in [0, 1, u32::MAX] {
            let header = Header { length, arrival: u64::MAX - 7 };
            assert_eq!(Header::decode(header.encode()), header);
        }
    }
}
