//! Damage to the spool costs the hits that it touches, and no start.

use std::fs;
use std::path::{Path, PathBuf};

use fake_cloud::chance::Chance;
use fake_cloud::{Answer, Script};
use spool::layout::{Format, HEADER, Header, SEGMENT_FORMAT, parse_segment_name};

use super::node::{HITS, cloud, drained, missing, register, registered_with, saved, send_attacks, start};
use super::{rounds, seed};
use crate::running::Place;

/// Attacks in the spool.
const ATTACKS: u64 = 200;

/// A place with a spool of [`ATTACKS`], whose server has stopped.
fn place_with_a_spool() -> Place {
    let away = cloud(Script::in_turn(&[Answer::ClosesAtAccept]));
    let mut server = start(registered_with(&away), "");
    send_attacks(&server, 0..ATTACKS);
    assert_eq!(saved(&server), ATTACKS * HITS);
    server.signal("TERM");
    assert!(server.wait().success());
    server.into_place()
}

fn segments(place: &Place) -> Vec<PathBuf> {
    let files = fs::read_dir(place.path("work").join("spool")).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "seg")).collect()
}

/// Flips, zeroes or cuts a part of a file. Returns how many bytes it touched.
fn damage(file: &Path, chance: &mut Chance) -> u64 {
    let mut bytes = fs::read(file).unwrap();
    let at = chance.below(bytes.len() as u64) as usize;
    let length = (1 + chance.below(3000) as usize).min(bytes.len() - at);
    match chance.below(3) {
        0 => bytes[at..at + length].iter_mut().for_each(|byte| *byte ^= 0x5a),
        1 => bytes[at..at + length].fill(0),
        _ => drop(bytes.drain(at..at + length)),
    }
    fs::write(file, bytes).unwrap();
    length as u64
}

#[test]
fn a_damaged_spool_is_read_but_for_what_is_damaged() {
    let mut chance = Chance::new(seed());
    for round in 0..rounds(4) {
        let place = place_with_a_spool();
        let size: u64 = segments(&place).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        let touched: u64 = segments(&place).iter().map(|file| damage(file, &mut chance)).sum();
        let cloud = cloud(Script::default());
        register(&place, &cloud);
        let server = start(place, "");
        let state = drained(&server);
        let exported = cloud.ledger().accepted_count();
        // Each touched record is lost, and the one at either end of the damage.
        let record = size / (ATTACKS * HITS);
        let most_lost = touched / record + 2;
        let lost = ATTACKS * HITS - exported;
        assert!(lost <= most_lost, "round {round}: {lost} of {} lost by {touched} bytes: {state}", ATTACKS * HITS);
        assert!(lost == 0 || state["spool"]["damaged"].as_u64() > Some(0), "round {round}: {state}");
        assert_eq!(state["balance"]["hits"], true, "{state}");
        server.place.log_line("ready to accept requests");
    }
}

#[test]
fn a_spool_of_a_newer_server_is_refused_with_a_message_and_left_alone() {
    let place = place_with_a_spool();
    let file = segments(&place).pop().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let version = SEGMENT_FORMAT.version + 1;
    let first = parse_segment_name(file.file_name().unwrap().to_str().unwrap()).unwrap();
    bytes[..HEADER].copy_from_slice(&Header::encode(Format { version, ..SEGMENT_FORMAT }, first));
    fs::write(&file, &bytes).unwrap();
    let output = place.command("").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains(&format!("the spool has format {version}")) && said.contains("install the newer server"),
        "{said}"
    );
    assert_eq!(fs::read(&file).unwrap(), bytes, "nothing was changed");
}

#[test]
fn a_spool_of_the_first_format_is_read() {
    let cloud = cloud(Script::default());
    let place = registered_with(&cloud);
    // Written by a server before 4.8.9 was released; each later format keeps this test.
    let folder = place.path("work").join("spool");
    fs::create_dir_all(&folder).unwrap();
    let old = crate::running::fixture("golden/spool-1.seg");
    fs::copy(old, folder.join("0000000100000000.seg")).unwrap();
    let server = start(place, "");
    let state = drained(&server);
    assert_eq!((&state["hits"]["recovered"], &state["hits"]["exported"]), (&6.into(), &6.into()), "{state}");
    assert_eq!(missing(&cloud, 0..3), Vec::<u64>::new());
}
