//! A machine that is not registered, registers, and is registered anew.

use super::*;
use crate::export::figures::Registration;

#[test]
fn a_machine_that_is_not_registered_sends_nothing_and_begins_when_it_is() {
    let (scene, cloud) = (Scene::new(), cloud(&Script::default()));
    scene.queue.fill(0..10);
    let exporter = scene.start();
    assert_eq!(exporter.figures().registration, Registration::Unregistered);
    assert_eq!(exporter.figures().in_flight, 0, "nothing is fetched for nobody");
    assert_eq!(scene.lines(&["export", "I>", "not registered"]).len(), 1, "{}", scene.log());
    scene.register(&cloud, "");
    finished(&scene, &exporter);
    let host = cloud.address.to_string();
    assert_eq!(exporter.figures().registration, Registration::Registered { host: host.clone() });
    assert_eq!(scene.lines(&["I>", "attacks are exported to", &host]).len(), 1, "{}", scene.log());
}

#[test]
fn a_registration_that_is_broken_says_why_and_works_when_it_is_mended() {
    let (scene, cloud) = (Scene::new(), cloud(&Script::default()));
    scene.queue.fill(0..3);
    let broken = [
        (node_yaml(SECRET, "127.0.0.1", 1, "  ca_file: /nowhere/ca.pem\n"), "/nowhere/ca.pem cannot be read"),
        (node_yaml(SECRET, "a b", 1, ""), "\"api.host\" is not"),
        (format!("secret: {SECRET}\nuuid: [\n"), "no YAML"),
    ];
    for (text, why) in broken {
        scene.write("node.yaml", &text);
        let exporter = scene.start();
        let Registration::Broken(said) = exporter.figures().registration else { panic!("{text}") };
        assert!(said.contains(why), "{said}");
        assert_eq!(scene.lines(&["E>", "nothing can be exported", why]).len(), 1, "{}", scene.log());
    }
    let exporter = scene.start();
    scene.register(&cloud, "");
    finished(&scene, &exporter);
    assert!(!scene.log().contains(SECRET));
}

#[test]
fn a_broken_proxy_is_told_without_its_password() {
    let (scene, cloud) = (Scene::new(), cloud(&Script::default()));
    scene.register(&cloud, "");
    scene.write("environment", "http_proxy=socks5://user:hidden@127.0.0.1:1\n");
    scene.queue.fill(0..3);
    let exporter = scene.start();
    let Registration::Broken(why) = exporter.figures().registration else { panic!() };
    assert!(why.contains("http_proxy"), "{why}");
    scene.write("environment", "no_proxy=127.0.0.1\n");
    finished(&scene, &exporter);
    assert!(!scene.log().contains("hidden"), "{}", scene.log());
}

#[test]
fn hits_of_a_node_that_is_no_more_wait_for_the_next_one() {
    let (scene, cloud) = Scene::with(&[Answer::says(503, "busy")]);
    scene.queue.fill(0..30);
    let exporter = scene.start();
    cloud.wait_for(2).unwrap();
    std::fs::remove_file(scene.path("node.yaml")).unwrap();
    until("it notices", || exporter.figures().registration == Registration::Unregistered);
    let calls = cloud.ledger().count();
    exporter.reload();
    let other = super::cloud(&Script::default());
    scene.register(&other, "");
    assert_eq!(finished(&scene, &exporter).exported, 30);
    assert_eq!(other.ledger().accepted_count(), 30);
    // One call may have been on its way.
    assert!(cloud.ledger().count() <= calls + 2);
}

#[test]
fn a_secret_that_is_replaced_is_taken_up() {
    let (scene, cloud) = (Scene::new(), cloud(&Script::default()));
    let (host, port) = (cloud.address.ip().to_string(), cloud.address.port());
    scene.write("node.yaml", &node_yaml("an-old-one", &host, port, ""));
    scene.queue.fill(0..12);
    let exporter = scene.start();
    until("it is refused", || exporter.figures().paused.is_some());
    assert_eq!(scene.lines(&["refuses \"uuid\" and \"secret\" of node.yaml (401)"]).len(), 1, "{}", scene.log());
    scene.register(&cloud, "");
    assert_eq!(finished(&scene, &exporter).exported, 12);
    assert!(!scene.log().contains("an-old-one"));
}

#[test]
fn the_numbers_of_node_yaml_hold_within_reason() {
    for (numbers, most) in [("{threads: 65535, api_chunk: 65535}", 1000 / 16), ("{threads: 1, api_chunk: 65535}", 300)]
    {
        let (scene, cloud) = (Scene::new(), cloud(&Script::default()));
        scene.queue.fill(0..300);
        scene.register(&cloud, &format!("export_attacks: {numbers}\n"));
        let exporter = scene.start();
        assert_eq!(finished(&scene, &exporter).exported, 300);
        let largest = cloud.calls().iter().map(|call| call.hits().len()).max();
        assert_eq!(largest, Some(most), "{numbers}");
    }
}
