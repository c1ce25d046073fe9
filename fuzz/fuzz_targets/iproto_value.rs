//! One MessagePack value: it ends where a plain reading of the format has it end, and is refused where that refuses it.
#![no_main]

use iproto::msgpack::{MAX_DEPTH, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::new(data);
    let end = end(data, MAX_DEPTH);
    match reader.raw(MAX_DEPTH) {
        Ok(value) => {
            assert!(end == Some(value.len()) && data.starts_with(value));
            assert_eq!(reader.rest().len(), data.len() - value.len());
        }
        Err(_) => assert_eq!(end, None),
    }
    let _ = Reader::new(data).scalar();
});

/// Where the value at the beginning ends, as slowly and clearly as can be said.
fn end(data: &[u8], depth: usize) -> Option<usize> {
    let number = |width: usize| {
        let bytes = data.get(1..1 + width)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let marker = *data.first()?;
    // Bytes of the marker and what tells the length, bytes that follow it, and values that follow those.
    let (head, bytes, values) = match marker {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => (1, 0, None),
        0x80..=0x8f => (1, 0, Some(2 * usize::from(marker & 15))),
        0x90..=0x9f => (1, 0, Some(usize::from(marker & 15))),
        0xa0..=0xbf => (1, usize::from(marker & 31), None),
        0xc1 => return None,
        0xc4..=0xc6 => (1 + (1 << (marker - 0xc4)), number(1 << (marker - 0xc4))?, None),
        0xc7..=0xc9 => (1 + (1 << (marker - 0xc7)), 1 + number(1 << (marker - 0xc7))?, None),
        0xca => (1, 4, None),
        0xcb => (1, 8, None),
        0xcc..=0xcf => (1, 1 << (marker - 0xcc), None),
        0xd0..=0xd3 => (1, 1 << (marker - 0xd0), None),
        0xd4..=0xd8 => (1, 1 + (1 << (marker - 0xd4)), None),
        0xd9..=0xdb => (1 + (1 << (marker - 0xd9)), number(1 << (marker - 0xd9))?, None),
        0xdc | 0xdd => (1 + (2 << (marker - 0xdc)), 0, Some(number(2 << (marker - 0xdc))?)),
        0xde | 0xdf => (1 + (2 << (marker - 0xde)), 0, Some(2 * number(2 << (marker - 0xde))?)),
    };
    let mut end = head + bytes;
    data.get(..end)?;
    if let Some(values) = values {
        let depth = depth.checked_sub(1)?;
        for _ in 0..values {
            end += self::end(&data[end..], depth)?;
        }
    }
    Some(end)
}
