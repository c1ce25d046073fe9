use iproto::code::ErrorCode;
use iproto::greeting;
use iproto::request::Request;
use iproto::response;

use super::super::peers::{PeerSettings, Peers};
use super::*;

fn identity() -> Identity {
    Identity { version: "4.8.9".into(), instance_uuid: "8f9a2b7e".into() }
}

fn now(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

fn peer() -> PeerId {
    let settings = PeerSettings {
        name: "192.0.2.1:3313".into(),
        weight: 1,
        max_conns: 1,
        max_fails: 1,
        fail_timeout: Duration::from_secs(10),
        backup: false,
        down: false,
    };
    Peers::new(vec![settings]).fresh().unwrap()
}

fn hail() -> Vec<u8> {
    greeting::encode("2.11.0", "213c93a0-47c9-46b8-82d5-1e4179585ac1", &[7; greeting::SALT_LENGTH]).to_vec()
}

fn ok(sync: u64) -> Vec<u8> {
    let mut out = Vec::new();
    response::write_empty(&mut out, sync);
    out
}

fn frame() -> Vec<u8> {
    let mut out = Vec::new();
    request::write_ping(&mut out, 0);
    out
}

fn receive(connection: &mut Connection, bytes: &[u8]) -> Result<Received, ConnectionError> {
    let (received, result) = connection.receive(bytes, &identity(), now(5));
    result.map(|()| received)
}

/// Writes everything, and gives it.
fn write(connection: &mut Connection) -> Vec<u8> {
    let bytes = connection.output().to_vec();
    connection.wrote(bytes.len());
    bytes
}

fn greeted() -> Connection {
    let mut connection = Connection::new(peer(), now(0));
    connection.opened();
    receive(&mut connection, &hail()).unwrap();
    write(&mut connection);
    connection
}

fn ready() -> Connection {
    let mut connection = greeted();
    receive(&mut connection, &ok(0)).unwrap();
    connection
}

fn add(connection: &mut Connection) {
    connection.add(Waiting { frame: &frame(), key: 3 }, now(7));
}

#[test]
fn a_connection_says_hello_after_the_greeting_and_sends_after_the_answer() {
    let mut connection = Connection::new(peer(), now(0));
    connection.opened();
    for byte in hail() {
        assert_eq!((connection.stage(), connection.output()), (Stage::Greeting, &b""[..]));
        receive(&mut connection, &[byte]).unwrap();
    }
    assert_eq!(connection.stage(), Stage::Hello);
    let hello = write(&mut connection);
    let Ok(Split::Frame { payload, .. }) = frame::split(&hello) else { panic!("no frame") };
    let request = Request::decode(payload).unwrap();
    assert_eq!(request.name, Some(&b"wallarm.hello"[..]));
    assert_eq!(request.arguments, b"\x91\x83\xa7version\xa54.8.9\xadinstance_uuid\xa88f9a2b7e\xa4role\xa9filtering");
    assert!(!connection.has_room());
    for byte in ok(0) {
        assert_eq!(connection.stage(), Stage::Hello);
        receive(&mut connection, &[byte]).unwrap();
    }
    assert!(connection.is_ready() && connection.has_room());
}

#[test]
fn answers_find_their_records_wherever_they_are_cut() {
    let mut answers = [ok(2), ok(1)].concat();
    response::write_error(&mut answers, 3, ErrorCode::IllegalParams, "record too large");
    for cut in 0..answers.len() {
        let mut connection = ready();
        (0..3).for_each(|_| add(&mut connection));
        write(&mut connection);
        let first = receive(&mut connection, &answers[..cut]).unwrap();
        let second = receive(&mut connection, &answers[cut..]).unwrap();
        assert_eq!((first.delivered + second.delivered, first.refused + second.refused), (2, 1));
        let refusal = first.refusal.or(second.refusal).unwrap();
        assert_eq!(refusal.to_string(), "record too large (error 1)");
        assert_eq!((connection.open(), connection.lost(), connection.input.len()), (0, 0, 0));
    }
}

#[test]
fn what_is_no_greeting_answer_or_open_request_ends_the_connection() {
    let fresh = || Connection::new(peer(), now(0));
    let web = [&b"HTTP/1.1 400 Bad Request\r\n"[..], &[b'x'; 200]].concat();
    assert_eq!(receive(&mut fresh(), &web), Err(ConnectionError::Greeting(GreetingError::NotTarantool)));
    assert_eq!(receive(&mut fresh(), &[hail(), ok(0)].concat()), Err(ConnectionError::Early));
    assert_eq!(receive(&mut ready(), &ok(1)), Err(ConnectionError::Unexpected(1)));
    assert!(matches!(receive(&mut ready(), &[b'g'; 200]), Err(ConnectionError::Answer(_) | ConnectionError::Frame(_))));
    assert_eq!(receive(&mut ready(), &[0xce, 1, 0, 0, 0]), Err(ConnectionError::Long((1 << 24) + 5)));
    assert!(matches!(receive(&mut ready(), &[1, 0xc1]), Err(ConnectionError::Answer(_))));
}

#[test]
fn a_server_that_refuses_hello_gets_no_records() {
    let mut connection = Connection::new(peer(), now(0));
    receive(&mut connection, &hail()).unwrap();
    write(&mut connection);
    let mut refusal = Vec::new();
    response::write_error(&mut refusal, 0, ErrorCode::NoSuchProc, "Procedure 'wallarm.hello' is not\ndefined");
    let error = receive(&mut connection, &refusal).unwrap_err();
    let expected = "the server refused hello: Procedure 'wallarm.hello' is not defined (error 33)";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_hello_that_is_answered_before_it_is_written_is_no_answer() {
    let mut connection = Connection::new(peer(), now(0));
    receive(&mut connection, &hail()).unwrap();
    connection.wrote(3);
    assert_eq!(receive(&mut connection, &ok(0)), Err(ConnectionError::Unexpected(0)));
}

#[test]
fn what_is_written_is_lost_with_the_connection_and_what_is_not_comes_back() {
    let mut connection = ready();
    (0..4).for_each(|_| add(&mut connection));
    let length = frame().len();
    connection.wrote(2 * length + 1);
    receive(&mut connection, &ok(2)).unwrap();
    assert_eq!(connection.lost(), 1);
    let numbered = |sync| {
        let mut frame = frame();
        request::set_sync(&mut frame, sync);
        frame
    };
    let back: Vec<_> = connection.unwritten().map(|record| (record.frame.to_vec(), record.key)).collect();
    assert_eq!(back, [(numbered(3), 3), (numbered(4), 3)]);
}

#[test]
fn what_a_connection_takes_is_bounded() {
    let mut connection = ready();
    while connection.has_room() {
        add(&mut connection);
        write(&mut connection);
    }
    assert_eq!(connection.open(), IN_FLIGHT);
    let mut blocked = ready();
    while blocked.has_room() {
        add(&mut blocked);
    }
    assert!(blocked.output().len() < OUTPUT + frame().len());
}

#[test]
fn deadlines_are_those_of_the_stage() {
    let timeout = Duration::from_secs(1);
    let connection = Connection::new(peer(), now(100));
    assert_eq!(connection.deadline(timeout), Some(now(1100)));
    let mut connection = greeted();
    let by = connection.deadline(timeout);
    assert!(by > Some(now(0).plus(ANSWER_TIMEOUT)), "a server that is slow to answer hello is given up by {by:?}");
    connection = ready();
    assert_eq!(connection.deadline(timeout), None);
    add(&mut connection);
    assert_eq!(connection.deadline(timeout), Some(now(7).plus(ANSWER_TIMEOUT)));
}
