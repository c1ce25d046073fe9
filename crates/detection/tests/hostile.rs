//! What a hostile client sends is analysed to the limits and no further, and never ends the analysis of anything else.

#![expect(clippy::expect_used, reason = "a helper that fails is a failed test")]

mod inspections;

use std::fmt::Write as _;
use std::io::Write as _;

use detection::{Attack, Inspection, Limits, Observer, Overlimit, Parser, Place, Progress, Settings};
use inspections::{Request, inspect, inspect_in, rules};

fn outcome(request: &Request) -> (Inspection, Progress) {
    let (inspection, _, progress) = inspect_in(request, Settings::default(), usize::MAX, usize::MAX);
    (inspection, progress)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("compressing to memory");
    encoder.finish().expect("compressing to memory")
}

#[test]
fn a_hundred_thousand_parameters_are_too_many() {
    let mut target = "/?".to_owned();
    for number in 0..100_000 {
        write!(target, "p{number}=v&").expect("writing to memory");
    }
    for request in [Request::get(&target), Request::post("application/x-www-form-urlencoded", &target[2..])] {
        let (inspection, progress) = outcome(&request);
        assert_eq!(progress, Progress::Overlimit(Overlimit::Values));
        assert!(inspection.attacks().contains(Attack::OverlimitRes));
    }
}

#[test]
fn ten_thousand_values_are_not_too_many() {
    // The uri, the name of the action and the type of the body are values too.
    let body = "v=&".repeat(9_000).replace("v=&", "v=1&");
    let (inspection, progress) = outcome(&Request::post("application/x-www-form-urlencoded", body));
    assert_eq!(progress, Progress::Done);
    assert!(inspection.attacks().is_empty());
}

#[test]
fn a_header_flood_is_too_much() {
    let mut request = Request::get("/");
    for number in 0..20_000 {
        request = request.with(&format!("X-{number}"), "v");
    }
    assert_eq!(outcome(&request).1, Progress::Overlimit(Overlimit::Values));
}

#[test]
fn json_a_hundred_thousand_deep_is_examined_as_it_is_from_some_depth_on() {
    for opening in ["[", "{\"k\":"] {
        let (inspection, seen, progress) = inspect_in(
            &Request::post("application/json", opening.repeat(100_000) + "\"needle\""),
            Settings::default(),
            usize::MAX,
            usize::MAX,
        );
        assert_eq!(progress, Progress::Done);
        assert!(inspection.attacks().is_empty());
        assert!(seen.values.iter().any(|(_, _, value)| value.ends_with(b"\"needle\"")));
    }
}

#[test]
fn xml_a_hundred_thousand_deep_keeps_its_text() {
    let seen = inspect(&Request::post("text/xml", "<a>".repeat(100_000) + "needle"));
    assert!(seen.has_value(b"needle"));
}

