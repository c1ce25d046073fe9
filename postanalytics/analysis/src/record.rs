//! A stored request, as far as it matters here: one pass over its fields, in which nothing is copied.

use attacks::AttackSet;
use iproto::msgpack::{DecodeError, Reader, Scalar};

use crate::moment::UnixMillis;

/// What a record says. Fields that are missing or nil are as an older module, which did not know them, meant them.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub(crate) request_id: &'a [u8],
    /// Unix seconds; none where the module did not say.
    pub(crate) time: Option<u64>,
    pub(crate) time_us: u64,
    pub(crate) node_uuid: &'a [u8],
    pub(crate) app: i64,
    pub(crate) remote_addr: &'a [u8],
    pub(crate) remote_port: u16,
    pub(crate) scheme: &'a [u8],
    pub(crate) method: &'a [u8],
    /// The target as sent.
    pub(crate) uri: &'a [u8],
    pub(crate) host: &'a [u8],
    pub(crate) status: u16,
    pub(crate) response_size: u64,
    pub(crate) response_time_ms: u64,
    /// The list of signs, still MessagePack; empty where there is none.
    pub(crate) attacks: &'a [u8],
    pub(crate) attack_type: AttackSet,
    pub(crate) mode: &'a [u8],
    pub(crate) blocked: bool,
    pub(crate) block_reason: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record that stands next, all of it: with `depth` levels of lists and maps at most, it is well-formed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is no map with string keys, has no id, or has a field of another type than it should be. Where the reader
    /// stands then says nothing.
    pub fn read(reader: &mut Reader<'a>, depth: usize) -> Result<Self, DecodeError> {
        let mut record = Self::EMPTY;
        let inside = depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        let fields = reader.map_len()?;
        // Modules write the fields in this order, some of them not always. What is in no order is read by its name.
        for _ in record.take_in_order(fields, reader, inside)?..fields {
            let name = reader.str()?;
            record.take_named(name, reader, inside)?;
        }
        if record.request_id.is_empty() { Err(DecodeError::Missing("request_id")) } else { Ok(record) }
    }

    /// The id that the module gave the request.
    #[must_use]
    pub fn request_id(&self) -> &'a [u8] {
        self.request_id
    }

    /// The attacks that the module found.
    #[must_use]
    pub fn attacks(&self) -> AttackSet {
        self.attack_type
    }

    /// What a record says that says nothing.
    pub(crate) const EMPTY: Self = Self {
        request_id: b"",
        time: None,
        time_us: 0,
        node_uuid: b"",
        app: -1,
        remote_addr: b"",
        remote_port: 0,
        scheme: b"",
        method: b"",
        uri: b"",
        host: b"",
        status: 0,
        response_size: 0,
        response_time_ms: 0,
        attacks: b"",
        attack_type: AttackSet::EMPTY,
        mode: b"",
        blocked: false,
        block_reason: b"",
    };

    /// When the request came. A module's clock may be ahead of ours; nothing comes from the future.
    pub(crate) fn arrival(&self, wall: UnixMillis) -> UnixMillis {
        let told = self.time.map(|seconds| seconds.saturating_mul(1000).saturating_add(self.time_us / 1000));
        told.map_or(wall, |told| UnixMillis(told).min(wall))
    }

    /// Whether the module found signs of anything, those that it reports for trial only included.
    pub(crate) fn has_signs(&self) -> bool {
        !self.attack_type.is_empty() || Reader::new(self.attacks).array_len().is_ok_and(|count| count > 0)
    }

    /// The target without its arguments.
    pub(crate) fn path(&self) -> &'a [u8] {
        self.uri.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default()
    }
}

const NIL: u8 = 0xc0;

