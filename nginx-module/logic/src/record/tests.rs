use std::collections::BTreeMap;

use detection::attack::Attack;
use iproto::frame::{Split, split};
use iproto::msgpack::{MAX_DEPTH, Reader, Scalar};
use iproto::request::Request;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What tests elsewhere change a few fields of.
pub(crate) fn record() -> Record<'static> {
    Record {
        request_id: b"0123456789abcdef0123456789abcdef",
        arrival: Duration::from_micros(1_700_000_000_000_042),
        node_uuid: b"8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11",
        app_id: -1,
        client_uuid: None,
        remote: Address { ip: b"192.0.2.7", port: 40_000 },
        server: Address { ip: b"198.51.100.1", port: 443 },
        scheme: "https",
        proto: b"HTTP/1.1",
        method: b"POST",
        uri: b"/login?next=/",
        host: Some(b"shop.example"),
        status: 403,
        response_size: 146,
        response_time: Duration::from_millis(12),
        attack_type: [Attack::Sqli, Attack::Vpatch].into_iter().collect(),
        mode: Mode::Block,
        blocked: Some(Blocked::Verdict(BlockReason::Attack)),
        db_id: 7,
        custom_ruleset_id: 0,
        cpu: Duration::from_micros(31),
        mono: Duration::from_micros(35),
    }
}

#[derive(Clone, Debug, Default)]
struct Lists {
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<Vec<u8>>,
    values: Vec<Vec<u8>>,
}

impl Parts for Lists {
    fn headers(&self, headers: &mut Headers<'_, '_>) {
        self.headers.iter().for_each(|(name, value)| headers.push(name, value));
    }

    fn body(&self, body: &mut Body<'_, '_>) {
        self.body.iter().for_each(|piece| body.push(piece));
    }

    fn attacks(&self, attacks: &mut Attacks<'_, '_>) {
        for value in &self.values {
            let finding =
                Finding { kind: "sqli", value, sign: 0, stamps: &[3, 900], rule_id: Some(5), experimental: true };
            attacks.push(finding, |point| {
                point.text(b"query");
                point.text(b"id");
                point.text(b"array");
                point.index(1);
            });
        }
    }

    fn tags(&self, tags: &mut Tags<'_, '_>) {
        tags.push(b"zone", b"eu");
    }
}

/// The fields of a pushed record, each value as MessagePack.
fn fields(frame: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let Ok(Split::Frame { payload, size }) = split(frame) else { panic!("no frame") };
    assert_eq!(size, frame.len());
    let request = Request::decode(payload).unwrap();
    assert_eq!(request.name, Some(PUSH.as_bytes()));
    let mut reader = Reader::new(request.arguments);
    assert_eq!((reader.array_len(), reader.uint()), (Ok(2), Ok(SCHEMA)));
    let count = reader.map_len().unwrap();
    let fields: BTreeMap<_, _> = (0..count)
        .map(|_| {
            let name = String::from_utf8(reader.str().unwrap().to_vec()).unwrap();
            (name, reader.raw(MAX_DEPTH).unwrap().to_vec())
        })
        .collect();
    reader.finish().unwrap();
    assert_eq!(fields.len(), count, "a field stands there twice");
    fields
}

fn written(record: &Record<'_>, parts: &dyn Parts, masking: &dyn Masking) -> BTreeMap<String, Vec<u8>> {
    let mut out = Vec::new();
    record.write_push(parts, masking, &mut out);
    fields(&out)
}

