//! A first look at a value: which kinds of bytes are in it. Most values are plain, and one pass over their bytes shows that no
//! decoder suits them.

/// Kinds of bytes, as a bit set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look(u16);

impl Look {
    /// `%`
    pub(crate) const PERCENT: Self = Self(1);
    /// `\`
    pub(crate) const BACKSLASH: Self = Self(2);
    /// `&`
    pub(crate) const AMPERSAND: Self = Self(4);
    /// 0x80 and above
    pub(crate) const HIGH: Self = Self(8);
    /// `+`
    pub(crate) const PLUS: Self = Self(16);
    /// Anything that is in neither alphabet of base64 and is neither padding nor white space.
    pub(crate) const NOT_BASE64: Self = Self(32);
    /// Anything that names of parameters and headers usually have none of: neither letter, digit, `-` nor `_`.
    pub(crate) const NOT_NAME: Self = Self(64);
    /// `{` or `[`
    pub(crate) const BRACKET: Self = Self(128);
    /// `<`
    pub(crate) const MARKUP: Self = Self(256);
    /// `.`
    pub(crate) const DOT: Self = Self(512);
    /// Every kind, and plain bytes too.
    pub(crate) const ANYTHING: Self = Self(1024);

    /// Looks at every byte of `value`.
    pub(crate) fn at(value: &[u8]) -> Self {
        Self(value.iter().fold(Self::ANYTHING.0, |seen, byte| seen | KINDS[usize::from(*byte)]))
    }

    /// Whether any of `kinds` was seen.
    pub(crate) const fn has(self, kinds: Self) -> bool {
        self.0 & kinds.0 != 0
    }

    /// Both together.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The kinds of each byte.
const KINDS: [u16; 256] = kinds();

const fn kinds() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0u8;
    loop {
        table[byte as usize] = kinds_of(byte);
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

const fn kinds_of(byte: u8) -> u16 {
    let mut kinds = match byte {
        b'%' => Look::PERCENT.0,
        b'\\' => Look::BACKSLASH.0,
        b'&' => Look::AMPERSAND.0,
        b'+' => Look::PLUS.0,
        b'{' | b'[' => Look::BRACKET.0,
        b'<' => Look::MARKUP.0,
        b'.' => Look::DOT.0,
        0x80.. => Look::HIGH.0,
        _ => 0,
    };
    if !byte.is_ascii_alphanumeric() && !matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b' ' | b'\r' | b'\n') {
        kinds |= Look::NOT_BASE64.0;
    }
    if !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_') {
        kinds |= Look::NOT_NAME.0;
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_plain() {
        assert_eq!(Look::at(b"X-Request_Id42"), Look::ANYTHING);
    }

    #[test]
    fn each_kind_is_seen_wherever_it_stands() {
        for (byte, kind) in
            [(b'%', Look::PERCENT), (b'\\', Look::BACKSLASH), (b'&', Look::AMPERSAND), (0xc0, Look::HIGH)]
        {
            assert!(Look::at(&[b'a', byte]).has(kind));
            assert!(Look::at(&[byte, b'a']).has(kind.or(Look::PLUS)));
            assert!(!Look::at(b"a").has(kind));
        }
    }
}
