//! A JSON document: no value is longer than the document, and strings come out as they were put in.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial, text};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Json], carrier: Carrier::Body("application/json") };

fn string(text: &str) -> String {
    let escape = |character: char| match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\0'..' ' | '<' | '\u{10000}'.. => {
            character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        }
        plain => plain.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let text = text(data);
    let written = string(&text);
    let document = format!("{{{written}: 1, \"v\": {written}, \"list\" :[true, {{}}, {written} ]}}\n[{written}]");
    let document = document.as_bytes();
    TRIAL.assert_sees(document, r#"["post","json_doc","hash_name"]"#, text.as_bytes());
    TRIAL.assert_sees(document, r#"["post","json_doc","hash","v"]"#, text.as_bytes());
    TRIAL.assert_sees(document, r#"["post","json_doc","hash","list","array",2]"#, text.as_bytes());
    TRIAL.assert_sees(document, r#"["post","json_doc","array",0]"#, text.as_bytes());
});
