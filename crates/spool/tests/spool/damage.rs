//! Damage costs the records that it touches and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use spool::{Draft, Recovery, layout};

use crate::place::{Place, all, change, texts, write};

const ENTRIES: usize = 24;

fn content(number: usize) -> String {
    format!("entry {number} {}", "x".repeat(number % 7 * 5))
}

/// A spool of several segments, of which some is done.
fn spool_with_entries() -> Place {
    let mut place = Place::new();
    place.segment = 300;
    let (mut spool, _) = place.open();
    for number in (0..ENTRIES).step_by(2) {
        write(&mut spool, &[&content(number), &content(number + 1)]);
    }
    let entries = spool.next(3).unwrap();
    spool.done(entries[1].sequence);
    spool.close().unwrap();
    assert!(place.segments().len() > 4);
    place
}

/// Opens the spool, checks what holds whatever was damaged, and tells which entries came back.
fn open_damaged(place: &Place, what: &str) -> (BTreeSet<usize>, Recovery) {
    let (mut spool, recovery) = place.open();
    write(&mut spool, &["written after the damage"]);
    let entries = all(&mut spool);
    assert!(entries.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "{what}: the order");
    let mut texts = texts(&entries);
    assert_eq!(texts.pop().as_deref(), Some("written after the damage"), "{what}");
    assert_eq!(texts.len() as u64, recovery.waiting, "{what}: what was counted is handed out");
    let numbers: Vec<usize> =
        texts.iter().map(|text| (0..ENTRIES).find(|number| content(*number) == *text).expect(what)).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{what}: each once and in order: {numbers:?}");
    (numbers.into_iter().collect(), recovery)
}

fn all_but_done() -> BTreeSet<usize> {
    (0..ENTRIES).filter(|number| *number != 1).collect()
}

/// The entries of which a byte is in `changed`, given the bytes of a segment before.
fn touched(before: &[u8], changed: std::ops::Range<usize>) -> BTreeSet<usize> {
    let touches = |number: &usize| {
        let mut record = Vec::new();
        layout::encode_record(0, Draft::alone(0, content(*number).as_bytes()), &mut record);
        let payload = &record[layout::RECORD..];
        let found = before
            .windows(payload.len() + layout::RECORD)
            .position(|bytes| bytes[..4] == layout::MARK && bytes[4..8] == record[4..8] && bytes.ends_with(payload));
        found.is_some_and(|at| at < changed.end && changed.start < at + record.len())
    };
    (0..ENTRIES).filter(touches).collect()
}

#[test]
fn a_flipped_byte_costs_one_record_at_most() {
    let place = spool_with_entries();
    assert_eq!(open_damaged(&place.copy(), "nothing").0, all_but_done());
    for segment in place.segments() {
        let before = fs::read(&segment).unwrap();
        for at in 0..before.len() {
            let what = format!("byte {at} of {}", segment.display());
            let copy = place.copy();
            change(&copy.path().join(segment.file_name().unwrap()), |bytes| bytes[at] ^= 0x41);
            let (found, recovery) = open_damaged(&copy, &what);
            let expected: BTreeSet<usize> = &all_but_done() - &touched(&before, at..at + 1);
            assert_eq!(found, expected, "{what}");
            let lost = all_but_done().len() - expected.len();
            assert_eq!(recovery.damage.lost, lost as u64, "{what}: {recovery:?}");
            assert!(recovery.damage.places == 1 || recovery.torn > 0, "{what}: {recovery:?}");
        }
    }
}

#[test]
fn a_damaged_file_of_progress_hands_out_again_and_loses_nothing() {
    let place = spool_with_entries();
    let length = fs::read(place.path().join("progress")).unwrap().len();
    for at in 0..length {
        let copy = place.copy();
        change(&copy.path().join("progress"), |bytes| bytes[at] ^= 0x41);
        let (found, recovery) = open_damaged(&copy, &format!("byte {at}"));
        assert_eq!(found, (0..ENTRIES).collect());
        assert!(recovery.progress_lost);
        assert_eq!(recovery.damage.lost, 0);
    }
}

#[test]
fn a_missing_segment_costs_its_records_which_are_counted() {
    let place = spool_with_entries();
    for segment in place.segments() {
        let lost = touched(&fs::read(&segment).unwrap(), 0..usize::MAX);
        let copy = place.copy();
        fs::remove_file(copy.path().join(segment.file_name().unwrap())).unwrap();
        let (found, recovery) = open_damaged(&copy, &segment.display().to_string());
        assert_eq!(found, &all_but_done() - &lost);
        assert_eq!(recovery.damage.lost, (&lost & &all_but_done()).len() as u64);
        // What was lost is told once.
        assert_eq!(copy.open().1.damage.lost, 0);
    }
}

#[test]
fn files_of_others_are_left_alone() {
    let place = spool_with_entries();
    let (folder, segments) = (place.path(), place.segments());
    fs::write(folder.join("README"), "not ours").unwrap();
    fs::create_dir(folder.join("0000000100000099.seg")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("0000000100000098.seg")).unwrap();
    // A copy that somebody made, under a name that would cut another segment short.
    let copied = layout::parse_segment_name(segments[2].file_name().unwrap().to_str().unwrap()).unwrap() + 1;
    fs::copy(&segments[0], folder.join(layout::segment_name(copied))).unwrap();
    let (found, recovery) = open_damaged(&place, "files of others");
    assert_eq!(found, all_but_done());
    assert_eq!(recovery.foreign, 4);
    assert_eq!(fs::read(folder.join("README")).unwrap(), b"not ours");
    assert!(folder.join(layout::segment_name(copied)).exists());
}

