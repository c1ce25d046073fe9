//! Compressed data, as a value and as a body: what comes out is bounded, and is what went in, by each of the three formats.
#![no_main]

use std::io::Read;

use detection::Parser;
use flate2::Compression;
use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};
use fuzz::{Carrier, Trial, small_limits};
use libfuzzer_sys::fuzz_target;

const VALUE: Trial = Trial { parsers: &[Parser::Zlib], carrier: Carrier::Header("X") };
const BODY: Trial = Trial { parsers: &[Parser::Zlib], carrier: Carrier::Encoded("deflate") };

fn all_of(mut encoder: impl Read) -> Vec<u8> {
    let mut compressed = Vec::new();
    encoder.read_to_end(&mut compressed).expect("compression in memory");
    compressed
}

fuzz_target!(|data: &[u8]| {
    for trial in [VALUE, BODY] {
        let most = usize::try_from(small_limits().decompressed).expect("a limit in memory");
        assert!(trial.examine(data).longest <= most);
    }
    let level = Compression::new(u32::from(data.first().copied().unwrap_or(0)) % 10);
    let gzip = all_of(GzEncoder::new(data, level));
    let zlib = all_of(ZlibEncoder::new(data, level));
    let bare = all_of(DeflateEncoder::new(data, level));
    for compressed in [&gzip, &zlib] {
        VALUE.assert_sees(compressed, r#"["header","X","gzip"]"#, data);
        BODY.assert_sees(compressed, r#"["post","gzip"]"#, data);
    }
    BODY.assert_sees(&bare, r#"["post","gzip"]"#, data);
    let twice = [&*gzip, &*gzip].concat();
    VALUE.assert_sees(&twice, r#"["header","X","gzip"]"#, &[data, data].concat());
});
