//! Any bytes are an ELF file or an error.

#![no_main]

use formats::elf::{Hardening, Needs, build_id};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = (Needs::parse(bytes), Hardening::parse(bytes), build_id(bytes));
});
