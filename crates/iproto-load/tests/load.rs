//! Loads against servers that behave, and against some that do not.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a failed test")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use iproto::code::ErrorCode;
use iproto::frame::{Split, split};
use iproto::greeting;
use iproto::msgpack::{Reader, Scalar};
use iproto::request::{Request, write_call};
use iproto::response;
use iproto_load::{Key, LoadError, Plan, Refusals, Requests, run};

/// What a server does with a request that is the nth on its connection: appends answers, or says `false` to close.
type Answer = fn(u64, &Request<'_>, &mut Vec<u8>) -> bool;

fn content(_: u64, request: &Request<'_>, out: &mut Vec<u8>) -> bool {
    response::write_empty(out, request.sync);
    true
}

/// A server for so many connections; gives the keys of all requests in the end.
fn server(connections: usize, answer: Answer) -> (SocketAddr, JoinHandle<Vec<u64>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let accept = move || {
        let serve = |_| {
            let (stream, _) = listener.accept().unwrap();
            thread::spawn(move || serve(stream, answer))
        };
        let threads: Vec<_> = (0..connections).map(serve).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    };
    (address, thread::spawn(accept))
}

fn serve(mut stream: TcpStream, answer: Answer) -> Vec<u64> {
    stream.write_all(&greeting::encode("2.11.0", "213c93a0-47c9-46b8-82d5-1e4179585ac1", &[0; 32])).unwrap();
    let (mut input, mut keys, mut piece) = (Vec::new(), Vec::new(), vec![0; 1 << 20]);
    loop {
        let count = stream.read(&mut piece).unwrap_or(0);
        if count == 0 {
            return keys;
        }
        input.extend_from_slice(&piece[..count]);
        let (mut out, mut taken) = (Vec::new(), 0);
        while let Ok(Split::Frame { payload, size }) = split(&input[taken..]) {
            let request = Request::decode(payload).unwrap();
            let mut arguments = Reader::new(request.arguments);
            arguments.array_len().unwrap();
            let Ok(Scalar::Uint(key)) = arguments.scalar() else { panic!("no key") };
            keys.push(key);
            taken += size;
            if !answer(keys.len() as u64, &request, &mut out) {
                return keys;
            }
        }
        input.drain(..taken);
        if stream.write_all(&out).is_err() {
            return keys;
        }
    }
}

/// Five requests whose first argument is their key, with `ballast` bytes behind it.
fn requests(ballast: usize) -> Requests {
    let mut requests = Requests::default();
    for _ in 0..5 {
        let mut frame = Vec::new();
        write_call(&mut frame, 0, "f", |writer| {
            writer.array(2).uint64(0).str(&vec![b'x'; ballast]);
        });
        let marker = frame.iter().rposition(|byte| *byte == 0xcf).unwrap();
        requests.push(&frame, Key::Number(marker + 1));
    }
    requests
}

fn plan(address: SocketAddr) -> Plan {
    Plan {
        address,
        connections: 1,
        window: 4,
        time: Duration::from_secs(60),
        at_most: 23,
        first_key: 0,
        refusals: Refusals::Fail,
    }
}

#[test]
fn each_request_has_a_number_of_its_own_and_an_answer() {
    for (connections, window) in [(1, 1), (1, 256), (3, 1), (3, 7)] {
        let (address, server) = server(connections, content);
        let plan = Plan { connections, window, first_key: 100, at_most: 1000, ..plan(address) };
        let outcome = run(&plan, &mut requests(10)).unwrap();
        assert_eq!((outcome.answered, outcome.refused), (1000, 0));
        assert!(outcome.latency.p50 > Duration::ZERO && outcome.latency.p99 >= outcome.latency.p50);
        let keys = server.join().unwrap();
        let different: BTreeSet<u64> = keys.iter().copied().collect();
        assert_eq!(
            (keys.len(), different.len(), different.first()),
            (1000, 1000, Some(&100)),
            "{connections} {window}"
        );
    }
}

#[test]
fn a_request_that_the_system_takes_in_part_goes_out_whole_even_when_others_use_it_meanwhile() {
    // More than the buffers of two sockets hold, sent by two connections from the same five requests.
    let (address, server) = server(2, content);
    let plan = Plan { connections: 2, window: 1000, at_most: 1500, ..plan(address) };
    assert_eq!(run(&plan, &mut requests(100_000)).unwrap().answered, 1500);
    assert_eq!(server.join().unwrap().into_iter().collect::<BTreeSet<_>>().len(), 1500);
}

#[test]
fn a_load_ends_with_its_time_and_waits_for_what_is_in_flight() {
    let (address, server) = server(1, content);
    let plan = Plan { time: Duration::from_millis(50), at_most: u64::MAX, ..plan(address) };
    let outcome = run(&plan, &mut requests(10)).unwrap();
    assert!(outcome.elapsed >= plan.time && outcome.own_cpu > Duration::ZERO);
    assert_eq!(outcome.answered, server.join().unwrap().len() as u64);
}

#[test]
fn refusals_are_counted_or_end_the_load() {
    let refuse: Answer = |number, request, out| {
        if number.is_multiple_of(10) {
            response::write_error(out, request.sync, ErrorCode::IllegalParams, "no memory");
            return true;
        }
        content(number, request, out)
    };
    let (address, _server) = server(1, refuse);
    let outcome = run(&Plan { refusals: Refusals::Count, ..plan(address) }, &mut requests(10)).unwrap();
    assert_eq!((outcome.answered, outcome.refused), (23, 2));
    assert_eq!(outcome.first_refusal.unwrap().to_string(), "error 1: no memory");
    let (address, _server) = server(1, refuse);
    let error = run(&plan(address), &mut requests(10)).unwrap_err();
    assert_eq!(error.to_string(), "the server refused a request with error 1: no memory");
}

#[test]
fn a_server_that_answers_one_twice_and_another_never_is_found_out() {
    let (address, _server) = server(1, |number, request, out| {
        response::write_empty(out, if number == 7 { 6 } else { request.sync });
        true
    });
    assert!(matches!(run(&plan(address), &mut requests(10)), Err(LoadError::Numbers)));
}

#[test]
fn a_server_that_answers_more_than_it_was_asked_is_found_out() {
    let (address, _server) = server(1, |_, request, out| {
        response::write_empty(out, request.sync);
        response::write_empty(out, request.sync);
        true
    });
    assert!(matches!(run(&plan(address), &mut requests(10)), Err(LoadError::Numbers)));
}

#[test]
fn a_server_that_leaves_is_named() {
    let (address, _server) = server(1, |number, _, _| number < 3);
    let error = run(&plan(address), &mut requests(10)).unwrap_err();
    assert!(matches!(error, LoadError::Closed { in_flight: 1.. } | LoadError::Io(_)), "{error}");
}

#[test]
fn nothing_to_send_is_said() {
    let (address, _server) = server(1, content);
    assert!(matches!(run(&plan(address), &mut Requests::default()), Err(LoadError::Nothing)));
}
