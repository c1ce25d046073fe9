use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use cloud_api::client::Client;
use cloud_api::node_yaml::NodeYaml;
use cloud_api::proxies::Proxies;
use cloud_api::reply::{Reply, Silent};

use super::*;
use crate::certificate::Authority;
use crate::proxy::ConnectProxy;
use crate::script::{Answer, End, Phase, RetryAfter};
use crate::{Endpoint, Outcome};

const UUID: &str = "node-1";
const SECRET: &str = "s3cret";

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn answering(answers: &[Answer]) -> FakeCloud {
    let builder = FakeCloud::builder().node(UUID, SECRET).script(Script::in_turn(answers));
    builder.start(listener()).unwrap()
}

fn client_with(cloud: &FakeCloud, secret: &str, more: &str) -> Client {
    let (host, port) = (cloud.address.ip(), cloud.address.port());
    let text = format!("uuid: {UUID}\nsecret: {secret}\napi:\n  host: {host}\n  port: {port}\n{more}");
    Client::new(&NodeYaml::parse(&text, Path::new("node.yaml")).unwrap(), &Proxies::default(), "test").unwrap()
}

fn client(cloud: &FakeCloud) -> Client {
    client_with(cloud, SECRET, "  use_ssl: false\n")
}

fn batch(name: &str, requests: &[&str]) -> Vec<u8> {
    let hits: Vec<Value> = requests.iter().map(|request| json!({ "id": [request, "xss"] })).collect();
    json!({ "batch_id": name, "hits": hits }).to_string().into_bytes()
}

fn counts(reply: Result<Reply, Silent>) -> (u16, u64, u64, usize) {
    let reply = reply.unwrap();
    (reply.status, reply.body.accepted, reply.body.duplicates, reply.body.rejected.len())
}

#[test]
fn hits_are_known_by_their_names() {
    let cloud = answering(&[Answer::Takes]);
    let client = client(&cloud);
    assert_eq!(counts(client.post_hits(&batch("b1", &["a", "b"]))), (200, 2, 0, 0));
    assert_eq!(counts(client.post_hits(&batch("b2", &["b", "c"]))), (200, 1, 1, 0));
    let ledger = cloud.ledger();
    assert_eq!((ledger.count(), ledger.accepted_count(), ledger.accepted().len()), (2, 3, 3));
    let calls = cloud.calls();
    assert!(calls.iter().all(|call| call.outcome == Outcome::Taken(200) && call.endpoint == Some(Endpoint::Hits)));
    assert_eq!((calls[0].batch(), calls[0].hits().len()), (Some("b1"), 2));
}

#[test]
fn whoever_does_not_say_who_they_are_is_refused() {
    let cloud = answering(&[Answer::Takes]);
    let reply = client_with(&cloud, "other", "  use_ssl: false\n").post_hits(&batch("b", &["a"])).unwrap();
    assert_eq!((reply.status, reply.reason.as_str()), (401, "bad uuid or secret"));
    let anybody = FakeCloud::builder().start(listener()).unwrap();
    assert_eq!(counts(client_with(&anybody, "other", "  use_ssl: false\n").post_hits(&batch("b", &["a"]))).0, 200);
    assert_eq!(cloud.ledger().hits().len(), 0);
}

#[test]
fn each_answer_of_a_script_is_what_a_client_sees() {
    let cloud = answering(&[Answer::Takes]);
    let client = client(&cloud);
    let seen = |answer: Answer| {
        cloud.play(&Script::in_turn(&[answer]));
        client.post_hits(&batch("b", &["good", "bad"]))
    };
    let later = |retry_after| Answer::says_later(503, "busy", retry_after);
    let reply = seen(later(RetryAfter::Seconds(7))).unwrap();
    assert_eq!((reply.status, reply.reason.as_str(), reply.retry_after), (503, "busy", Some(Duration::from_secs(7))));
    let waits = seen(later(RetryAfter::Date(60))).unwrap().retry_after.unwrap();
    assert!(waits > Duration::from_secs(50) && waits <= Duration::from_secs(60), "{waits:?}");
    assert_eq!(seen(Answer::TooLarge { above: 1 }).unwrap().status, 413);
    assert_eq!(seen(Answer::RefusesBatch { with: "bad".to_owned() }).unwrap().status, 422);
    assert_eq!(seen(Answer::Redirects { to: "/elsewhere".to_owned() }).unwrap().status, 302);
    for silent in [Answer::Closes, Answer::Garbage, Answer::WrongEnvelope, Answer::ClosesAtAccept] {
        assert!(seen(silent.clone()).is_err(), "{silent:?}");
    }
    assert_eq!(cloud.ledger().accepted_count(), 0, "none of those takes anything");
    assert_eq!(counts(seen(Answer::RejectsHits { with: "bad".to_owned() })), (200, 1, 0, 1));
    assert_eq!(counts(seen(Answer::RefusesBatch { with: "other".to_owned() })), (200, 1, 1, 0));
    assert_eq!(counts(seen(Answer::TooLarge { above: 2 })), (200, 0, 2, 0));
    assert_eq!(counts(seen(Answer::RejectsFirst)), (200, 0, 1, 1));
}

