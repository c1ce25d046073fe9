use std::io::{Cursor, Write};

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

/// What a cpio archive would be; nothing here looks inside.
const ARCHIVE: &[u8] = &[b'c'; 5000];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lead() -> Lead {
    let mut raw = [0; Lead::LEN];
    raw[..5].copy_from_slice(&[0xed, 0xab, 0xee, 0xdb, 3]);
    raw[79] = 5;
    Lead::parse(raw).unwrap()
}

fn main_header(payload: &[u8]) -> HeaderBuilder {
    let mut builder = HeaderBuilder::new(Tag::HEADER_IMMUTABLE);
    builder
        .string(Tag::NAME, "wallarm-common")
        .unwrap()
        .i18n(Tag::SUMMARY, "Ünïcode")
        .unwrap()
        .strings(Tag::BASE_NAMES, &["a", "", "c"])
        .unwrap()
        .strings(Tag::PAYLOAD_DIGEST, &[&hex(&Sha256::digest(payload))])
        .unwrap()
        .u32s(Tag::PAYLOAD_DIGEST_ALGO, &[8])
        .u16s(Tag::FILE_MODES, &[0o100_644, 0o40_755])
        .u32s(Tag::FILE_SIZES, &[1, u32::MAX])
        .u64s(Tag::LONG_FILE_SIZES, &[1 << 40]);
    builder
}

/// A package as other tools leave it: neither MD5 nor payload size in its signature header.
fn package() -> Vec<u8> {
    let payload = gzip(ARCHIVE);
    let rpm = Rpm {
        lead: lead(),
        signature: HeaderBuilder::new(Tag::HEADER_SIGNATURES)
            .u32s(Tag::SIG_SIZE, &[1])
            .build(&Limits::SIGNATURE)
            .unwrap(),
        header: main_header(&payload).build(&Limits::MAIN).unwrap(),
    };
    [rpm.to_bytes(), payload].concat()
}

type Signer = fn(&[u8]) -> Result<Vec<u8>, SignError>;

fn digested() -> (Rpm, Vec<u8>) {
    let mut out = Vec::new();
    let rpm = resign(&mut Cursor::new(package()), &mut out, None::<Signer>).unwrap();
    (rpm, out)
}

#[test]
fn values_are_read_as_they_were_written() {
    let header = main_header(b"").build(&Limits::MAIN).unwrap();
    assert_eq!(header.string(Tag::NAME).unwrap(), Some("wallarm-common"));
    assert_eq!(header.string(Tag::SUMMARY).unwrap(), Some("Ünïcode"));
    assert_eq!(header.strings(Tag::BASE_NAMES).unwrap(), ["a", "", "c"]);
    assert_eq!(header.u16s(Tag::FILE_MODES).unwrap(), [0o100_644, 0o40_755]);
    assert_eq!(header.u32s(Tag::FILE_SIZES).unwrap(), [1, u32::MAX]);
    assert_eq!(header.u64s(Tag::LONG_FILE_SIZES).unwrap(), [1 << 40]);
    assert_eq!(header.string(Tag::URL).unwrap(), None);
    assert!(header.u32s(Tag::EPOCH).unwrap().is_empty());
}

#[test]
fn a_header_rebuilt_from_its_values_is_the_same() {
    let header = main_header(b"").build(&Limits::MAIN).unwrap();
    let mut builder = HeaderBuilder::from_header(&header);
    assert_eq!(builder.build(&Limits::MAIN).unwrap(), header);
    let without = builder.remove(Tag::NAME).build(&Limits::MAIN).unwrap();
    assert!(!without.contains(Tag::NAME) && without.contains(Tag::SUMMARY));
}

#[test]
fn a_value_of_another_type_is_an_error_that_names_the_tag() {
    let header = main_header(b"").build(&Limits::MAIN).unwrap();
    let error = header.u32s(Tag::NAME).unwrap_err().to_string();
    assert_eq!(error, "rpm header: tag 1000 holds Text values, expected 32-bit numbers");
}

#[test]
fn defect_1_of_el7_the_payload_size_is_there_and_right() {
    let (rpm, _) = digested();
    assert_eq!(rpm.signature.u32(Tag::SIG_PAYLOAD_SIZE).unwrap(), Some(5000));
}

#[test]
fn defect_2_of_el7_the_md5_is_there_and_right() {
    let (rpm, bytes) = digested();
    let begin = usize::try_from(rpm.header_range().start).unwrap();
    let expected = <md5::Md5 as Digest>::digest(&bytes[begin..]);
    assert_eq!(rpm.signature.bin(Tag::SIG_MD5).unwrap(), Some(&expected[..]));
}

#[test]
fn the_signature_header_stays_below_the_limits_of_el7() {
    let sign: Signer = |_| Ok(vec![0; 566]);
    let rpm = resign(&mut Cursor::new(package()), &mut Vec::new(), Some(sign)).unwrap();
    assert!(rpm.signature.entries().len() <= 32);
    assert!(rpm.signature.store_len() <= 8192);
    let sign: Signer = |_| Ok(vec![0; 5000]);
    let error = resign(&mut Cursor::new(package()), &mut Vec::new(), Some(sign)).unwrap_err();
    assert!(matches!(error, Error::Limit { max: 8192, .. }), "{error}");
}

