//! Every entry that is not done comes back in order, exactly once an opening.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use spool::{Draft, Entry, Sequence, Spool};

use crate::place::{Place, all, texts, write};

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<usize>),
    Next(usize),
    /// Reports the one at this share of those that are handed out.
    Done(usize),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(0_usize..200, 1..6).prop_map(Step::Write),
        4 => (1_usize..8).prop_map(Step::Next),
        6 => any::<usize>().prop_map(Step::Done),
        1 => Just(Step::Reopen),
    ]
}

/// What a spool should hold.
#[derive(Default)]
struct Model {
    /// Content of each entry that is not done, by its number in the order of writing.
    waiting: BTreeMap<usize, Vec<u8>>,
    written: usize,
    /// The first that was not handed out since the opening.
    cursor: usize,
    /// Handed out and not done.
    out: Vec<(usize, Sequence)>,
    /// The highest sequence ever seen, of which entry.
    highest: Option<(usize, Sequence)>,
}

impl Model {
    fn write(&mut self, spool: &mut Spool, lengths: &[usize]) {
        let contents: Vec<Vec<u8>> = lengths
            .iter()
            .enumerate()
            .map(|(index, length)| format!("{}:{}", self.written + index, "x".repeat(*length)).into_bytes())
            .collect();
        let draft = |(content, time)| Draft::alone(time, content);
        let batch: Vec<Draft<'_>> = contents.iter().map(Vec::as_slice).zip(self.written as u64..).map(draft).collect();
        spool.write(&batch).unwrap();
        for content in contents {
            self.waiting.insert(self.written, content);
            self.written += 1;
        }
    }

    fn expect(&mut self, entries: &[Entry], most: usize) {
        let expected: Vec<(usize, Vec<u8>)> =
            self.waiting.range(self.cursor..).take(most).map(|(number, content)| (*number, content.clone())).collect();
        let found: Vec<(usize, Vec<u8>)> =
            entries.iter().map(|entry| (entry.written as usize, entry.bytes.clone())).collect();
        assert_eq!(found, expected);
        for entry in entries {
            let number = entry.written as usize;
            if let Some((highest, sequence)) = self.highest {
                assert_eq!(number > highest, entry.sequence > sequence, "the order of sequences is that of writing");
            }
            self.highest = self.highest.max(Some((number, entry.sequence)));
            self.out.push((number, entry.sequence));
            self.cursor = number + 1;
        }
    }

    fn done(&mut self, spool: &mut Spool, share: usize) {
        if !self.out.is_empty() {
            let (number, sequence) = self.out.swap_remove(share % self.out.len());
            spool.done(sequence);
            self.waiting.remove(&number);
        }
    }

