//! References of HTML and escapes of JavaScript: what comes out is shorter, and text comes out of each of them.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Htmljs], carrier: Carrier::Header("X") };

/// A character in the way that `choice` says.
fn encoded(character: char, choice: usize) -> String {
    let code = u32::from(character);
    match choice % 5 {
        0 => format!("&#{code};"),
        1 => format!("&#x{code:x};"),
        2 => format!("\\u{{{code:x}}}"),
        3 if code < 0x100 => format!("\\x{code:02X}"),
        _ => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    }
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let text = String::from_utf8_lossy(data);
    let choices = data.iter().copied().map(usize::from).chain(0..);
    let sent: String = text.chars().zip(choices).map(|(character, choice)| encoded(character, choice)).collect();
    TRIAL.assert_sees(sent.as_bytes(), r#"["header","X","htmljs"]"#, text.as_bytes());
});
