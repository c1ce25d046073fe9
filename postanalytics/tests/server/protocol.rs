//! What is answered on port 3313, request by request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use iproto::msgpack::Writer;
use iproto::request;

use crate::client::{Answer, Client, frame, id, push, record, strings};
use crate::running::{Place, Running, program, wait_for};

const CONSOLE: &str = "return require(\"console\").eval(...)";

#[test]
fn the_greeting_names_a_2_11_version_and_the_binary_protocol() {
    let server = Running::start("");
    let greeting = server.client().greeting;
    let text = std::str::from_utf8(&greeting).unwrap();
    assert!(text.starts_with("Tarantool 2.11.0 (Binary) "), "{text}");
    assert_eq!((greeting[63], greeting[127]), (b'\n', b'\n'));
}

#[test]
fn a_request_may_come_before_the_greeting_was_read() {
    let server = Running::start("");
    let mut stream = TcpStream::connect(server.local()).unwrap();
    let mut ping = Vec::new();
    request::write_ping(&mut ping, 77);
    stream.write_all(&ping).unwrap();
    assert_eq!(Client::over(stream).receive().sync, 77);
}

#[test]
fn pipelined_requests_of_all_kinds_are_answered_in_their_order() {
    let server = Running::start("");
    let mut client = server.client();
    let mut requests = Vec::new();
    for sync in 0..3000 {
        match sync % 3 {
            0 => request::write_ping(&mut requests, sync),
            1 => requests.extend(push(sync, &record(sync, 400, "body"))),
            _ => request::write_call(&mut requests, sync, "no.such", |writer| {
                writer.array(0);
            }),
        }
    }
    let mut sender = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || sender.write_all(&requests).unwrap());
    for sync in 0..3000 {
        let answer = client.receive();
        assert_eq!(answer.sync, sync);
        match sync % 3 {
            0 => assert_eq!(answer.outcome, Ok(Vec::new())),
            1 => assert_eq!(strings(&answer.outcome.unwrap()), [id(sync)]),
            _ => assert_eq!(answer.code(), 33),
        }
    }
    sending.join().unwrap();
}

#[test]
fn the_schema_is_empty_for_clients_that_read_it() {
    let (_server, mut client) = Running::start("").with_client();
    for space in [281u16, 289, 277, 341] {
        let [high, low] = space.to_be_bytes();
        let select = [0x82, 0, 1, 1, 9, 0x83, 0x10, 0xcd, high, low, 0x11, 0, 0x20, 0x90];
        assert_eq!(client.ask(&frame(&select)).outcome, Ok(vec![0x90]));
    }
}

#[test]
fn id_is_version_3_with_feature_0_and_chap_sha1() {
    let (_server, mut client) = Running::start("").with_client();
    client.send(&frame(&[0x82, 0, 0x49, 1, 5, 0x82, 0x54, 3, 0x55, 0x90]));
    let expected = [&[0x83, 0x54, 3, 0x55, 0x91, 0, 0x5b, 0xa9][..], b"chap-sha1"].concat();
    let mut bytes = vec![0; 5 + 23 + expected.len()];
    client.stream.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes[5 + 23..], expected);
}

#[test]
fn only_guest_without_a_password_may_authenticate() {
    let (_server, mut client) = Running::start("").with_client();
    let auth = |user: &str, parts: &[&str]| {
        let mut payload = vec![0x82, 0, 7, 1, 1];
        let mut writer = Writer::new(&mut payload);
        writer.map(2).uint(0x23).str(user.as_bytes()).uint(0x21).array(parts.len() as u32);
        for part in parts {
            writer.str(part.as_bytes());
        }
        frame(&payload)
    };
    assert!(client.ask(&auth("guest", &[])).outcome.is_ok());
    assert_eq!(client.ask(&auth("guest", &["chap-sha1", "01234567890123456789"])).code(), 47);
    assert_eq!(client.ask(&auth("admin", &[])).code(), 47);
}

#[test]
fn statistics_are_called_evaluated_and_typed() {
    let (_server, mut client) = Running::start("").with_client();
    for name in ["export_delay", "timeframe_size", "dropped_before_export", "export_drops_flag", "last_request_id"]
        .map(|name| format!("wallarm.stat.{name}"))
    {
        let name = name.as_str();
        assert_eq!(client.call(name).number(), 0.0);
        assert_eq!(client.eval(&format!("return {name}()"), &[]).number(), 0.0);
        for line in [format!("{name}()"), format!("return {name}()"), format!("  {name}()\n")] {
            assert_eq!(client.eval(CONSOLE, &[&line]).text(), "---\n- 0\n...\n");
        }
    }
    assert_eq!(client.eval(CONSOLE, &["return true"]).text(), "---\n- true\n...\n");
}

#[test]
fn last_request_id_counts_and_uptime_grows_while_nothing_is_stored() {
    let (_server, mut client) = Running::start("").with_client();
    let first = client.call("wallarm.stat.uptime").number();
    for number in 1..=3 {
        client.push(&record(number, 1000, "body"));
        assert_eq!(client.call("wallarm.stat.last_request_id").number(), number as f64);
    }
    wait_for(|| (client.call("wallarm.stat.uptime").number() > first).then_some(())).unwrap();
}

#[test]
fn call_16_wraps_its_result_in_a_tuple() {
    let (_server, mut client) = Running::start("").with_client();
    let mut payload = vec![0x82, 0, 6, 1, 1];
    Writer::new(&mut payload).map(2).uint(0x22).str(b"wallarm.stat.dropped_before_export").uint(0x21).array(0);
    assert_eq!(client.ask(&frame(&payload)).outcome, Ok(vec![0x91, 0x91, 0]));
}

