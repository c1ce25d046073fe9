//! Finding whole records in a file, whatever happened to it: what is no record is skipped, up to the next mark that begins one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::layout::{MARK, Prefix, RECORD, record_length};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Over so many bytes of a file checksums may be taken in vain before the rest of it is given up. Damage stays far below; a file made
/// of marks that each claim the longest payload must not keep a server from starting.
const MOST_VAIN: u64 = 256 << 20;

/// Something with bytes at places.
pub trait Source {
    /// Reads some of the bytes from `at` on; none at the end.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    fn read_some(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl Source for File {
    fn read_some(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        loop {
            match self.read_at(buffer, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }
}

impl Source for &[u8] {
    fn read_some(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

/// A whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its sequence.
    pub sequence: u64,
    /// Its time.
    pub written: u64,
    /// It belongs with the entry before it.
    pub follows: bool,
    /// Its payload.
    pub payload: &'a [u8],
}

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Places in which something else stood where a record should.
    pub places: u64,
    /// Bytes in these places.
    pub bytes: u64,
    /// Bytes at the end that a write left unfinished, or that were given up after it failed. That is no damage.
    pub torn: u64,
}

/// Walks through the records of a segment, in a buffer of one record at most.
#[derive(Debug)]
pub struct Scanner<S> {
    source: S,
    /// Where the next record should begin.
    position: u64,
    end: u64,
    /// The sequences that may still come.
    expected: Range<u64>,
    buffer: Vec<u8>,
    /// Where the buffer begins.
    buffer_at: u64,
    /// Where the bytes began that are being skipped, and whether an unfinished write looks like them.
    gap: Option<(u64, bool)>,
    skipped: Skipped,
    vain: u64,
}

impl<S: Source> Scanner<S> {
    /// Walks through `places` of `source`, taking only records with sequences of `expected`, in ascending order.
    pub fn new(source: S, places: Range<u64>, expected: Range<u64>) -> Self {
        let Range { start, end } = places;
        let (buffer, gap, skipped) = (Vec::new(), None, Skipped::default());
        Self { source, position: start, end, expected, buffer, buffer_at: start, gap, skipped, vain: 0 }
    }

    /// The segment has grown: more places and more sequences may come.
    pub fn extend(&mut self, end: u64, sequences: u64) {
        (self.end, self.expected.end) = (end, sequences);
    }

    /// The lowest sequence that may still come.
    pub fn expected(&self) -> u64 {
        self.expected.start
    }

    /// The next whole record.
    ///
    /// # Errors
    ///
    /// The source cannot be read there. Asking again tries again.
    pub fn next_record(&mut self) -> io::Result<Option<Found<'_>>> {
        while self.vain <= MOST_VAIN {
            let window = self.window(RECORD)?;
            if window.len() < RECORD {
                break;
            }
            if let Some(prefix) = Prefix::decode(window)
                && self.expected.contains(&prefix.sequence)
                && self.position + record_length(prefix.length) as u64 <= self.end
            {
                let length = record_length(prefix.length);
                if prefix.fits(self.window(length)?) {
                    return Ok(Some(self.take(prefix, length)));
                }
                self.vain += length as u64;
            }
            self.skip()?;
        }
        Ok(None)
    }

    fn take(&mut self, prefix: Prefix, length: usize) -> Found<'_> {
        if let Some((from, _)) = self.gap.take() {
            self.skipped.places += 1;
            self.skipped.bytes += self.position - from;
        }
        let start = (self.position - self.buffer_at) as usize;
        self.position += length as u64;
        self.expected.start = prefix.sequence + 1;
        let payload = &self.buffer[start + RECORD..start + length];
        Found { sequence: prefix.sequence, written: prefix.written, follows: prefix.follows, payload }
    }

    /// Goes on to the next byte that may begin a record.
    fn skip(&mut self) -> io::Result<()> {
        if self.gap.is_none() {
            self.gap = Some((self.position, self.looks_unfinished()?));
        }
        let window = self.window(RECORD)?;
        let step = window.iter().skip(1).position(|byte| *byte == MARK[0]).map_or(window.len(), |at| at + 1);
        self.position += step as u64;
        Ok(())
    }

    /// Whether the write of the next record began here and did not end, or was given up and the record written to the next segment.
    fn looks_unfinished(&mut self) -> io::Result<bool> {
        let (end, expected) = (self.end, self.expected.clone());
        let rest = end - self.position;
        let window = self.window(RECORD)?;
        Ok(match Prefix::decode(window) {
            Some(prefix) => {
                let runs_over = record_length(prefix.length) as u64 > rest;
                prefix.sequence == expected.start && (runs_over || expected.is_empty())
            }
            None => window.len() < RECORD && MARK.iter().zip(window).all(|(mark, byte)| mark == byte),
        })
    }

