//! The module sends hits itself where it is told so. A request makes the same hits on both ways.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a failed test")]

use std::time::Duration;

use analysis::{Analysis, Config, Limits, Moment, UnixMillis};
use detection::attack::{Attack, AttackSet};
use iproto::frame::{Split, split};
use iproto::msgpack::{MAX_DEPTH, Reader};
use iproto::request::Request;
use module_logic::cloud::{Found, hits};
use module_logic::mode::Mode;
use module_logic::record::{Address, Attacks, Blocked, Finding, NoMasking, Parts, Record};
use module_logic::verdict::BlockReason;
use proptest::prelude::*;

/// A request with what was found in it.
struct Inspected<'a> {
    record: Record<'a>,
    found: Vec<Found<'a>>,
}

impl Parts for Inspected<'_> {
    fn attacks(&self, attacks: &mut Attacks<'_, '_>) {
        for found in &self.found {
            let finding = Finding {
                kind: found.attack.code(),
                value: found.value,
                sign: found.sign,
                stamps: found.stamps,
                rule_id: None,
                experimental: false,
            };
            attacks.push(finding, |point| point.json(found.point));
        }
    }
}

impl Inspected<'_> {
    /// The hits that the module makes.
    fn of_module(&self) -> Vec<serde_json::Value> {
        hits(&self.record, &self.found, &NoMasking).iter().map(|hit| serde_json::to_value(hit).unwrap()).collect()
    }

    /// The hits that the server makes of the record that the module sends, without the attacks that only the server knows.
    fn of_server(&self) -> Vec<serde_json::Value> {
        let mut frame = Vec::new();
        self.record.write_push(self, &NoMasking, &mut frame);
        let Ok(Split::Frame { payload, .. }) = split(&frame) else { panic!("no frame") };
        let arguments = Request::decode(payload).unwrap().arguments;
        let mut reader = Reader::new(arguments);
        assert_eq!((reader.array_len(), reader.uint()), (Ok(2), Ok(1)));
        let mut analysis = Analysis::new(Config { budget: 0, key: [1; 16], limits: Limits::default() });
        let mut told = Vec::new();
        analysis.look(reader.rest(), Moment(0), UnixMillis(1_800_000_000_000), &mut |hit| {
            let mut json: serde_json::Value = serde_json::from_slice(hit.json).unwrap();
            assert!(json.as_object_mut().unwrap().remove("attackid").is_some());
            told.push(json);
        });
        assert_eq!(analysis.figures().malformed, 0);
        told
    }
}

fn record<'a>(uri: &'a [u8], host: &'a [u8], mode: Mode, blocked: Option<Blocked>) -> Record<'a> {
    Record {
        request_id: b"0123456789abcdef0123456789abcdef",
        arrival: Duration::from_micros(1_700_000_000_000_042),
        node_uuid: b"8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11",
        app_id: 7,
        client_uuid: None,
        remote: Address { ip: b"192.0.2.7", port: 40_000 },
        server: Address { ip: b"198.51.100.1", port: 443 },
        scheme: "https",
        proto: b"HTTP/1.1",
        method: b"POST",
        uri,
        host: Some(host),
        status: 403,
        response_size: 146,
        response_time: Duration::from_millis(12),
        attack_type: AttackSet::EMPTY,
        mode,
        blocked,
        db_id: 7,
        custom_ruleset_id: 0,
        cpu: Duration::from_micros(31),
        mono: Duration::from_micros(35),
    }
}

fn kinds() -> impl Strategy<Value = Attack> {
    prop::sample::select(vec![Attack::Xss, Attack::Sqli, Attack::Infoleak, Attack::Vpatch, Attack::DataBomb])
}

fn points() -> impl Strategy<Value = String> {
    let names = prop::collection::vec("[a-zé\"\\\\\n]{0,9}", 0..5);
    (prop::sample::select(vec!["query", "response", "post"]), names, any::<u32>()).prop_map(|(first, names, index)| {
        let mut steps = vec![serde_json::json!(first)];
        steps.extend(names.into_iter().map(serde_json::Value::from));
        steps.push(serde_json::json!(index));
        serde_json::Value::from(steps).to_string()
    })
}

fn values() -> impl Strategy<Value = (Vec<u8>, usize)> {
    let lengths = prop_oneof![0usize..600, 400usize..9000];
    (lengths, any::<u8>(), any::<prop::sample::Index>()).prop_map(|(length, seed, sign)| {
        let value = (0..length).map(|at| (at * 31) as u8 ^ seed).collect();
        (value, sign.index(length + 1))
    })
}

#[test]
fn the_fields_of_the_module_stand_in_the_order_in_which_they_are_read_fastest() {
    let whole = Record {
        client_uuid: Some(b"5c1a7f4e-0000-4000-8000-000000000001"),
        ..record(b"/", b"shop.example", Mode::Block, Some(Blocked::Verdict(BlockReason::Attack)))
    };
    let mut frame = Vec::new();
    whole.write_push(&Inspected { record: whole, found: Vec::new() }, &NoMasking, &mut frame);
    let Ok(Split::Frame { payload, .. }) = split(&frame) else { panic!("no frame") };
    let mut reader = Reader::new(Request::decode(payload).unwrap().arguments);
    assert_eq!((reader.array_len(), reader.uint()), (Ok(2), Ok(1)));
    let mut names = Vec::new();
    for _ in 0..reader.map_len().unwrap() {
        names.push(reader.str().unwrap());
        reader.raw(MAX_DEPTH).unwrap();
    }
    assert_eq!(names, analysis::Record::FIELDS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_request_makes_the_same_hits_on_both_ways(
        findings in prop::collection::vec((kinds(), points(), values(), prop::collection::vec(any::<u32>(), 0..70)), 0..6),
        nowhere in prop::collection::vec(kinds(), 0..2),
        (uri, host) in (prop::collection::vec(any::<u8>(), 0..1500), prop::collection::vec(any::<u8>(), 0..1500)),
        mode in prop::sample::select(&Mode::ALL[..]),
        blocked in prop::sample::select(vec![
            None,
            Some(Blocked::RateLimit),
            Some(Blocked::Verdict(BlockReason::Attack)),
            Some(Blocked::Verdict(BlockReason::AclSource)),
        ]),
    ) {
        let found: Vec<Found<'_>> = findings
            .iter()
            .map(|(attack, point, (value, sign), stamps)| Found { attack: *attack, point, value, sign: *sign, stamps })
            .collect();
        let attack_type = found.iter().map(|found| found.attack).chain(nowhere).collect();
        let inspected = Inspected { record: Record { attack_type, ..record(&uri, &host, mode, blocked) }, found };
        prop_assert_eq!(inspected.of_server(), inspected.of_module());
    }
}
