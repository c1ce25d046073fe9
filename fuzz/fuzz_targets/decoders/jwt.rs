//! A JSON Web Token: no value is longer than the token, and a claim comes out as it was put in.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial, base64, printable};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Jwt, Parser::Base64, Parser::Json], carrier: Carrier::Header("X") };

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let mut claim = printable(data);
    claim.retain(|byte| !matches!(byte, b'"' | b'\\'));
    claim.insert(0, b'=');
    let header = base64(br#"{"alg":"none"}"#, true);
    let payload = base64(&[br#"{"v":""#, &*claim, br#""}"#].concat(), true);
    for prefix in [&b""[..], b"Bearer "] {
        let token = [prefix, &header, b".", &payload, b"."].concat();
        let point = r#"["header","X","jwt","jwt_payload","base64","json_doc","hash","v"]"#;
        TRIAL.assert_sees(&token, point, &claim);
        let point = r#"["header","X","jwt","jwt_header","base64","json_doc","hash","alg"]"#;
        TRIAL.assert_sees(&token, point, b"none");
    }
});