#[test]
fn every_other_expression_is_denied() {
    let (_server, mut client) = Running::start("").with_client();
    for (expression, arguments) in [
        ("return 1", &[][..]),
        ("wallarm.stat.timeframe_size()", &[]),
        ("return wallarm.stat.timeframe_size() ", &[]),
        ("return  wallarm.stat.timeframe_size()", &[]),
        ("return require('console').eval(...)", &["return true"]),
        (CONSOLE, &[]),
        (CONSOLE, &["return true", "return true"]),
        (CONSOLE, &["return 1"]),
        (CONSOLE, &["os.execute('id')"]),
        (CONSOLE, &["wallarm.stat.timeframe_size(); os.exit()"]),
    ] {
        assert_eq!(client.eval(expression, arguments).code(), 42, "{expression} {arguments:?}");
    }
    assert!(client.ping().outcome.is_ok());
}

#[test]
fn unknown_types_and_functions_leave_the_connection_open() {
    let (_server, mut client) = Running::start("").with_client();
    for kind in [0x00, 0x02, 0x0b, 0x41, 0x7f] {
        assert_eq!(client.ask(&frame(&[0x82, 0, kind, 1, 1])).code(), 48);
    }
    let answer = client.call("os.execute");
    assert_eq!(answer.outcome, Err((33, "Procedure 'os.execute' is not defined".into())));
    assert!(client.ping().outcome.is_ok());
}

#[test]
fn a_pushed_record_is_answered_with_its_id_and_ages() {
    let (_server, mut client) = Running::start("").with_client();
    let answer = client.push(&record(0xabc, 1000, "body"));
    assert_eq!(strings(&answer.outcome.unwrap()), [id(0xabc)]);
    let age = wait_for(|| Some(client.call("wallarm.stat.timeframe_size").number()).filter(|age| *age > 0.0));
    assert!(age.unwrap() < 60.0);
}

#[test]
fn what_is_no_record_is_refused_and_the_connection_stays_open() {
    let (_server, mut client) = Running::start("").with_client();
    let mut nameless = Vec::new();
    Writer::new(&mut nameless).map(1).str(b"uri").str(b"/");
    let refused = client.push(&nameless).outcome.unwrap_err();
    assert_eq!(refused.0, 1);
    assert_eq!(refused.1, "Illegal parameters, expected [schema, record]: the request_id is missing");
    assert_eq!(client.push(&[0x90]).code(), 1);
    assert!(client.push(&record(1, 500, "body")).outcome.is_ok());
}

#[test]
fn hello_names_the_server_and_a_newer_module_is_logged() {
    let (server, mut client) = Running::start("").with_client();
    let mut hello = |version: &str| {
        client.call_with("wallarm.hello", |writer| {
            writer.array(1).map(3).str(b"version").str(version.as_bytes());
            writer.str(b"instance_uuid").str(b"u").str(b"role").str(b"filter");
        })
    };
    let own = hello("4.8.0").text();
    assert_eq!(own, env!("CARGO_PKG_VERSION"));
    assert!(!server.place.log().contains("newer"));
    hello("99.0.0");
    assert!(server.place.log_line("newer than this server's").contains("99.0.0"));
}

/// The same bytes to a real Tarantool: same shape of greeting, same syncs, same errors.
#[test]
fn a_real_tarantool_answers_the_same() {
    let place = Place::new();
    let socket = place.path("socket");
    let folder = place.path("");
    let script = format!(
        "box.cfg{{listen='unix/:{}', wal_mode='none', memtx_dir='{folder}', vinyl_dir='{folder}', wal_dir='{folder}', log='{}'}} \
         box.schema.user.grant('guest', 'execute', 'universe')",
        socket.display(),
        place.path("log").display(),
        folder = folder.display()
    );
    std::fs::write(place.path("init.lua"), script).unwrap();
    let mut command = program("tarantool", "tarantool");
    let _oracle = Oracle(command.arg(place.path("init.lua")).stdin(Stdio::null()).spawn().unwrap());
    let stream = wait_for(|| UnixStream::connect(&socket).ok());
    // The grant comes after the socket: wait until the server says it is up, or the test would race with it.
    place.log_line("ready to accept requests");
    let mut real = Client::over(stream.expect("tarantool does not listen"));
    let (_server, mut ours) = Running::start("").with_client();
    let shape = |greeting: &[u8]| (greeting[..10].to_vec(), greeting[63], greeting[108..].to_vec());
    assert_eq!(shape(&real.greeting), shape(&ours.greeting));
    for request in [
        vec![0x82, 0, 0x40, 1, 5],
        vec![0x83, 5, 0, 1, 6, 0, 0x40, 0x80],
        vec![0x82, 0, 0x7f, 1, 7],
        [&[0x82, 0, 0x0a, 1, 8, 0x82, 0x22, 0xa4][..], b"nope", &[0x21, 0x90]].concat(),
        [&[0x82, 0, 8, 1, 9, 0x82, 0x27, 0xd9, 35][..], CONSOLE.as_bytes(), &[0x21, 0x91, 0xab], b"return true"]
            .concat(),
    ] {
        assert_eq!(meaning(&ours.ask(&frame(&request))), meaning(&real.ask(&frame(&request))), "{request:02x?}");
    }
}

/// An answer without the widths of its MessagePack, which differ: sync, then the error or the text of the result.
fn meaning(answer: &Answer) -> (u64, Result<Option<String>, (u32, String)>) {
    let text = answer.outcome.clone().map(|data| (!data.is_empty()).then(|| answer.text()));
    (answer.sync, text)
}

/// A real Tarantool, which ends with its test.
struct Oracle(Child);

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended on its own, which the test then says.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// The server with a client of it; the server lives as long as the pair.
    fn with_client(self) -> (Self, Client<TcpStream>) {
        let client = self.client();
        (self, client)
    }
}
