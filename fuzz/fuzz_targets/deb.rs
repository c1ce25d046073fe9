//! Any bytes as a Debian package: reading never panics, and both ways of reading agree on the control data.
#![no_main]

use formats::deb::Deb;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((checked, _)) = Deb::read_and_check(bytes) {
        assert_eq!(Deb::read(bytes).ok(), Some(checked));
    }
});
