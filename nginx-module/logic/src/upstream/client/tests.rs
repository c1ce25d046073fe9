mod server;

use iproto::request;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use server::Server;

fn peer(name: &str) -> PeerSettings {
    let fail_timeout = Duration::ZERO;
    PeerSettings { name: name.into(), weight: 1, max_conns: 1, max_fails: 0, fail_timeout, backup: false, down: false }
}

fn settings(peers: Vec<PeerSettings>) -> Settings {
    Settings {
        peers,
        keyed: false,
        queue: QueueLimits::new(Some(1_000_000), None),
        connect_attempts: 10,
        reconnect_interval: Duration::from_secs(15),
        connect_timeout: Duration::from_secs(1),
        identity: Identity { version: "4.8.9".into(), instance_uuid: "".into() },
    }
}

fn now(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

/// A record that can be told apart by its number.
fn push(client: &mut Client, number: u64) -> bool {
    client.push(number, |out| {
        request::write_call(out, 0, "push", |writer| {
            writer.array(1).uint64(number);
        });
    })
}

/// Begins all connections that are wanted, and tells to which servers.
fn connect(client: &mut Client, at: Moment) -> Vec<Slot> {
    std::iter::from_fn(|| client.next_connection(at)).collect()
}

fn names(client: &Client, slots: &[Slot]) -> Vec<String> {
    slots.iter().map(|slot| client.peer_name(client.peer(*slot).unwrap()).to_owned()).collect()
}

/// A client of two servers whose first record has opened both connections.
fn pair() -> (Client, [Slot; 2], [Server; 2]) {
    let mut client = Client::new(settings(vec![peer("a"), peer("b")]));
    push(&mut client, 0);
    let slots: [Slot; 2] = connect(&mut client, now(0)).try_into().unwrap();
    let servers = slots.map(|slot| Server::welcome(&mut client, slot, now(0)));
    (client, slots, servers)
}

#[test]
fn nothing_is_opened_before_there_is_something_to_say() {
    let mut client = Client::new(settings(vec![peer("a"), peer("b")]));
    assert_eq!((connect(&mut client, now(0)), client.wakeup(now(0))), (vec![], None));
    push(&mut client, 0);
    let slots = connect(&mut client, now(0));
    assert_eq!(names(&client, &slots), ["a", "b"]);
    assert_eq!(client.wakeup(now(0)), Some(now(1000)));
}

#[test]
fn records_are_spread_over_the_servers() {
    let (mut client, slots, mut servers) = pair();
    (1..10).for_each(|number| assert!(push(&mut client, number)));
    client.flush(now(1));
    for (server, slot) in servers.iter_mut().zip(slots) {
        server.read(&mut client, slot, usize::MAX);
        assert_eq!(server.answer(&mut client, slot, usize::MAX, now(2)), 5);
    }
    assert_eq!(client.take_tally(), Tally { delivered: 10, ..Tally::default() });
    assert!(!client.is_busy());
}

#[test]
fn with_a_key_the_records_of_one_client_meet_at_one_server() {
    let mut client = Client::new(Settings { keyed: true, ..settings(vec![peer("a"), peer("b")]) });
    push(&mut client, 0);
    let slots = connect(&mut client, now(0));
    let mut servers: Vec<_> = slots.iter().map(|slot| Server::welcome(&mut client, *slot, now(0))).collect();
    client.queue.clear();
    (0..100u64).for_each(|number| {
        client.push(number % 10, |out| {
            request::write_call(out, 0, "push", |writer| {
                writer.array(1).uint64(number);
            });
        });
    });
    client.flush(now(1));
    let seen: Vec<Vec<u64>> = servers
        .iter_mut()
        .zip(&slots)
        .map(|(server, slot)| {
            server.read(&mut client, *slot, usize::MAX);
            server.seen().iter().map(|number| number % 10).collect()
        })
        .collect();
    assert_eq!(seen[0].len() + seen[1].len(), 100);
    assert!(seen.iter().all(|keys| !keys.is_empty()));
    assert!((0..10).all(|key| seen[0].contains(&key) != seen[1].contains(&key)));
}

#[test]
fn after_a_break_nobody_reconnects_while_another_connection_lives_or_nothing_waits() {
    let (mut client, slots, mut servers) = pair();
    client.flush(now(0));
    servers[0].read(&mut client, slots[0], usize::MAX);
    servers[0].answer(&mut client, slots[0], usize::MAX, now(1));
    client.closed(slots[0], now(2));
    push(&mut client, 1);
    assert_eq!(connect(&mut client, now(60_000)), []);
    client.flush(now(60_000));
    client.closed(slots[1], now(60_001));
    // The record was not written, so it is still here, and no connection is.
    assert_eq!((client.queued(), connect(&mut client, now(60_001)).len()), (1, 1));
    let (mut idle, slots, _) = pair();
    idle.queue.clear();
    slots.into_iter().for_each(|slot| assert_eq!(idle.closed(slot, now(2)), 0));
    assert_eq!((connect(&mut idle, now(60_000)), idle.wakeup(now(60_000))), (vec![], None));
}

#[test]
fn dead_servers_are_tried_ten_times_at_once_and_then_every_15_seconds() {
    let mut client = Client::new(settings(vec![peer("a"), peer("b")]));
    push(&mut client, 0);
    let mut tries = Vec::new();
    let mut at = now(0);
    while at < now(40_000) {
        while let Some(slot) = client.next_connection(at) {
            tries.push((at.as_millis(), names(&client, &[slot]).concat()));
            client.closed(slot, at);
        }
        at = client.wakeup(at).unwrap();
    }
    // Two first tries, ten at once, in turn; a try later may pick another server.
    assert_eq!(tries.iter().filter(|(at, _)| *at == 0).count(), 12);
    assert_eq!(tries.iter().filter(|(at, name)| *at == 0 && name == "a").count(), 6);
    assert_eq!(tries[12..].iter().map(|(at, _)| *at).collect::<Vec<_>>(), [15_000, 30_000]);
    assert_ne!(tries[12].1, tries[13].1);
    assert_eq!((client.queued(), client.take_tally()), (1, Tally::default()));
}

#[test]
fn a_server_that_was_not_there_at_first_gets_its_share_when_it_comes() {
    let mut client = Client::new(settings(vec![peer("a"), peer("b")]));
    push(&mut client, 0);
    let slots = connect(&mut client, now(0));
    client.closed(slots[0], now(0));
    let mut server = Server::welcome(&mut client, slots[1], now(0));
    client.flush(now(0));
    server.read(&mut client, slots[1], usize::MAX);
    server.answer(&mut client, slots[1], usize::MAX, now(1));
    push(&mut client, 1);
    assert_eq!(connect(&mut client, now(14_999)), []);
    let late = connect(&mut client, now(15_000));
    assert_eq!(names(&client, &late), ["a"]);
    client.closed(late[0], now(15_000));
    assert_eq!(connect(&mut client, now(15_001)), []);
    let late = connect(&mut client, now(30_000));
    Server::welcome(&mut client, late[0], now(30_000));
    client.flush(now(30_000));
    assert!(!client.output(late[0]).is_empty() || !client.output(slots[1]).is_empty());
}

#[test]
fn a_server_that_answers_hello_and_then_closes_is_not_tried_in_a_tight_loop() {
    let mut client = Client::new(settings(vec![peer("a")]));
    let mut tries = 0;
    for number in 0..1000 {
        push(&mut client, number);
        for slot in connect(&mut client, now(number)) {
            tries += 1;
            let mut server = Server::welcome(&mut client, slot, now(number));
            client.flush(now(number));
            server.read(&mut client, slot, usize::MAX);
            client.closed(slot, now(number));
        }
    }
    assert_eq!((tries, client.take_tally().lost, client.queued()), (11, 11, 989));
}

#[test]
fn a_stopped_server_takes_one_window_of_records_and_no_more() {
    let mut client = Client::new(settings(vec![peer("a")]));
    push(&mut client, 0);
    let slot = connect(&mut client, now(0))[0];
    Server::welcome(&mut client, slot, now(0));
    (1..5000).for_each(|number| assert!(push(&mut client, number)));
    for _ in 0..100 {
        client.flush(now(10));
        client.wrote(slot, usize::MAX);
    }
    assert!(client.is_crowded());
    assert_eq!(client.expired(now(5009)), None);
    assert_eq!((client.wakeup(now(11)), client.expired(now(5010))), (Some(now(5010)), Some(slot)));
    assert_eq!((client.closed(slot, now(5010)), client.queued()), (1024, 5000 - 1024));
    assert_eq!(client.next_connection(now(5010)).map(Slot::index), Some(0));
}

#[test]
fn full_connections_are_joined_by_others_up_to_max_conns() {
    let mut client = Client::new(settings(vec![PeerSettings { max_conns: 2, ..peer("a") }]));
    push(&mut client, 0);
    let first = connect(&mut client, now(0));
    Server::welcome(&mut client, first[0], now(0));
    (0..4000).for_each(|number| assert!(push(&mut client, number)));
    assert_eq!(connect(&mut client, now(0)), []);
    client.flush(now(1));
    let second = connect(&mut client, now(1));
    assert_eq!(second.len(), 1);
    Server::welcome(&mut client, second[0], now(1));
    client.flush(now(1));
    assert!(!client.output(second[0]).is_empty() && client.is_crowded());
    assert_eq!(connect(&mut client, now(1)), []);
}

#[test]
fn a_backup_stands_in_and_goes_on_until_a_server_is_back() {
    let backup = PeerSettings { backup: true, ..peer("b") };
    let mut client = Client::new(settings(vec![
        PeerSettings { max_fails: 1, fail_timeout: Duration::from_secs(1), ..peer("a") },
        backup,
    ]));
    push(&mut client, 0);
    let first = connect(&mut client, now(0));
    assert_eq!(names(&client, &first), ["a"]);
    client.closed(first[0], now(0));
    let second = connect(&mut client, now(0));
    assert_eq!(names(&client, &second), ["b"]);
    Server::welcome(&mut client, second[0], now(1));
    client.flush(now(1));
    assert!(!client.output(second[0]).is_empty());
    push(&mut client, 1);
    let third = connect(&mut client, now(2000));
    assert_eq!(names(&client, &third), ["a"]);
    Server::welcome(&mut client, third[0], now(2000));
    client.flush(now(2000));
    assert!(!client.output(third[0]).is_empty());
}

#[test]
fn what_is_left_at_the_end_is_counted() {
    let (mut client, _, _) = pair();
    (1..10).for_each(|number| assert!(push(&mut client, number)));
    client.flush(now(0));
    push(&mut client, 10);
    client.abandon();
    assert_eq!(client.take_tally(), Tally { lost: 11, ..Tally::default() });
    assert_eq!((client.queued(), client.in_flight(), client.connections().count()), (0, 0, 0));
}

/// Something that happens to a client. Numbers pick a connection, or say how much.
#[derive(Clone, Debug)]
enum Event {
    Push,
    Connect { welcome: bool },
    Flush,
    Write { which: usize, bytes: usize },
    Answer { which: usize, count: usize, refuse: bool },
    Repeat { which: usize },
    Garbage { which: usize, bytes: Vec<u8> },
    Close { which: usize },
    Wait { millis: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let which = 0usize..4;
    prop_oneof![
        8 => Just(Event::Push),
        4 => any::<bool>().prop_map(|welcome| Event::Connect { welcome }),
        4 => Just(Event::Flush),
        4 => (which.clone(), 0usize..200).prop_map(|(which, bytes)| Event::Write { which, bytes }),
        4 => (which.clone(), 0usize..5, any::<bool>())
            .prop_map(|(which, count, refuse)| Event::Answer { which, count, refuse }),
        1 => which.clone().prop_map(|which| Event::Repeat { which }),
        1 => (which.clone(), vec(any::<u8>(), 1..40)).prop_map(|(which, bytes)| Event::Garbage { which, bytes }),
        1 => which.prop_map(|which| Event::Close { which }),
        1 => (0u64..20_000).prop_map(|millis| Event::Wait { millis }),
    ]
}

/// A client, the servers behind its slots, and what the test itself counted.
struct World {
    client: Client,
    servers: Vec<Option<Server>>,
    at: Moment,
    pushed: u64,
    answered: [u64; 2],
    seen: Vec<u64>,
}

impl World {
    fn new(limit: usize) -> Self {
        let peers =
            vec![PeerSettings { max_conns: 2, ..peer("a") }, peer("b"), PeerSettings { backup: true, ..peer("c") }];
        let client = Client::new(Settings { queue: QueueLimits::new(Some(limit), None), ..settings(peers) });
        let servers = client.slots.iter().map(|_| None).collect();
        Self { client, servers, at: now(0), pushed: 0, answered: [0; 2], seen: Vec::new() }
    }

    fn close(&mut self, slot: Slot) {
        self.client.closed(slot, self.at);
        if let Some(server) = self.servers[slot.0].take() {
            self.seen.extend(server.seen());
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Push => {
                push(&mut self.client, self.pushed);
                self.pushed += 1;
            }
            Event::Connect { welcome } => {
                for slot in connect(&mut self.client, self.at) {
                    if *welcome {
                        self.servers[slot.0] = Some(Server::welcome(&mut self.client, slot, self.at));
                    } else {
                        self.close(slot);
                    }
                }
            }
            Event::Flush => self.client.flush(self.at),
            Event::Wait { millis } => {
                self.at = self.at.plus(Duration::from_millis(*millis));
                while let Some(slot) = self.client.expired(self.at) {
                    self.close(slot);
                }
            }
            Event::Write { which, .. }
            | Event::Answer { which, .. }
            | Event::Repeat { which }
            | Event::Garbage { which, .. }
            | Event::Close { which } => {
                let Some(slot) = self.client.connections().nth(*which) else { return };
                if self.servers[slot.0].is_some() {
                    self.happen_to(slot, event);
                }
            }
        }
    }

    fn happen_to(&mut self, slot: Slot, event: &Event) {
        let Some(server) = &mut self.servers[slot.0] else { return };
        let ended = match event {
            Event::Write { bytes, .. } => {
                server.read(&mut self.client, slot, *bytes);
                false
            }
            Event::Answer { count, refuse: false, .. } => {
                self.answered[0] += server.answer(&mut self.client, slot, *count, self.at);
                false
            }
            Event::Answer { count, .. } => {
                self.answered[1] += server.refuse(&mut self.client, slot, *count, self.at);
                false
            }
            Event::Repeat { .. } => server.repeat(&mut self.client, slot, self.at).is_err(),
            // Some garbage is the beginning of a frame: it is found out later, or times out.
            Event::Garbage { bytes, .. } => {
                server.breaks();
                self.client.received(slot, bytes, self.at).is_err()
            }
            _ => true,
        };
        if ended {
            self.close(slot);
        }
    }
}

proptest! {
    #[test]
    fn every_record_ends_exactly_once(limit in 1usize..40, events in vec(event(), 0..300)) {
        let mut world = World::new(limit);
        let mut total = Tally::default();
        for event in &events {
            world.happen(event);
            let tally = world.client.take_tally();
            total.delivered += tally.delivered;
            total.refused += tally.refused;
            total.lost += tally.lost;
            total.dropped += tally.dropped;
            let still = (world.client.queued() + world.client.in_flight()) as u64;
            prop_assert_eq!(total.delivered + total.errors() + still, world.pushed, "{:?}", event);
        }
        prop_assert_eq!([total.delivered, total.refused], world.answered);
        let open: Vec<Slot> = world.client.connections().collect();
        open.into_iter().for_each(|slot| world.close(slot));
        world.seen.sort_unstable();
        let sent = world.seen.len();
        world.seen.dedup();
        prop_assert_eq!(world.seen.len(), sent, "a record was sent twice");
        world.client.abandon();
        let left = world.client.take_tally();
        prop_assert_eq!(total.delivered + total.errors() + left.errors(), world.pushed);
    }
}