/// Makes the two ways of reading fields from one list of them.
macro_rules! fields {
    ($record:ident, $reader:ident, $depth:ident; $($name:literal => $take:expr,)*) => {
        impl<'a> Record<'a> {
            /// Names of fields in the order in which modules write them. In this order they are read fastest.
            pub const FIELDS: &'static [&'static [u8]] = &[$($name),*];

            /// Reads those of `fields` fields that come in the order below, and gives how many they were.
            fn take_in_order(
                &mut self,
                fields: usize,
                $reader: &mut Reader<'a>,
                $depth: usize,
            ) -> Result<usize, DecodeError> {
                let ($record, mut taken) = (self, 0);
                $(if taken < fields && $reader.next_is($name) {
                    taken += 1;
                    if !$reader.next_is_nil() {
                        $take;
                    }
                })*
                Ok(taken)
            }

            /// Reads the value of any field.
            fn take_named(
                &mut self,
                name: &[u8],
                $reader: &mut Reader<'a>,
                $depth: usize,
            ) -> Result<(), DecodeError> {
                let $record = self;
                if $reader.next_is_nil() {
                    return Ok(());
                }
                match name {
                    $($name => $take,)*
                    _ => _ = $reader.raw($depth)?,
                }
                Ok(())
            }
        }
    };
}

fields! { record, reader, depth;
    b"request_id" => record.request_id = reader.str()?,
    b"attack_type" => record.attack_type = attack_set(reader.uint()?),
    b"time" => record.time = Some(reader.uint()?),
    b"time_us" => record.time_us = reader.uint()?,
    b"node_uuid" => record.node_uuid = reader.str()?,
    b"app_id" => record.app = int(reader)?,
    b"client_uuid" => _ = reader.raw(depth)?,
    b"remote_addr" => record.remote_addr = reader.str()?,
    b"remote_port" => record.remote_port = short(reader)?,
    b"server_addr" => _ = reader.raw(depth)?,
    b"server_port" => _ = reader.raw(depth)?,
    b"scheme" => record.scheme = reader.str()?,
    b"proto" => _ = reader.raw(depth)?,
    b"method" => record.method = reader.str()?,
    b"uri" => record.uri = reader.str()?,
    b"host" => record.host = reader.str()?,
    b"headers" => _ = reader.raw(depth)?,
    b"body" => _ = reader.raw(depth)?,
    b"body_truncated" => _ = reader.raw(depth)?,
    b"status" => record.status = short(reader)?,
    b"response_headers" => _ = reader.raw(depth)?,
    b"response_size" => record.response_size = reader.uint()?,
    b"response_time_ms" => record.response_time_ms = reader.uint()?,
    b"attacks" => record.attacks = list(reader, depth)?,
    b"mode" => record.mode = reader.str()?,
    b"blocked" => record.blocked = boolean(reader)?,
    b"block_reason" => record.block_reason = reader.str()?,
    b"db_id" => _ = reader.raw(depth)?,
    b"custom_ruleset_id" => _ = reader.raw(depth)?,
    b"cpu_us" => _ = reader.raw(depth)?,
    b"mono_us" => _ = reader.raw(depth)?,
    b"tags" => _ = reader.raw(depth)?,
}

/// Bits that this server does not know are those of a newer module.
fn attack_set(bits: u64) -> AttackSet {
    if bits == 0 { AttackSet::EMPTY } else { AttackSet::from_bits(bits as u32) }
}

fn list<'a>(reader: &mut Reader<'a>, depth: usize) -> Result<&'a [u8], DecodeError> {
    reader.clone().array_len()?;
    reader.raw(depth)
}

fn int(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    let found = first_byte(reader);
    match reader.scalar()? {
        Scalar::Int(value) => Ok(value),
        Scalar::Uint(value) => {
            i64::try_from(value).map_err(|_| DecodeError::Unexpected { expected: "a smaller number", found })
        }
        _ => Err(DecodeError::Unexpected { expected: "an integer", found }),
    }
}

fn short(reader: &mut Reader<'_>) -> Result<u16, DecodeError> {
    let found = first_byte(reader);
    u16::try_from(reader.uint()?).map_err(|_| DecodeError::Unexpected { expected: "a number below 65536", found })
}

