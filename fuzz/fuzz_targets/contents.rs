//! Any text as lines of a `Contents` index, any bytes as a file's name: reading never panics, and what is read is written and read
//! again the same.
#![no_main]

use formats::contents::{Line, path};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(path) = path(bytes) {
        let mut text = String::new();
        Line { path, packages: vec!["web/a", "b"] }.write(&mut text);
        assert_eq!(Line::parse(text.trim_end_matches('\n')).map(|line| line.path), Ok(path));
    }
    for line in String::from_utf8_lossy(bytes).lines() {
        let Ok(read) = Line::parse(line) else { continue };
        let mut text = String::new();
        read.write(&mut text);
        assert_eq!(Line::parse(text.trim_end_matches('\n')), Ok(read));
    }
});
