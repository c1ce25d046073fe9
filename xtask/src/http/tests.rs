//! The server as a client sees it.

use super::*;
use std::io::Read;
use std::net::Ipv4Addr;
use std::time::{Duration, UNIX_EPOCH};

fn served() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a/InRelease", "0123456789"), ("b/InRelease", "other")] {
        let path = folder.path().join(name);
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_millis(1_700_000_000_500)).unwrap();
    }
    let server = serve(&folder.path().join("a"), (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    (folder, server)
}

/// Sends requests in one go on one connection, the last with `Connection: close`, and returns all that comes.
fn ask(server: &Server, requests: &str) -> String {
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.write_all(requests.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(server: &Server, headers: &str) -> String {
    ask(server, &format!("GET /InRelease HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
}

#[test]
fn a_file_comes_with_length_type_and_date() {
    let (_folder, server) = served();
    let answer = get(&server, "");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("Content-Length: 10\r\n") && answer.contains("Content-Type: text/plain"), "{answer}");
    assert!(answer.contains("Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n0123456789"), "{answer}");
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let (_folder, server) = served();
    let answer = get(&server, "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
    assert!(answer.starts_with("HTTP/1.1 304 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(get(&server, "If-Modified-Since: Wed, 15 Nov 2023 22:13:20 GMT\r\n").starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() {
    let (_folder, server) = served();
    let answer = get(&server, "Range: bytes=7-\r\nIf-Range: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
    assert!(answer.starts_with("HTTP/1.1 206 ") && answer.contains("Content-Range: bytes 7-9/10\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n789"), "{answer}");
    let changed = get(&server, "Range: bytes=7-\r\nIf-Range: Tue, 14 Nov 2023 22:13:21 GMT\r\n");
    assert!(changed.starts_with("HTTP/1.1 200 ") && changed.ends_with("0123456789"), "{changed}");
    let outside = get(&server, "Range: bytes=10-\r\n");
    assert!(outside.starts_with("HTTP/1.1 416 ") && outside.contains("Content-Range: bytes */10\r\n"), "{outside}");
}

#[test]
fn requests_may_follow_each_other_before_the_first_answer_and_head_has_no_body() {
    let (_folder, server) = served();
    let answer = ask(
        &server,
        "HEAD /InRelease HTTP/1.1\r\n\r\nGET /missing HTTP/1.1\r\n\r\nGET /InRelease HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    let statuses: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200"], "{answer}");
    assert_eq!(answer.matches("0123456789").count(), 1, "{answer}");
}

#[test]
fn another_tree_can_be_shown_under_the_same_address() {
    let (folder, server) = served();
    server.show(&folder.path().join("b")).unwrap();
    assert!(get(&server, "").ends_with("\r\n\r\nother"));
    assert!(server.show(&folder.path().join("none")).is_err());
}

#[test]
fn a_dropped_server_gives_its_port_back_though_clients_hold_connections() {
    let (_folder, server) = served();
    let addr = server.addr;
    let mut held = TcpStream::connect(addr).unwrap();
    held.write_all(b"GET /InRelease HTTP/1.1\r\n\r\n").unwrap();
    let mut first = [0; 12];
    held.read_exact(&mut first).unwrap();
    drop(server);
    assert!(TcpStream::connect(addr).is_err());
}
