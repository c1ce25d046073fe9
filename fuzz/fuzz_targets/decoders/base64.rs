//! Base64: what comes out is shorter than what went in, and text comes out of either alphabet, padded or not.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial, base64, printable};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Base64], carrier: Carrier::Header("X") };

/// Shorter text could just as well be a word.
const SHORTEST: usize = 6;

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let text = printable(data);
    if text.len() < SHORTEST {
        return;
    }
    for url_safe in [false, true] {
        let mut encoded = base64(&text, url_safe);
        TRIAL.assert_sees(&encoded, r#"["header","X","base64"]"#, &text);
        encoded.resize(encoded.len().next_multiple_of(4), b'=');
        TRIAL.assert_sees(&encoded, r#"["header","X","base64"]"#, &text);
    }
});
