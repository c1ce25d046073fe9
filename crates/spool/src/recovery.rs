//! From a folder to what is known of each segment. Nothing is changed here: a folder of a newer server stays as it is.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::{AddAssign, Range};
use std::path::Path;

use crate::Sequence;
use crate::error::OpenError;
use crate::layout::{HEADER, Header, SEGMENT_FORMAT, parse_segment_name, segment_name};
use crate::progress::Progress;
use crate::ranges::Ranges;
use crate::scan::{Scanner, Source};
use crate::segment::{self, Segment};

/// Sequences come in blocks of so many, a new one for each opening: whatever the opening before has written and lost, no number
/// repeats.
const BLOCK: u64 = 1 << 32;
/// No server gets as far as this, half-way to the end.
const STRAY: u64 = Sequence::END / 2;

/// What was damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Places in files where something else stood than was written, and files that cannot be read.
    pub places: u64,
    /// Bytes in these places.
    pub bytes: u64,
    /// Entries that are missing for certain, since their numbers are. There may be more at the end of the log.
    pub lost: u64,
}

impl AddAssign for Damage {
    fn add_assign(&mut self, other: Self) {
        self.places = self.places.saturating_add(other.places);
        self.bytes = self.bytes.saturating_add(other.bytes);
        // Numbers come from files: nobody knows what stands in them.
        self.lost = self.lost.saturating_add(other.lost);
    }
}

/// What an opening found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries that are not done and will be handed out.
    pub waiting: u64,
    /// Segments.
    pub segments: u64,
    /// What was damaged.
    pub damage: Damage,
    /// Bytes of writes that a crash interrupted. They were never acknowledged.
    pub torn: u64,
    /// Files that are not the spool's. They are left alone.
    pub foreign: u64,
    /// There are segments but nobody knows what of them is done: all of it is handed out.
    pub progress_lost: bool,
}

/// What an opening starts from.
#[derive(Debug)]
pub struct Recovered {
    /// What is there.
    pub segments: BTreeMap<u64, Segment>,
    /// What needs not be handed out.
    pub done: Ranges,
    /// The sequence of the next entry.
    pub next: u64,
    /// For the log.
    pub report: Recovery,
}

/// Looks through the folder.
pub fn recover(directory: &Path) -> Result<Recovered, OpenError> {
    let (names, foreign) = list(directory)?;
    let remembered = Progress::read(directory)?;
    let files = names.iter().map(|&first| Glance::at(directory, first)).collect::<Result<Vec<_>, _>>()?;
    let (strangers, ours): (Vec<Glance>, Vec<Glance>) = files.into_iter().partition(|file| file.kind == Kind::Stranger);
    let mut work = Work::new(remembered, foreign + strangers.len() as u64);
    for (index, file) in ours.iter().enumerate() {
        let later = ours[index + 1..].iter().find(|file| file.has_records());
        work.segment(directory, file, later.map_or(Sequence::END, |file| file.first));
    }
    // A name counts even if nothing is left in the file: its numbers may have been given. But no stray file can use them all up.
    let counts = |file: &&Glance| file.has_records() || file.first < STRAY;
    let highest = strangers.iter().chain(&ours).filter(counts).map(|file| file.first).max();
    work.finish(directory, highest)
}

/// The first sequences that names of files give, in order, and the number of other files.
fn list(directory: &Path) -> Result<(Vec<u64>, u64), OpenError> {
    let unusable = |source| OpenError::Unusable { path: directory.to_owned(), source };
    let (mut names, mut foreign) = (Vec::new(), 0);
    for file in fs::read_dir(directory).map_err(unusable)? {
        let file = file.map_err(unusable)?;
        let name = file.file_name();
        let name = name.to_str().unwrap_or_default();
        match parse_segment_name(name) {
            // No links, no pipes: only what can have been written here.
            Some(first) if first < Sequence::END && file.file_type().is_ok_and(|kind| kind.is_file()) => {
                names.push(first)
            }
            _ if ["lock", "progress", "progress.new"].contains(&name) => {}
            _ => foreign += 1,
        }
    }
    names.sort_unstable();
    Ok((names, foreign))
}

/// What the beginning of a file says about it.
#[derive(Debug)]
struct Glance {
    first: u64,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Its header fits its name.
    Whole,
    /// Its header is damaged, its records are there.
    Headless,
    /// Its header is damaged, and no record of it is left.
    Ruin,
    /// Its making was interrupted within the header.
    Torn,
    /// Its header names another sequence than the file's name.
    Stranger,
    /// It cannot be read.
    Unreadable,
}

impl Glance {
    fn at(directory: &Path, first: u64) -> Result<Self, OpenError> {
        let path = segment::path(directory, first);
        let kind = match Self::header(&path) {
            Err(_) => Kind::Unreadable,
            Ok(header) => match Header::decode(SEGMENT_FORMAT, &header) {
                Header::Newer(version) => return Err(OpenError::newer(path, version, SEGMENT_FORMAT)),
                Header::Known(named) if named == first => Kind::Whole,
                Header::Known(_) => Kind::Stranger,
                Header::Damaged if is_torn_header(first, &header) => Kind::Torn,
                Header::Damaged => Self::without_header(&path, first),
            },
        };
        Ok(Self { first, kind })
    }