#[test]
fn hits_of_which_the_answer_is_lost_are_in_the_cloud_all_the_same() {
    for answer in [Answer::CutHead, Answer::CutBody, Answer::Loses] {
        let cloud = answering(&[answer.clone(), Answer::Takes]);
        let client = client(&cloud);
        assert!(client.post_hits(&batch("b", &["a"])).is_err(), "{answer:?}");
        assert_eq!(counts(client.post_hits(&batch("b", &["a"]))), (200, 0, 1, 0), "{answer:?}");
        let ledger = cloud.ledger();
        let fate = ledger.hits().values().next().unwrap();
        assert_eq!((fate.sent, fate.accepted, fate.in_silence), (2, Some(1), true), "{answer:?}");
    }
}

#[test]
fn times_of_a_script_run_as_fast_as_it_says() {
    let hour = Duration::from_secs(3600);
    let script = Script {
        speed: 36_000.0,
        phases: vec![
            Phase::of(End::Calls(1), Answer::Slow { before: hour, within: hour }),
            Phase::of(End::Open, Answer::Takes),
        ],
        ..Script::default()
    };
    let cloud = FakeCloud::builder().script(script).start(listener()).unwrap();
    let begun = Instant::now();
    assert_eq!(counts(client(&cloud).post_hits(&batch("b", &["a"]))), (200, 1, 0, 0));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn the_clock_in_answers_may_be_wrong() {
    let script = Script { clock_ahead: -400, ..Script::default() };
    let cloud = FakeCloud::builder().script(script).start(listener()).unwrap();
    let ahead = client(&cloud).post_hits(&batch("b", &["a"])).unwrap().clock_ahead.unwrap();
    assert!((-402..=-398).contains(&ahead), "{ahead}");
}

#[test]
fn with_tls_only_those_who_trust_its_authority_call() {
    let (authority, listener) = (Authority::make().unwrap(), listener());
    let tls = authority.server(listener.local_addr().unwrap().ip()).unwrap();
    let cloud = FakeCloud::builder().tls(tls).start(listener).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let trusting = |authority: &Authority, name: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, authority.pem()).unwrap();
        client_with(&cloud, SECRET, &format!("  ca_file: {}\n", file.display()))
    };
    let client = trusting(&authority, "ca.pem");
    assert_eq!(counts(client.post_hits(&batch("b", &["a"]))), (200, 1, 0, 0));
    assert_eq!(counts(client.post_hits(&batch("b", &["a"]))), (200, 0, 1, 0));
    let stranger = trusting(&Authority::make().unwrap(), "other.pem");
    let error = stranger.post_hits(&batch("b", &["b"])).unwrap_err().to_string();
    assert!(error.contains("ertificate"), "{error}");
    assert_eq!(cloud.ledger().count(), 2);
}

#[test]
fn a_proxy_tunnels_to_it() {
    let cloud = answering(&[Answer::Takes]);
    let proxy = ConnectProxy::start(listener(), cloud.address).unwrap();
    let text = format!("uuid: {UUID}\nsecret: {SECRET}\napi:\n  host: api.example\n  use_ssl: false\n");
    let node = NodeYaml::parse(&text, Path::new("node.yaml")).unwrap();
    let proxies = Proxies::parse(&format!("http_proxy=http://user:pass@{}\n", proxy.address));
    let client = Client::new(&node, &proxies, "test").unwrap();
    assert_eq!(counts(client.post_hits(&batch("b", &["a"]))), (200, 1, 0, 0));
    assert!(proxy.heads()[0].starts_with("connect api.example:443 http/1.1\r\n"), "{:?}", proxy.heads());
}

#[test]
fn what_is_no_call_of_the_api_is_told_so() {
    let cloud = answering(&[Answer::Takes]);
    let mut stream = TcpStream::connect(cloud.address).unwrap();
    let who = "X-WallarmApi-UUID: node-1\r\nX-WallarmApi-Secret: s3cret\r\n";
    for (line, body, status) in [
        ("GET /node/v2/hits", "", 404),
        ("GET /node/v1/hits", "", 405),
        ("POST /node/v1/hits", "{", 400),
        ("POST /node/v1/hits", "{}", 422),
        ("POST /node/v1/hits", "{\"batch_id\":\"b\",\"hits\":[{}]}", 422),
        ("GET /node/v1/markers", "", 200),
    ] {
        let text = format!("{line} HTTP/1.1\r\n{who}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).unwrap();
        let said = answer(&mut stream);
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {body}: {said}");
    }
    assert_eq!(cloud.ledger().count(), 6);
}

/// One answer, head and body.
fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let length = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length: usize = head.split("Content-Length: ").nth(1)?.lines().next()?.parse().ok()?;
        Some(body.len() >= length)
    };
    while length(&String::from_utf8_lossy(&text)) != Some(true) {
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&bytes[..read]);
    }
    String::from_utf8_lossy(&text).into_owned()
}
