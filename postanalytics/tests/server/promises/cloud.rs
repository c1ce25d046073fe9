//! A Cloud that fails in every way it can: nothing is lost, nothing counts twice, and the server stays.

use std::time::Duration;

use fake_cloud::script::RetryAfter;
use fake_cloud::{Answer, Endpoint, Script};

use super::node::{HITS, cloud, drained, missing, register, registered_with, saved, send_attacks, start};
use super::rounds;
use crate::running::wait_for;

#[test]
fn what_fails_on_the_way_to_the_cloud_is_sent_until_it_is_there_once() {
    let faults = [
        Answer::says_later(503, "busy", RetryAfter::Seconds(1)),
        Answer::says(500, "sorry"),
        Answer::Slow { before: Duration::from_millis(100), within: Duration::from_millis(100) },
        Answer::CutHead,
        Answer::CutBody,
        Answer::Loses,
        Answer::Closes,
        Answer::Garbage,
        Answer::WrongEnvelope,
        Answer::TooLarge { above: 3 },
    ];
    let times = rounds(10).div_ceil(10) as usize;
    // A success behind each keeps the pauses at a second.
    let turns: Vec<_> = faults.into_iter().flat_map(|fault| [fault, Answer::Takes]).collect();
    let script = Script::in_turn(&vec![turns; times].concat()).only(Endpoint::Hits);
    let cloud = cloud(script);
    let server = start(registered_with(&cloud), "");
    let attacks = 100 * times as u64;
    send_attacks(&server, 0..attacks);
    let state = drained(&server);
    assert_eq!(missing(&cloud, 0..attacks), Vec::<u64>::new(), "{state}");
    assert_eq!(cloud.ledger().accepted_count(), attacks * HITS, "after the Cloud's own de-duplication");
    assert!(cloud.ledger().unstable_batches().is_empty(), "a batch that is sent again keeps its name");
    assert_eq!((&state["hits"]["dropped"], &state["hits"]["rejected"]), (&0.into(), &0.into()), "{state}");
    assert_eq!(state["balance"]["hits"], true, "{state}");
}

#[test]
fn a_hit_that_the_cloud_will_never_take_does_not_hold_up_the_others() {
    let refused = crate::client::id(7);
    let script = Script::in_turn(&[Answer::RefusesBatch { with: refused.clone() }]);
    let cloud = cloud(script);
    let server = start(registered_with(&cloud), "");
    send_attacks(&server, 0..20);
    let state = drained(&server);
    assert_eq!(missing(&cloud, 0..20), [7], "{state}");
    assert_eq!(state["hits"]["rejected"], HITS, "{state}");
    assert!(server.place.log().contains(&refused), "it is named in the log: {}", server.place.log());
    assert!(!server.place.log().contains("union select"), "and its content is not");
}

#[test]
fn while_the_cloud_is_away_hits_wait_and_the_delay_tells_how_long() {
    let away = cloud(Script::in_turn(&[Answer::ClosesAtAccept]));
    let server = start(registered_with(&away), "");
    send_attacks(&server, 0..10);
    assert_eq!(saved(&server), 10 * HITS);
    let mut client = server.client();
    wait_for(|| (client.call("wallarm.stat.export_delay").number() > 1.0).then_some(())).expect("the delay grows");
    assert_eq!(client.call("wallarm.stat.dropped_before_export").number(), 0.0);
    let state = server.state();
    assert!(state["export"]["last_failure"].is_string(), "{state}");
    // The Cloud is back, at another address: a new node.yaml ends the pause.
    let back = cloud(Script::default());
    register(&server.place, &back);
    server.signal("HUP");
    drained(&server);
    assert_eq!(missing(&back, 0..10), Vec::<u64>::new());
    assert_eq!(client.call("wallarm.stat.export_delay").number(), 0.0);
}

#[test]
fn a_server_that_is_not_registered_sends_nothing_and_keeps_nothing_on_disk() {
    let server = start(crate::running::Place::new(), "");
    send_attacks(&server, 0..10);
    let state = wait_for(|| {
        let state = server.state();
        (state["hits"]["withheld"] == 10 * HITS).then_some(state)
    })
    .unwrap();
    assert_eq!(
        (&state["export"]["registration"], &state["balance"]["hits"]),
        (&"unregistered".into(), &true.into()),
        "{state}"
    );
    assert_eq!(state["hits"]["dropped"], 0, "{state}");
    let files = std::fs::read_dir(server.place.path("work").join("spool")).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.ends_with(".seg")), "{names:?}");
}