    fn check(&self, spool: &Spool) {
        let state = spool.state();
        assert_eq!(state.handed_out, self.out.len() as u64);
        assert_eq!(state.waiting + state.handed_out, self.waiting.len() as u64);
        assert_eq!(state.oldest_written, self.waiting.keys().next().map(|number| *number as u64));
        assert_eq!(state.damage.places + state.damage.lost + state.dropped, 0, "{:?}", state.damage);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_entry_that_is_not_done_comes_back_in_order_once_an_opening(steps in prop::collection::vec(step(), 1..60)) {
        let place = Place::new();
        let (mut spool, mut model) = (place.open().0, Model::default());
        for step in steps {
            match step {
                Step::Write(lengths) => model.write(&mut spool, &lengths),
                Step::Next(most) => model.expect(&spool.next(most).unwrap(), most),
                Step::Done(share) => model.done(&mut spool, share),
                Step::Reopen => {
                    spool.close().unwrap();
                    let (opened, recovery) = place.open();
                    prop_assert_eq!(recovery.waiting, model.waiting.len() as u64);
                    spool = opened;
                    (model.cursor, model.out) = (0, Vec::new());
                }
            }
            model.check(&spool);
        }
    }
}

#[test]
fn an_entry_that_was_just_written_is_handed_out() {
    let place = Place::new();
    let (mut spool, _) = place.open();
    for text in ["first", "second", "third"] {
        write(&mut spool, &[text]);
        assert_eq!(texts(&all(&mut spool)), [text]);
    }
}

#[test]
fn a_spool_of_which_all_is_done_leaves_no_segment() {
    let place = Place::new();
    let (mut spool, _) = place.open();
    for _ in 0..50 {
        write(&mut spool, &["something of some length", "and more"]);
    }
    assert!(place.segments().len() > 5);
    for entry in all(&mut spool) {
        spool.done(entry.sequence);
    }
    assert_eq!(spool.state().waiting + spool.state().handed_out, 0);
    assert_eq!(place.segments().len(), 1, "only the one that grows");
    spool.close().unwrap();
    assert_eq!(place.segments().len(), 0);
    let (mut spool, recovery) = place.open();
    assert_eq!((recovery.waiting, recovery.damage.lost), (0, 0));
    write(&mut spool, &["later"]);
    assert_eq!(texts(&all(&mut spool)), ["later"]);
}

#[test]
fn a_dropped_spool_remembers_what_is_done_as_a_closed_one_does() {
    let place = Place::new();
    let (mut spool, _) = place.open();
    write(&mut spool, &["one", "two", "three"]);
    let entries = all(&mut spool);
    spool.done(entries[1].sequence);
    drop(spool);
    assert_eq!(texts(&all(&mut place.open().0)), ["one", "three"]);
}

#[test]
fn reporting_twice_or_what_was_never_handed_out_changes_nothing() {
    let place = Place::new();
    let (mut spool, _) = place.open();
    write(&mut spool, &["one", "two", "three"]);
    let one = spool.next(1).unwrap()[0].sequence;
    spool.done(one);
    spool.done(one);
    spool.done(Sequence(one.0 + 1));
    spool.done(Sequence(u64::MAX));
    assert_eq!((spool.state().waiting, spool.state().handed_out), (2, 0));
    assert_eq!(texts(&all(&mut spool)), ["two", "three"]);
}

#[test]
fn the_oldest_give_way_to_the_limit_and_are_counted() {
    let mut place = Place::new();
    place.limit = 4096;
    let (mut spool, _) = place.open();
    let (mut dropped, mut highest) = (0, 0);
    for number in 0..200 {
        dropped += write(&mut spool, &[&format!("entry {number:>40}")]).dropped;
        highest = highest.max(spool.state().bytes);
    }
    assert!((3000..=4096).contains(&highest), "{highest} bytes");
    let on_disk: u64 = place.segments().iter().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(on_disk, spool.state().bytes);
    let left = texts(&all(&mut spool));
    assert_eq!(left.len() as u64 + dropped, 200);
    assert_eq!(dropped, spool.state().dropped);
    assert!(left[0].ends_with(&format!(" {dropped}")), "the oldest went first");
    drop(spool);
    assert_eq!(place.open().1.damage.lost, 0, "what gave way is not lost");
}

#[test]
fn what_is_handed_out_while_its_segment_gives_way_is_not_dropped() {
    let mut place = Place::new();
    place.limit = 2250;
    let (mut spool, _) = place.open();
    write(&mut spool, &["handed out", "waiting"]);
    let entry = spool.next(1).unwrap().remove(0);
    let mut dropped = 0;
    while dropped == 0 {
        dropped = write(&mut spool, &[&"x".repeat(500)]).dropped;
    }
    assert_eq!((dropped, spool.state().handed_out), (1, 1), "only the one that waited");
    spool.done(entry.sequence);
    assert_eq!(spool.state().handed_out, 0);
    let waiting = spool.state().waiting;
    assert_eq!(all(&mut spool).len() as u64, waiting);
}

#[test]
fn a_lowered_limit_is_kept_from_the_next_write_on() {
    let mut place = Place::new();
    let (mut spool, _) = place.open();
    for _ in 0..40 {
        write(&mut spool, &[&"x".repeat(200)]);
    }
    drop(spool);
    place.limit = 2048;
    let (mut spool, recovery) = place.open();
    assert_eq!(recovery.waiting, 40, "opening throws nothing away");
    assert!(write(&mut spool, &["new"]).dropped > 20);
    assert!(spool.state().bytes <= 2048);
}

#[derive(Clone, Debug)]
enum Turn {
    /// An entry of this length, and whether it belongs with the one before.
    Write(usize, bool),
    Next(usize),
    /// Reports the one at this share of those that are handed out.
    Done(usize),
    /// Less room from now on, so that what is done here and there meets what gives way.
    Reopen,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        12 => (0_usize..60, any::<bool>()).prop_map(|(length, follows)| Turn::Write(length, follows)),
        2 => (1_usize..8).prop_map(Turn::Next),
        3 => any::<usize>().prop_map(Turn::Done),
        1 => Just(Turn::Reopen),
    ]
}