#[test]
fn a_gzip_bomb_is_a_data_bomb() {
    let bomb = gzip(&vec![b'0'; 50_000_000]);
    let request = Request::post("application/octet-stream", &bomb);
    for request in [request.clone(), request.with("Content-Encoding", "gzip")] {
        let (inspection, progress) = outcome(&request);
        assert_eq!(progress, Progress::Done);
        assert!(inspection.attacks().contains(Attack::DataBomb));
        let points: Vec<_> = inspection.findings().map(|found| found.point.to_string()).collect();
        assert_eq!(points, [r#"["post","gzip"]"#]);
        assert!(inspection.memory() < 1 << 20, "{} bytes held", inspection.memory());
    }
}

#[test]
fn well_compressed_text_is_no_bomb() {
    let text = "A line of a log file, as there are many of them.\n".repeat(150_000);
    let (inspection, progress) = outcome(&Request::post("text/plain", gzip(text.as_bytes())));
    assert_eq!(progress, Progress::Done);
    assert!(inspection.attacks().is_empty());
}

#[test]
fn compressed_data_in_compressed_data_ends_somewhere() {
    let shallow = (0..4).fold(b"text".to_vec(), |data, _| gzip(&data));
    assert!(outcome(&Request::post("", &shallow)).0.attacks().is_empty());
    let (inspection, _) = outcome(&Request::post("", gzip(&shallow)));
    assert!(inspection.attacks().contains(Attack::DataBomb));
}

#[test]
fn too_much_output_of_decompression_ends_the_inspection() {
    let settings = Settings { limits: Limits { decompressed: 100_000, ..Limits::default() }, ..Settings::default() };
    let text: Vec<u8> = (0..60_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let (inspection, _, progress) = inspect_in(&Request::post("", gzip(&text)), settings, usize::MAX, usize::MAX);
    assert_eq!(progress, Progress::Overlimit(Overlimit::Decompressed));
    assert!(inspection.attacks().contains(Attack::OverlimitRes));
}

#[test]
fn an_entity_bomb_is_a_data_bomb() {
    let mut document = "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY l0 'lol'>".to_owned();
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        write!(document, "<!ENTITY l{level} '{inner}'>").expect("writing to memory");
    }
    document.push_str("]><lolz>&l9;</lolz>");
    let (inspection, progress) = outcome(&Request::post("text/xml", document));
    assert_eq!(progress, Progress::Done);
    assert!(inspection.attacks().contains(Attack::DataBomb));
}

#[test]
fn a_document_that_lies_about_its_encoding_is_invalid() {
    let (inspection, _) = outcome(&Request::post("text/xml", "<?xml version='1.0' encoding='utf-16'?><a>text</a>"));
    assert!(inspection.attacks().contains(Attack::InvalidXml));
    let (inspection, _) = outcome(&Request::post("text/xml", "<?xml version='1.0' encoding='utf-8'?><a>text</a>"));
    assert!(inspection.attacks().is_empty());
}

#[test]
fn xml_in_utf16_is_read() {
    let document: Vec<u8> = "\u{feff}<a b='c'>needle</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(inspect(&Request::post("text/xml", document)).has(r#"["post","xml","xml_tag","a"]"#, b"needle"));
}

#[test]
fn broken_multipart_bodies_are_examined_as_far_as_they_go() {
    for body in [
        "--b\r\nneedle",
        "--b\r\n\r\nneedle\r\n--b",
        "--b\r\nContent-Disposition: form-data; name=\"unclosed\r\n\r\nneedle",
        "--b\nContent-Disposition: form-data; name=n\n\nneedle\n--b--",
        "no boundary at all, needle",
        "--b--\r\nneedle",
    ] {
        let seen = inspect(&Request::post("multipart/form-data; boundary=b", body));
        let found = seen.values.iter().any(|(_, _, value)| value.windows(6).any(|window| window == b"needle"));
        assert!(found, "nothing of {body:?} in\n{}", seen.listing());
    }
}

#[test]
fn each_layer_of_encoding_is_taken_off_down_to_the_limit() {
    let encoded =
        |layers: usize| (0..layers).fold("'".to_owned(), |text, _| text.replace('%', "%25").replace('\'', "%27"));
    let limit = usize::from(Limits::default().depth);
    for (layers, is_seen) in [(1, true), (limit, true), (limit + 2, false)] {
        let seen = inspect(&Request::get(&format!("/?q={}", encoded(layers))));
        assert_eq!(seen.has_value(b"'"), is_seen, "{layers} layers");
    }
}

#[test]
fn a_body_beyond_the_memory_limit_ends_the_inspection_without_an_attack() {
    let settings = Settings { limits: Limits { memory: 10_000, ..Limits::default() }, ..Settings::default() };
    let body = "a=".to_owned() + &"x".repeat(20_000);
    let (inspection, _, progress) =
        inspect_in(&Request::post("application/x-www-form-urlencoded", body), settings, 100, 100);
    assert_eq!(progress, Progress::Overlimit(Overlimit::Memory));
    assert!(inspection.attacks().is_empty());
    assert!(inspection.memory() < 11_000, "{} bytes held", inspection.memory());
}

#[test]
fn the_clock_of_the_caller_ends_the_inspection() {
    let mut inspection = Inspection::new();
    inspection.begin(rules(), Settings::default());
    Request::get("/?a=1").feed(&mut inspection);
    assert_eq!(inspection.step(1), Progress::More);
    inspection.stop_overlimit();
    assert_eq!(inspection.step(1), Progress::Overlimit(Overlimit::Time));
    assert!(inspection.attacks().contains(Attack::OverlimitRes));
}

#[test]
fn a_parser_that_is_off_decodes_nothing() {
    let mut settings = Settings::default();
    for parser in Parser::ALL {
        settings.parsers.remove(*parser);
    }
    let request = Request::post("application/json", "{\"a\":\"%41\"}").with("Cookie", "a=b");
    let (_, seen, _) = inspect_in(&request, settings, usize::MAX, usize::MAX);
    assert!(seen.has(r#"["post"]"#, b"{\"a\":\"%41\"}"), "{}", seen.listing());
    assert!(seen.has(r#"["header","COOKIE"]"#, b"a=b"), "{}", seen.listing());
    assert!(seen.values.iter().all(|(point, ..)| !point.contains("json_doc") && !point.contains("percent")));
}

/// Counts where a sign begins, and remembers the longest value.
#[derive(Default)]
struct Needles {
    found: usize,
    longest: usize,
}

impl Observer for Needles {
    fn value(&mut self, _point: &dyn std::fmt::Display, place: Place, value: &[u8]) {
        if place == Place::RawBody {
            self.longest = self.longest.max(value.len());
            self.found += memchr::memmem::find_iter(value, b"needle").count();
        }
    }
}

/// Feeds a body of `length` bytes, with a sign at each of `needles`, in pieces of `piece` bytes; the most memory held meanwhile.
fn feed_long(length: usize, needles: &[usize], piece: usize, seen: &mut Needles) -> usize {
    let mut body = vec![b'.'; length];
    for at in needles {
        body[*at..*at + 6].copy_from_slice(b"needle");
    }
    let settings = Settings { limits: Limits { structured: 1 << 20, ..Limits::default() }, ..Settings::default() };
    let mut inspection = Inspection::new();
    inspection.begin(rules(), settings);
    Request::get("/").feed(&mut inspection);
    let mut most = 0;
    for chunk in body.chunks(piece) {
        inspection.body(chunk);
        most = most.max(inspection.memory());
        while inspection.step_observed(4096, seen) == Progress::More {}
    }
    inspection.end();
    while inspection.step_observed(4096, seen) == Progress::More {}
    most
}

#[test]
fn a_long_body_passes_by_in_windows() {
    let borders = [0, 65_530, 61_438, (1 << 20) - 3, (1 << 20) + 1, (2 << 20) - 4099, 3_999_990];
    for piece in [8192, 300_007, 1_000_003] {
        let mut seen = Needles::default();
        let most = feed_long(4_000_000, &borders, piece, &mut seen);
        assert!(seen.found >= borders.len(), "{} of {} signs seen, pieces of {piece}", seen.found, borders.len());
        assert!(seen.longest <= detection::WINDOW, "a window of {} bytes", seen.longest);
        assert!(most < (2 << 20) + piece, "{most} bytes held, pieces of {piece}");
    }
}

#[test]
fn a_caller_who_never_steps_makes_nobody_hold_the_body() {
    let settings = Settings { limits: Limits { structured: 1 << 20, ..Limits::default() }, ..Settings::default() };
    let mut inspection = Inspection::new();
    inspection.begin(rules(), settings);
    Request::get("/").feed(&mut inspection);
    for _ in 0..100 {
        inspection.body(&[b'.'; 100_000]);
        assert!(inspection.memory() < 3 << 20, "{} bytes held", inspection.memory());
    }
}
