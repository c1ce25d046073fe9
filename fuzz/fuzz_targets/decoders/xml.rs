//! An XML document: texts, attributes and entities come out as they were put in, and no text grows beyond its limit.
#![no_main]

use detection::{Parser, WINDOW};
use fuzz::{Carrier, Trial, text};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Xml], carrier: Carrier::Body("text/xml") };

fn escaped(text: &str) -> String {
    let escape = |character: char| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '%' | '\0'..' ' => format!("&#x{:x};", u32::from(character)),
        plain => plain.to_string(),
    };
    text.chars().map(escape).collect()
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= WINDOW);
    let text = text(data);
    let escaped = escaped(&text);
    let document = format!("<?xml version=\"1.0\"?><a>x<b c=\"{escaped}\">{escaped}</b></a>");
    TRIAL.assert_sees(document.as_bytes(), r#"["post","xml","xml_tag","a","xml_tag","b"]"#, text.as_bytes());
    let point = r#"["post","xml","xml_tag","a","xml_tag","b","xml_attr","c"]"#;
    TRIAL.assert_sees(document.as_bytes(), point, text.as_bytes());
    let document = format!("<!DOCTYPE a [<!ENTITY e \"{escaped}\">]><a>&e;</a>");
    TRIAL.assert_sees(document.as_bytes(), r#"["post","xml","xml_tag","a"]"#, text.as_bytes());
});
