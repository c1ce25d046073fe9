//! Any bytes as a Debian package: reading never panics, and all ways of reading agree on control data and files.
#![no_main]

use formats::deb::Deb;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checked) = Deb::read_and_check(bytes) {
        assert_eq!(Deb::read(bytes).ok().as_ref(), Some(&checked.deb));
        assert_eq!(Deb::read_and_list(bytes).ok(), Some((checked.deb, checked.files)));
    }
});
