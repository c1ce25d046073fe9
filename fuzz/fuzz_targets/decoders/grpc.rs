//! A gRPC body: no value is longer than the body, and the field of each message comes out as it was put in.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial, printable, varint};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Grpc], carrier: Carrier::Body("application/grpc") };

/// A message with one field, the first, behind its prefix.
fn message(text: &[u8]) -> Vec<u8> {
    let field = [&[0x0a], &*varint(text.len()), text].concat();
    let length = u32::try_from(field.len()).expect("a short message");
    [&[0], &length.to_be_bytes()[..], &field].concat()
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let text = printable(data);
    let (first, second) = text.split_at(text.len() / 2);
    TRIAL.assert_sees(&message(&text), r#"["post","grpc","protobuf","hash","1"]"#, &text);
    let body = [message(first), message(second)].concat();
    TRIAL.assert_sees(&body, r#"["post","grpc","array",0,"protobuf","hash","1"]"#, first);
    TRIAL.assert_sees(&body, r#"["post","grpc","array",1,"protobuf","hash","1"]"#, second);
});
