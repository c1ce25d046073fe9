//! What a record must be to be stored, and how it loses its body when it is too large.
//!
//! A record is a MessagePack map with string keys. The server stores it as it came: fields that it does not know are kept,
//! optional ones may be missing. Only `request_id` is needed, because it is the answer.

use analysis::Record;
use attacks::AttackSet;
use iproto::msgpack::{DecodeError, MAX_DEPTH, Reader, Writer};

/// The only schema of records so far.
pub const SCHEMA: u64 = 1;

/// Digits of a request id.
const ID_LENGTH: usize = 32;

/// Levels of lists and maps that a record may have, itself included. Around it are the list of arguments and the body.
const DEPTH: usize = MAX_DEPTH - 2;

/// A record that came in.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Its field `request_id`: 32 hexadecimal digits.
    pub request_id: &'a [u8],
    /// Its field `attack_type`; empty where it is missing.
    pub attacks: AttackSet,
    /// The whole map as MessagePack.
    pub bytes: &'a [u8],
    /// What the analysis reads of it; none if a field is not of the type that it expects. Such a record is stored nevertheless.
    pub record: Option<Record<'a>>,
}

/// What was pushed is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The arguments are not `[schema, map]`.
    #[error("expected [schema, record]: {0}")]
    Shape(#[from] DecodeError),
    /// A schema that this server does not know.
    #[error("record schema {0} is not known, this server knows {SCHEMA}")]
    Schema(u64),
    /// The id is not what `$request_id` looks like.
    #[error("request_id must be 32 hexadecimal digits")]
    RequestId,
    /// A field that may stand once stands there again.
    #[error("body and body_truncated may stand in a record once")]
    Repeated,
}

impl<'a> Incoming<'a> {
    /// Reads the arguments of a push, and checks all of them: they are well-formed and end with `arguments`.
    ///
    /// # Errors
    ///
    /// [`RecordError`] if they are no record of a known schema.
    pub fn from_arguments(arguments: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(arguments);
        let count = reader.array_len()?;
        if count < 2 {
            return Err(DecodeError::Missing("record").into());
        }
        let schema = reader.uint()?;
        if schema != SCHEMA {
            return Err(RecordError::Schema(schema));
        }
        let begin = reader.rest();
        let (id, attacks, record) = match Record::read(&mut reader, DEPTH) {
            Ok(record) => (record.request_id(), record.attacks(), Some(record)),
            Err(_) => {
                reader = Reader::new(begin);
                let (id, attacks) = head(reader.raw(DEPTH)?)?;
                (id, attacks, None)
            }
        };
        let bytes = &begin[..begin.len() - reader.rest().len()];
        // A newer module may send more.
        for _ in 2..count {
            reader.raw(DEPTH)?;
        }
        reader.finish()?;
        Ok(Self { request_id: valid_id(id)?, attacks, bytes, record })
    }
}

/// Finds the id and the attacks of a record that is unlike those of modules.
#[cold]
fn head(record: &[u8]) -> Result<(&[u8], AttackSet), RecordError> {
    let mut reader = Reader::new(record);
    let (mut id, mut attacks) = (None, AttackSet::EMPTY);
    for _ in 0..reader.map_len()? {
        match reader.str()? {
            b"request_id" => id = Some(reader.str()?),
            // Bits that this server does not know are those of a newer module.
            b"attack_type" => attacks = AttackSet::from_bits(reader.uint()? as u32),
            _ => _ = reader.raw(MAX_DEPTH)?,
        }
    }
    Ok((id.ok_or(DecodeError::Missing("request_id"))?, attacks))
}

fn valid_id(id: &[u8]) -> Result<&[u8], RecordError> {
    // Looks at all of them, which takes less time than to stop at the first wrong one.
    let digits = id.iter().fold(true, |digits, byte| digits & byte.is_ascii_hexdigit());
    if digits && id.len() == ID_LENGTH { Ok(id) } else { Err(RecordError::RequestId) }
}

/// A record without its body, as pieces of the record that came in: copying it could take as much memory as the arena allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bodiless<'a> {
    head: Vec<u8>,
    kept: [&'a [u8]; 3],
}

/// The field `body_truncated` with the value true.
const TRUNCATED: &[u8] = b"\xaebody_truncated\xc3";

