//! A Cloud that cannot take hits now: they arrive later, each once.

use fake_cloud::Endpoint;
use fake_cloud::script::RetryAfter;

use super::*;

/// What goes wrong without anything being wrong with hits or credentials.
fn passing_faults() -> Vec<Answer> {
    let (short, none) = (Duration::from_millis(20), Duration::ZERO);
    vec![
        Answer::says(500, "defect"),
        Answer::says(503, "busy"),
        Answer::says(429, "slow down"),
        Answer::says_later(503, "busy", RetryAfter::Seconds(1)),
        Answer::says_later(429, "busy", RetryAfter::Date(1)),
        Answer::Slow { before: short, within: none },
        Answer::Slow { before: none, within: short },
        Answer::CutHead,
        Answer::CutBody,
        Answer::Loses,
        Answer::Closes,
        Answer::ClosesAtAccept,
        Answer::Garbage,
        Answer::WrongEnvelope,
    ]
}

#[test]
fn hits_arrive_once_after_each_fault_that_passes() {
    for fault in passing_faults() {
        let (scene, cloud) = Scene::with(&[fault.clone(), fault.clone(), Answer::Takes]);
        scene.queue.fill(0..25);
        let exporter = scene.start();
        let figures = finished(&scene, &exporter);
        assert_eq!((figures.exported, figures.rejected), (25, 0), "{fault:?}");
        let ledger = cloud.ledger();
        assert_eq!(ledger.accepted_count(), 25, "{fault:?}");
        assert!(ledger.unstable_batches().is_empty(), "{fault:?}");
        let silent = ledger.hits().values().filter(|fate| fate.in_silence).count();
        assert_eq!(figures.duplicates, silent as u64, "{fault:?}: what was not answered is sent again");
        assert_eq!(scene.queue.done_twice(), 0);
    }
}

#[test]
fn hits_leave_oldest_first_in_uploads_of_the_size_that_is_set() {
    let (scene, cloud) = Scene::with(&[Answer::Takes]);
    scene.register(&cloud, "export_attacks: {threads: 1, api_chunk: 4}\n");
    scene.queue.fill(0..30);
    let exporter = scene.start();
    finished(&scene, &exporter);
    let ledger = cloud.ledger();
    let requests: Vec<String> = ledger.accepted().iter().map(|id| id.0.clone()).collect();
    assert_eq!(requests, (0..30).map(|number| format!("r{number}")).collect::<Vec<_>>());
    assert!(ledger.calls().all(|call| call.hits().len() <= 4));
}

#[test]
fn uploads_go_side_by_side_as_many_as_are_set() {
    let most = |threads: usize| {
        // Whoever calls is kept waiting; nobody else comes.
        let (scene, cloud) = Scene::with(&[Answer::Never]);
        scene.register(&cloud, &format!("export_attacks: {{threads: {threads}}}\n"));
        scene.queue.fill(0..100);
        let exporter = scene.start();
        cloud.wait_for(threads as u64).unwrap();
        until("the next uploads are fetched", || exporter.figures().in_flight == 20 * threads as u64);
        cloud.ledger().count()
    };
    assert_eq!((most(1), most(2), most(5)), (1, 2, 5));
}

#[test]
fn the_cloud_is_left_alone_as_long_as_it_says() {
    let (mut scene, cloud) = Scene::with(&[Answer::says_later(503, "busy", RetryAfter::Seconds(1)), Answer::Takes]);
    scene.pace.dispatch.backoff.longest_asked = Duration::from_secs(600);
    scene.queue.fill(0..3);
    let exporter = scene.start();
    cloud.wait_for(1).unwrap();
    let begun = Instant::now();
    until("it says that it waits", || exporter.figures().paused.is_some());
    finished(&scene, &exporter);
    assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!((cloud.ledger().count(), exporter.figures().paused), (2, None));
}

#[test]
fn an_outage_is_told_when_it_begins_and_when_it_ends() {
    let (scene, cloud) = Scene::with(&[Answer::says(503, "busy\u{7}")]);
    scene.queue.fill(0..3);
    let exporter = scene.start();
    cloud.wait_for(6).unwrap();
    let failure = exporter.figures().last_failure.unwrap();
    assert!(failure.reason.contains("503: busy "), "{failure:?}");
    cloud.play(&Script::default());
    finished(&scene, &exporter);
    until("the end is told", || !scene.lines(&["takes attacks again"]).is_empty());
    assert_eq!(
        scene.lines(&["export", "W>", "it answers 503: busy", "attacks wait on disk"]).len(),
        1,
        "{}",
        scene.log()
    );
    assert!(exporter.figures().last_success.is_some());
}

#[test]
fn clocks_that_differ_are_told_once_and_are_in_the_figures() {
    let script = Script { clock_ahead: -1000, ..Script::default() };
    let (scene, cloud) = (Scene::new(), cloud(&script));
    scene.register(&cloud, "");
    scene.queue.fill(0..50);
    let exporter = scene.start();
    finished(&scene, &exporter);
    assert_eq!(scene.lines(&["1000 s behind this machine's"]).len(), 1, "{}", scene.log());
    assert!((-1002..=-998).contains(&exporter.figures().clock_ahead.unwrap()));
}

#[test]
fn hits_that_come_while_the_export_rests_leave_at_once() {
    let (scene, cloud) = Scene::with(&[Answer::Takes]);
    let exporter = scene.start();
    for round in 1..4 {
        scene.queue.push(&format!("r{round}"));
        cloud.wait_until("the hit", |ledger| ledger.accepted_count() == round).unwrap();
    }
    finished(&scene, &exporter);
    assert!(cloud.calls().iter().all(|call| call.endpoint == Some(Endpoint::Hits)));
}
