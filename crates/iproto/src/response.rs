//! Responses: a header map with status, sync and schema version, a body map with data or an error.

use crate::SCHEMA_VERSION;
use crate::code::{ERROR_FLAG, ErrorCode, key};
use crate::frame;
use crate::msgpack::{DecodeError, MAX_DEPTH, Reader, Scalar, Writer};

/// Appends the answer to PING or AUTH: success, empty body.
pub fn write_empty(out: &mut Vec<u8>, sync: u64) {
    frame::write(out, |out| {
        write_header(out, 0, sync).map(0);
    });
}

/// Appends a success with data; `data` appends one array.
pub fn write_data(out: &mut Vec<u8>, sync: u64, data: impl FnOnce(&mut Writer<'_>)) {
    frame::write(out, |out| {
        let mut writer = write_header(out, 0, sync);
        writer.map(1).uint(key::DATA);
        data(&mut writer);
    });
}

/// Appends the answer to ID: protocol `version`, numbers of `features`, way of authentication.
pub fn write_id(out: &mut Vec<u8>, sync: u64, version: u64, features: &[u64], auth_type: &str) {
    frame::write(out, |out| {
        let mut writer = write_header(out, 0, sync);
        writer.map(3).uint(key::VERSION).uint(version).uint(key::FEATURES).array(features.len() as u32);
        for feature in features {
            writer.uint(*feature);
        }
        writer.uint(key::AUTH_TYPE).str(auth_type.as_bytes());
    });
}

/// Appends an error, in the form that clients before 2.4 read and in the one that later ones read.
pub fn write_error(out: &mut Vec<u8>, sync: u64, code: ErrorCode, message: &str) {
    // Keys of one entry of the error stack, MP_ERROR in Tarantool's documentation.
    const STACK: u64 = 0x00;
    const TYPE: u64 = 0x00;
    const FILE: u64 = 0x01;
    const LINE: u64 = 0x02;
    const MESSAGE: u64 = 0x03;
    const ERRNO: u64 = 0x04;
    const ERRCODE: u64 = 0x05;
    let number = code as u32;
    frame::write(out, |out| {
        let mut writer = write_header(out, ERROR_FLAG | number, sync);
        writer.map(2).uint(key::ERROR_24).str(message.as_bytes());
        writer.uint(key::ERROR).map(1).uint(STACK).array(1).map(6);
        writer.uint(TYPE).str(b"ClientError").uint(FILE).str(b"wtarantool").uint(LINE).uint(0);
        writer.uint(MESSAGE).str(message.as_bytes()).uint(ERRNO).uint(0).uint(ERRCODE).uint(u64::from(number));
    });
}

/// The header has fixed widths: some clients rely on it, and it lets no length depend on the sync. It is put together first and
/// appended at once, for there is one in every answer.
fn write_header(out: &mut Vec<u8>, status: u32, sync: u64) -> Writer<'_> {
    const SHORT: u8 = 0xce;
    const LONG: u8 = 0xcf;
    let mut header = [0; 23];
    header[..3].copy_from_slice(&[0x83, key::REQUEST_TYPE as u8, SHORT]);
    header[3..7].copy_from_slice(&status.to_be_bytes());
    header[7..9].copy_from_slice(&[key::SYNC as u8, LONG]);
    header[9..17].copy_from_slice(&sync.to_be_bytes());
    header[17..19].copy_from_slice(&[key::SCHEMA_VERSION as u8, SHORT]);
    header[19..].copy_from_slice(&SCHEMA_VERSION.to_be_bytes());
    out.extend_from_slice(&header);
    Writer::new(out)
}

/// A response as a client reads it, borrowed from its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Sync of the request that is answered.
    pub sync: u64,
    /// What came of it.
    pub outcome: Outcome<'a>,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Success; one MessagePack array with the results, or nothing for a request that has none.
    Data(Option<&'a [u8]>),
    /// The server refused.
    Error {
        /// Number of the error, see [`ErrorCode`].
        code: u32,
        /// Its text.
        message: &'a str,
    },
}

impl<'a> Response<'a> {
    /// Decodes the payload of a frame.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the payload is broken.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(payload);
        let (mut status, mut sync) = (None, 0);
        for _ in 0..reader.map_len()? {
            match reader.uint()? {
                key::REQUEST_TYPE => status = Some(reader.uint()?),
                key::SYNC => sync = reader.uint()?,
                _ => {
                    reader.raw(MAX_DEPTH - 1)?;
                }
            }
        }
        let (mut data, mut message) = (None, "");
        let entries = if reader.rest().is_empty() { 0 } else { reader.map_len()? };
        for _ in 0..entries {
            match reader.uint()? {
                key::DATA => data = Some(reader.raw(MAX_DEPTH - 1)?),
                key::ERROR_24 => message = std::str::from_utf8(reader.str()?).map_err(|_| DecodeError::NotUtf8)?,
                _ => {
                    reader.raw(MAX_DEPTH - 1)?;
                }
            }
        }
        reader.finish()?;
        let outcome = match status.ok_or(DecodeError::Missing("status"))? {
            0 => Outcome::Data(data),
            status => Outcome::Error { code: (status as u32) & !ERROR_FLAG, message },
        };
        Ok(Self { sync, outcome })
    }
}

/// The first result of a call, if it is a plain value.
///
/// # Errors
///
/// [`DecodeError`] if `data` is no array, is empty, or begins with an array or map.
pub fn first_result(data: &[u8]) -> Result<Scalar<'_>, DecodeError> {
    let mut reader = Reader::new(data);
    match reader.array_len()? {
        0 => Err(DecodeError::Missing("result")),
        _ => reader.scalar(),
    }
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
    fn ping_is_answered_with_fixed_widths_and_an_empty_map() {
        let mut out = Vec::new();
        write_empty(&mut out, 3);
        let expected = b"\xce\x00\x00\x00\x18\x83\x00\xce\x00\x00\x00\x00\x01\xcf\x00\x00\x00\x00\x00\x00\x00\x03\x05\xce\x00\x00\x00\x01\x80";
        assert_eq!(out, expected);
    }

    #[test]
    fn an_error_carries_both_the_old_text_and_the_new_stack() {
        let mut out = Vec::new();
        write_error(&mut out, 4, ErrorCode::UnknownRequestType, "Unknown request type 255");
        let response = Response::decode(payload(&out)).unwrap();
        assert_eq!(response.outcome, Outcome::Error { code: 48, message: "Unknown request type 255" });
        let text = String::from_utf8_lossy(&out).matches("Unknown request type 255").count();
        assert_eq!(text, 2);
    }

    #[test]
    fn data_comes_back_as_it_was_written() {
        let mut out = Vec::new();
        write_data(&mut out, 5, |writer| {
            writer.array(1).float(0.5);
        });
        let response = Response::decode(payload(&out)).unwrap();
        let Outcome::Data(Some(data)) = response.outcome else { panic!("no data") };
        assert_eq!(first_result(data), Ok(Scalar::Float(0.5)));
    }
}
