//! A `Cookie` header: no value is longer than the header, and what lies between quotes comes out as it was put in.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Cookie], carrier: Carrier::Header("Cookie") };

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let value: Vec<_> = data.iter().copied().filter(|byte| *byte != b';').collect();
    let header = [b"a=1; v=\"", &*value, b"\" ; b"].concat();
    TRIAL.assert_sees(&header, r#"["header","COOKIE","cookie","v"]"#, &value);
});
