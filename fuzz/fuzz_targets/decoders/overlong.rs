//! Characters in more bytes of UTF-8 than they need: what comes out is no longer, and is ASCII when that was put in.
#![no_main]

use fuzz::{Carrier, Trial};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[], carrier: Carrier::Header("X") };

/// An ASCII character in one to four bytes.
fn encoded(byte: u8, choice: u8) -> Vec<u8> {
    let (high, low) = (byte >> 6, 0x80 | byte & 0x3f);
    match choice % 4 {
        0 => vec![byte],
        1 => vec![0xc0 | high, low],
        2 => vec![0xe0, 0x80 | high, low],
        _ => vec![0xf0, 0x80, 0x80 | high, low],
    }
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let text: Vec<_> = data.iter().map(|byte| byte & 0x7f).collect();
    let choices = data.iter().rev();
    let sent: Vec<_> = text.iter().zip(choices).flat_map(|(byte, choice)| encoded(*byte, *choice)).collect();
    TRIAL.assert_sees(&sent, r#"["header","X"]"#, &text);
});