    /// Whether there are records in it, as far as anybody can know.
    fn has_records(&self) -> bool {
        matches!(self.kind, Kind::Whole | Kind::Headless | Kind::Unreadable)
    }

    fn header(path: &Path) -> io::Result<Vec<u8>> {
        let (file, mut header) = (File::open(path)?, vec![0; HEADER]);
        let mut filled = 0;
        while filled < HEADER {
            match file.read_some(&mut header[filled..], filled as u64)? {
                0 => break,
                length => filled += length,
            }
        }
        header.truncate(filled);
        Ok(header)
    }

    fn without_header(path: &Path, first: u64) -> Kind {
        let any = || {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            Ok::<_, io::Error>(Scanner::new(file, 0..length, first..Sequence::END).next_record()?.is_some())
        };
        match any() {
            Ok(true) => Kind::Headless,
            Ok(false) => Kind::Ruin,
            Err(_) => Kind::Unreadable,
        }
    }
}

/// Whether these first bytes are all that a crash left of a header.
fn is_torn_header(first: u64, bytes: &[u8]) -> bool {
    let header = Header::encode(SEGMENT_FORMAT, first);
    bytes.len() < HEADER && header.starts_with(bytes)
}

/// A recovery under way, from the oldest segment to the newest.
struct Work {
    segments: BTreeMap<u64, Segment>,
    done: Ranges,
    /// Where the segments so far end.
    end: u64,
    /// What the file of progress says comes next; none if there is no such file.
    next: Option<u64>,
    report: Recovery,
}

impl Work {
    fn new(remembered: Option<Progress>, foreign: u64) -> Self {
        let next = remembered.as_ref().map(|progress| progress.next);
        let done = remembered.map(|progress| progress.done).unwrap_or_default();
        Self { segments: BTreeMap::new(), done, end: 0, next, report: Recovery { foreign, ..Recovery::default() } }
    }

    fn segment(&mut self, directory: &Path, file: &Glance, upper: u64) {
        if file.has_records() {
            self.gap(file.first);
        }
        if file.kind == Kind::Unreadable {
            // It keeps its numbers, since it may be readable the next time.
            self.report.damage.places += 1;
            self.end = upper;
            return;
        }
        let records_at = if file.kind == Kind::Whole { HEADER as u64 } else { 0 };
        let mut segment = Segment { end: file.first, records_at, ..Segment::default() };
        if file.kind == Kind::Torn {
            self.segments.insert(file.first, segment);
            return;
        }
        if self.survey(directory, file.first..upper, &mut segment).is_err() {
            // It was opened a moment ago, so the disk fails: what was found is handed out, the rest stays for a better day.
            self.report.damage.places += 1;
            segment.abandoned = true;
        }
        if file.has_records() {
            self.end = if segment.abandoned { upper } else { segment.end };
        }
        self.segments.insert(file.first, segment);
    }

    fn survey(&mut self, directory: &Path, sequences: Range<u64>, segment: &mut Segment) -> io::Result<()> {
        let file = File::open(segment::path(directory, sequences.start))?;
        segment.length = file.metadata()?.len();
        let mut scanner = Scanner::new(file, segment.records_at.min(segment.length)..segment.length, sequences);
        while let Some(found) = scanner.next_record()? {
            self.report.damage.lost += self.done.missing(segment.end..found.sequence);
            segment.end = found.sequence + 1;
            if self.done.contains(found.sequence) {
                continue;
            }
            if segment.unread == 0 {
                segment.oldest = found.written;
            }
            segment.unread += 1;
        }
        let skipped = scanner.finish()?;
        self.report.torn += skipped.torn;
        self.report.damage += Damage { places: skipped.places, bytes: skipped.bytes, lost: 0 };
        Ok(())
    }

    /// Nothing is known of the sequences between the segments so far and `first`. Those of the same block have been given to entries.
    /// If they are not done, they are lost; they are remembered as such, so as to be counted once.
    fn gap(&mut self, first: u64) {
        // Segments that are done are deleted: without the file of progress they cannot be told from lost ones.
        if self.next.is_some() {
            self.report.damage.lost += self.done.missing(self.end.max(first / BLOCK * BLOCK)..first);
        }
        self.done.insert(self.end..first);
    }

    fn finish(mut self, directory: &Path, last_name: Option<u64>) -> Result<Recovered, OpenError> {
        if let Some(next) = self.next
            && next > self.end
        {
            self.gap(next);
        }
        // The last segment may be one that could not be read to its end; then its name must do.
        let known = if self.end == Sequence::END { 0 } else { self.end };
        let highest =
            known.max(self.next.unwrap_or_default()).max(last_name.map_or(0, |first| first.saturating_add(1)));
        let next = (highest / BLOCK + 1).saturating_mul(BLOCK);
        if next >= Sequence::END {
            return Err(OpenError::Exhausted {
                path: directory.join(last_name.map_or("progress".to_owned(), segment_name)),
            });
        }
        self.done.insert(self.end..next);
        let segments = &self.segments;
        let waiting = segments.values().map(|segment| segment.unread).sum();
        let progress_lost = self.next.is_none() && !segments.is_empty();
        let report = Recovery { waiting, segments: segments.len() as u64, progress_lost, ..self.report };
        Ok(Recovered { segments: self.segments, done: self.done, next, report })
    }
}
