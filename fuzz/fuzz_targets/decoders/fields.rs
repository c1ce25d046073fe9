//! Lists of named values, by the example of the query: names in brackets, and names that come repeatedly.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Percent], carrier: Carrier::Query };

fn encoded(value: &[u8]) -> String {
    value.iter().map(|byte| format!("%{byte:02x}")).collect()
}

fn query(name: &str, values: &[&[u8]]) -> Vec<u8> {
    let pairs: Vec<_> = values.iter().map(|value| format!("{name}={}", encoded(value))).collect();
    pairs.join("&x=y&").into_bytes()
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let values: Vec<_> = data.split(|byte| *byte == b'\n').take(20).collect();
    let (plain, array) = (query("v", &values), query("v[]", &values));
    for (index, value) in values.iter().enumerate() {
        let point = format!(r#"["query","v","array",{index}]"#);
        TRIAL.assert_sees(&array, &point, value);
        if values.len() > 1 {
            TRIAL.assert_sees(&plain, &point, value);
        } else {
            TRIAL.assert_sees(&plain, r#"["query","v"]"#, value);
        }
    }
    if values.len() > 1 {
        TRIAL.assert_sees(&plain, r#"["query","v","pollution"]"#, &values.join(&b','));
    }
});
