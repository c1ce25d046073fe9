//! Folders that cannot be used, and what the errors say.

use std::fs;

use spool::{Draft, OpenError, Sequence, WriteError, layout};

use crate::place::{Place, all, texts, write};

#[test]
fn a_second_server_is_refused_and_told_who_the_first_is() {
    let place = Place::new();
    let (spool, _) = place.open();
    let error = place.try_open().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, OpenError::InUse { process: Some(id), .. } if id == std::process::id()), "{text}");
    assert!(text.starts_with(&format!("{}/lock: another server (process ", place.path().display())), "{text}");
    drop(spool);
    place.open();
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let (mut spool, _) = place.open();
    write(&mut spool, &["one"]);
    spool.close().unwrap();
    let newer = layout::Header::encode(layout::Format { version: 3, ..layout::SEGMENT_FORMAT }, 1 << 40);
    let path = place.path().join(layout::segment_name(1 << 40));
    fs::write(&path, newer).unwrap();
    let before = place.segments();
    let text = place.try_open().unwrap_err().to_string();
    let expected = "the spool has format 3 and this server reads up to 2: install the newer server again";
    assert!(text.starts_with(&path.display().to_string()) && text.contains(expected), "{text}");
    assert_eq!((place.segments(), fs::read(&path).unwrap()), (before, newer.to_vec()));
    fs::remove_file(path).unwrap();
    assert_eq!(texts(&all(&mut place.open().0)), ["one"]);
}

#[test]
fn a_newer_file_of_progress_is_refused_too() {
    let place = Place::new();
    drop(place.open());
    fs::write(
        place.path().join("progress"),
        layout::Header::encode(layout::Format { version: 9, ..layout::PROGRESS_FORMAT }, 5),
    )
    .unwrap();
    assert!(matches!(place.try_open(), Err(OpenError::Newer { version: 9, .. })));
}

#[test]
fn a_file_in_the_place_of_the_folder_is_named() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    let text = place.try_open().unwrap_err().to_string();
    assert!(text.contains("/spool/lock: cannot open the spool: Not a directory"), "{text}");
    fs::remove_file(place.path()).unwrap();
    place.open();
}

#[test]
fn what_can_never_be_written_is_refused_and_nothing_of_it_written() {
    let mut place = Place::new();
    place.limit = 4 << 20;
    let (mut spool, _) = place.open();
    let long = vec![b'x'; layout::LONGEST_PAYLOAD + 1];
    let error = spool.write(&[Draft::alone(1, b"short"), Draft::alone(1, &long)]).unwrap_err();
    assert!(matches!(error, WriteError::TooLong { bytes, .. } if bytes == long.len()));
    let batch = [Draft::alone(1, &long[1..]); 4];
    assert!(matches!(spool.write(&batch), Err(WriteError::TooLarge { limit: 4_194_304, .. })));
    assert!(place.segments().is_empty());
    spool.write(&batch[..3]).unwrap();
    assert_eq!(all(&mut spool).len(), 3);
}

#[test]
fn when_no_sequences_are_left_the_file_is_named() {
    let place = Place::new();
    drop(place.open());
    let mut bytes = layout::Header::encode(layout::SEGMENT_FORMAT, Sequence::END - 10).to_vec();
    layout::encode_record(Sequence::END - 10, Draft::alone(0, b"the last"), &mut bytes);
    fs::write(place.path().join(layout::segment_name(Sequence::END - 10)), bytes).unwrap();
    let text = place.try_open().unwrap_err().to_string();
    assert!(text.contains("7ffffffffffffff6.seg: no sequences are left"), "{text}");
}
