//! Requests: a header map with type and sync, a body map with keys of [`crate::code::key`].

use crate::code::{RequestType, key};
use crate::frame;
use crate::msgpack::{DecodeError, MAX_DEPTH, Reader, Writer};

/// A request as a server reads it, borrowed from its frame. All of it is checked: well-formed, and not too deep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Number that the response repeats. Some clients always send 0.
    pub sync: u64,
    /// What is asked for.
    pub kind: RequestType,
    /// Name of the function of CALL, expression of EVAL, user of AUTH.
    pub name: Option<&'a [u8]>,
    /// Arguments: one MessagePack array; empty array if the request has none.
    pub arguments: &'a [u8],
}

/// A frame holds no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packet {part}: {source}")]
pub struct RequestError {
    /// Sync of the request if it was reached, else 0.
    pub sync: u64,
    /// `header` or `body`.
    pub part: &'static str,
    /// What is wrong.
    pub source: DecodeError,
}

const NO_ARGUMENTS: &[u8] = &[0x90];

impl<'a> Request<'a> {
    /// Decodes the payload of a frame. Keys that are not known are checked and skipped; a body may be missing.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if the payload is broken, too deep, or followed by something else.
    pub fn decode(payload: &'a [u8]) -> Result<Self, RequestError> {
        let mut reader = Reader::new(payload);
        let mut request = Self { sync: 0, kind: RequestType::Other(0), name: None, arguments: NO_ARGUMENTS };
        let header = request.read_header(&mut reader);
        header.map_err(|source| RequestError { sync: request.sync, part: "header", source })?;
        let body = if reader.rest().is_empty() { Ok(()) } else { request.read_body(&mut reader) };
        let body = body.and_then(|()| reader.finish());
        body.map_err(|source| RequestError { sync: request.sync, part: "body", source })?;
        Ok(request)
    }

    fn read_header(&mut self, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        let mut kind = None;
        for _ in 0..reader.map_len()? {
            match reader.uint()? {
                key::REQUEST_TYPE => kind = Some(reader.uint()?),
                key::SYNC => self.sync = reader.uint()?,
                _ => {
                    reader.raw(MAX_DEPTH - 1)?;
                }
            }
        }
        self.kind = RequestType::from_code(kind.ok_or(DecodeError::Missing("request type"))?);
        Ok(())
    }

    fn read_body(&mut self, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        for _ in 0..reader.map_len()? {
            match reader.uint()? {
                key::FUNCTION_NAME | key::EXPR | key::USER_NAME => self.name = Some(reader.str()?),
                key::TUPLE => self.arguments = reader.raw(MAX_DEPTH - 1)?,
                _ => {
                    reader.raw(MAX_DEPTH - 1)?;
                }
            }
        }
        Ok(())
    }
}

/// The sync and the arguments of a CALL of `function`, if `payload` begins with one whose arguments stand last, as
/// [`write_call`] and most clients write it. They are not checked: they reach to the end of the payload, and whatever stands there.
///
/// It is for a function that is called so often that its arguments are better checked while they are read. Payloads that say the same
/// in another way, and all others, are for [`Request::decode`].
#[must_use]
pub fn unchecked_call<'a>(payload: &'a [u8], function: &[u8]) -> Option<(u64, &'a [u8])> {
    let mut reader = Reader::new(payload);
    let mut request = Request { sync: 0, kind: RequestType::Other(0), name: None, arguments: NO_ARGUMENTS };
    request.read_header(&mut reader).ok()?;
    let is_call = request.kind == RequestType::Call
        && reader.map_len() == Ok(2)
        && reader.uint() == Ok(key::FUNCTION_NAME)
        && reader.str() == Ok(function)
        && reader.uint() == Ok(key::TUPLE);
    is_call.then(|| (request.sync, reader.rest()))
}

/// Appends a PING to `out`.
pub fn write_ping(out: &mut Vec<u8>, sync: u64) {
    frame::write(out, |out| {
        write_header(out, RequestType::Ping, sync).map(0);
    });
}