/// Things of three entries at most: a segment has room for more, so no thing has one for itself.
struct Things {
    /// Each entry that was written, with the thing that it belongs to.
    entries: Vec<usize>,
    things: usize,
    /// How many entries the newest thing has.
    length: usize,
    /// Entries that wait, by number.
    waiting: BTreeMap<usize, usize>,
    /// Things of which an entry gave way since the opening.
    gave_way: BTreeSet<usize>,
}

impl Things {
    fn write(&mut self, spool: &mut Spool, length: usize, follows: bool) {
        let follows = follows && (1..3).contains(&self.length);
        self.length = if follows { self.length + 1 } else { 1 };
        self.things += usize::from(!follows);
        let number = self.entries.len();
        self.entries.push(self.things);
        self.waiting.insert(number, self.things);
        let bytes = vec![b'x'; length];
        let entry = Draft { follows, ..Draft::alone(number as u64, &bytes) };
        for _ in 0..spool.write(&[entry]).unwrap().dropped {
            let (_, thing) = self.waiting.pop_first().unwrap();
            self.gave_way.insert(thing);
        }
        assert_eq!(spool.state().dropped_groups, self.gave_way.len() as u64);
        assert_eq!(spool.state().waiting, self.waiting.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_thing_of_several_entries_is_counted_once_when_it_gives_way(turns in prop::collection::vec(turn(), 1..200)) {
        let mut place = Place::new();
        let mut spool = place.open().0;
        let (entries, waiting, gave_way) = Default::default();
        let mut things = Things { entries, things: 0, length: 0, waiting, gave_way };
        let mut out: Vec<Entry> = Vec::new();
        for turn in turns {
            match turn {
                Turn::Write(length, follows) => things.write(&mut spool, length, follows),
                Turn::Next(most) => {
                    let entries = spool.next(most).unwrap();
                    things.waiting.retain(|number, _| !entries.iter().any(|entry| entry.written == *number as u64));
                    out.extend(entries);
                }
                Turn::Done(share) if !out.is_empty() => drop(spool.done(out.swap_remove(share % out.len()).sequence)),
                Turn::Done(_) => {}
                Turn::Reopen => {
                    spool.close().unwrap();
                    place.limit = 2048;
                    spool = place.open().0;
                    // What was handed out and not done waits again, unless its segment is gone.
                    let waiting = spool.state().waiting;
                    let again = out.drain(..).map(|entry| entry.written as usize);
                    things.waiting.extend(again.map(|number| (number, things.entries[number])));
                    while things.waiting.len() as u64 > waiting {
                        things.waiting.pop_first();
                    }
                    things.gave_way.clear();
                    // The next has the numbers of another opening.
                    things.length = 0;
                }
            }
        }
    }
}

#[test]
fn entries_that_cannot_be_read_when_they_give_way_count_one_by_one() {
    let mut place = Place::new();
    place.limit = 2048;
    let (mut spool, _) = place.open();
    let bytes = [b'x'; 80];
    let pair = [Draft::alone(1, &bytes), Draft { follows: true, ..Draft::alone(2, &bytes) }];
    while place.segments().len() < 2 {
        spool.write(&pair).unwrap();
    }
    fs::remove_file(&place.segments()[0]).unwrap();
    let dropped = loop {
        let dropped = spool.write(&pair).unwrap().dropped;
        if dropped > 0 {
            break dropped;
        }
    };
    assert_eq!(spool.state().dropped_groups, dropped);
}
