//! Start and stop, as systemd and logrotate see them.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::running::{BINARY, Place, Running};

/// Serves with a fixed port, which must fail.
fn failing_bind(settings: &str) -> String {
    let place = Place::new();
    let file = place.path("settings");
    fs::write(&file, format!("LOGFILE={}\n{settings}", place.path("log").display())).unwrap();
    let status = Command::new(BINARY).args(["serve", "--settings"]).arg(file).status().unwrap();
    assert_eq!(status.code(), Some(1));
    place.log()
}

#[test]
fn an_address_that_is_not_on_this_machine_is_logged_in_the_documented_words() {
    let log = failing_bind("HOST='192.0.2.1'\nPORT=3313\n");
    assert!(log.contains(" F> SystemError binary: failed to bind: Cannot assign requested address\n"), "{log}");
    assert!(log.contains("cannot bind 192.0.2.1:3313 (HOST, PORT)"), "{log}");
}

#[test]
fn a_taken_port_is_logged_in_the_documented_words() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let log = failing_bind(&format!("PORT={}\n", taken.local_addr().unwrap().port()));
    assert!(log.contains(" F> SystemError binary: failed to bind: Address already in use\n"), "{log}");
    assert!(!log.contains("ready to accept requests"), "{log}");
}

#[test]
fn a_taken_metrics_address_ends_the_start_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (place, address) = (Place::new(), taken.local_addr().unwrap());
    let status = place.command(&format!("METRICS_LISTEN={address}\n")).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(place.log().contains(&format!("cannot bind {address} (METRICS_LISTEN)")), "{}", place.log());
}

#[test]
fn a_port_can_be_bound_again_right_after_a_stop() {
    let mut first = Running::start("");
    let mut client = first.client();
    assert!(client.ping().outcome.is_ok());
    first.signal("TERM");
    assert!(first.wait().success());
    let place = Place::new();
    let mut command = Command::new(BINARY);
    let port = first.address.port();
    fs::write(place.path("settings"), format!("LOGFILE={}\nPORT={port}\n", place.path("log").display())).unwrap();
    command.args(["serve", "--settings"]).arg(place.path("settings"));
    let second = Running::spawn(place, command);
    assert!(second.client().ping().outcome.is_ok());
}

#[test]
fn the_ready_line_tells_address_arena_and_version() {
    let server = Running::start("SLAB_ALLOC_ARENA=0.5\n");
    let line = server.place.log_line("ready to accept requests");
    let expected = format!(
        " I> ready to accept requests on {}, arena 0.5 GB, version {}",
        server.address,
        env!("CARGO_PKG_VERSION")
    );
    assert!(line.ends_with(&expected), "{line}");
}

#[test]
fn sigterm_ends_the_server_with_0_within_10_s_whatever_its_clients_do() {
    let mut server = Running::start("METRICS_LISTEN=127.0.0.1:0\n");
    let mut half = server.client();
    half.send(&[0xce, 0, 0, 1]);
    let _idle = server.client();
    let _page = server.get("GET /metrics");
    let start = Instant::now();
    server.signal("TERM");
    assert_eq!(server.notification(), "STOPPING=1");
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(half.is_closed());
    server.place.log_line("got signal 15, stopping");
}

#[test]
fn sighup_reopens_the_log_that_was_moved_away() {
    let server = Running::start("");
    fs::rename(server.place.path("log"), server.place.path("log.1")).unwrap();
    server.signal("HUP");
    server.place.log_line("log file has been reopened");
    assert!(!fs::read_to_string(server.place.path("log.1")).unwrap().contains("reopened"));
    assert!(server.client().ping().outcome.is_ok());
}

#[test]
fn a_log_that_cannot_be_reopened_goes_on_in_the_old_file() {
    let server = Running::start("");
    fs::rename(server.place.path("log"), server.place.path("log.1")).unwrap();
    fs::create_dir(server.place.path("log")).unwrap();
    server.signal("HUP");
    let old = || fs::read_to_string(server.place.path("log.1")).unwrap();
    crate::running::wait_for(|| old().contains("cannot reopen the log").then_some(())).expect("nothing logged");
    assert!(server.client().ping().outcome.is_ok());
}

#[test]
fn readiness_goes_to_abstract_sockets_too() {
    let place = Place::new();
    let name = format!("wtarantool-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut child = place.command("").env("NOTIFY_SOCKET", format!("@{name}")).spawn().unwrap();
    let mut buffer = [0; 64];
    let received = socket.recv(&mut buffer);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(&buffer[..received.unwrap()], b"READY=1");
}

#[test]
fn the_process_is_named_wtarantool() {
    let server = Running::start("");
    let name = fs::read_to_string(format!("/proc/{}/comm", server.child.id())).unwrap();
    assert_eq!(name, "wtarantool\n");
}
