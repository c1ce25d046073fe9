//! One decoder, chosen by the first byte, as the only one that is on.
#![no_main]

use std::sync::{Arc, LazyLock};

use detection::rules::{Sources, compile};
use detection::{Inspection, Limits, Parser, ParserSet, Progress, Rules, Settings};
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let db = compile(&Sources::default()).expect("an empty rule set");
    Arc::new(Rules::from_db(&db).expect("an empty rule set"))
});

const fn content_type(parser: Parser) -> &'static [u8] {
    match parser {
        Parser::Urlenc => b"application/x-www-form-urlencoded",
        Parser::Multipart => b"multipart/form-data; boundary=b",
        Parser::Grpc => b"application/grpc",
        Parser::Xml => b"text/xml",
        _ => b"",
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, value)) = data.split_first() else { return };
    let parser = Parser::ALL[usize::from(*choice) % Parser::ALL.len()];
    let mut parsers = ParserSet::EMPTY;
    parsers.insert(parser);
    let limits = Limits { decompressed: 4 << 20, ratio_from: 1 << 20, ..Limits::default() };
    let mut inspection = Inspection::new();
    inspection.begin(Arc::clone(&RULES), Settings { parsers, limits, ..Settings::default() });
    inspection.request_line(b"POST", b"/", b"HTTP/1.1");
    inspection.header(b"Content-Type", content_type(parser));
    if parser == Parser::Cookie {
        inspection.header(b"Cookie", value);
    } else {
        inspection.body(value);
    }
    inspection.end();
    while inspection.step(4096) == Progress::More {}
    assert!(inspection.memory() < (8 << 20) + 64 * value.len(), "{} bytes held", inspection.memory());
});
