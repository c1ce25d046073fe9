//! The binary form of a rule set; `docs/proton-db.md` describes it.

use sha2::{Digest, Sha256};

use super::reader::Reader;
use super::{Literal, PlaceSet, Rule, SourceError, Sources};
use crate::attack::{Attack, AttackSet};
use crate::detectors::Detector;

/// What a `proton.db` begins with. As in PNG, a byte over 127, both line ends and a Ctrl-Z betray a file that went through a text
/// conversion.
pub const MAGIC: [u8; 8] = *b"\x89PDB\r\n\x1a\n";

/// The version of the format that this code writes and reads.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes before the first rule: magic, version, flags, rule count, id, length.
const HEADER: usize = 32;

/// Bytes of the SHA-256 behind the last rule.
const DIGEST: usize = 32;

/// The most rules a rule set may hold; the scan keeps a bit for each of them on its stack.
pub const MOST_RULES: usize = 1024;

/// The most bytes that all literals together may have.
pub const MOST_LITERAL_BYTES: usize = 32 * 1024;

/// The longest regular expression.
pub const LONGEST_REGEX: usize = 4096;

/// Bits of a rule's flags.
const PLAIN: u8 = 1;
const UNCONFIRMED: u8 = 2;

/// Why a `proton.db` was refused.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The first bytes are not those of a `proton.db`.
    #[error("this is not a proton.db: it does not begin with the bytes of one")]
    NotADb,
    /// The format is of another version.
    #[error(
        "the proton.db is of format version {found}, and this node reads version {FORMAT_VERSION}; compile the rules for this node"
    )]
    Version {
        /// The version of the file.
        found: u16,
    },
    /// The file ends too early.
    #[error("the proton.db is truncated at byte {at}; copy it again")]
    Truncated {
        /// Where it ends.
        at: usize,
    },
    /// The file goes on behind its end.
    #[error("the proton.db should be {expected} bytes long and has {found}; copy it again")]
    Length {
        /// The length that its header states.
        expected: u64,
        /// The length that it has.
        found: usize,
    },
    /// The content is not what was written.
    #[error("the checksum of the proton.db does not fit its content; copy it again")]
    Checksum,
    /// A rule says something that this version does not understand, or is too big.
    #[error("rule {id} of the proton.db, at byte {at}: {problem}")]
    Rule {
        /// The rule.
        id: u32,
        /// Where it begins.
        at: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The regular expression of a rule does not compile within its bounds.
    #[error("the regular expression of rule {id} of the proton.db is refused: {source}")]
    Regex {
        /// The rule.
        id: u32,
        /// What the compiler says.
        source: Box<regex::Error>,
    },
    /// More rules or literals than a node takes.
    #[error("the proton.db holds {found} {what}, and {most} are the most that a node takes")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it holds.
        found: usize,
        /// How many are allowed.
        most: usize,
    },
}

/// Compiles rules into the bytes of a `proton.db`. The same rules make the same bytes, in whatever order they come.
///
/// # Errors
///
/// When two rules share a number, or something is too big for the format.
pub fn compile(sources: &Sources) -> Result<Vec<u8>, SourceError> {
    let mut rules: Vec<&Rule> = sources.rules.iter().collect();
    rules.sort_by_key(|rule| rule.id);
    for pair in rules.windows(2) {
        if let [one, two] = pair
            && one.id == two.id
        {
            return Err(SourceError::Twice { id: one.id });
        }
    }
    let count = u32::try_from(rules.len()).ok().filter(|_| rules.len() <= MOST_RULES);
    let count = count.ok_or(SourceError::TooMany { count: rules.len(), most: MOST_RULES })?;
    let mut body = Vec::new();
    for rule in rules {
        encode(rule, &mut body).map_err(|problem| SourceError::Rule {
            file: "proton.db".to_owned(),
            id: rule.id,
            problem: problem.to_owned(),
        })?;
    }
    let mut db = Vec::with_capacity(HEADER + body.len() + DIGEST);
    db.extend_from_slice(&MAGIC);
    db.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    db.extend_from_slice(&0_u16.to_le_bytes());
    db.extend_from_slice(&count.to_le_bytes());
    db.extend_from_slice(&sources.id.to_le_bytes());
    db.extend_from_slice(&((HEADER + body.len() + DIGEST) as u64).to_le_bytes());
    db.extend_from_slice(&body);
    let digest = Sha256::digest(&db);
    db.extend_from_slice(&digest);
    Ok(db)
}

