//! Percent-encoding: what comes out is shorter, and is what was put in.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Percent], carrier: Carrier::Header("X") };

fn encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'f' => format!("%u00{byte:02x}"),
        0..0x40 => format!("%{byte:02x}"),
        other => format!("%{other:02X}"),
    }
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let sent: String = data.iter().map(|byte| encoded(*byte)).collect();
    TRIAL.assert_sees(sent.as_bytes(), r#"["header","X","percent"]"#, data);
});
