//! One MessagePack value: its raw form is a prefix of the input, and reads again as itself.
#![no_main]

use iproto::msgpack::{MAX_DEPTH, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::new(data);
    if let Ok(value) = reader.raw(MAX_DEPTH) {
        assert!(data.starts_with(value) && value.len() + reader.rest().len() == data.len());
        assert_eq!(Reader::new(value).raw(MAX_DEPTH), Ok(value));
        assert!(value.is_empty() || Reader::new(&value[..value.len() - 1]).raw(MAX_DEPTH).is_err());
    }
    let _ = Reader::new(data).scalar();
});
