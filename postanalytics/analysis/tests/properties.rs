//! What holds whatever is sent.

mod common;

use allocation_counter::{AllocationInfo, measure};
use analysis::{Figures, Kind, LEAST_BUDGET};
use attacks::Attack;
use cloud_api::behaviour::Behaviour;
use cloud_api::markers::{Marker, Markers};
use iproto::msgpack::Writer;
use proptest::prelude::*;

use common::{Bench, Request, START, to, with};

fn balances(figures: &Figures) {
    assert_eq!(figures.records, figures.clean + figures.attacked + figures.malformed);
    for tally in Kind::all().map(|kind| figures.hits.of(kind)).chain([figures.hits.total()]) {
        assert_eq!(tally.made, tally.kept + tally.sampled);
    }
    assert_eq!(figures.blocked.requests, figures.blocked.kept + figures.blocked.sampled);
    assert!(figures.memory <= figures.budget, "{figures:?}");
    assert!(figures.tables.named().iter().all(|(_, table)| table.entries <= table.room));
}

/// Markers that count every request, in every way.
fn every_request() -> Markers {
    let marker = |(id, kind, uri): (u64, _, Option<&str>)| Marker {
        id,
        kind: Some(kind),
        uri: uri.map(str::to_owned),
        apps: Vec::new(),
        sources: Vec::new(),
        window: 60,
    };
    let all = [
        (1, Behaviour::Brute, None),
        (2, Behaviour::Dirbust, None),
        (3, Behaviour::Bola, Some("/*")),
        (4, Behaviour::Brute, Some("/**/{{[a-z]+}}/**")),
    ];
    Markers(all.into_iter().map(marker).collect())
}

/// A request of someone who repeats nothing.
fn unique(number: u64) -> Request {
    let signs = match number % 3 {
        0 => Vec::new(),
        1 => vec![(Attack::Xss, "a", number.to_string())],
        _ => vec![(Attack::DataBomb, "a", number.to_string())],
    };
    Request {
        id: number,
        ip: std::net::Ipv6Addr::from_bits(u128::from(number) << 64 | 1).to_string(),
        app: number as i64,
        uri: format!("/{number}"),
        status: 404,
        block_reason: number.is_multiple_of(7).then_some("acl_ip"),
        signs,
        ..Request::default()
    }
}

#[test]
fn memory_never_exceeds_the_budget_whatever_is_sent() {
    for budget in [LEAST_BUDGET, 5 << 20] {
        let (mut bench, mut live, mut peak) = (None, 0, 0);
        let mut note = |info: AllocationInfo| {
            peak = peak.max(live + info.bytes_max as i64);
            live += info.bytes_current;
        };
        note(measure(|| bench = Some(Bench::with_budget(budget))));
        let mut bench = bench.unwrap();
        // Compiled scopes are the operator's, not the sender's.
        bench.analysis.set_markers(&every_request());
        for number in 0..120_000 {
            bench.now = 1 + number / 1000;
            let record = unique(number).record(START + bench.now);
            let (now, wall) = bench.moment();
            note(measure(|| bench.analysis.look(&record, now, wall, &mut |_| {})));
            if number % 30_000 == 29_999 {
                note(measure(|| {
                    let minute = bench.take();
                    bench.analysis.merge_back(minute);
                }));
            }
        }
        balances(&bench.figures());
        assert!(peak <= budget as i64, "{peak} of {budget}");
        assert!(peak > budget as i64 / 2, "{peak} of {budget}: the budget is there to be used");
    }
}

#[test]
fn the_longest_hit_fits_into_what_is_set_aside_for_it() {
    let mut bench = Bench::with_budget(0);
    let control = vec![1_u8; 70_000];
    let mut record = Vec::new();
    Writer::new(&mut record).map_counted(|writer| {
        writer.str(b"attack_type").uint(Attack::Xss as u64).str(b"attacks").array(1).map(4);
        writer.str(b"type").str(b"xss").str(b"value").str(&control).str(b"stamps").array(200);
        (0..200).for_each(|_| _ = writer.uint(u32::MAX.into()));
        writer.str(b"point").array(100);
        (0..100).for_each(|_| _ = writer.str(&control));
        let names = ["request_id", "remote_addr", "uri", "host", "node_uuid", "scheme"];
        names.iter().for_each(|name| _ = writer.str(name.as_bytes()).str(&control));
        2 + names.len() as u32
    });
    let (now, wall) = bench.moment();
    let mut length = 0;
    let used = measure(|| bench.analysis.look(&record, now, wall, &mut |hit| length = hit.json.len()));
    assert!(length > 60_000 && used.bytes_max < 256 << 10, "{length} {used:?}");
    let kept = measure(|| bench.analysis.look(&with(Attack::Xss, "a", "b").record(START), now, wall, &mut |_| {}));
    assert!(kept.bytes_current < -30_000, "the buffer shrinks again: {kept:?}");
}

#[test]
fn a_look_at_a_clean_record_allocates_nothing() {
    let mut bench = Bench::new();
    bench.analysis.set_markers(&every_request());
    // The first look makes the places where the second one counts.
    let record = to("/shop/items").record(START);
    let (now, wall) = bench.moment();
    bench.analysis.look(&record, now, wall, &mut |_| {});
    let used = measure(|| bench.analysis.look(&record, now, wall, &mut |_| {}));
    assert_eq!((used.count_total, bench.figures().clean), (0, 2));
}

