//! A protobuf message: no value is longer than the message, and fields come out as they were put in, inner messages included.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial, printable, varint};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Grpc], carrier: Carrier::Body("application/protobuf") };

fn field(number: usize, bytes: &[u8]) -> Vec<u8> {
    const BYTES: usize = 2;
    [&*varint(number << 3 | BYTES), &*varint(bytes.len()), bytes].concat()
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let text = printable(data);
    // The number 1 at its end makes the inner message different from text.
    let inner = [field(7, &text), vec![8, 1]].concat();
    let message = [field(1, &text), field(1000, &inner)].concat();
    TRIAL.assert_sees(&message, r#"["post","protobuf","hash","1"]"#, &text);
    TRIAL.assert_sees(&message, r#"["post","protobuf","hash","1000","hash","7"]"#, &text);
});
