//! Any bytes are a cpio archive or an error; what was read is written back the same.

#![no_main]

use std::io::Read;

use formats::cpio::{Reader, Writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::new(bytes);
    let (mut writer, mut entries) = (Writer::new(Vec::new()), Vec::new());
    while let Ok(Some(entry)) = reader.next_entry() {
        let mut content = Vec::new();
        if reader.read_to_end(&mut content).is_err() {
            return;
        }
        writer.append(&entry, &content).expect("what was read can be written");
        entries.push((entry, content));
    }
    let (written, length) = writer.finish().expect("memory does not fail");
    assert_eq!(written.len() as u64, length);
    let mut reader = Reader::new(written.as_slice());
    for (entry, content) in entries {
        assert_eq!(reader.next_entry().expect("what was written is an archive"), Some(entry));
        let mut again = Vec::new();
        reader.read_to_end(&mut again).expect("what was written is whole");
        assert_eq!(again, content);
    }
    assert_eq!(reader.next_entry().expect("a trailer was written"), None);
});
