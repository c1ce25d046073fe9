//! The end of an export, and the next one.

use super::*;
use crate::spooling::{Options, Spooler};

#[test]
fn it_ends_in_time_whatever_the_cloud_does() {
    let hour = Duration::from_secs(3600);
    let slow = Answer::Slow { before: hour, within: hour };
    for answer in [Answer::Never, slow, Answer::says(503, "busy"), Answer::ClosesAtAccept, Answer::Takes] {
        let (scene, cloud) = Scene::with(std::slice::from_ref(&answer));
        scene.queue.fill(0..50);
        let exporter = scene.start();
        if answer != Answer::ClosesAtAccept {
            cloud.wait_for(1).unwrap();
        }
        let begun = Instant::now();
        assert!(exporter.stop(Duration::from_secs(1)), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{answer:?}: {:?}", begun.elapsed());
        let figures = exporter.figures();
        assert_eq!(figures.in_flight + figures.exported, 50 - (scene.queue.open() as u64 - figures.in_flight));
    }
}

#[test]
fn uploads_that_are_under_way_may_finish_before_the_end() {
    let pause = Duration::from_millis(300);
    let (scene, cloud) = Scene::with(&[Answer::Slow { before: pause, within: Duration::ZERO }]);
    scene.queue.fill(0..10);
    let exporter = scene.start();
    cloud.wait_for(1).unwrap();
    assert!(exporter.stop(Duration::from_secs(5)));
    assert_eq!(exporter.figures().exported, 10);
}

#[test]
fn a_batch_of_which_nobody_knows_whether_it_arrived_is_sent_again_by_the_next_server_under_its_name() {
    let (scene, cloud) = Scene::with(&[Answer::Loses, Answer::Never]);
    scene.register(&cloud, "export_attacks: {threads: 1}\n");
    scene.queue.fill(0..10);
    let exporter = scene.start();
    cloud.wait_for(2).unwrap();
    assert!(exporter.stop(Duration::ZERO) || exporter.stop(Duration::from_secs(1)));
    assert_eq!((exporter.figures().exported, scene.queue.open()), (0, 10));
    scene.queue.reopen();
    cloud.play(&Script::default());
    let next = scene.start();
    let figures = finished(&scene, &next);
    assert_eq!((figures.exported, figures.duplicates), (10, 10));
    let names: std::collections::BTreeSet<_> =
        cloud.calls().iter().map(|call| call.batch().map(str::to_owned)).collect();
    assert_eq!((names.len(), cloud.ledger().unstable_batches().len()), (1, 0));
}

#[test]
fn an_export_that_is_dropped_leaves_no_thread() {
    let (scene, cloud) = Scene::with(&[Answer::Takes]);
    let exporter = scene.start();
    let shared = Arc::downgrade(&exporter.shared);
    drop(exporter);
    until("nobody holds what threads share", || shared.strong_count() == 0);
    assert_eq!(cloud.ledger().count(), 0);
}

#[test]
fn the_spool_forgets_what_the_cloud_has_and_nothing_else() {
    let (scene, cloud) = Scene::with(&[Answer::says(503, "busy")]);
    let spooler = || {
        let options = Options {
            directory: scene.path("spool"),
            limit: 1 << 30,
            budget: 1 << 20,
            period: Duration::from_millis(1),
        };
        Arc::new(Spooler::start(options, Arc::new(|_, _| {})).unwrap())
    };
    let end = |exporter: &Exporter, spooler: &Spooler| {
        assert!(exporter.stop(PATIENCE) && spooler.flush(Instant::now() + PATIENCE));
    };
    let first = spooler();
    let exporter = scene.start_with(first.clone());
    (0..100).for_each(|number| first.offer(format!(r#"{{"id":["r{number}","xss"]}}"#).as_bytes(), 0, false));
    cloud.wait_for(2).unwrap();
    end(&exporter, &first);
    assert_eq!((first.figures().done, exporter.figures().exported), (0, 0));
    drop((exporter, first));

    cloud.play(&Script::default());
    let second = spooler();
    let exporter = scene.start_with(second.clone());
    until("all is exported", || exporter.figures().exported == 100);
    let figures = second.figures();
    assert!(figures.balances() && figures.done == 100 && figures.recovered == 100, "{figures:?}");
    end(&exporter, &second);
    drop((exporter, second));
    assert_eq!((spooler().figures().recovered, cloud.ledger().accepted_count()), (0, 100));
}