fn boolean(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let found = first_byte(reader);
    match reader.scalar()? {
        Scalar::Bool(value) => Ok(value),
        _ => Err(DecodeError::Unexpected { expected: "true or false", found }),
    }
}

fn first_byte(reader: &Reader<'_>) -> u8 {
    reader.rest().first().copied().unwrap_or(NIL)
}

#[cfg(test)]
mod tests {
    use iproto::msgpack::{MAX_DEPTH, Writer};
    use proptest::prelude::*;
    use proptest::sample::{Index, subsequence};

    use super::*;

    /// A field of every type that records have, in the order of modules, and two that nobody knows.
    fn fields() -> Vec<Vec<u8>> {
        let field = |name: &str, value: &dyn Fn(&mut Writer<'_>)| {
            let mut out = Vec::new();
            value(Writer::new(&mut out).str(name.as_bytes()));
            out
        };
        vec![
            field("request_id", &|writer| _ = writer.str(b"0123456789abcdef0123456789abcdef")),
            field("attack_type", &|writer| _ = writer.uint(1 << 5)),
            field("time", &|writer| _ = writer.uint(1_700_000_000)),
            field("app_id", &|writer| _ = writer.int(-1)),
            field("client_uuid", &|writer| _ = writer.nil()),
            field("remote_addr", &|writer| _ = writer.str(b"192.0.2.7")),
            field("remote_port", &|writer| _ = writer.uint(40_000)),
            field("uri", &|writer| _ = writer.str(&[b'u'; 300])),
            field("novelty", &|writer| _ = writer.map(1).str(b"a").array(1).nil()),
            field("headers", &|writer| _ = writer.array(1).array(2).str(b"Host").str(&[b'h'; 40])),
            field("status", &|writer| _ = writer.uint(404)),
            field("response_time_ms", &|writer| _ = writer.uint(7)),
            field("attacks", &|writer| _ = writer.array(1).map(1).str(b"type").str(b"xss")),
            field("blocked", &|writer| _ = writer.bool(true)),
            field("block_reason", &|writer| _ = writer.nil()),
            field("a name that is longer than any that modules write", &|writer| _ = writer.uint(1)),
            field("tags", &|writer| _ = writer.array(0)),
        ]
    }

    fn record(fields: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        Writer::new(&mut out).map(fields.len() as u32);
        out.extend(fields.iter().flatten());
        out
    }

    fn read(bytes: &[u8]) -> Result<String, DecodeError> {
        let mut reader = Reader::new(bytes);
        let record = Record::read(&mut reader, MAX_DEPTH)?;
        assert!(reader.finish().is_ok(), "all of it is read");
        Ok(format!("{record:?}"))
    }

    proptest! {
        #[test]
        fn the_order_of_fields_does_not_matter(chosen in subsequence(fields(), 0..=17).prop_shuffle()) {
            let mut sorted = chosen.clone();
            sorted.sort_by_key(|field| fields().iter().position(|other| other == field));
            prop_assert_eq!(read(&record(&chosen)), read(&record(&sorted)));
        }

        #[test]
        fn what_is_read_is_well_formed(
            chosen in subsequence(fields(), 1..=17).prop_shuffle(),
            changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 0..4),
            depth in 0..5_usize,
        ) {
            let mut bytes = record(&chosen);
            for (place, byte) in changes {
                *place.get_mut(&mut bytes) = byte;
            }
            let mut reader = Reader::new(&bytes);
            if Record::read(&mut reader, depth).is_ok() {
                let all = Reader::new(&bytes).raw(depth).map(<[u8]>::len);
                prop_assert_eq!(all, Ok(bytes.len() - reader.rest().len()));
            }
        }
    }

    #[test]
    fn a_field_that_stands_twice_counts_as_it_stands_last() {
        let port = |port| record(&[fields().swap_remove(0), [b"\xabremote_port", &[port][..]].concat()]);
        let twice = [&port(1)[..], &port(2)[1 + fields()[0].len()..]].concat();
        let twice = [&[0x83], &twice[1..]].concat();
        assert_eq!(read(&twice), read(&port(2)));
    }
}
