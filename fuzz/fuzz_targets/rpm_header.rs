//! Any bytes are a package or an error; a header survives being taken apart and put together.

#![no_main]

use formats::rpm_header::{HeaderBuilder, Limits, Rpm, verify_digests};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = verify_digests(&mut &*bytes);
    let Ok(rpm) = Rpm::read(&mut &*bytes) else { return };
    for entry in rpm.header.entries() {
        let _ = (rpm.header.string(entry.tag), rpm.header.strings(entry.tag), rpm.header.bin(entry.tag));
        let _ = (rpm.header.u16s(entry.tag), rpm.header.u32s(entry.tag), rpm.header.u64s(entry.tag));
    }
    let rebuilt =
        HeaderBuilder::from_header(&rpm.header).build(&Limits::MAIN).expect("values that were read can be written");
    assert!(rebuilt.entries().len() <= rpm.header.entries().len() + 1);
});