/// Appends a CALL of `function` to `out`; `arguments` appends one array with the arguments.
pub fn write_call(out: &mut Vec<u8>, sync: u64, function: &str, arguments: impl FnOnce(&mut Writer<'_>)) {
    frame::write(out, |out| {
        let mut writer = write_header(out, RequestType::Call, sync);
        writer.map(2).uint(key::FUNCTION_NAME).str(function.as_bytes()).uint(key::TUPLE);
        arguments(&mut writer);
    });
}

/// Appends an EVAL of `expression` to `out`; `arguments` appends one array with the arguments.
pub fn write_eval(out: &mut Vec<u8>, sync: u64, expression: &str, arguments: impl FnOnce(&mut Writer<'_>)) {
    frame::write(out, |out| {
        let mut writer = write_header(out, RequestType::Eval, sync);
        writer.map(2).uint(key::EXPR).str(expression.as_bytes()).uint(key::TUPLE);
        arguments(&mut writer);
    });
}

/// Where the sync stands in a frame that this module wrote: length (5 bytes), header map (1), type (1 + 1), key and marker (2).
const SYNC: std::ops::Range<usize> = 10..18;

/// Replaces the sync of `frame`, a request that this module wrote: a client that queues requests numbers them when it sends
/// them. Anything shorter than a request stays as it is.
pub fn set_sync(frame: &mut [u8], sync: u64) {
    if let Some(place) = frame.get_mut(SYNC) {
        place.copy_from_slice(&sync.to_be_bytes());
    }
}

/// The sync has a fixed width and place, for [`set_sync`].
fn write_header(out: &mut Vec<u8>, kind: RequestType, sync: u64) -> Writer<'_> {
    let mut writer = Writer::new(out);
    writer.map(2).uint(key::REQUEST_TYPE).uint(kind.code()).uint(key::SYNC).uint64(sync);
    writer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Split, split};

    fn payload(out: &[u8]) -> &[u8] {
        match split(out) {
            Ok(Split::Frame { payload, size }) if size == out.len() => payload,
            other => panic!("not one frame: {other:?}"),
        }
    }

    #[test]
    fn a_call_comes_back_as_it_was_written() {
        let mut out = Vec::new();
        write_call(&mut out, 7, "wallarm.hello", |writer| {
            writer.array(1).bool(true);
        });
        let request = Request::decode(payload(&out)).unwrap();
        assert_eq!(request.kind, RequestType::Call);
        assert_eq!((request.sync, request.name), (7, Some(&b"wallarm.hello"[..])));
        assert_eq!(request.arguments, [0x91, 0xc3]);
    }

    #[test]
    fn a_request_can_be_numbered_after_it_was_written() {
        let write: [fn(&mut Vec<u8>); 3] = [
            |out| write_ping(out, 1),
            |out| {
                write_call(out, 1, "wallarm.hello", |writer| {
                    writer.array(0);
                });
            },
            |out| {
                write_eval(out, 1, "return 1", |writer| {
                    writer.array(0);
                });
            },
        ];
        for write in write {
            let mut out = Vec::new();
            write(&mut out);
            let before = Request::decode(payload(&out)).unwrap();
            let (kind, name) = (before.kind, before.name.map(<[u8]>::to_vec));
            set_sync(&mut out, u64::MAX - 1);
            let after = Request::decode(payload(&out)).unwrap();
            assert_eq!((after.sync, after.kind, after.name), (u64::MAX - 1, kind, name.as_deref()));
        }
        set_sync(&mut [], 1);
    }

    #[test]
    fn the_console_of_2_6_evaluates_this() {
        let bytes = b"\x82\x01\x04\x00\x08\x82'\xd9#return require(\"console\").eval(...)!\x91\xabreturn true";
        let request = Request::decode(bytes).unwrap();
        assert_eq!((request.sync, request.kind), (4, RequestType::Eval));
        assert_eq!(request.name, Some(&b"return require(\"console\").eval(...)"[..]));
        assert_eq!(request.arguments, b"\x91\xabreturn true");
    }

    #[test]
    fn header_keys_come_in_any_order_and_unknown_ones_are_skipped() {
        let request = Request::decode(&[0x83, 0x05, 0x91, 0x01, 0x01, 0x09, 0x00, 0x40]).unwrap();
        assert_eq!((request.sync, request.kind), (9, RequestType::Ping));
    }

    #[test]
    fn a_broken_body_still_tells_the_sync() {
        let error = Request::decode(&[0x82, 0x00, 0x0a, 0x01, 0x05, 0x81, 0x21, 0xc1]).unwrap_err();
        assert_eq!((error.sync, error.part), (5, "body"));
    }

    #[test]
    fn a_frame_without_type_or_with_a_second_body_is_no_request() {
        assert_eq!(Request::decode(&[0x80]).unwrap_err().source, DecodeError::Missing("request type"));
        assert_eq!(Request::decode(&[]).unwrap_err().source, DecodeError::Truncated);
        assert_eq!(Request::decode(&[0x81, 0x00, 0x40, 0x80, 0x80]).unwrap_err().source, DecodeError::Trailing);
    }

    #[test]
    fn depth_counts_from_the_map_of_the_body() {
        let nested = |levels: usize| [&[0x81, 0, 0x0a, 0x81, 0x21][..], &vec![0x91; levels], &[0xc0]].concat();
        assert!(Request::decode(&nested(31)).is_ok());
        assert_eq!(Request::decode(&nested(32)).unwrap_err().source, DecodeError::TooDeep);
    }
}
