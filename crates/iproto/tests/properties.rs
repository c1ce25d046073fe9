//! Whatever a peer sends, decoding answers; whatever is written, reads back.

use iproto::code::ErrorCode;
use iproto::frame::{self, Split};
use iproto::msgpack::{MAX_DEPTH, Reader, Scalar, Writer};
use iproto::request::{self, Request};
use iproto::response::{self, Outcome, Response};
use proptest::collection::vec;
use proptest::prelude::*;

/// MessagePack with every kind of value that the writer can write.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let write = |write: &dyn Fn(&mut Writer<'_>)| {
        let mut out = Vec::new();
        write(&mut Writer::new(&mut out));
        out
    };
    let leaf = prop_oneof![
        Just(write(&|writer| {
            writer.nil();
        })),
        any::<bool>().prop_map(move |value| write(&|writer| {
            writer.bool(value);
        })),
        any::<u64>().prop_map(move |value| write(&|writer| {
            writer.uint(value);
        })),
        any::<f64>().prop_map(move |value| write(&|writer| {
            writer.float(value);
        })),
        vec(any::<u8>(), 0..300).prop_map(move |value| write(&|writer| {
            writer.str(&value);
        })),
    ];
    leaf.prop_recursive(8, 64, 20, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(move |values| write(&|writer| {
                writer.array(values.len() as u32).raw(&values.concat());
            })),
            vec((inner.clone(), inner), 0..20).prop_map(move |pairs| write(&|writer| {
                writer.map(pairs.len() as u32);
                for (key, value) in &pairs {
                    writer.raw(key).raw(value);
                }
            })),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(raw) = Reader::new(&bytes).raw(MAX_DEPTH) {
            prop_assert!(bytes.starts_with(raw));
        }
        let _ = Reader::new(&bytes).scalar();
        let _ = Request::decode(&bytes);
        let _ = Response::decode(&bytes);
        if let Ok(Split::Frame { payload, size }) = frame::split(&bytes) {
            prop_assert!(payload.len() < size && size <= bytes.len());
        }
    }

    #[test]
    fn raw_takes_exactly_one_value(bytes in value(), tail in vec(any::<u8>(), 0..20)) {
        let input = [bytes.as_slice(), &tail].concat();
        let mut reader = Reader::new(&input);
        prop_assert_eq!(reader.raw(MAX_DEPTH), Ok(bytes.as_slice()));
        prop_assert_eq!(reader.rest(), tail.as_slice());
    }

    #[test]
    fn a_cut_value_is_truncated_wherever_it_is_cut(bytes in value(), at in any::<prop::sample::Index>()) {
        let cut = at.index(bytes.len());
        prop_assert!(Reader::new(&bytes[..cut]).raw(MAX_DEPTH).is_err());
    }

    #[test]
    fn numbers_come_back(unsigned in any::<u64>(), float in any::<f64>()) {
        let mut out = Vec::new();
        Writer::new(&mut out).uint(unsigned).float(float);
        let mut reader = Reader::new(&out);
        prop_assert_eq!(reader.scalar(), Ok(Scalar::Uint(unsigned)));
        let Ok(Scalar::Float(read)) = reader.scalar() else { panic!("no float") };
        prop_assert_eq!(read.to_bits(), float.to_bits());
    }

    #[test]
    fn requests_come_back(sync in any::<u64>(), name in ".{0,40}", arguments in vec(value(), 0..4)) {
        let mut out = Vec::new();
        request::write_call(&mut out, sync, &name, |writer| {
            writer.array(arguments.len() as u32).raw(&arguments.concat());
        });
        let Ok(Split::Frame { payload, size }) = frame::split(&out) else { panic!("no frame") };
        prop_assert_eq!(size, out.len());
        let decoded = Request::decode(payload).unwrap();
        prop_assert_eq!((decoded.sync, decoded.name), (sync, Some(name.as_bytes())));
        prop_assert_eq!(&decoded.arguments[1..], arguments.concat());
    }

    #[test]
    fn errors_come_back(sync in any::<u64>(), text in ".{0,400}") {
        let mut out = Vec::new();
        response::write_error(&mut out, sync, ErrorCode::AccessDenied, &text);
        let Ok(Split::Frame { payload, .. }) = frame::split(&out) else { panic!("no frame") };
        let decoded = Response::decode(payload).unwrap();
        prop_assert_eq!(decoded, Response { sync, outcome: Outcome::Error { code: 42, message: &text } });
    }
}
