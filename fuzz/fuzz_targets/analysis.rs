//! A pattern of a counting scope, and any bytes as records: each is counted once, hits are made whole and within their limits, and memory
//! keeps to the budget.
#![no_main]

use analysis::{Analysis, Config, Limits, Moment, UnixMillis};
use cloud_api::behaviour::{Behaviour, Reaction, Verdict};
use cloud_api::hit::{Hit, PAYLOAD_LIMIT};
use cloud_api::markers::{Marker, Markers};
use libfuzzer_sys::fuzz_target;

/// Seconds since 1970 at the start.
const START: u64 = 1_700_000_000;

fuzz_target!(|data: &[u8]| {
    let (pattern, mut rest) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let mut analysis = Analysis::new(Config { budget: 0, key: [7; 16], limits: Limits::default() });
    analysis.set_markers(&markers(&String::from_utf8_lossy(pattern)));
    analysis.set_marks(&marks(), Moment(0), UnixMillis(START * 1000));
    let (mut seconds, mut requests, mut told) = (0, 0, 0);
    // A record: a byte that parts it from what is before, seconds that pass, its length in two bytes, and its bytes.
    while let Some(([_, pause, high, low], behind)) = rest.split_first_chunk() {
        let (record, behind) = behind.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(behind.len()));
        seconds += u64::from(*pause);
        let (now, wall) = (Moment(seconds * 1000), UnixMillis((START + seconds) * 1000));
        analysis.look(record, now, wall, &mut |hit| {
            told += 1;
            let made: Hit = serde_json::from_slice(hit.json).expect("a hit is JSON");
            assert!(made.value.len() <= PAYLOAD_LIMIT && made.kind == hit.kind.code() && hit.arrival <= wall);
            assert!(hit.json.len() < 100_000);
        });
        let minute = analysis.take_minute(now, wall);
        if pause % 2 == 0 {
            analysis.merge_back(minute);
        } else {
            requests += minute.counters.requests;
        }
        rest = behind;
    }
    requests += analysis.take_minute(Moment(seconds * 1000), UnixMillis((START + seconds) * 1000)).counters.requests;
    let figures = analysis.figures();
    assert_eq!(figures.records, figures.clean + figures.attacked + figures.malformed);
    assert_eq!(requests, figures.clean + figures.attacked);
    let hits = figures.hits.total();
    assert_eq!((hits.made, hits.kept), (hits.kept + hits.sampled, told));
    assert!(figures.memory <= figures.budget);
});

/// One marker of each kind; that of brute force counts what the pattern matches.
fn markers(pattern: &str) -> Markers {
    let uris = [Some(pattern.to_owned()), None, Some("/*".to_owned())];
    let markers = Behaviour::ALL.into_iter().zip(uris).zip(1..);
    let marker =
        |((kind, uri), id)| Marker { id, kind: Some(kind), uri, apps: Vec::new(), sources: Vec::new(), window: 60 };
    Markers(markers.map(marker).collect())
}

fn marks() -> [Verdict; 1] {
    let ip = std::net::Ipv4Addr::new(192, 0, 2, 7).into();
    [Verdict { kind: Some(Behaviour::Dirbust), ip, app: -1, counter: 2, until: START + 600, reaction: Reaction::Mark }]
}
