//! A day with a Cloud that has a bad day, in a few seconds.

use std::collections::BTreeSet;

use fake_cloud::script::{End, Phase, RetryAfter};

use super::*;

/// How many times as fast as others the clocks of this day run.
const SPEED: u32 = 7200;
const HITS: u32 = 6000;
const SEED: u64 = 4809;

fn hours(hours: u64) -> End {
    End::Time(Duration::from_secs(hours * 3600))
}

/// Every fault, by chance.
fn bad() -> Vec<(Answer, u32)> {
    let seconds = Duration::from_secs;
    vec![
        (Answer::Takes, 20),
        (Answer::says(500, "defect"), 3),
        (Answer::says_later(503, "busy", RetryAfter::Seconds(7)), 3),
        (Answer::says_later(429, "slow down", RetryAfter::Date(60)), 2),
        (Answer::TooLarge { above: 4 }, 4),
        (Answer::RefusesBatch { with: "bad".to_owned() }, 4),
        (Answer::RejectsFirst, 1),
        (Answer::Slow { before: seconds(30), within: seconds(10) }, 4),
        (Answer::CutHead, 3),
        (Answer::CutBody, 3),
        (Answer::Loses, 4),
        (Answer::Closes, 2),
        (Answer::ClosesAtAccept, 2),
        (Answer::Garbage, 2),
        (Answer::WrongEnvelope, 2),
        (Answer::says(401, "who are you"), 1),
        (Answer::Redirects { to: "/elsewhere".to_owned() }, 1),
    ]
}

fn script() -> Script {
    let by_chance = |end, answers| Phase { end, on: vec![fake_cloud::Endpoint::Hits], answers };
    let phases = vec![
        Phase::of(hours(2), Answer::Takes),
        by_chance(hours(3), vec![(Answer::ClosesAtAccept, 1), (Answer::says(503, "away"), 1)]),
        by_chance(hours(12), bad()),
        by_chance(hours(3), vec![(Answer::Loses, 2), (Answer::CutBody, 2), (Answer::Takes, 1)]),
    ];
    Script { seed: SEED, speed: f64::from(SPEED), phases, ..Script::default() }
}

/// The times of a server, on the clock of this day.
fn pace() -> Pace {
    let Pace { dispatch, look, minute } = Pace::default();
    let backoff::Pace { shortest, longest, longest_asked } = dispatch.backoff;
    Pace {
        dispatch: dispatch::Pace {
            backoff: backoff::Pace {
                shortest: shortest / SPEED,
                longest: longest / SPEED,
                longest_asked: longest_asked / SPEED,
            },
            stopped: dispatch.stopped / SPEED,
            narrow: dispatch.narrow / SPEED,
        },
        // Files are files: they are not looked at a thousand times a second.
        look: look.max(Duration::from_millis(50)),
        minute,
    }
}

#[test]
fn in_a_day_of_faults_nothing_is_lost_and_nothing_arrives_twice() {
    let cloud = builder().script(script()).keep(100).start(listener()).unwrap();
    let mut scene = Scene::new();
    scene.pace = pace();
    scene.register(&cloud, "");
    let exporter = scene.start();
    let begun = Instant::now();
    let day = Duration::from_secs(24 * 3600) / SPEED;
    for number in 0..HITS {
        // A hit in a hundred is one that the Cloud may refuse.
        let kind = if number % 100 == 99 { "bad" } else { "r" };
        scene.queue.push(&format!("{kind}{number}"));
        // Traffic is spread over the day.
        let due = day * number / HITS;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    let figures = finished(&scene, &exporter);
    assert!(exporter.stop(Duration::from_secs(2)));
    let ledger = cloud.ledger();
    println!("{} calls, {figures:?}", ledger.count());

    let aside = std::fs::read_to_string(scene.path("spool/set-aside.jsonl")).unwrap_or_default();
    let aside: BTreeSet<&str> =
        aside.lines().filter_map(|line| line.split("\"id\":[\"").nth(1)?.split('"').next()).collect();
    assert_eq!(ledger.hits().len() as u64, u64::from(HITS), "a hit was never sent");
    for (id, fate) in ledger.hits() {
        assert!(fate.accepted.is_some() || fate.rejected || aside.contains(id.0.as_str()), "{id:?} is lost: {fate:?}");
        assert!(!aside.contains(id.0.as_str()) || id.0.starts_with("bad"), "{id:?} was set aside");
    }
    assert!(ledger.unstable_batches().is_empty(), "{:?}", ledger.unstable_batches());
    assert_eq!(scene.queue.done_twice(), 0);
    // The faults did take place.
    let again = ledger.hits().values().filter(|fate| fate.sent > 1).count();
    let silent = ledger.hits().values().filter(|fate| fate.in_silence).count();
    assert!(again > 100 && silent > 50 && figures.duplicates > 50, "{again} sent again, {silent} in silence");
    assert!(!scene.log().contains(SECRET) && !scene.log().contains("private"));
}