fn encode(rule: &Rule, db: &mut Vec<u8>) -> Result<(), &'static str> {
    let count = u16::try_from(rule.literals.len()).map_err(|_| "it has over 65535 literals")?;
    db.extend_from_slice(&rule.id.to_le_bytes());
    db.extend_from_slice(&(rule.attack as u32).to_le_bytes());
    db.extend_from_slice(&rule.places.bits().to_le_bytes());
    db.push(rule.detector.map_or(0, Detector::number));
    db.push((u8::from(rule.plain) * PLAIN) | (u8::from(rule.unconfirmed) * UNCONFIRMED));
    db.extend_from_slice(&count.to_le_bytes());
    for literal in &rule.literals {
        db.push(u8::from(literal.word));
        counted(&literal.bytes, db)?;
    }
    counted(rule.regex.as_deref().unwrap_or_default().as_bytes(), db)?;
    counted(rule.why.as_bytes(), db)
}

fn counted(bytes: &[u8], db: &mut Vec<u8>) -> Result<(), &'static str> {
    let length = u16::try_from(bytes.len()).map_err(|_| "one of its texts is longer than 65535 bytes")?;
    db.extend_from_slice(&length.to_le_bytes());
    db.extend_from_slice(bytes);
    Ok(())
}

/// Takes the bytes of a `proton.db` apart: the number of the rule set and its rules.
pub fn decode(db: &[u8]) -> Result<(u64, Vec<Rule>), DbError> {
    let mut header = Reader::new(db, 0);
    if header.take(MAGIC.len()).ok() != Some(MAGIC.as_slice()) {
        return Err(DbError::NotADb);
    }
    let found = header.u16()?;
    if found != FORMAT_VERSION {
        return Err(DbError::Version { found });
    }
    let _flags = header.u16()?;
    let count = header.u32()? as usize;
    let id = header.u64()?;
    let expected = header.u64()?;
    if (db.len() as u64) < expected {
        return Err(DbError::Truncated { at: db.len() });
    }
    let content = db.len().checked_sub(DIGEST).and_then(|end| db.split_at_checked(end));
    let Some((content, digest)) = content.filter(|_| db.len() as u64 == expected) else {
        return Err(DbError::Length { expected, found: db.len() });
    };
    if Sha256::digest(content).as_slice() != digest {
        return Err(DbError::Checksum);
    }
    if count > MOST_RULES {
        return Err(DbError::TooMany { what: "rules", found: count, most: MOST_RULES });
    }
    let mut body = Reader::new(content, HEADER);
    let rules = (0..count).map(|_| decode_rule(&mut body)).collect::<Result<Vec<_>, _>>()?;
    if body.at() != content.len() {
        return Err(DbError::Length { expected: (body.at() + DIGEST) as u64, found: db.len() });
    }
    Ok((id, rules))
}

fn decode_rule(db: &mut Reader<'_>) -> Result<Rule, DbError> {
    let at = db.at();
    let id = db.u32()?;
    let refuse = |problem| DbError::Rule { id, at, problem };
    let attack = db.u32()?;
    let attack = AttackSet::from_bits(attack)
        .iter()
        .next()
        .filter(|known: &Attack| *known as u32 == attack)
        .ok_or_else(|| refuse("its attack is unknown"))?;
    let places = PlaceSet::from_bits(db.u32()?).ok_or_else(|| refuse("one of its places is unknown"))?;
    let detector = match db.u8()? {
        0 => None,
        number => Some(Detector::by_number(number).ok_or_else(|| refuse("its detector is unknown"))?),
    };
    let flags = db.u8()?;
    if flags & !(PLAIN | UNCONFIRMED) != 0 {
        return Err(refuse("it has an unknown flag"));
    }
    let literals = (0..db.u16()?).map(|_| decode_literal(db)).collect::<Result<Vec<_>, _>>()?;
    if literals.is_empty() || literals.iter().any(|literal| literal.bytes.is_empty()) {
        return Err(refuse("it has no literal, or an empty one"));
    }
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| refuse("a text is not UTF-8"));
    let regex = text(db.counted()?)?;
    if regex.len() > LONGEST_REGEX {
        return Err(refuse("its regular expression is too long"));
    }
    Ok(Rule {
        id,
        attack,
        places,
        literals,
        regex: Some(regex).filter(|regex| !regex.is_empty()),
        detector,
        plain: flags & PLAIN != 0,
        unconfirmed: flags & UNCONFIRMED != 0,
        why: text(db.counted()?)?,
    })
}

fn decode_literal(db: &mut Reader<'_>) -> Result<Literal, DbError> {
    let word = db.u8()? != 0;
    Ok(Literal { word, bytes: db.counted()?.to_vec() })
}
