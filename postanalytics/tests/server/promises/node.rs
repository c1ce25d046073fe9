//! A registered server and its Cloud.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;

use fake_cloud::{FakeCloud, Script};
use serde_json::Value;

use crate::client::{attack_record, id};
use crate::running::{Place, Running, wait_for};

/// Hits of each [`attack_record`].
pub const HITS: u64 = 2;

/// A Cloud that answers as `script` says.
pub fn cloud(script: Script) -> FakeCloud {
    FakeCloud::builder().script(script).start(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap()
}

/// A place whose server is registered with this Cloud.
pub fn registered_with(cloud: &FakeCloud) -> Place {
    let place = Place::new();
    register(&place, cloud);
    place
}

/// Registers the server of a place with another Cloud.
pub fn register(place: &Place, cloud: &FakeCloud) {
    let (host, port) = (cloud.address.ip(), cloud.address.port());
    let yaml = format!(
        "hostname: test\nuuid: 00000000-0000-4000-8000-000000000001\nsecret: s3cret\napi:\n  host: {host}\n  port: {port}\n  use_ssl: false\n"
    );
    fs::write(place.path("node.yaml"), yaml).unwrap();
}

/// Starts the server of a place.
pub fn start(place: Place, settings: &str) -> Running {
    let command = place.command(&format!("SLAB_ALLOC_ARENA=0.05\n{settings}"));
    Running::spawn(place, command)
}

/// Sends records with attacks of these numbers; all of them are acknowledged.
pub fn send_attacks(server: &Running, numbers: impl IntoIterator<Item = u64>) {
    let mut client = server.client();
    for number in numbers {
        assert!(client.push(&attack_record(number)).outcome.is_ok(), "attack {number}");
    }
}

/// Waits until everything that the server knows of has left it.
pub fn drained(server: &Running) -> Value {
    wait_for(|| {
        let state = server.state();
        let hits = &state["hits"];
        let here = ["waiting", "spooled", "in_flight"].iter().map(|name| hits[*name].as_u64().unwrap());
        (here.sum::<u64>() == 0).then_some(state)
    })
    .unwrap_or_else(|| panic!("not drained: {}", server.state()))
}

/// Waits until all hits that were made are on disk, or further, and gives how many were made.
pub fn saved(server: &Running) -> u64 {
    wait_for(|| {
        let state = server.state();
        (state["hits"]["waiting"] == 0).then(|| state["hits"]["made"].as_u64().unwrap())
    })
    .unwrap_or_else(|| panic!("not saved: {}", server.state()))
}

/// The requests of which the Cloud has all hits.
pub fn exported(cloud: &FakeCloud) -> BTreeSet<String> {
    let ledger = cloud.ledger();
    let accepted = ledger.hits().iter().filter(|(_, fate)| fate.accepted.is_some());
    let mut kinds = std::collections::BTreeMap::<String, u64>::new();
    accepted.for_each(|(hit, _)| *kinds.entry(hit.0.clone()).or_default() += 1);
    kinds.into_iter().filter(|(_, kinds)| *kinds == HITS).map(|(request, _)| request).collect()
}

/// Those of the numbers of which the Cloud lacks a hit.
pub fn missing(cloud: &FakeCloud, numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let exported = exported(cloud);
    numbers.into_iter().filter(|number| !exported.contains(&id(*number))).collect()
}
