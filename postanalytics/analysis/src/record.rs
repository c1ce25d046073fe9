//! A stored request, as far as it matters here: one pass over its fields, in which nothing is copied.

use attacks::AttackSet;
use iproto::msgpack::{DecodeError, MAX_DEPTH, Reader, Scalar};

use crate::moment::UnixMillis;

/// What a record says. Fields that are missing or nil are as an older module, which did not know them, meant them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
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
    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is no map with string keys, has no id, or has a field of another type than it should be.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut record = Self::empty();
        for _ in 0..reader.map_len()? {
            let name = reader.str()?;
            if reader.rest().first() == Some(&NIL) {
                reader.scalar()?;
            } else {
                record.field(name, &mut reader)?;
            }
        }
        reader.finish()?;
        if record.request_id.is_empty() { Err(DecodeError::Missing("request_id")) } else { Ok(record) }
    }

    const fn empty() -> Self {
        Self {
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
        }
    }

    /// Takes the value of one field.
    fn field(&mut self, name: &[u8], reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        match name {
            b"request_id" => self.request_id = reader.str()?,
            b"time" => self.time = Some(reader.uint()?),
            b"time_us" => self.time_us = reader.uint()?,
            b"node_uuid" => self.node_uuid = reader.str()?,
            b"app_id" => self.app = int(reader)?,
            b"remote_addr" => self.remote_addr = reader.str()?,
            b"remote_port" => self.remote_port = short(reader)?,
            b"scheme" => self.scheme = reader.str()?,
            b"method" => self.method = reader.str()?,
            b"uri" => self.uri = reader.str()?,
            b"host" => self.host = reader.str()?,
            b"status" => self.status = short(reader)?,
            b"response_size" => self.response_size = reader.uint()?,
            b"response_time_ms" => self.response_time_ms = reader.uint()?,
            b"attacks" => self.attacks = reader.raw(MAX_DEPTH)?,
            b"attack_type" => self.attack_type = attack_set(reader.uint()?),
            b"mode" => self.mode = reader.str()?,
            b"blocked" => self.blocked = boolean(reader)?,
            b"block_reason" => self.block_reason = reader.str()?,
            _ => _ = reader.raw(MAX_DEPTH)?,
        }
        Ok(())
    }

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

/// Bits that this server does not know are those of a newer module.
fn attack_set(bits: u64) -> AttackSet {
    if bits == 0 { AttackSet::EMPTY } else { AttackSet::from_bits(bits as u32) }
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
