//! A form in the body: no value is longer than the body, and names and values come out as they were put in.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Urlenc], carrier: Carrier::Body("application/x-www-form-urlencoded") };

fn encoded(value: &[u8]) -> String {
    let encode = |byte: &u8| match byte {
        b' ' => "+".to_owned(),
        b'a'..=b'z' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    value.iter().map(encode).collect()
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let (name, value) = data.split_at(data.len() / 2);
    let name = [b"name ", name].concat();
    let form = format!("v={}&{}=", encoded(value), encoded(&name));
    TRIAL.assert_sees(form.as_bytes(), r#"["post","form_urlencoded","v"]"#, value);
    TRIAL.assert_sees(form.as_bytes(), r#"["post","form_urlencoded_name"]"#, &name);
});
