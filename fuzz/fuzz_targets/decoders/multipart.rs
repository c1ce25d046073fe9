//! A multipart body: no value is longer than the body, and fields and files come out as they were put in.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Multipart], carrier: Carrier::Body("multipart/form-data; boundary=b") };

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    if data.windows(3).any(|window| window == b"--b") {
        return;
    }
    let field = b"--b\r\nContent-Disposition: form-data; name=\"v\"\r\n\r\n";
    let file = b"\r\n--b\r\nContent-Type: a/b\r\nContent-Disposition: form-data; name=f; filename=\"n\"\r\n\r\n";
    let body = [field, data, file, data, b"\r\n--b--\r\n"].concat();
    TRIAL.assert_sees(&body, r#"["post","multipart","v"]"#, data);
    TRIAL.assert_sees(&body, r#"["post","multipart","f","file"]"#, data);
});
