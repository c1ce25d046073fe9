//! The signs of attacks in a record: of each kind, the first one.

use attacks::{Attack, AttackSet};
use cloud_api::hit::PointStep;
use iproto::msgpack::{DecodeError, MAX_DEPTH, Reader, Scalar};

/// A sign of an attack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sign<'a> {
    /// Its point, a list in MessagePack.
    point: &'a [u8],
    /// The value in which it stands, as much of it as is kept.
    pub(crate) value: &'a [u8],
    /// Where in the value it begins.
    pub(crate) begin: usize,
    /// The rules that found it, a list in MessagePack.
    stamps: &'a [u8],
    /// The rule of the custom ruleset that found it, if one did.
    pub(crate) rule: Option<u64>,
}

/// Of each kind of attack that a record has, its first sign; nothing for kinds that stand nowhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs<'a>([Option<Sign<'a>>; u32::BITS as usize]);

impl<'a> Signs<'a> {
    /// Reads the list of signs in a record with these kinds of attack. Signs of other kinds, and those of rules on trial, are no
    /// concern of anyone.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if it is no such list.
    pub(crate) fn read(list: &'a [u8], kinds: AttackSet) -> Result<Self, DecodeError> {
        let mut signs = Self([None; u32::BITS as usize]);
        if list.is_empty() {
            return Ok(signs);
        }
        let mut reader = Reader::new(list);
        for _ in 0..reader.array_len()? {
            let (kind, sign) = sign(&mut reader)?;
            let kind = kind.filter(|kind| kinds.contains(*kind));
            if let Some(first @ None) = kind.and_then(|kind| signs.0.get_mut(place(kind))) {
                sign.check()?;
                *first = Some(sign);
            }
        }
        Ok(signs)
    }

    /// The same; nothing for a request without attacks.
    pub(crate) fn read_if_any(list: &'a [u8], kinds: AttackSet) -> Result<Option<Self>, DecodeError> {
        if kinds.is_empty() { Ok(None) } else { Self::read(list, kinds).map(Some) }
    }

    /// The first sign of a kind.
    pub(crate) fn first(&self, kind: Attack) -> Option<Sign<'a>> {
        self.0.get(place(kind)).copied().flatten()
    }
}

const fn place(kind: Attack) -> usize {
    (kind as u32).trailing_zeros() as usize
}

/// Reads one sign. It has no kind if it is of one that this server does not know, or of a rule on trial.
fn sign<'a>(reader: &mut Reader<'a>) -> Result<(Option<Attack>, Sign<'a>), DecodeError> {
    let (mut kind, mut sign, mut on_trial) = (None, Sign::default(), false);
    for _ in 0..reader.map_len()? {
        match reader.str()? {
            b"type" => kind = str::from_utf8(reader.str()?).ok().and_then(Attack::by_code),
            b"point" => sign.point = reader.raw(MAX_DEPTH)?,
            b"value" => sign.value = reader.str()?,
            b"sign" => sign.begin = usize::try_from(reader.uint()?).unwrap_or(usize::MAX),
            b"stamps" => sign.stamps = reader.raw(MAX_DEPTH)?,
            b"rule_id" => {
                sign.rule = match reader.scalar()? {
                    Scalar::Uint(rule) => Some(rule),
                    _ => None,
                }
            }
            b"experimental" => on_trial = reader.scalar()? == Scalar::Bool(true),
            _ => _ = reader.raw(MAX_DEPTH)?,
        }
    }
    Ok((kind.filter(|_| !on_trial), sign))
}

impl Sign<'_> {
    /// Whether its lists are lists of what they should be.
    fn check(&self) -> Result<(), DecodeError> {
        steps(self.point).try_for_each(|step| step.map(drop))?;
        numbers(self.stamps).try_for_each(|stamp| stamp.map(drop))
    }

    /// The steps of its point.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        steps(self.point).map_while(Result::ok)
    }

    /// The rules that found it.
    pub(crate) fn stamps(&self) -> impl Iterator<Item = u32> {
        numbers(self.stamps).map_while(Result::ok)
    }
}

/// A step of a point, as it stands in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Index(u64),
    Name(&'a [u8]),
}

impl Step<'_> {
    pub(crate) fn to_told(self) -> PointStep {
        match self {
            Self::Index(place) => PointStep::Index(place),
            Self::Name(name) => PointStep::Name(String::from_utf8_lossy(name).into_owned()),
        }
    }
}

fn steps(list: &[u8]) -> impl Iterator<Item = Result<Step<'_>, DecodeError>> {
    elements(list, |reader| {
        let found = reader.rest().first().copied().unwrap_or_default();
        match reader.scalar()? {
            Scalar::Uint(place) => Ok(Step::Index(place)),
            Scalar::Str(name) => Ok(Step::Name(name)),
            _ => Err(DecodeError::Unexpected { expected: "a step of a point", found }),
        }
    })
}

fn numbers(list: &[u8]) -> impl Iterator<Item = Result<u32, DecodeError>> {
    elements(list, |reader| {
        let found = reader.rest().first().copied().unwrap_or_default();
        u32::try_from(reader.uint()?).map_err(|_| DecodeError::Unexpected { expected: "the number of a rule", found })
    })
}

/// The elements of a list, until one is not what it should be. What is missing is a list without any.
fn elements<'a, T>(
    list: &'a [u8],
    read: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> impl Iterator<Item = Result<T, DecodeError>> {
    let mut reader = Reader::new(list);
    let (mut left, mut failed) = if list.is_empty() {
        (0, None)
    } else {
        reader.array_len().map_or_else(|error| (0, Some(error)), |count| (count, None))
    };
    std::iter::from_fn(move || {
        if let Some(error) = failed.take() {
            return Some(Err(error));
        }
        left = left.checked_sub(1)?;
        let element = read(&mut reader);
        if element.is_err() {
            left = 0;
        }
        Some(element)
    })
}