impl<'a> Bodiless<'a> {
    /// `record` without `body` and with `body_truncated` set.
    ///
    /// # Errors
    ///
    /// [`RecordError`] if `record` is no map with string keys, or has one of the two fields twice.
    pub fn from_record(record: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(record);
        let fields = reader.map_len()?;
        let (mut kept, mut pieces) = ([&[][..]; 3], 0);
        let mut piece = reader.rest();
        for _ in 0..fields {
            let entry = reader.rest();
            let name = reader.str()?;
            reader.raw(MAX_DEPTH)?;
            if matches!(name, b"body" | b"body_truncated") {
                *kept.get_mut(pieces).ok_or(RecordError::Repeated)? = &piece[..piece.len() - entry.len()];
                pieces += 1;
                piece = reader.rest();
            }
        }
        *kept.get_mut(pieces).ok_or(RecordError::Repeated)? = &piece[..piece.len() - reader.rest().len()];
        let mut head = Vec::new();
        Writer::new(&mut head).map((fields - pieces + 1) as u32);
        Ok(Self { head, kept })
    }

    /// What stands one behind the other.
    #[must_use]
    pub fn pieces(&self) -> [&[u8]; 5] {
        let [first, second, third] = self.kept;
        [&self.head, first, second, third, TRUNCATED]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attacks::Attack;
    use iproto::code::RequestType;
    use iproto::frame::{self, Split};
    use iproto::request::{self, Request};
    use proptest::prelude::*;
    use proptest::sample::Index;

    const ID: &[u8] = b"0123456789abcdef0123456789ABCDEF";

    fn arguments(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut Writer::new(&mut out));
        out
    }

