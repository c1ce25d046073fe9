//! A byte stream of a peer, cut into frames, each read as a request and as a response.
#![no_main]

use iproto::frame::{Split, split};
use iproto::request::Request;
use iproto::response::{Outcome, Response, first_result};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    while let Ok(Split::Frame { payload, size }) = split(rest) {
        if let Ok(request) = Request::decode(payload) {
            assert!(request.arguments.len() <= payload.len().max(1));
        }
        if let Ok(Response { outcome: Outcome::Data(Some(data)), .. }) = Response::decode(payload) {
            let _ = first_result(data);
        }
        rest = &rest[size..];
    }
});
