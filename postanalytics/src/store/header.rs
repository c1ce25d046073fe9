//! What stands before each record in the ring.
//!
//! | Bytes | Hold |
//! |---|---|
//! | 0..4 | the length of the record in the lower 28 bits, its [`Notice`] in the upper 4, big-endian |
//! | 4..12 | its arrival in milliseconds of the server's clock, big-endian |

/// Bytes before each record.
pub const HEADER: usize = 12;

/// Lengths stay below this, since no frame is larger than 128 MiB.
const LENGTH: u32 = (1 << 28) - 1;

/// What the analysis is told of a record before it reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It carries no attack.
    Clean,
    /// It carries attacks.
    Attacks,
    /// It was looked at when it came in.
    Taken,
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the record.
    pub length: u32,
    /// What the analysis is told.
    pub notice: Notice,
    /// When it came, in milliseconds of the server's clock.
    pub arrival: u64,
}

impl Header {
    /// Its bytes.
    #[must_use]
    pub fn encode(self) -> [u8; HEADER] {
        let notice = match self.notice {
            Notice::Clean => 0,
            Notice::Attacks => 1 << 28,
            Notice::Taken => 2 << 28,
        };
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&(self.length & LENGTH | notice).to_be_bytes());
        bytes[4..].copy_from_slice(&self.arrival.to_be_bytes());
        bytes
    }

    /// The header that these bytes are.
    #[must_use]
    pub fn decode(bytes: [u8; HEADER]) -> Self {
        let [a, b, c, d, arrival @ ..] = bytes;
        let word = u32::from_be_bytes([a, b, c, d]);
        let notice = match word >> 28 {
            0 => Notice::Clean,
            1 => Notice::Attacks,
            _ => Notice::Taken,
        };
        Self { length: word & LENGTH, notice, arrival: u64::from_be_bytes(arrival) }
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
        for notice in [Notice::Clean, Notice::Attacks, Notice::Taken] {
            for length in [0, 1, LENGTH] {
                let header = Header { length, notice, arrival: u64::MAX - 7 };
                assert_eq!(Header::decode(header.encode()), header);
            }
        }
    }
}
