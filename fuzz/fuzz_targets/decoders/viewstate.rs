//! A view state of ASP.NET: no value is longer than the state, and strings come out of each container as they were put in.
#![no_main]

use detection::Parser;
use fuzz::{Carrier, Trial, printable, varint};
use libfuzzer_sys::fuzz_target;

const TRIAL: Trial = Trial { parsers: &[Parser::Viewstate], carrier: Carrier::Header("X") };

const STRING: u8 = 5;
const PAIR: u8 = 15;
const STRING_ARRAY: u8 = 21;
const HYBRID_DICTIONARY: u8 = 24;
const NULL: u8 = 100;

fn counted(value: &[u8]) -> Vec<u8> {
    [&*varint(value.len()), value].concat()
}

fn string(value: &[u8]) -> Vec<u8> {
    [&[STRING], &*counted(value)].concat()
}

fn state(object: &[u8]) -> Vec<u8> {
    [b"\xff\x01", object].concat()
}

fuzz_target!(|data: &[u8]| {
    assert!(TRIAL.examine(data).longest <= data.len());
    let begun = state(data);
    assert!(TRIAL.examine(&begun).longest <= begun.len());
    let text = printable(data);
    let (first, second) = text.split_at(text.len() / 2);
    let array = [&[STRING_ARRAY, 2], &*counted(first), &*counted(second)].concat();
    let dictionary = [&[HYBRID_DICTIONARY, 2], &*string(first), &array, &[NULL], &*string(second)].concat();
    let sent = state(&[&[PAIR], &*dictionary, &*string(&text)].concat());
    let entries = r#"["header","X","viewstate","viewstate_pair",0,"viewstate_dict""#;
    TRIAL.assert_sees(&sent, &format!(r#"{entries},0,"viewstate_dict_key"]"#), first);
    TRIAL.assert_sees(&sent, &format!(r#"{entries},0,"viewstate_dict_value","viewstate_array",0]"#), first);
    TRIAL.assert_sees(&sent, &format!(r#"{entries},0,"viewstate_dict_value","viewstate_array",1]"#), second);
    TRIAL.assert_sees(&sent, &format!(r#"{entries},1,"viewstate_dict_value"]"#), second);
    TRIAL.assert_sees(&sent, r#"["header","X","viewstate","viewstate_pair",1]"#, &text);
});