#[test]
fn rubbish_under_the_name_of_a_segment_stands_in_nobodys_way() {
    let place = spool_with_entries();
    let middle = layout::parse_segment_name(place.segments()[2].file_name().unwrap().to_str().unwrap()).unwrap();
    for (first, bytes) in
        [(middle + 1, &b"rubbish"[..]), (middle + 2, b""), (5, &[0; 100]), (u64::MAX, b"rubbish"), (1 << 62, b"")]
    {
        let copy = place.copy();
        fs::write(copy.path().join(layout::segment_name(first)), bytes).unwrap();
        let (found, recovery) = open_damaged(&copy, &format!("{bytes:?} as {first:x}"));
        assert_eq!(found, all_but_done());
        assert_eq!(recovery.damage.lost, 0);
    }
}

#[test]
fn sequences_ascend_whatever_was_lost() {
    let place = spool_with_entries();
    let copy = place.copy();
    let (mut spool, _) = copy.open();
    let before = all(&mut spool).last().unwrap().sequence;
    for keep in ["progress", "seg"] {
        let copy = place.copy();
        let files: Vec<_> = fs::read_dir(copy.path()).unwrap().map(|file| file.unwrap().path()).collect();
        files
            .iter()
            .filter(|path| !path.to_string_lossy().ends_with(keep))
            .for_each(|path| fs::remove_file(path).unwrap());
        copy.segments().iter().for_each(|path| fs::write(path, "nothing is left but the name").unwrap());
        let (mut spool, _) = copy.open();
        write(&mut spool, &["new"]);
        assert!(all(&mut spool)[0].sequence > before, "{keep}");
    }
}

#[test]
fn an_unfinished_write_is_no_damage() {
    let place = spool_with_entries();
    let last = place.segments().pop().unwrap();
    let whole = fs::read(&last).unwrap();
    for length in 0..whole.len() {
        // Some file systems leave zeros where nothing was written yet.
        for zeros in [0, 1, 100] {
            let copy = place.copy();
            change(&copy.path().join(last.file_name().unwrap()), |bytes| {
                bytes.truncate(length);
                bytes.resize(length + zeros, 0);
            });
            fs::remove_file(copy.path().join("progress")).unwrap();
            let (found, recovery) = open_damaged(&copy, &format!("cut at {length}"));
            assert_eq!(found, &(0..ENTRIES).collect() - &touched(&whole, length..usize::MAX));
            // Zeros after half a header or half a record look as bad as damage; that they cost nothing is what matters.
            assert_eq!(recovery.damage.lost, 0, "cut at {length}");
            assert!(zeros > 0 || recovery.damage.places == 0, "cut at {length}: {recovery:?}");
        }
    }
}

#[derive(Clone, Debug)]
enum Harm {
    Cut,
    Zero,
    Noise(Vec<u8>),
    Truncate,
    /// Overwritten with the beginning of another segment's records.
    Foreign(Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Cut),
        Just(Harm::Zero),
        prop::collection::vec(any::<u8>(), 1..80).prop_map(Harm::Noise),
        Just(Harm::Truncate),
        any::<Index>().prop_map(Harm::Foreign),
    ]
}

/// Does it, and returns which bytes of before were touched.
fn do_harm(path: &Path, harm: &Harm, from: Index, length: usize, others: &[Vec<u8>]) -> std::ops::Range<usize> {
    let mut touched = 0..0;
    change(path, |bytes| {
        let start = from.index(bytes.len());
        let end = (start + length).min(bytes.len());
        touched = start..end;
        match harm {
            Harm::Cut => drop(bytes.drain(start..end)),
            Harm::Zero => bytes[start..end].fill(0),
            Harm::Truncate => {
                bytes.truncate(start);
                touched.end = usize::MAX;
            }
            Harm::Noise(noise) => {
                let length = noise.len().min(bytes.len() - start);
                bytes[start..start + length].copy_from_slice(&noise[..length]);
                touched.end = start + length;
            }
            Harm::Foreign(other) => {
                let records = &other.get(others)[layout::HEADER..];
                let length = records.len().min(bytes.len() - start);
                bytes[start..start + length].copy_from_slice(&records[..length]);
                touched.end = start + length;
            }
        }
    });
    touched
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whole_records_are_kept_whatever_is_cut_zeroed_or_overwritten(
        harms in prop::collection::vec((any::<Index>(), any::<Index>(), 1_usize..200, harm()), 1..4),
    ) {
        let place = spool_with_entries();
        let segments = place.segments();
        let contents: Vec<Vec<u8>> = segments.iter().map(|path| fs::read(path).unwrap()).collect();
        let mut expected = all_but_done();
        let mut harmed = BTreeSet::new();
        for (segment, from, length, harm) in harms {
            let index = segment.index(segments.len());
            // Once a file, so that the places of before are those of the harm.
            if harmed.insert(index) {
                // Records of the same segment elsewhere in it are another matter: they are valid, and in the wrong order.
                let others: Vec<Vec<u8>> =
                    contents.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, bytes)| bytes.clone()).collect();
                let changed = do_harm(&segments[index], &harm, from, length, &others);
                expected = &expected - &touched(&contents[index], changed);
            }
        }
        let (found, recovery) = open_damaged(&place, "random harm");
        // Bytes that were overwritten with the same ones are unharmed.
        prop_assert!(found.is_superset(&expected), "{:?} of {:?}", found, expected);
        prop_assert!(found.is_subset(&all_but_done()));
        prop_assert_eq!(recovery.damage.lost, (ENTRIES - 1 - found.len()) as u64);
    }
}
