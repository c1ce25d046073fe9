//! Where the text of an index is cut before it is compressed.
//!
//! A cut lies behind a package whose name says so, whatever stands around it: a package that comes or goes changes the
//! piece that it is in, and no other but, rarely, the next. Between cuts lie at least [`SHORTEST`] bytes, so that
//! compression does not suffer, and at most about [`LONGEST`].

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// No piece but the last is shorter, bytes.
const SHORTEST: usize = 32 << 10;

/// Bytes between two possible cuts, on average.
const SPACING: u64 = 24 << 10;

/// A piece that is longer ends at the next package, bytes.
const LONGEST: usize = 512 << 10;

/// Whether the text of `length` bytes, which ends with a package of this name and of `own` bytes, is a piece.
pub(crate) fn ends(length: usize, name: &str, own: usize) -> bool {
    length >= LONGEST || (length >= SHORTEST && is_cut(name, own))
}

/// The longer the text of a package, the more likely is a cut behind it, so that pieces are of one size whatever packages are like.
fn is_cut(name: &str, own: usize) -> bool {
    let mut hasher = SipHasher13::new();
    hasher.write(name.as_bytes());
    hasher.finish() < (u64::MAX / SPACING).saturating_mul(own as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of an index with a thousand bytes a package, as lists of names.
    fn cut(names: &[String]) -> Vec<Vec<String>> {
        let (mut pieces, mut piece) = (Vec::new(), Vec::new());
        for name in names {
            piece.push(name.clone());
            if ends(piece.len() * 1000, name, 1000) {
                pieces.push(std::mem::take(&mut piece));
            }
        }
        pieces.push(piece);
        pieces
    }

    proptest! {
        #[test]
        fn one_package_more_changes_few_pieces(at in 0_usize..3000) {
            let mut names: Vec<String> = (0..3000).map(|number| format!("package-{number:04}_1.0-1_amd64.deb")).collect();
            let before = cut(&names);
            names.insert(at, format!("package-{at:04}_0.9-1_amd64.deb"));
            let after = cut(&names);
            let new = after.iter().filter(|piece| !before.contains(piece)).count();
            prop_assert!(new <= 4, "{new} of {} pieces are new", after.len());
        }
    }

    #[test]
    fn pieces_are_neither_tiny_nor_huge() {
        let names: Vec<String> = (0..20_000).map(|number| format!("package-{number}")).collect();
        let pieces = cut(&names);
        let (last, others) = pieces.split_last().unwrap();
        assert!(last.len() * 1000 <= LONGEST);
        assert!(others.iter().all(|piece| (SHORTEST..=LONGEST + 1000).contains(&(piece.len() * 1000))));
        assert!((200..=500).contains(&pieces.len()), "{} pieces", pieces.len());
    }
}
