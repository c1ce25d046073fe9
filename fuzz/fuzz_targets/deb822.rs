//! Any text: reading never panics, and what is read is written and read again the same.
#![no_main]

use formats::deb822::Paragraph;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(first) = Paragraph::parse(text) {
        assert_eq!(Paragraph::parse(&first.to_string()), Ok(first));
    }
});
