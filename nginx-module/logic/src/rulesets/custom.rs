//! The custom ruleset of an account.
//!
//! The file begins with one line of text that says what it is:
//!
//! ```text
//! wallarm custom ruleset, format 51, id 102, length 2048
//! ```
//!
//! `length` bytes follow and end the file. The rules in them are not applied by this version.
//!
//! A ruleset for a node with a key has a MAC, as 64 hexadecimal digits at the end of that line: `…, length 2048, mac 0123…`. It
//! is an HMAC-SHA256 (RFC 2104) over the file as it is without `, mac 0123…`; [`super::key`] checks it.

/// The format that this code reads: the first of ours in the 5x family, which the monitoring of 4.x expects.
pub const FORMAT: u64 = 51;

/// The longest first line, bytes.
const LONGEST_LINE: usize = 256;

/// Bytes of a MAC.
pub(super) const MAC: usize = 32;

/// A custom ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomRuleset {
    /// Its build; 0 without a file.
    pub id: u64,
    /// Its format.
    pub version: u64,
    /// Whether anything follows the first line.
    pub has_rules: bool,
}

/// No file is an empty ruleset of our format.
impl Default for CustomRuleset {
    fn default() -> Self {
        Self { id: 0, version: FORMAT, has_rules: false }
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The ruleset.
    pub ruleset: CustomRuleset,
    /// Its MAC, if it has one.
    pub seal: Option<Seal<'a>>,
}

/// A MAC that was not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal<'a> {
    /// The MAC.
    pub mac: [u8; MAC],
    /// What it was made over, in two pieces: the first line up to the MAC, and everything from its line feed on.
    pub covered: [&'a [u8]; 2],
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomError {
    /// It does not begin as it should.
    #[error(
        "this is no custom ruleset: the first line must read \"wallarm custom ruleset, format {FORMAT}, id N, length N\", with or \
         without \", mac\" and 64 hexadecimal digits"
    )]
    NotARuleset,
    /// Another format.
    #[error(
        "the custom ruleset has format {found}, this version reads {FORMAT}; update the node or download the ruleset again"
    )]
    Format {
        /// The format found.
        found: u64,
    },
    /// Too short or too long.
    #[error("the custom ruleset should have {expected} bytes after its first line and has {found}; download it again")]
    Length {
        /// Bytes announced.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
}

impl CustomRuleset {
    /// Reads a file's content. Whether its MAC is right is not looked at.
    ///
    /// # Errors
    ///
    /// When it is something else, of another format, or cut off.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<'_>, CustomError> {
        let end = bytes.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n').ok_or(CustomError::NotARuleset)?;
        let (line, rest) = bytes.split_at_checked(end).ok_or(CustomError::NotARuleset)?;
        let line = std::str::from_utf8(line).map_err(|_| CustomError::NotARuleset)?;
        let mut fields = line.strip_prefix("wallarm custom ruleset").ok_or(CustomError::NotARuleset)?;
        let mut field = |name: &str| {
            let rest = fields.strip_prefix(", ")?.strip_prefix(name)?.strip_prefix(' ')?;
            let (number, rest) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
            fields = rest;
            number.parse::<u64>().ok()
        };
        // The format comes before everything else, for what follows it may be different in another one.
        match field("format") {
            Some(FORMAT) => {}
            Some(found) => return Err(CustomError::Format { found }),
            None => return Err(CustomError::NotARuleset),
        }
        let (Some(id), Some(expected)) = (field("id"), field("length")) else {
            return Err(CustomError::NotARuleset);
        };
        let seal = match fields {
            "" => None,
            field => {
                let mac = field.strip_prefix(", mac ").and_then(hexadecimal).ok_or(CustomError::NotARuleset)?;
                let covered = line.strip_suffix(field).unwrap_or(line);
                Some(Seal { mac, covered: [covered.as_bytes(), rest] })
            }
        };
        // The line feed is among the rest.
        let found = u64::try_from(rest.len().saturating_sub(1)).unwrap_or(u64::MAX);
        if found != expected {
            return Err(CustomError::Length { expected, found });
        }
        Ok(Parsed { ruleset: Self { id, version: FORMAT, has_rules: found > 0 }, seal })
    }
}

/// The bytes of a MAC that is written with two digits each.
fn hexadecimal(text: &str) -> Option<[u8; MAC]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut bytes = [0; MAC];
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<CustomRuleset, CustomError> {
        CustomRuleset::parse(text.as_bytes()).map(|parsed| parsed.ruleset)
    }

    #[test]
    fn the_first_line_says_what_the_file_is() {
        assert_eq!(
            parse("wallarm custom ruleset, format 51, id 102, length 3\nabc"),
            Ok(CustomRuleset { id: 102, version: 51, has_rules: true })
        );
        assert!(!parse("wallarm custom ruleset, format 51, id 1, length 0\n").unwrap().has_rules);
    }

    #[test]
    fn another_format_is_named_whatever_follows() {
        assert_eq!(parse("wallarm custom ruleset, format 52; whatever\n"), Err(CustomError::Format { found: 52 }));
    }

    #[test]
    fn a_file_that_is_cut_off_says_how_much_is_missing() {
        let error = parse("wallarm custom ruleset, format 51, id 102, length 3\nab").unwrap_err();
        assert_eq!(error, CustomError::Length { expected: 3, found: 2 });
        for text in
            ["", "wallarm custom ruleset, format 51, id 102, length 3", "wallarm custom ruleset, format 51, id\n"]
        {
            assert_eq!(parse(text), Err(CustomError::NotARuleset), "{text}");
        }
    }

    #[test]
    fn other_files_are_no_rulesets() {
        for text in [
            "{}\n",
            "\n",
            "wallarm custom ruleset, format 51, id 1, length 0, x 1\n",
            "wallarm custom ruleset, format 51, id -1, length 0\n",
            "wallarm custom ruleset, format 51, id 1, length 0, mac \n",
            "wallarm custom ruleset, format 51, id 1, length 0, mac 00\n",
        ] {
            assert_eq!(parse(text), Err(CustomError::NotARuleset), "{text}");
        }
    }

    #[test]
    fn a_mac_covers_the_file_as_it_is_without_it() {
        let mac = "00ff".repeat(16);
        let text = format!("wallarm custom ruleset, format 51, id 7, length 3, mac {mac}\nabc");
        let parsed = CustomRuleset::parse(text.as_bytes()).unwrap();
        let seal = parsed.seal.unwrap();
        assert_eq!((parsed.ruleset.id, &seal.mac[..3]), (7, &[0, 0xff, 0][..]));
        assert_eq!(seal.covered.concat(), b"wallarm custom ruleset, format 51, id 7, length 3\nabc");
        for broken in [mac.replace('f', "g"), format!("{mac}0"), format!("{mac}00"), mac[1..].to_owned()] {
            let text = format!("wallarm custom ruleset, format 51, id 7, length 0, mac {broken}\n");
            assert_eq!(parse(&text), Err(CustomError::NotARuleset), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), id: u64, rest in "[a-z\n]{0,30}") {
            prop_assert!(CustomRuleset::parse(&bytes).is_err());
            let text = format!("wallarm custom ruleset, format 51, id {id}, length {}\n{rest}", rest.len());
            prop_assert_eq!(parse(&text).map(|ruleset| ruleset.id), Ok(id));
        }
    }
}