    fn error(write: impl FnOnce(&mut Writer<'_>)) -> String {
        Incoming::from_arguments(&arguments(write)).unwrap_err().to_string()
    }

    #[test]
    fn the_id_may_stand_behind_other_and_unknown_fields() {
        let sent = arguments(|writer| {
            writer.array(2).uint(1).map(3).str(b"novelty").array(1).nil().str(b"uri").str(b"/");
            writer.str(b"request_id").str(ID);
        });
        let record = Incoming::from_arguments(&sent).unwrap();
        assert_eq!((record.request_id, record.bytes), (ID, &sent[2..]));
    }

    #[test]
    fn attacks_are_read_wherever_they_stand_and_unknown_ones_dropped() {
        let sent = arguments(|writer| {
            writer.array(2).uint(1).map(3).str(b"attack_type").uint(0x21).str(b"uri").str(b"/");
            writer.str(b"request_id").str(ID);
        });
        assert_eq!(Incoming::from_arguments(&sent).unwrap().attacks, AttackSet::from_iter([Attack::Ptrav]));
        let clean = arguments(|writer| {
            writer.array(2).uint(1).map(1).str(b"request_id").str(ID);
        });
        assert_eq!(Incoming::from_arguments(&clean).unwrap().attacks, AttackSet::EMPTY);
    }

    #[test]
    fn what_is_no_record_is_refused_with_a_reason() {
        assert_eq!(error(|writer| drop_id(writer, 1, b"short")), "request_id must be 32 hexadecimal digits");
        assert_eq!(error(|writer| drop_id(writer, 2, ID)), "record schema 2 is not known, this server knows 1");
        let empty = error(|writer| {
            writer.array(2).uint(1).map(0);
        });
        assert_eq!(empty, "expected [schema, record]: the request_id is missing");
        let missing = error(|writer| {
            writer.array(1).uint(1);
        });
        assert_eq!(missing, "expected [schema, record]: the record is missing");
        let list = error(|writer| {
            writer.array(2).uint(1).array(0);
        });
        assert_eq!(list, "expected [schema, record]: expected a map, found the type byte 0x90");
    }

    fn drop_id(writer: &mut Writer<'_>, schema: u64, id: &[u8]) {
        writer.array(2).uint(schema).map(1).str(b"request_id").str(id);
    }

    #[test]
    fn a_record_without_its_body_keeps_everything_else() {
        let long = arguments(|writer| {
            writer.map(4).str(b"request_id").str(ID).str(b"body").str(&[b'x'; 5000]);
            writer.str(b"body_truncated").bool(false).str(b"status").uint(200);
        });
        let expected = arguments(|writer| {
            writer.map(3).str(b"request_id").str(ID).str(b"status").uint(200).str(b"body_truncated").bool(true);
        });
        assert_eq!(Bodiless::from_record(&long).unwrap().pieces().concat(), expected);
    }

    #[test]
    fn a_body_at_either_end_is_found() {
        for order in [[&b"body"[..], b"uri"], [b"uri", b"body"]] {
            let long = arguments(|writer| {
                writer.map(2).str(order[0]).str(b"/").str(order[1]).str(b"/");
            });
            let expected = arguments(|writer| {
                writer.map(2).str(b"uri").str(b"/").str(b"body_truncated").bool(true);
            });
            assert_eq!(Bodiless::from_record(&long).unwrap().pieces().concat(), expected);
        }
    }

    #[test]
    fn a_million_bodies_are_no_record() {
        let long = arguments(|writer| {
            writer.map(1_000_000);
            (0..1_000_000).for_each(|_| {
                writer.str(b"body").nil();
            });
        });
        assert_eq!(Bodiless::from_record(&long), Err(RecordError::Repeated));
    }

    /// A push as modules write it, with values inside the record that nest so deep.
    fn pushed(levels: usize) -> Vec<u8> {
        let mut frame = Vec::new();
        request::write_call(&mut frame, 7, "wallarm.request.push", |writer| {
            writer.array(2).uint(1).map(4).str(b"request_id").str(ID).str(b"attack_type").uint(0x20);
            writer.str(b"status").uint(200).str(b"x");
            (0..levels).for_each(|_| _ = writer.array(1));
            writer.nil();
        });
        match frame::split(&frame) {
            Ok(Split::Frame { payload, .. }) => payload.to_vec(),
            other => panic!("no frame: {other:?}"),
        }
    }

    /// The sync and the record of a push that can be stored, read in one pass.
    fn in_one_pass(payload: &[u8]) -> Option<(u64, Incoming<'_>)> {
        let (sync, arguments) = request::unchecked_call(payload, b"wallarm.request.push")?;
        Some((sync, Incoming::from_arguments(arguments).ok()?))
    }

    /// The same, checked first and read then.
    fn in_two_passes(payload: &[u8]) -> Option<(u64, Incoming<'_>)> {
        let request = Request::decode(payload).ok()?;
        let is_push = request.kind == RequestType::Call && request.name == Some(b"wallarm.request.push");
        let incoming = Incoming::from_arguments(request.arguments).ok().filter(|_| is_push)?;
        Some((request.sync, incoming))
    }

    #[test]
    fn a_record_may_be_as_deep_as_a_request() {
        for (levels, is_taken) in [(0, true), (MAX_DEPTH - 3, true), (MAX_DEPTH - 2, false), (1000, false)] {
            let payload = pushed(levels);
            assert_eq!((in_one_pass(&payload).is_some(), in_two_passes(&payload).is_some()), (is_taken, is_taken));
        }
    }

    #[test]
    fn a_record_with_a_field_of_another_type_is_stored_and_not_read() {
        let mut payload = pushed(0);
        let status = payload.windows(6).position(|window| window == b"status").unwrap() + 6;
        payload.splice(status..status + 2, *b"\xa3200");
        let (_, incoming) = in_one_pass(&payload).unwrap();
        assert!(incoming.record.is_none() && incoming.request_id == ID && !incoming.attacks.is_empty());
    }

    proptest! {
        #[test]
        fn one_pass_takes_nothing_that_two_would_not(
            changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4),
            cut in any::<Index>(),
            is_cut in proptest::bool::weighted(0.1),
        ) {
            let mut payload = pushed(2);
            for (place, byte) in changes {
                *place.get_mut(&mut payload) = byte;
            }
            if is_cut {
                payload.truncate(cut.index(payload.len()));
            }
            if let Some((sync, taken)) = in_one_pass(&payload) {
                let (other_sync, other) = in_two_passes(&payload).unwrap();
                prop_assert_eq!((sync, taken.bytes, taken.request_id), (other_sync, other.bytes, other.request_id));
            }
        }
    }
}