/// Each field with a value of another type.
#[test]
fn fields_of_other_types_make_a_record_malformed() {
    let texts = ["request_id", "node_uuid", "remote_addr", "scheme", "method", "uri", "host", "mode", "block_reason"];
    let numbers =
        ["time", "time_us", "app_id", "remote_port", "status", "response_size", "response_time_ms", "attack_type"];
    for name in texts.into_iter().chain(numbers).chain(["blocked", "attacks"]) {
        let mut bench = Bench::new();
        let mut record = Vec::new();
        Writer::new(&mut record).map(2).str(b"request_id").str(b"0").str(name.as_bytes()).map(0);
        bench.look_at(&record);
        assert_eq!(bench.figures().malformed, 1, "{name}");
    }
}

/// An attack with lists that hold something else.
#[test]
fn signs_of_other_types_make_a_record_malformed() {
    let attacks: [&dyn Fn(&mut Writer<'_>); 7] = [
        &|writer| _ = writer.uint(1),
        &|writer| _ = writer.array(1).uint(1),
        &|writer| _ = writer.array(1).map(1).str(b"type").uint(1),
        &|writer| _ = writer.array(1).map(2).str(b"type").str(b"xss").str(b"value").uint(1),
        &|writer| _ = writer.array(1).map(2).str(b"type").str(b"xss").str(b"point").array(1).nil(),
        &|writer| _ = writer.array(1).map(2).str(b"type").str(b"xss").str(b"stamps").array(1).str(b"a"),
        &|writer| _ = writer.array(1).map(2).str(b"type").str(b"xss").str(b"stamps").map(0),
    ];
    for (at, attacks) in attacks.iter().enumerate() {
        let mut bench = Bench::new();
        let mut record = Vec::new();
        let writer = &mut Writer::new(&mut record);
        writer.map(3).str(b"request_id").str(b"0").str(b"attack_type").uint(Attack::Xss as u64).str(b"attacks");
        attacks(writer);
        bench.look_at(&record);
        assert_eq!(bench.figures().malformed, 1, "{at}");
    }
}

#[test]
fn a_record_with_an_id_alone_is_a_clean_request() {
    let mut bench = Bench::new();
    let mut record = Vec::new();
    Writer::new(&mut record).map(3).str(b"request_id").str(b"0").str(b"novelty").map(0).str(b"host").nil();
    bench.look_at(&record);
    assert_eq!(bench.figures().clean, 1);
    bench.look_at(&record[..record.len() - 1]);
    bench.look_at(&[&record[..], b"\0"].concat());
    assert_eq!(bench.figures().malformed, 2);
}

/// Requests that repeat themselves in every way.
fn requests() -> impl Strategy<Value = (Request, u64)> {
    let kinds = prop::sample::subsequence(vec![Attack::Xss, Attack::DataBomb, Attack::Vpatch, Attack::Infoleak], 0..3);
    let reasons = prop::sample::select(vec![None, None, Some("attack"), Some("acl_ip"), Some("acl_source")]);
    (kinds, 0..4u8, 0..3u8, reasons, prop::sample::select(vec![200, 404]), 0..90u64).prop_map(
        |(kinds, ip, uri, block_reason, status, pause)| {
            let signs = kinds.into_iter().map(|kind| (kind, "a", uri.to_string())).collect();
            let (ip, uri) = (format!("192.0.2.{ip}"), format!("/{uri}"));
            (Request { ip, uri, signs, status, block_reason, ..Request::default() }, pause)
        },
    )
}

proptest! {
    #[test]
    fn every_hit_and_every_request_is_accounted_for(requests in prop::collection::vec(requests(), 1..200)) {
        let mut bench = Bench::with_budget(0);
        bench.analysis.set_markers(&every_request());
        let (mut told, mut counted, mut attacked) = (0, 0, 0);
        for (request, pause) in &requests {
            bench.now += pause / 30;
            told += bench.look(request).len() as u64;
            attacked += u64::from(!request.signs.is_empty());
            if *pause == 0 {
                let minute = bench.take();
                if bench.now.is_multiple_of(2) {
                    bench.analysis.merge_back(minute);
                } else {
                    counted += minute.counters.requests;
                }
            }
        }
        counted += bench.take().counters.requests;
        let figures = bench.figures();
        balances(&figures);
        prop_assert_eq!((figures.hits.total().kept, figures.attacked), (told, attacked));
        prop_assert_eq!(counted, requests.len() as u64);
    }

    #[test]
    fn any_bytes_are_a_record_or_malformed(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut bench = Bench::with_budget(0);
        bench.look_at(&bytes);
        balances(&bench.figures());
    }

    #[test]
    fn a_record_with_a_changed_byte_ends_nothing(
        (request, _) in requests(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bench = Bench::with_budget(0);
        bench.analysis.set_markers(&every_request());
        let mut record = request.record(START);
        *at.get_mut(&mut record) = byte;
        bench.look_at(&record);
        bench.look_at(&record[..cut.index(record.len())]);
        balances(&bench.figures());
    }
}
