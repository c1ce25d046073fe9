//! A Cloud that refuses: a batch for its size, a hit for itself, or the node.

use serde_json::Value;

use super::*;

/// The requests of the hits that were set aside.
fn set_aside(scene: &Scene) -> Vec<String> {
    let text = std::fs::read_to_string(scene.path("spool/set-aside.jsonl")).unwrap_or_default();
    let request = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["hit"]["id"][0].as_str().unwrap().to_owned()
    };
    text.lines().map(request).collect()
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_it_fits_and_nothing_is_lost() {
    let (scene, cloud) = Scene::with(&[Answer::TooLarge { above: 3 }]);
    scene.queue.fill(0..200);
    let exporter = scene.start();
    let figures = finished(&scene, &exporter);
    assert_eq!((figures.exported, figures.rejected), (200, 0));
    let refused = cloud.calls().iter().filter(|call| !call.outcome.is_taken()).count();
    assert!(refused <= 12, "{refused} calls were too large: later batches should stay small");
}

#[test]
fn a_hit_that_is_too_large_alone_is_set_aside() {
    let (scene, _cloud) = Scene::with(&[Answer::TooLarge { above: 0 }]);
    scene.queue.fill(0..3);
    let exporter = scene.start();
    assert_eq!(finished(&scene, &exporter).rejected, 3);
    assert_eq!(set_aside(&scene).len(), 3);
}

#[test]
fn a_hit_that_spoils_its_batch_is_set_aside_alone() {
    let (scene, cloud) = Scene::with(&[Answer::RefusesBatch { with: "bad".to_owned() }]);
    scene.queue.fill(0..7);
    scene.queue.push("bad-1");
    scene.queue.fill(7..20);
    let exporter = scene.start();
    let figures = finished(&scene, &exporter);
    assert_eq!((figures.exported, figures.rejected), (20, 1));
    assert_eq!((cloud.ledger().accepted_count(), set_aside(&scene)), (20, vec!["bad-1".to_owned()]));
    assert_eq!(scene.lines(&["E>", "the hit bad-1 xss was rejected: 422"]).len(), 1, "{}", scene.log());
    assert!(!scene.log().contains("private"), "what a hit holds is in the log");
}

#[test]
fn a_hit_that_the_cloud_rejects_is_told_by_its_name_and_dropped() {
    let (scene, cloud) = Scene::with(&[Answer::RejectsHits { with: "old".to_owned() }]);
    scene.queue.fill(0..5);
    scene.queue.push("old-1");
    let exporter = scene.start();
    let figures = finished(&scene, &exporter);
    assert_eq!((figures.exported, figures.rejected, set_aside(&scene).len()), (5, 1, 0));
    until("the log tells", || scene.lines(&["the hit old-1 xss was rejected: too old"]).len() == 1);
    assert_eq!(cloud.ledger().accepted_count(), 5);
}

#[test]
fn what_cannot_be_set_aside_does_not_stop_the_queue() {
    let (scene, _cloud) = Scene::with(&[Answer::RefusesBatch { with: "bad".to_owned() }]);
    std::fs::remove_dir(scene.path("spool")).unwrap();
    (0..3).for_each(|number| scene.queue.push(&format!("bad-{number}")));
    scene.queue.fill(0..3);
    let exporter = scene.start();
    let figures = finished(&scene, &exporter);
    assert_eq!((figures.exported, figures.rejected), (3, 3));
    assert_eq!(scene.lines(&["set-aside.jsonl: cannot keep a refused attack"]).len(), 1, "{}", scene.log());
}

#[test]
fn an_entry_that_is_no_hit_does_not_stop_the_queue() {
    let (scene, cloud) = Scene::with(&[Answer::Takes]);
    for bytes in [&b"what is this"[..], b"{}", b"{\"id\":[\"a\"]}", b"\xff"] {
        scene.queue.push_bytes(bytes);
    }
    scene.queue.fill(0..3);
    let exporter = scene.start();
    let figures = finished(&scene, &exporter);
    assert_eq!((figures.exported, figures.rejected, cloud.ledger().accepted_count()), (3, 4, 3));
    until("the log tells", || scene.lines(&["of the spool is no hit"]).len() == 4);
}

#[test]
fn a_cloud_that_rejects_everything_does_not_flood_the_log() {
    let (scene, _cloud) = Scene::with(&[Answer::RejectsHits { with: String::new() }]);
    scene.queue.fill(0..500);
    let exporter = scene.start();
    assert_eq!(finished(&scene, &exporter).rejected, 500);
    assert_eq!(exporter.figures().exported, 0);
    exporter.stop(PATIENCE);
    assert_eq!(scene.lines(&["was rejected"]).len(), 50);
}

#[test]
fn a_cloud_that_refuses_the_node_is_left_alone_until_something_changes() {
    let statuses = [401, 403, 404].map(|status| Answer::says(status, "subscription limited"));
    let elsewhere = Answer::Redirects { to: "http://127.0.0.1:9/".to_owned() };
    for answer in statuses.into_iter().chain([elsewhere]) {
        let (scene, cloud) = Scene::with(std::slice::from_ref(&answer));
        scene.register(&cloud, "export_attacks: {threads: 1}\n");
        scene.queue.fill(0..30);
        let exporter = scene.start();
        cloud.wait_for(1).unwrap();
        until("it stops", || exporter.figures().paused.is_some_and(|left| left > Duration::from_secs(3500)));
        assert!(exporter.figures().last_failure.is_some());
        exporter.reload();
        cloud.wait_for(2).unwrap();
        until("it stops again", || exporter.figures().paused.is_some());
        cloud.play(&Script::default());
        scene.register(&cloud, "export_attacks: {threads: 1, api_chunk: 5}\n");
        assert_eq!(finished(&scene, &exporter).exported, 30, "{answer:?}");
        let refused = cloud.calls().iter().filter(|call| !call.outcome.is_taken()).count();
        assert_eq!(refused, 2, "{answer:?}");
        let told = scene.lines(&["E>", "attacks cannot be sent", "the next try is in an hour"]);
        assert!((1..=2).contains(&told.len()), "{}", scene.log());
        assert!(!scene.log().contains(SECRET));
    }
}