    /// Closes the account after the last record.
    ///
    /// # Errors
    ///
    /// The end of the source cannot be read.
    pub fn finish(mut self) -> io::Result<Skipped> {
        let (from, unfinished) = match self.gap {
            Some(gap) => gap,
            None if self.position < self.end => (self.position, self.looks_unfinished()?),
            None => return Ok(self.skipped),
        };
        if unfinished || self.is_zero(from)? {
            self.skipped.torn = self.end - from;
        } else {
            self.skipped.places += 1;
            self.skipped.bytes += self.end - from;
        }
        Ok(self.skipped)
    }

    /// Whether nothing but zeros follows: file systems leave them where the system went down before the content was written.
    fn is_zero(&self, from: u64) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let mut at = from;
        while at < self.end {
            let wanted = (self.end - at).min(buffer.len() as u64) as usize;
            let length = self.source.read_some(&mut buffer[..wanted], at)?;
            if length == 0 {
                break;
            }
            if buffer[..length].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += length as u64;
        }
        Ok(true)
    }

    /// The bytes from the position on: at least `wanted`, unless the end comes first.
    fn window(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let held = self.buffer_at + self.buffer.len() as u64;
        let enough = (self.position + wanted as u64).min(self.end);
        if held < enough {
            let behind = (self.position - self.buffer_at).min(self.buffer.len() as u64) as usize;
            self.buffer.drain(..behind);
            self.buffer_at = self.position;
            self.fill(wanted.max(CHUNK).min((self.end - self.position) as usize))?;
        }
        let start = (self.position - self.buffer_at).min(self.buffer.len() as u64) as usize;
        Ok(&self.buffer[start..])
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let mut filled = self.buffer.len();
        self.buffer.resize(wanted.max(filled), 0);
        let outcome = loop {
            if filled >= wanted {
                break Ok(());
            }
            match self.source.read_some(&mut self.buffer[filled..], self.buffer_at + filled as u64) {
                Ok(0) => {
                    // It is shorter than it was said to be.
                    self.end = self.buffer_at + filled as u64;
                    break Ok(());
                }
                Ok(length) => filled += length,
                Err(error) => break Err(error),
            }
        };
        self.buffer.truncate(filled);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Draft;
    use crate::layout::encode_record;

    fn scan(bytes: &[u8]) -> (Vec<u64>, Skipped) {
        let mut scanner = Scanner::new(bytes, 0..bytes.len() as u64, 1..100);
        let mut found = Vec::new();
        while let Some(record) = scanner.next_record().unwrap() {
            found.push(record.sequence);
        }
        (found, scanner.finish().unwrap())
    }

    #[test]
    fn rubbish_between_records_is_one_place() {
        let mut bytes = Vec::new();
        for sequence in [1, 2, 50] {
            encode_record(sequence, Draft::alone(0, b"content"), &mut bytes);
            bytes.extend_from_slice(&[b"rub".as_slice(), &MARK, b"bish"].concat());
        }
        let rubbish = (MARK.len() + "rubbish".len()) as u64;
        assert_eq!(scan(&bytes), (vec![1, 2, 50], Skipped { places: 3, bytes: 3 * rubbish, torn: 0 }));
    }

    #[test]
    fn sequences_that_descend_or_are_not_expected_are_no_records() {
        let mut bytes = Vec::new();
        [1, 7, 3, 7, 200, 8].into_iter().for_each(|sequence| encode_record(sequence, Draft::alone(0, b""), &mut bytes));
        let record = RECORD as u64;
        assert_eq!(scan(&bytes), (vec![1, 7, 8], Skipped { places: 1, bytes: 3 * record, torn: 0 }));
    }

    #[test]
    fn a_record_that_is_longer_than_what_is_read_at_once_is_found() {
        let mut bytes = b"rubbish".to_vec();
        encode_record(1, Draft::alone(0, &vec![b'x'; 3 * CHUNK]), &mut bytes);
        encode_record(2, Draft::alone(0, b""), &mut bytes);
        assert_eq!(scan(&bytes).0, [1, 2]);
    }

    #[test]
    fn a_file_made_of_marks_takes_no_longer_than_a_start_may() {
        let mut bytes = Vec::new();
        while bytes.len() < 8 << 20 {
            bytes.extend_from_slice(&MARK);
            bytes.extend_from_slice(&(1_u32 << 20).to_le_bytes());
            bytes.extend_from_slice(&1_u64.to_le_bytes());
            bytes.extend_from_slice(&[0; 12]);
        }
        let start = Instant::now();
        assert!(scan(&bytes).0.is_empty());
        // Without a limit it would be half an hour.
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }
}
