//! A byte stream of a peer, cut into frames, each read as a request and as a response. A record that is read in one pass is one that would
//! have been taken had the whole request been checked first.
#![no_main]

use analysis::Record;
use iproto::frame::{Split, split};
use iproto::msgpack::{MAX_DEPTH, Reader};
use iproto::request::{Request, unchecked_call};
use iproto::response::{Outcome, Response, first_result};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    while let Ok(Split::Frame { payload, size }) = split(rest) {
        let request = Request::decode(payload);
        if let Ok(request) = &request {
            assert!(request.arguments.len() <= payload.len().max(1));
        }
        if let Some((sync, arguments)) = unchecked_call(payload, b"wallarm.request.push")
            && is_record(arguments)
        {
            let request = request.expect("a record was read to the end of the request");
            assert_eq!((request.sync, request.arguments), (sync, arguments));
        }
        if let Ok(Response { outcome: Outcome::Data(Some(data)), .. }) = Response::decode(payload) {
            let _ = first_result(data);
        }
        rest = &rest[size..];
    }
});

/// Whether these are the schema and a record, and nothing else.
fn is_record(arguments: &[u8]) -> bool {
    let mut reader = Reader::new(arguments);
    reader.array_len() == Ok(2)
        && reader.uint().is_ok()
        && Record::read(&mut reader, MAX_DEPTH - 2).is_ok()
        && reader.finish().is_ok()
}
