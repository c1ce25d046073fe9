//! What holds for every value and every file, whatever is in it.

#![expect(clippy::expect_used, reason = "without the rules of the node there is nothing to test")]

use std::sync::LazyLock;

use detection::detectors::Detector;
use detection::rules::{DbError, PlaceSet, Rules, compile, parse_source, standard_db, standard_sources};
use detection::scan::{Matches, Place};
use proptest::prelude::*;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::standard().expect("the rules of the node load"));
static DB: LazyLock<Vec<u8>> = LazyLock::new(|| standard_db().expect("the rules of the node compile"));

const PLACES: [Place; 5] = [Place::QueryValue, Place::Path, Place::ParameterName, Place::BodyValue, Place::UserAgent];

/// Pieces from which attacks are made, so that random values get far into the detectors.
fn value() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "'",
        "\"",
        "`",
        " or ",
        " and ",
        "1=1",
        "union select ",
        "--",
        "#",
        "/*",
        "*/",
        ";",
        "|",
        "&&",
        "$(",
        ")",
        "(",
        "<",
        ">",
        "<script",
        "<img ",
        "onerror=",
        "alert(1)",
        "../",
        "..\\",
        "/etc/",
        "passwd",
        "cat ",
        "id",
        " ",
        "\n",
        "\r\n",
        "\0",
        "{{",
        "}}",
        "${",
        "7*7",
        "http://",
        "127.0.0.1",
        "//",
        "@",
        "\\",
        "=",
        "a",
        "0x1",
        "é",
        "select",
        "from",
        "sleep(",
        ",",
        "<?php",
        "!",
        ".",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_finding_lies_within_the_value_and_comes_again(value in value()) {
        for place in PLACES {
            let (mut once, mut again) = (Matches::new(), Matches::new());
            RULES.scan(&value, place, true, &mut once);
            RULES.scan(&value, place, true, &mut again);
            prop_assert_eq!(once.as_slice(), again.as_slice());
            for hit in once.as_slice() {
                prop_assert!(value.get(hit.span.clone()).is_some(), "{:?}", hit);
            }
        }
    }

    #[test]
    fn a_detector_points_into_the_value(value in value()) {
        for detector in Detector::ALL {
            if let Some(span) = detector.confirm(&value, Place::QueryValue) {
                prop_assert!(value.get(span).is_some(), "{}", detector.name());
            }
        }
    }

    #[test]
    fn a_changed_byte_of_a_db_is_noticed(at in 0..DB.len(), change in 1..=255_u8) {
        let mut db = DB.clone();
        db[at] ^= change;
        prop_assert!(Rules::from_db(&db).is_err());
    }

    #[test]
    fn a_db_that_ends_early_is_refused(length in 0..DB.len()) {
        prop_assert!(Rules::from_db(&DB[..length]).is_err());
    }
}

#[test]
fn errors_say_what_is_wrong_with_a_db() {
    assert!(matches!(Rules::from_db(b"GIF89a, and nothing that one would expect"), Err(DbError::NotADb)));
    let mut other = DB.clone();
    other[8] = 9;
    assert!(matches!(Rules::from_db(&other), Err(DbError::Version { found: 9 })));
    assert!(matches!(Rules::from_db(&DB[..DB.len() - 1]), Err(DbError::Truncated { .. })));
    let mut longer = DB.clone();
    longer.push(0);
    assert!(matches!(Rules::from_db(&longer), Err(DbError::Length { .. })));
    let mut changed = DB.clone();
    changed[100] ^= 1;
    assert!(matches!(Rules::from_db(&changed), Err(DbError::Checksum)));
}

#[test]
fn the_order_of_the_sources_does_not_matter() {
    let mut sources = standard_sources().unwrap();
    sources.rules.reverse();
    assert_eq!(compile(&sources).unwrap(), *DB);
}

#[test]
fn two_rules_with_one_number_are_refused() {
    let mut sources = standard_sources().unwrap();
    let copy = sources.rules[0].clone();
    sources.rules.push(copy);
    assert!(compile(&sources).unwrap_err().to_string().contains("used twice"));
}

#[test]
fn the_id_of_the_sources_is_that_of_the_loaded_rules() {
    let mut sources = standard_sources().unwrap();
    sources.id = 71;
    assert_eq!(Rules::from_db(&compile(&sources).unwrap()).unwrap().id(), 71);
}

#[test]
fn a_regular_expression_that_would_be_huge_is_refused() {
    let huge = "attack = \"rce\"\n[[rule]]\nid = 1\nwhy = \"x\"\nplaces = [\"path\"]\nliterals = [\"a\"]\nregex = '((a{100}){100}){100}'\n";
    assert!(parse_source("huge.toml", huge).is_err());
}

#[test]
fn a_rule_looks_only_at_its_places() {
    assert!(
        PlaceSet::by_name("values")
            .is_some_and(|set| set.contains(Place::QueryValue) && !set.contains(Place::Response))
    );
    let mut found = Matches::new();
    RULES.scan(b"-----BEGIN RSA PRIVATE KEY-----", Place::QueryValue, true, &mut found);
    assert!(found.is_empty());
    RULES.scan(b"-----BEGIN RSA PRIVATE KEY-----", Place::Response, true, &mut found);
    assert!(!found.is_empty());
}