fn text(field: &[u8]) -> &[u8] {
    match Reader::new(field).scalar() {
        Ok(Scalar::Str(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

#[test]
fn every_field_of_the_specification_is_there_under_its_name() {
    let full = Record { client_uuid: Some(b"5c1a7f4e-0000-4000-8000-000000000001"), ..record() };
    let names: Vec<_> = written(&full, &Lists::default(), &NoMasking).into_keys().collect();
    let mut expected: Vec<_> = "request_id time time_us node_uuid app_id client_uuid remote_addr remote_port server_addr server_port \
        scheme proto method uri host headers body body_truncated status response_headers response_size response_time_ms attacks \
        attack_type mode blocked block_reason db_id custom_ruleset_id cpu_us mono_us tags"
        .split_whitespace()
        .collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn what_the_server_looks_for_comes_first() {
    let mut out = Vec::new();
    record().write_push(&NoParts, &NoMasking, &mut out);
    let Ok(Split::Frame { payload, .. }) = split(&out) else { panic!("no frame") };
    let mut reader = Reader::new(Request::decode(payload).unwrap().arguments);
    reader.array_len().unwrap();
    reader.uint().unwrap();
    reader.map_len().unwrap();
    assert_eq!(reader.str(), Ok(&b"request_id"[..]));
    reader.raw(MAX_DEPTH).unwrap();
    assert_eq!(reader.str(), Ok(&b"attack_type"[..]));
}

#[test]
fn plain_fields_carry_what_they_are_named_after() {
    let fields = written(&record(), &NoParts, &NoMasking);
    let scalar = |name: &str| format!("{:?}", Reader::new(&fields[name]).scalar().unwrap());
    assert_eq!((scalar("time"), scalar("time_us")), ("Uint(1700000000)".into(), "Uint(42)".into()));
    assert_eq!((scalar("app_id"), scalar("status")), ("Int(-1)".into(), "Uint(403)".into()));
    assert_eq!(scalar("attack_type"), "Uint(2147483652)");
    assert_eq!((scalar("blocked"), scalar("response_time_ms")), ("Bool(true)".into(), "Uint(12)".into()));
    assert_eq!(text(&fields["block_reason"]), b"attack");
    assert_eq!(text(&fields["uri"]), b"/login?next=/");
}

#[test]
fn an_attack_has_type_point_value_and_stamps() {
    let lists = Lists { values: vec![b"1 or 1=1".to_vec()], ..Lists::default() };
    let expected = b"\xdd\0\0\0\x01\xdf\0\0\0\x06\xa4type\xa4sqli\xa5point\xdd\0\0\0\x04\xa5query\xa2id\xa5array\x01\
        \xa5value\xa81 or 1=1\xa6stamps\x92\x03\xcd\x03\x84\xa7rule_id\x05\xacexperimental\xc3";
    assert_eq!(written(&record(), &lists, &NoMasking)["attacks"], expected);
}

/// The only attack of a record with this value, as what is kept of the value and where the sign stands in it.
fn kept(value: &[u8], sign: usize) -> (Vec<u8>, u64) {
    struct One<'a>(&'a [u8], usize);
    impl Parts for One<'_> {
        fn attacks(&self, attacks: &mut Attacks<'_, '_>) {
            let Self(value, sign) = *self;
            let finding = Finding { kind: "xss", value, sign, stamps: &[], rule_id: None, experimental: false };
            attacks.push(finding, |_| {});
        }
    }
    let attacks = written(&record(), &One(value, sign), &NoMasking).remove("attacks").unwrap();
    let mut reader = Reader::new(&attacks);
    assert_eq!(reader.array_len(), Ok(1));
    let (mut value, mut sign) = (Vec::new(), 0);
    for _ in 0..reader.map_len().unwrap() {
        match reader.str().unwrap() {
            b"value" => value = reader.str().unwrap().to_vec(),
            b"sign" => sign = reader.uint().unwrap(),
            _ => _ = reader.raw(MAX_DEPTH).unwrap(),
        }
    }
    (value, sign)
}

#[test]
fn a_long_value_is_kept_from_a_little_before_the_sign() {
    let mut value = vec![b'x'; 20_000];
    value[9000] = b'!';
    let (kept_value, sign) = kept(&value, 9000);
    assert_eq!((kept_value.len(), kept_value[sign as usize], sign), (VALUE_LIMIT, b'!', 128));
    let (kept_value, sign) = kept(&value[..9001], 9000);
    assert_eq!((kept_value.len(), kept_value[sign as usize]), (VALUE_LIMIT, b'!'));
    assert_eq!(kept(b"a<b", 1), (b"a<b".to_vec(), 1));
    assert_eq!(kept(b"", 7), (Vec::new(), 0));
}

#[test]
fn headers_keep_their_order_and_repeat() {
    let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let lists = Lists { headers: vec![pair("B", "1"), pair("A", "2"), pair("B", "3")], ..Lists::default() };
    let expected = b"\xdd\0\0\0\x03\x92\xa1B\xa11\x92\xa1A\xa12\x92\xa1B\xa13";
    assert_eq!(written(&record(), &lists, &NoMasking)["headers"], expected);
}

#[test]
fn a_body_over_the_limit_is_cut_and_says_so() {
    let exact = Lists { body: vec![vec![b'x'; BODY_LIMIT - 1], vec![b'y']], ..Lists::default() };
    let kept = written(&record(), &exact, &NoMasking);
    assert_eq!((text(&kept["body"]).len(), &kept["body_truncated"][..]), (BODY_LIMIT, &[0xc2][..]));
    let over = Lists { body: vec![vec![b'x'; BODY_LIMIT - 1], vec![b'y'; 2], vec![b'z']], ..Lists::default() };
    let cut = written(&record(), &over, &NoMasking);
    assert_eq!((text(&cut["body"]), &cut["body_truncated"][..]), (text(&kept["body"]), &[0xc3][..]));
}

#[test]
fn a_flood_of_headers_is_cut_and_says_so() {
    let lists = Lists { headers: vec![(b"N".to_vec(), vec![b'v'; 1023]); 40], ..Lists::default() };
    let fields = written(&record(), &lists, &NoMasking);
    assert_eq!(Reader::new(&fields["headers"]).array_len(), Ok(32));
    assert_eq!(fields["headers_truncated"], [0xc3]);
}

#[test]
fn a_record_is_bounded_whatever_a_client_sends() {
    let long = vec![b'a'; 1 << 20];
    let lists = Lists {
        headers: vec![(long.clone(), long.clone()); 9],
        body: vec![long.clone(); 3],
        values: vec![long.clone(); 500],
    };
    let record = Record {
        uri: &long,
        method: &long,
        proto: &long,
        host: Some(&long),
        node_uuid: &long,
        client_uuid: Some(&long),
        ..record()
    };
    let mut out = Vec::new();
    record.write_push(&lists, &NoMasking, &mut out);
    assert!(out.len() < 400_000, "{}", out.len());
    assert_eq!(fields(&out)["uri_truncated"], [0xc3]);
}

#[test]
fn a_mask_sees_each_text_and_hides_what_it_will() {
    struct Passwords;
    impl Masking for Passwords {
        fn mask(&self, part: Part<'_>, value: &mut [u8]) {
            if part != Part::Header(b"Accept") {
                value.fill(b'*');
            }
        }
    }
    let lists = Lists {
        headers: vec![(b"Accept".to_vec(), b"text".to_vec()), (b"Cookie".to_vec(), b"id=1".to_vec())],
        body: vec![b"pass".to_vec(), b"word".to_vec()],
        values: vec![b"secret".to_vec()],
    };
    let fields = written(&record(), &lists, &Passwords);
    assert_eq!(text(&fields["uri"]), b"*************");
    assert_eq!(text(&fields["body"]), b"********");
    assert_eq!(fields["headers"], b"\xdd\0\0\0\x02\x92\xa6Accept\xa4text\x92\xa6Cookie\xa4****");
    assert!(!fields["attacks"].windows(6).any(|window| window == b"secret"));
}

proptest! {
    #[test]
    fn any_lists_make_a_record_that_reads_back(
        headers in vec((vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..400)), 0..20),
        body in vec(vec(any::<u8>(), 0..300), 0..5),
        values in vec(vec(any::<u8>(), 0..100), 0..5),
        uri in vec(any::<u8>(), 0..300),
    ) {
        let lists = Lists { headers, body, values };
        let fields = written(&Record { uri: &uri, ..record() }, &lists, &NoMasking);
        prop_assert_eq!(text(&fields["body"]), lists.body.concat());
        prop_assert_eq!(text(&fields["uri"]), &uri[..]);
        prop_assert_eq!(Reader::new(&fields["headers"]).array_len(), Ok(lists.headers.len()));
    }
}
