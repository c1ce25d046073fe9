//! Any two files: they have differences exactly when they are not the same, whatever formats they claim to be.

#![no_main]

use formats::difference::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte tells, in parts of 255, where the first file ends.
    let Some((part, rest)) = bytes.split_first() else { return };
    let (first, second) = rest.split_at(rest.len() * usize::from(*part) / 255);
    let found = explain(first, second);
    assert_eq!(found.is_empty(), first == second);
    for difference in &found {
        assert!(!difference.to_string().is_empty());
    }
});
