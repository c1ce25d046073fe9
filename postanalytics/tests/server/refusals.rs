//! Peers that are hostile, broken, or not welcome.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::{Client, frame, record};
use crate::running::{Running, wait_for};

#[test]
fn garbage_is_answered_with_error_20_and_closed() {
    let server = Running::start("");
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0xc1],
        &[0xa5, b'h', b'e', b'l', b'l', b'o'],
        &[0xce, 0, 0, 0, 1, 0xc1],
        &[0xce, 0, 0, 0, 2, 0x80, 0xc1],
        &[0xce, 0, 0, 0, 0],
        &[0xce, 8, 0, 0, 1],
        &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
        let mut client = server.client();
        client.send(garbage);
        // `G` is 0x47, which is a frame of 71 bytes: it needs the rest before it can be judged.
        if garbage[0] == b'G' {
            client.send(&[b'x'; 71]);
        }
        assert_eq!(client.receive().code(), 20, "{garbage:02x?}");
        assert!(client.is_closed());
    }
    assert!(server.client().ping().outcome.is_ok());
}

#[test]
fn requests_before_the_garbage_are_still_answered() {
    let server = Running::start("");
    let mut client = server.client();
    client.send(&[&frame(&[0x82, 0, 0x40, 1, 5])[..], &frame(&[0xc1])].concat());
    assert_eq!(client.receive().sync, 5);
    assert_eq!(client.receive().code(), 20);
    assert!(client.is_closed());
}

#[test]
fn a_depth_bomb_is_error_20_and_closed() {
    let server = Running::start("");
    let mut client = server.client();
    let bomb = [&[0x82, 0, 0x0a, 1, 5, 0x81, 0x21][..], &vec![0x91; 1_000_000], &[0xc0]].concat();
    client.send(&frame(&bomb));
    let answer = client.receive();
    assert_eq!((answer.sync, answer.code()), (5, 20));
    assert!(client.is_closed());
}

#[test]
fn a_claimed_size_takes_no_memory() {
    let server = Running::start("");
    let before = server.resident();
    let mut clients: Vec<_> = (0..100).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send(&[0xce, 8, 0, 0, 0, 0x82]);
    }
    assert!(server.client().ping().outcome.is_ok());
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes for 100 claims of 128 MiB");
}

#[test]
fn a_frame_that_is_not_finished_within_30_s_closes_its_connection() {
    let server = Running::start("");
    let (mut slow, mut idle) = (server.client(), server.client());
    let start = Instant::now();
    slow.send(&[0xce, 0, 0, 1, 0]);
    let mut trickle = slow.stream.try_clone().unwrap();
    // A byte now and then does not extend the time.
    let trickling = std::thread::spawn(move || {
        while trickle.write_all(&[0x80]).is_ok() && start.elapsed() < Duration::from_secs(50) {
            std::thread::sleep(Duration::from_secs(2));
        }
    });
    // A reset is as good an end as a close: bytes were still on their way.
    let mut byte = [0];
    assert!(matches!(slow.stream.read(&mut byte), Ok(0) | Err(_)));
    let took = start.elapsed();
    assert!((29..45).contains(&took.as_secs()), "closed after {took:?}");
    server.place.log_line("did not finish a frame within 30 s");
    assert!(idle.ping().outcome.is_ok(), "a connection without a frame may stay");
    trickling.join().unwrap();
}

#[test]
fn peers_that_are_not_in_allow_from_get_no_byte() {
    let server = Running::start("ALLOW_FROM='192.0.2.0/24,198.51.100.7'\n");
    let mut stream = TcpStream::connect(server.local()).unwrap();
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes);
    assert!(ended.is_err() || bytes.is_empty(), "{bytes:?}");
    server.place.log_line("is not in ALLOW_FROM");
}

#[test]
fn peers_in_allow_from_are_served_over_ipv6_sockets_too() {
    let server = Running::start("HOST='::'\nALLOW_FROM=127.0.0.0/8\n");
    assert!(server.client().ping().outcome.is_ok());
}

#[test]
fn connection_1025_is_closed_and_a_place_that_becomes_free_is_given_away() {
    rlimit::increase_nofile_limit(4096).unwrap();
    let server = Running::start("");
    let mut clients: Vec<_> = (0..1024).map(|_| server.client()).collect();
    let refused = |server: &Running| {
        let mut stream = TcpStream::connect(server.local()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        !matches!(stream.read(&mut [0; 128]), Ok(count) if count > 0)
    };
    assert!(refused(&server));
    server.place.log_line("on top of the most connections");
    clients.pop();
    wait_for(|| (!refused(&server)).then_some(())).expect("no place became free");
    assert!(clients[0].ping().outcome.is_ok());
}

#[test]
fn refused_commands_are_logged_once_a_minute_and_never_with_their_arguments() {
    let server = Running::start("");
    let mut client = server.client();
    for _ in 0..5 {
        client.call_with("os.execute", |writer| {
            writer.array(1).str(b"secret-argument");
        });
    }
    client.eval("return 'secret-expression'", &["secret-argument"]);
    let line = server.place.log_line("refused");
    assert!(line.contains("CALL of 'os.execute' from 127.0.0.1:"), "{line}");
    let log = server.place.log();
    assert_eq!(log.matches("refused").count(), 1, "{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn a_refused_expression_is_not_logged_either() {
    let server = Running::start("");
    server.client().eval("return 'secret-expression'", &[]);
    assert!(server.place.log_line("refused").contains("refused EVAL from 127.0.0.1:"));
    assert!(!server.place.log().contains("secret"));
}

#[test]
fn request_data_is_never_logged() {
    let server = Running::start("");
    let mut client = server.client();
    client.push(&record(1, 600, "secret-field"));
    client.push(&[0x81, 0xaa, b's', b'e', b'c', b'r', b'e', b't', b'-', b'k', b'e', b'y', 0xc0]);
    server.place.log_line("refused");
    assert!(!server.place.log().contains("secret"), "{}", server.place.log());
}

#[test]
fn a_server_without_free_files_wrote_five_lines_a_second() {
    let server = Running::start("");
    let pid = i32::try_from(server.child.id()).unwrap();
    let limit = |files| rlimit::prlimit(pid, rlimit::Resource::NOFILE, Some((files, 4096)), None).unwrap();
    limit(3);
    let waiting = TcpStream::connect(server.local()).unwrap();
    server.place.log_line("cannot accept a connection: Too many open files");
    // It tries again every 200 ms; time is what this is about.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(server.place.log().matches("cannot accept").count(), 1, "{}", server.place.log());
    limit(1024);
    assert!(Client::over(waiting).ping().outcome.is_ok());
}
