//! Pauses change nothing: whatever the budget of a step and the pieces of the body, the same values are examined in the same
//! order. And nothing that a client can send makes an inspection panic or grow without bound.

mod inspections;

use detection::{Progress, Settings};
use inspections::{Request, inspect_in};
use proptest::prelude::*;

/// Fragments of every format that a decoder knows, to be put together at random.
const FRAGMENTS: &[&[u8]] = &[
    b"a=1&",
    b"b[]=",
    b"c[d][e]=",
    b"%41",
    b"%u0041",
    b"%25",
    b"%",
    b"+",
    b"{\"k\":",
    b"[",
    b"]",
    b"}",
    b"\"x\\u0041\"",
    b"\"",
    b",",
    b"1",
    b"true",
    b"<a b='c'>",
    b"</a>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<!DOCTYPE a [<!ENTITY e 'v'>]>",
    b"&e;",
    b"&lt;",
    b"&#60;",
    b"\\x41",
    b"\\",
    b"--b\r\n",
    b"--b--\r\n",
    b"Content-Disposition: form-data; name=\"n\"; filename=f\r\n",
    b"\r\n",
    b"\n",
    b"eyJhIjoxfQ.eyJiIjoyfQ.c2ln",
    b"Li4vLi4vZXRj",
    b"\xc0\xaf",
    b"\xff\xfe<\0a\0",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"\0\0\0\0\x07\x0a\x05hello",
    b"\xff\x01\x16\x03",
    b"\x0f\x05\x02ab\x64",
    b"/wEPBQFhZA==",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"=",
    b"&",
    b";",
    b" ",
    b"x",
];

const CONTENT_TYPES: &[&str] = &[
    "",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/json",
    "text/xml",
    "application/grpc",
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        8 => prop::sample::select(FRAGMENTS).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(fragment, 0..24).prop_map(|fragments| fragments.concat())
}

fn request() -> impl Strategy<Value = Request> {
    (bytes(), bytes(), bytes(), prop::sample::select(CONTENT_TYPES), any::<bool>()).prop_map(
        |(target, header, body, content_type, encoded)| {
            let mut request = Request::post(content_type, &body);
            request.target.extend_from_slice(&target);
            request.headers.push((b"Cookie".to_vec(), header.clone()));
            request.headers.push((b"X-Any".to_vec(), header));
            if encoded { request.with("Content-Encoding", "gzip") } else { request }
        },
    )
}

proptest! {
    #[test]
    fn small_steps_and_large_ones_examine_the_same(request in request(), piece in 1usize..64) {
        let settings = Settings::default();
        let (whole, seen, progress) = inspect_in(&request, settings, usize::MAX, usize::MAX);
        let (parts, seen_in_parts, progress_in_parts) = inspect_in(&request, settings, 1, piece);
        prop_assert_eq!(seen.listing(), seen_in_parts.listing());
        prop_assert_eq!(progress, progress_in_parts);
        prop_assert_eq!(whole.attacks(), parts.attacks());
    }

    #[test]
    fn values_are_as_many_and_as_long_as_the_request_allows(request in request()) {
        let (_, seen, progress) = inspect_in(&request, Settings::default(), usize::MAX, usize::MAX);
        let sent = request.target.len() + request.body.len() + request.headers.iter().map(|(_, value)| value.len()).sum::<usize>();
        prop_assert!(matches!(progress, Progress::Done | Progress::Overlimit(_)));
        // What was compressed is bounded by limits of its own.
        for (point, _, value) in seen.values.iter().filter(|(point, ..)| !point.contains("gzip")) {
            prop_assert!(value.len() <= sent * 4 + 64, "{point} has {} bytes of {sent}", value.len());
        }
    }
}

#[test]
fn nothing_fed_is_nothing_to_do() {
    let mut inspection = detection::Inspection::new();
    assert_eq!(inspection.step(1), Progress::Done);
    inspection.begin(inspections::rules(), Settings::default());
    inspection.end();
    while inspection.step(1) == Progress::More {}
    assert_eq!(inspection.step(1), Progress::Done);
}

#[test]
fn a_step_before_the_body_examines_the_head() {
    let mut inspection = detection::Inspection::new();
    inspection.begin(inspections::rules(), Settings::default());
    let request = Request::post("application/x-www-form-urlencoded", "late=1");
    request.feed(&mut inspection);
    let mut seen = inspections::Seen::default();
    assert_eq!(inspection.step_observed(usize::MAX, &mut seen), Progress::Done);
    assert!(seen.has(r#"["header","CONTENT-TYPE"]"#, b"application/x-www-form-urlencoded"));
    inspection.body(&request.body);
    inspection.end();
    assert_eq!(inspection.step_observed(usize::MAX, &mut seen), Progress::Done);
    assert!(seen.has(r#"["post","form_urlencoded","late"]"#, b"1"));
}
