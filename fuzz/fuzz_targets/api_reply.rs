//! Any bytes as an answer of the node API, to each of its calls: reading never panics, a reason is one short line, and only a success can
//! take hits.
#![no_main]

use std::time::{Duration, SystemTime};

use cloud_api::behaviour::Verdicts;
use cloud_api::markers::Markers;
use cloud_api::reply::Reply;
use cloud_api::upload::Accepted;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &str, &[u8])| {
    let (status, header, body) = input;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let _ = Reply::<Verdicts>::read(status, None, None, body, now);
    let _ = Reply::<Markers>::read(status, None, None, body, now);
    if let Ok(reply) = Reply::<Accepted>::read(status, Some(header), Some(header), body, now) {
        assert!(reply.reason.chars().count() <= 200 && !reply.reason.contains(char::is_control));
        assert!((200..=299).contains(&reply.status) || reply.body.rejected.is_empty());
    }
});
