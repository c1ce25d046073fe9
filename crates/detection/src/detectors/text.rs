//! What detectors ask of text.

use std::ops::Range;

/// How many words of letters stand in the text, up to `most`: prose has many, the start of a command line few.
pub fn words(text: &[u8], most: usize) -> usize {
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'\'' | b',' | b'.' | 0x80..);
    let is_word = |word: &&[u8]| word.len() > 1 && word.iter().all(letter);
    text.split(u8::is_ascii_whitespace).filter(is_word).take(most).count()
}

/// Where `wanted` stands in `text`, without regard to ASCII case, from `start` on.
pub fn find(text: &[u8], wanted: &[u8], start: usize) -> Option<usize> {
    let first = wanted.first()?;
    let mut at = start;
    loop {
        let rest = text.get(at..)?;
        at += memchr::memchr2(first.to_ascii_lowercase(), first.to_ascii_uppercase(), rest)?;
        if starts_with(text.get(at..)?, wanted) {
            return Some(at);
        }
        at += 1;
    }
}

/// Whether `text` begins with `wanted`, without regard to ASCII case.
pub fn starts_with(text: &[u8], wanted: &[u8]) -> bool {
    text.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
}

/// Whether `word` is one of `known`, without regard to ASCII case. `known` is lower case, and short enough to be walked through.
pub fn is_one_of(word: &[u8], known: &[&str]) -> bool {
    known.iter().any(|candidate| candidate.as_bytes().eq_ignore_ascii_case(word))
}

/// The value without white space around it, and where it begins.
pub fn trimmed(value: &[u8]) -> (usize, &[u8]) {
    let start = value.len() - value.trim_ascii_start().len();
    (start, value.trim_ascii())
}

/// The range of `part`, which has to be a part of `whole`, in it.
pub fn range_of(start: usize, part: &[u8]) -> Range<usize> {
    start..start + part.len()
}

/// How much work a detector may still do on a value, in bytes looked at. It makes hostile values cost no more than a fixed number of
/// times their length.
#[derive(Debug)]
pub struct Budget(usize);

impl Budget {
    /// As much as the length of the value allows.
    pub const fn of(value: &[u8]) -> Self {
        Self(value.len().saturating_mul(4).saturating_add(16 * 1024))
    }

    /// Spends `bytes`, if there is as much left.
    pub const fn spend(&mut self, bytes: usize) -> bool {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_fixed_number_of_times_the_length_of_the_value() {
        let value = [b'<'; 100_000];
        let mut budget = Budget::of(&value);
        let spent = std::iter::repeat_with(|| budget.spend(4096)).take_while(|spent| *spent).count() * 4096;
        assert!(spent <= 4 * value.len() + 16 * 1024, "{spent}");
    }

    #[test]
    fn words_of_prose_are_counted_and_numbers_and_signs_are_not() {
        assert_eq!(words(b"ping -c 4 127.0.0.1", 9), 1);
        assert_eq!(words(b"where is the cat?", 9), 3);
        assert_eq!(words(b"one two three four", 2), 2);
    }
}
