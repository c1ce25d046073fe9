//! Any bytes are a segment: scanning ends, takes nothing that is not there, and finds the whole records around any rubbish.

#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use spool::Draft;
use spool::layout::{HEADER, LONGEST_PAYLOAD, RECORD, encode_record};
use spool::scan::{Scanner, Skipped};

/// Sequences that a segment may have here.
const EXPECTED: Range<u64> = 10..1 << 40;

fuzz_target!(|data: &[u8]| {
    let whole_inside = scan(data).0;
    // The same with a whole record on either side.
    let (mut bytes, mut last) = (Vec::new(), Vec::new());
    encode_record(EXPECTED.start, Draft::alone(1, b"the first"), &mut bytes);
    bytes.extend_from_slice(data);
    encode_record(EXPECTED.end - 1, Draft::alone(2, b"the last"), &mut last);
    bytes.extend_from_slice(&last);
    let (found, skipped) = scan(&bytes);
    assert_eq!(found.first().map(|(sequence, _)| *sequence), Some(EXPECTED.start));
    // A forged record may reach into what follows it, or have its sequence or a higher one; its checksum is easily made.
    let strange = |(sequence, payload): &(u64, Vec<u8>)| match *sequence {
        first if first == EXPECTED.start => false,
        last => last != EXPECTED.end - 1 || payload != b"the last",
    };
    let forged = !whole_inside.is_empty() || found.iter().any(strange);
    if !forged {
        assert_eq!(found.last(), Some(&(EXPECTED.end - 1, b"the last".to_vec())));
        assert_eq!(skipped.bytes, data.len() as u64, "all of the rubbish is accounted for");
        assert_eq!(skipped.torn, 0);
    }
});

fn scan(bytes: &[u8]) -> (Vec<(u64, Vec<u8>)>, Skipped) {
    let mut scanner = Scanner::new(bytes, 0..bytes.len() as u64, EXPECTED);
    let (mut found, mut records) = (Vec::new(), 0);
    while let Some(record) = scanner.next_record().expect("memory does not fail") {
        assert!(EXPECTED.contains(&record.sequence));
        assert!(found.last().is_none_or(|(before, _)| *before < record.sequence), "sequences ascend");
        let mut encoded = Vec::new();
        encode_record(
            record.sequence,
            Draft { written: record.written, follows: record.follows, bytes: record.payload },
            &mut encoded,
        );
        assert!(bytes.windows(encoded.len()).any(|window| window == encoded), "a record that is not there");
        records += encoded.len();
        found.push((record.sequence, record.payload.to_vec()));
    }
    let skipped = scanner.finish().expect("memory does not fail");
    let whole = records as u64 + skipped.bytes + skipped.torn;
    assert_eq!(whole, bytes.len() as u64, "every byte is accounted for");
    assert!(found.len() <= bytes.len() / RECORD && bytes.len() < HEADER + LONGEST_PAYLOAD);
    (found, skipped)
}