#[test]
fn every_digest_of_a_resigned_package_is_right() {
    let (_, bytes) = digested();
    let (_, checked) = verify_digests(&mut bytes.as_slice()).unwrap();
    let all = Checked { size: true, md5: true, sha1: true, sha256: true, payload: true, payload_size: true };
    assert_eq!(checked, all);
}

#[test]
fn the_signer_is_given_the_main_header_and_its_answer_is_stored() {
    let sign: Signer = |header| Ok(Sha256::digest(header).to_vec());
    let mut out = Vec::new();
    let rpm = resign(&mut Cursor::new(package()), &mut out, Some(sign)).unwrap();
    let expected = Sha256::digest(rpm.header.as_bytes());
    assert_eq!(rpm.signature.bin(Tag::SIG_RSA).unwrap(), Some(&expected[..]));
    assert_eq!(Rpm::read(&mut out.as_slice()).unwrap(), rpm);
}

#[test]
fn signing_again_replaces_the_signature() {
    let sign: Signer = |_| Ok(vec![1; 566]);
    let mut signed = Vec::new();
    resign(&mut Cursor::new(package()), &mut signed, Some(sign)).unwrap();
    let mut again = Vec::new();
    resign(&mut Cursor::new(signed), &mut again, None::<Signer>).unwrap();
    assert_eq!(again, digested().1);
}

#[test]
fn a_flipped_bit_anywhere_in_header_or_payload_is_found() {
    let (rpm, bytes) = digested();
    for at in usize::try_from(rpm.header_range().start).unwrap()..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        assert!(verify_digests(&mut damaged.as_slice()).is_err(), "byte {at}");
    }
}

#[test]
fn a_damaged_package_is_not_signed() {
    let mut bytes = package();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let error = resign(&mut Cursor::new(bytes), &mut Vec::new(), None::<Signer>).unwrap_err();
    assert!(matches!(error, Error::Mismatch { what: "SHA-256 of the payload", .. }), "{error}");
}

#[test]
fn a_file_that_lies_about_its_length_is_truncated_not_a_huge_allocation() {
    let mut raw = header::MAGIC.to_vec();
    raw.extend([0, 0, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff]);
    let error = Header::parse(&raw, &Limits::MAIN).unwrap_err();
    assert!(matches!(error, Error::Truncated { within: "main header" }), "{error}");
}

#[test]
fn counts_beyond_what_rpm_takes_are_refused() {
    for (entries, store) in [(33_u32, 0_u32), (0, u32::MAX)] {
        let raw = [&header::MAGIC[..], &entries.to_be_bytes(), &store.to_be_bytes()].concat();
        let error = Header::parse(&raw, &Limits::SIGNATURE).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    }
}

#[test]
fn many_entries_that_share_their_values_are_refused() {
    let mut raw = header::MAGIC.to_vec();
    raw.extend([0, 0, 0, 2, 0, 0, 0, 2]);
    for tag in [1000_u32, 1001] {
        for number in [tag, 6, 0, 1] {
            raw.extend(number.to_be_bytes());
        }
    }
    raw.extend(b"a\0");
    let error = Header::parse(&raw, &Limits::MAIN).unwrap_err().to_string();
    assert!(error.contains("overlaps"), "{error}");
}

#[test]
fn another_file_is_no_package() {
    for bytes in [&b"!<arch>\n"[..], &[0; 200], b""] {
        assert!(Rpm::read(&mut &*bytes).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Rpm::read(&mut bytes.as_slice());
        let _ = Header::parse(&[&header::MAGIC[..], &bytes].concat(), &Limits::MAIN);
    }

    #[test]
    fn a_header_with_any_bytes_changed_is_survived(
        changes in proptest::collection::vec((8_usize..300, any::<u8>()), 1..8)
    ) {
        let mut raw = main_header(b"").build(&Limits::MAIN).unwrap().as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at % raw.len();
            raw[at] = byte;
        }
        if let Ok(header) = Header::parse(&raw, &Limits::MAIN) {
            for entry in header.entries() {
                let _ = (header.strings(entry.tag), header.string(entry.tag), header.bin(entry.tag));
                let _ = (header.u16s(entry.tag), header.u32s(entry.tag), header.u64s(entry.tag));
            }
        }
    }

    #[test]
    fn numbers_and_texts_survive_the_way_through_a_file(
        texts in proptest::collection::vec("[^\0]{0,20}", 1..9),
        numbers in proptest::collection::vec(any::<u32>(), 1..9),
        long in proptest::collection::vec(any::<u64>(), 1..9),
    ) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let mut builder = HeaderBuilder::new(Tag::HEADER_IMMUTABLE);
        builder.strings(Tag(1000), &texts).unwrap().u32s(Tag(1001), &numbers).u64s(Tag(1002), &long);
        let header = builder.build(&Limits::MAIN).unwrap();
        prop_assert_eq!(header.strings(Tag(1000)).unwrap(), texts);
        prop_assert_eq!(header.u32s(Tag(1001)).unwrap(), numbers);
        prop_assert_eq!(header.u64s(Tag(1002)).unwrap(), long);
    }
}
