//! The same records as requests to each contender.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use iproto::code::{RequestType, key};
use iproto::msgpack::Writer;
use iproto_load::{Key, Requests};

use super::contender::Contender;
use super::records::{self, Made, Size};
use super::tarantool;

/// How many different records are sent. They come again with other ids.
const DIFFERENT: usize = 16_384;

/// The key of a body that names a space (`IPROTO_SPACE_ID`).
const SPACE_ID: u64 = 0x10;
/// The request that stores a tuple (`IPROTO_INSERT`).
const INSERT: u64 = 0x02;

/// Records, encoded for all contenders.
#[derive(Debug)]
pub struct Encoded {
    push: Requests,
    insert: Requests,
}

impl Encoded {
    /// Encodes records that came a moment ago.
    pub fn new(size: Size) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut encoded = Self { push: Requests::default(), insert: Requests::default() };
        for made in records::make(DIFFERENT, size, now)? {
            encoded.push.push(&made.frame, Key::Digits(made.id_at));
            push_insert(&mut encoded.insert, &made);
        }
        Ok(encoded)
    }

    /// What is sent to `contender`.
    pub fn of(&mut self, contender: Contender) -> &mut Requests {
        match contender {
            Contender::Ours | Contender::Call => &mut self.push,
            Contender::Insert | Contender::InsertWide | Contender::InsertWal => &mut self.insert,
        }
    }
}

/// Adds a request that ends with a key of eight bytes and the record.
fn push_insert(requests: &mut Requests, made: &Made) {
    let frame = insert(made.record());
    let mut record = Vec::new();
    Writer::new(&mut record).str(made.record());
    let key = frame.len() - record.len() - size_of::<u64>();
    requests.push(&frame, Key::Number(key));
}

/// A tuple of number and record. The record is a text, so that Tarantool need not look into it. INSERT is not among the requests that
/// our server knows, so `iproto` does not write it.
fn insert(record: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut writer = Writer::new(&mut payload);
    writer.map(2).uint(key::REQUEST_TYPE).uint(RequestType::Other(INSERT).code()).uint(key::SYNC).uint64(0);
    writer.map(2).uint(SPACE_ID).uint(tarantool::SPACE).uint(key::TUPLE);
    writer.array(2).uint64(0).str(record);
    let mut frame = Vec::new();
    Writer::new(&mut frame).uint32(payload.len() as u32).raw(&payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use iproto::frame::{Split, split};
    use iproto::request;

    #[test]
    fn an_insert_is_a_request_whose_tuple_is_key_and_record() {
        let frame = insert(b"record");
        let Ok(Split::Frame { payload, size }) = split(&frame) else { panic!("no frame") };
        let request = request::Request::decode(payload).unwrap();
        assert_eq!((size, request.kind), (frame.len(), RequestType::Other(2)));
        assert_eq!(request.arguments, b"\x92\xcf\0\0\0\0\0\0\0\0\xa6record");
        let mut numbered = frame.clone();
        request::set_sync(&mut numbered, 9);
        let Ok(Split::Frame { payload, .. }) = split(&numbered) else { panic!("no frame") };
        assert_eq!(request::Request::decode(payload).unwrap().sync, 9);
    }
}
