//! View states of ASP.NET, as facts: which value in one stands at which point.

mod inspections;

use detection::{ParserSet, Settings};
use inspections::{Request, Seen, inspect, inspect_in};

fn state(object: &[u8]) -> Vec<u8> {
    [b"\xff\x01", object].concat()
}

/// The request that posts `state` as it is.
fn post(state: &[u8]) -> Request {
    Request::post("application/octet-stream", state)
}

fn assert_sees(seen: &Seen, point: &str, value: &[u8]) {
    assert!(seen.has(point, value), "no {point} = {} in\n{}", String::from_utf8_lossy(value), seen.listing());
}

#[test]
fn a_view_state_comes_in_base64_in_a_form() {
    // A page's own state: Pair(Pair("1", ArrayList(Int32 3, Pair(ArrayList(IndexedString "Text", "O'Brien"), null))), null)
    let form = "__VIEWSTATE=%2fwEPDwUBMRYCAgMPFgIeBFRleHQFB08nQnJpZW5kZA%3d%3d&q=1";
    let seen = inspect(&Request::post("application/x-www-form-urlencoded", form));
    let above = r#"["post","form_urlencoded","__VIEWSTATE","base64","viewstate","viewstate_pair",0,"viewstate_pair""#;
    assert_sees(&seen, &format!("{above},0]"), b"1");
    let list = format!(r#"{above},1,"viewstate_array",1,"viewstate_pair",0,"viewstate_array""#);
    assert_sees(&seen, &format!("{list},0]"), b"Text");
    assert_sees(&seen, &format!("{list},1]"), b"O'Brien");
}

#[test]
fn each_container_has_its_tag() {
    for (object, point) in [
        (&b"\x0f\x64\x05\x01v"[..], r#""viewstate_pair",1"#),
        (b"\x10\x64\x64\x05\x01v", r#""viewstate_triplet",2"#),
        (b"\x14\x2b\x00\x02\x64\x05\x01v", r#""viewstate_array",1"#),
        (b"\x15\x02\x00\x01v", r#""viewstate_array",1"#),
        (b"\x16\x02\x64\x05\x01v", r#""viewstate_array",1"#),
        (b"\x17\x01\x05\x01v\x64", r#""viewstate_dict",0,"viewstate_dict_key""#),
        (b"\x18\x02\x64\x64\x64\x05\x01v", r#""viewstate_dict",1,"viewstate_dict_value""#),
        (b"\x3c\x2b\x00\x09\x01\x07\x05\x01v", r#""viewstate_sparse_array",7"#),
    ] {
        assert_sees(&inspect(&post(&state(object))), &format!(r#"["post","viewstate",{point}]"#), b"v");
    }
}

#[test]
fn names_of_types_and_what_other_formatters_wrote_are_values() {
    let object = b"\x10\x28\x29\x04Type\x02fv\x19\x2a\x05Local\x32\x04blob";
    let seen = inspect(&post(&state(object)));
    let point = |index| format!(r#"["post","viewstate","viewstate_triplet",{index}]"#);
    assert_sees(&seen, &point(0), b"Type");
    assert_sees(&seen, &point(0), b"fv");
    assert_sees(&seen, &point(1), b"Local");
    assert_sees(&seen, &point(2), b"blob");
}

#[test]
fn signs_are_not_combined_across_the_strings_of_a_view_state() {
    let signed = state(b"\x0f\x05\x05first\x05\x06second").into_iter().chain([0xa5; 32]).collect::<Vec<_>>();
    let seen = inspect(&post(&signed));
    let together = |value: &[u8]| value.windows(5).any(|part| part == b"first") && value.ends_with(&[0xa5; 32]);
    assert!(!seen.values.iter().any(|(_, _, value)| together(value)), "{}", seen.listing());
}

#[test]
fn what_follows_a_view_state_is_examined_when_it_is_too_long_for_its_signature() {
    let tail = b"behind the view state ".repeat(3);
    let seen = inspect(&post(&[state(b"\x64"), tail.clone()].concat()));
    assert_sees(&seen, r#"["post","viewstate"]"#, &tail);
}

#[test]
fn a_view_state_that_is_cut_off_is_examined_as_it_is_besides_the_values_before() {
    let whole = state(b"\x16\x03\x05\x05first\x64\x05\x06second");
    for length in 0..whole.len() {
        let cut = whole.get(..length).expect("a part");
        let seen = inspect(&post(cut));
        assert_eq!(seen.has(r#"["post"]"#, cut), length > 0, "{length}");
        let first = seen.has(r#"["post","viewstate","viewstate_array",0]"#, b"first");
        assert_eq!(first, length >= whole.len() - 9, "{length}");
    }
    assert!(!inspect(&post(&whole)).has(r#"["post"]"#, &whole));
}

#[test]
fn pairs_a_hundred_thousand_deep_are_examined_as_they_are() {
    let deep = [state(&[0x0f; 100_000]), b"\x05\x06needle".to_vec()].concat();
    let seen = inspect(&post(&deep));
    assert!(seen.values.iter().any(|(_, _, value)| value.ends_with(b"needle")));
}

#[test]
fn an_array_that_claims_two_billion_elements_ends_with_the_bytes() {
    let seen = inspect(&post(&state(b"\x16\xff\xff\xff\xff\x07\x05\x01v")));
    assert_sees(&seen, r#"["post","viewstate","viewstate_array",0]"#, b"v");
}

#[test]
fn without_its_parser_a_view_state_is_examined_as_it_is() {
    let state = state(b"\x05\x01v");
    let settings = Settings { parsers: ParserSet::EMPTY, ..Settings::default() };
    let (_, seen, _) = inspect_in(&post(&state), settings, usize::MAX, usize::MAX);
    assert_sees(&seen, r#"["post"]"#, &state);
}
