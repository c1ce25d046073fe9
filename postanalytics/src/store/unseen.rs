//! Records on their way from the ring to the analysis, copied so that the ring is locked only for the copying.

use super::header::{HEADER, Header, Notice};

/// Bytes that are copied at once.
const ROOM: usize = 256 * 1024;

/// The longest record that the analysis reads from here; longer ones are looked at when they come in, where they lie in one piece.
pub const LONGEST: usize = 64 * 1024;

/// A copy of some records with their headers. Its memory is used again and again.
#[derive(Debug)]
pub struct Unseen {
    bytes: Vec<u8>,
    /// Bytes of whole records in it.
    whole: usize,
    /// Bytes of the ring that it stands for; more than `whole` if the last record is passed over and longer than the room.
    passed: u64,
}

impl Unseen {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: Vec::new(), whole: 0, passed: 0 }
    }

    /// Takes what is there of `waiting` bytes, which `read` fills in.
    pub fn fill(&mut self, waiting: u64, read: impl FnOnce(&mut [u8])) {
        self.bytes.resize(waiting.min(ROOM as u64) as usize, 0);
        read(&mut self.bytes);
        (self.whole, self.passed) = (0, 0);
        while let Some(header) = header_at(&self.bytes, self.whole) {
            let end = self.whole + header.size() as usize;
            if end > self.bytes.len() {
                // Its bytes are not all here. If nobody wants them, it is passed over; else it comes first next time. One that never
                // fits cannot be there, see LONGEST, but shall not hold up all that came after it.
                if header.notice == Notice::Taken || header.size() > ROOM as u64 {
                    self.passed = self.whole as u64 + header.size();
                    return;
                }
                break;
            }
            self.whole = end;
        }
        self.passed = self.whole as u64;
    }

    /// Bytes of the ring that it stands for.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// The records with their arrivals, the oldest first, without those that were looked at when they came in.
    pub fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < self.whole {
                let header = header_at(&self.bytes, at)?;
                let record = self.bytes.get(at + HEADER..at + header.size() as usize)?;
                at += header.size() as usize;
                if header.notice != Notice::Taken {
                    return Some((header.arrival, record));
                }
            }
            None
        })
    }
}

fn header_at(bytes: &[u8], at: usize) -> Option<Header> {
    Some(Header::decode(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(records: &[(usize, Notice)]) -> Vec<u8> {
        let mut line = Vec::new();
        for (arrival, (length, notice)) in records.iter().enumerate() {
            let header = Header { length: *length as u32, notice: *notice, arrival: arrival as u64 };
            line.extend_from_slice(&header.encode());
            line.resize(line.len() + length, 0);
        }
        line
    }

    /// Reads all of `line` in as many turns as it takes; gives the arrivals of each turn.
    fn turns(line: &[u8]) -> Vec<Vec<u64>> {
        let (mut at, mut turns, mut unseen) = (0, Vec::new(), Unseen::new());
        while at < line.len() {
            unseen.fill((line.len() - at) as u64, |bytes| bytes.copy_from_slice(&line[at..at + bytes.len()]));
            assert!(unseen.passed() > 0, "no progress at {at}");
            at += unseen.passed() as usize;
            turns.push(unseen.records().map(|(arrival, _)| arrival).collect());
        }
        turns
    }

    #[test]
    fn a_record_that_does_not_fit_comes_first_next_time() {
        let records = [(LONGEST, Notice::Clean); 5];
        assert_eq!(turns(&line(&records)), [vec![0, 1, 2], vec![3, 4]]);
    }

    #[test]
    fn a_record_that_was_looked_at_is_passed_over_however_long_it_is() {
        let records = [(10, Notice::Attacks), (3 * ROOM, Notice::Taken), (20, Notice::Clean), (30, Notice::Taken)];
        assert_eq!(turns(&line(&records)), [vec![0], vec![2]]);
    }
}
