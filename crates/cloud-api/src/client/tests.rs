use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Instant;

use flate2::read::GzDecoder;

use super::*;

fn node(address: SocketAddr, more: &str) -> NodeYaml {
    let text = format!(
        "uuid: node-1\nsecret: s3cret\napi:\n  host: {}\n  port: {}\n  use_ssl: false\n{more}",
        address.ip(),
        address.port()
    );
    NodeYaml::parse(&text, Path::new("node.yaml")).unwrap()
}

/// Answers one connection with `answer` once its request is there, and gives the head and the body of the request.
fn answering(answer: &'static str) -> (SocketAddr, JoinHandle<(String, Vec<u8>, SocketAddr)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().unwrap();
        let (head, body) = request(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        (head, body, peer)
    });
    (address, thread)
}

fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line.to_ascii_lowercase();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 86\r\n\r\n{\"status\":200,\"body\":{\"accepted\":1,\"duplicates\":0,\"rejected\":[{\"id\":[\"r\",\"xss\"]}]}}  \n";

#[test]
fn a_call_says_who_calls_and_sends_what_it_was_given_compressed() {
    let (address, server) = answering(TAKEN);
    let client = Client::new(&node(address, ""), &Proxies::default(), "nginx-module").unwrap();
    let reply = client.post_hits(b"{\"batch_id\":\"b\",\"hits\":[]}").unwrap();
    assert_eq!((reply.status, reply.body.accepted, reply.body.rejected.len()), (200, 1, 1));
    let (head, body, _) = server.join().unwrap();
    assert!(head.starts_with("post /node/v1/hits http/1.1\r\n"), "{head}");
    for line in [
        "x-wallarmapi-uuid: node-1\r\n",
        "x-wallarmapi-secret: s3cret\r\n",
        "content-type: application/json\r\n",
        "content-encoding: gzip\r\n",
        &format!("user-agent: wallarm-node/{} (nginx-module)\r\n", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    let mut text = String::new();
    GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, "{\"batch_id\":\"b\",\"hits\":[]}");
}

#[test]
fn connections_come_from_the_address_that_is_given() {
    let (address, server) = answering(TAKEN);
    let client = Client::new(&node(address, "  local_host: 127.0.0.77\n"), &Proxies::default(), "test").unwrap();
    client.post_hits(b"{}").unwrap();
    assert_eq!(server.join().unwrap().2.ip().to_string(), "127.0.0.77");
}

#[test]
fn a_proxy_is_asked_for_the_host_and_shown_its_password_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (connect, _) = request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 Established\r\n\r\n").unwrap();
        let (head, _) = request(&mut stream);
        stream.write_all(TAKEN.as_bytes()).unwrap();
        (connect, head)
    });
    let mut node = node("127.0.0.1:1".parse().unwrap(), "");
    node.api.host = "api.example".to_owned();
    let proxies = Proxies::parse(&format!("http_proxy=http://user:pa%40ss@{proxy}\n"));
    Client::new(&node, &proxies, "test").unwrap().post_hits(b"{}").unwrap();
    let (connect, head) = server.join().unwrap();
    assert!(connect.starts_with("connect api.example:1 "), "{connect}");
    assert!(connect.contains("proxy-authorization: basic "), "{connect}");
    assert!(head.contains("x-wallarmapi-secret") && !head.contains("proxy-authorization"), "{head}");
}

#[test]
fn a_proxy_that_cannot_be_used_is_named_without_its_password() {
    let node = node("127.0.0.1:1".parse().unwrap(), "");
    let node = NodeYaml { api: crate::node_yaml::Api { host: "api.example".to_owned(), ..node.api }, ..node };
    for proxy in ["socks5://user:hidden@10.0.0.1:1", "http://user:hidden@", "::::hidden"] {
        let error =
            Client::new(&node, &Proxies::parse(&format!("http_proxy={proxy}\n")), "test").err().unwrap().to_string();
        assert!(error.contains("http_proxy") && !error.contains("hidden"), "{error}");
    }
}

#[test]
fn nobody_there_is_an_error_with_the_words_of_the_system() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(&node(address, ""), &Proxies::default(), "test").unwrap();
    let error = client.post_hits(b"{}").unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
}

#[test]
fn a_call_that_waits_is_ended_from_another_thread() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(&node(listener.local_addr().unwrap(), ""), &Proxies::default(), "test").unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.post_hits(b"{}"));
        let (mut stream, _) = listener.accept().unwrap();
        request(&mut stream);
        client.interrupt();
        assert!(call.join().unwrap().is_err());
    });
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(client.post_hits(b"{}").is_err(), "a client that was ended sends nothing");
}

#[test]
fn authorities_are_named_when_they_cannot_be_read() {
    let secure = |file: &Path| {
        let mut node = node("127.0.0.1:1".parse().unwrap(), "");
        node.api.use_ssl = true;
        node.api.ca_file = Some(file.to_owned());
        Client::new(&node, &Proxies::default(), "test").err().map(|error| error.to_string())
    };
    let error = secure(Path::new("/nowhere/ca.pem")).unwrap();
    assert!(error.contains("\"api.ca_file\" /nowhere/ca.pem cannot be read"), "{error}");
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert!(secure(empty.path()).unwrap().contains("holds no certificate"));
}
