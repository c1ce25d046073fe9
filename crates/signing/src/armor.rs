//! ASCII armour (RFC 9580 §6), always with the CRC-24 line: rpm before 4.19 refuses armour without it.

use std::io::{self, Write};

use sequoia_openpgp::armor::{Kind, Writer};

/// Armours packets without any header lines, so that the bytes depend on the packets alone.
pub(crate) fn armor(kind: Kind, packets: &[u8]) -> io::Result<String> {
    let mut writer = Writer::new(Vec::new(), kind)?;
    writer.write_all(packets)?;
    let bytes = writer.finalize()?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armour_ends_in_a_crc_line_for_old_rpm() {
        let text = armor(Kind::Signature, b"any packet").unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.first(), Some(&"-----BEGIN PGP SIGNATURE-----"));
        assert!(lines[lines.len() - 2].starts_with('='), "{text}");
    }
}
