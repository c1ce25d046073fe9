//! Any bytes are an archive or an error; what was read is written back the same.

#![no_main]

use std::io::Read;

use formats::ar::{Reader, Writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let mut writer = Writer::new(Vec::new(), 0).expect("memory does not fail");
    while let Ok(Some(mut member)) = reader.next_member() {
        let (name, mut content) = (member.header().name.clone(), Vec::new());
        if member.read_to_end(&mut content).is_err() {
            return;
        }
        writer.append(&name, &content).expect("a name that was read can be written");
    }
    Reader::new(writer.finish().as_slice()).expect("what was written is an archive");
});
