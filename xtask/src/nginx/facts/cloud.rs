//! The backend `api`: attacks, and nothing else, go to the API of the Cloud; clients never notice, and each request counts
//! exactly once.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fake_cloud::certificate::Authority;
use fake_cloud::script::RetryAfter;
use fake_cloud::{Answer, Call, FakeCloud, Script};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::scene::{ATTACK, ATTACK_ARGUMENT, Given, Scene};
use super::{Fact, Subject};
use crate::nginx::client::Request;
use crate::nginx::{address, server};

pub const FACTS: &[Fact] = &[
    Fact::new("backend api sends a hit with credentials, compressed, and nothing of a clean request", a_hit)
        .under_valgrind(),
    Fact::new("backend api sends a hit for each kind of attack, and counts the request once", two_kinds),
    Fact::new("backend api sends a batch that failed again under the same names, and delivers it once", again),
    Fact::new("backend api waits as long as Retry-After says", retry_after),
    Fact::new("backend api stops when the node is refused, counts each attack, and says so once", refused),
    Fact::new("backend api halves a batch that is too large, and loses none", too_large),
    Fact::new("backend api puts aside what is refused for good, and goes on", set_aside),
    Fact::new("backend api counts a request whose hit is rejected, with its id in the log", rejected),
    Fact::new("backend api is tried again when nobody listens, and the attacks arrive when somebody does", nobody),
    Fact::new("backend api over its queue limit loses new attacks, each counted once", queue_limit),
    Fact::new(
        "backend api that never answers delays neither clients nor a reload, and its attacks count as lost",
        silent,
    )
    .under_valgrind(),
    Fact::new("backend api that never answers does not delay a stop", silent_stop),
    Fact::new("backend api delivers what waits before a reload ends the worker", reload),
    Fact::new("backend api trusts the authority of ca_file and no other", tls),
    Fact::new(
        "backend api without a usable node.yaml is refused by nginx -t with file and key, and no secret",
        bad_conf,
    ),
];

const SECRET: &str = "s3cret-of-the-node";
const UUID: &str = "8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11";

/// An API that answers its calls so, and all that follow like the last of these.
fn api(answers: &[Answer]) -> Result<FakeCloud> {
    started(address::listener()?, answers)
}

fn started(listener: TcpListener, answers: &[Answer]) -> Result<FakeCloud> {
    Ok(FakeCloud::builder().node(UUID, SECRET).script(Script::in_turn(answers)).start(listener)?)
}

/// A `node.yaml` for an API there, in a folder that NGINX can read.
struct Conf {
    folder: TempDir,
}

impl Conf {
    fn for_api(api: SocketAddr, more: &str) -> Result<Self> {
        let text = format!(
            "uuid: {UUID}\nsecret: {SECRET}\napi:\n  host: {}\n  port: {}\n  use_ssl: false\n{more}",
            api.ip(),
            api.port()
        );
        Self::of(&text)
    }

    fn of(text: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("node-").tempdir()?;
        std::fs::write(folder.path().join("node.yaml"), text)?;
        Ok(Self { folder })
    }

    fn http(&self) -> String {
        format!("wallarm_api_conf {};", self.folder.path().join("node.yaml").display())
    }
}

/// Sets a scene whose attacks go to `api`; one worker, all attacks pass.
fn with(subject: &Subject, api: SocketAddr, more: &str, act: impl FnOnce(&Scene) -> Result<()>) -> Result<()> {
    let conf = Conf::for_api(api, more)?;
    play(subject, &conf.http(), act)
}

fn play(subject: &Subject, http: &str, act: impl FnOnce(&Scene) -> Result<()>) -> Result<()> {
    subject.given(Given { server: "wallarm_mode monitoring;", http, to_api: true, ..Given::default() }, act)
}

fn attack(scene: &Scene, times: usize) -> Result<()> {
    (0..times).try_for_each(|_| scene.expect(ATTACK, 200))
}

/// The names of all hits of all calls, in order.
fn ids(api: &FakeCloud) -> Vec<Value> {
    let calls = api.calls();
    calls.iter().flat_map(Call::hits).filter_map(|hit| hit.get("id")).cloned().collect()
}

/// Waits until the API was sent so many different hits, and fails if it gets more.
fn distinct(api: &FakeCloud, count: usize) -> Result<()> {
    let distinct = || {
        let mut ids: Vec<String> = ids(api).iter().map(ToString::to_string).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    };
    server::wait(&format!("{count} hits"), || Ok(distinct() >= count))
        .with_context(|| format!("{} came", distinct()))?;
    ensure!(distinct() == count, "{} hits, should be {count}", distinct());
    Ok(())
}

fn lost(scene: &Scene, count: u64) -> Result<()> {
    scene.counted("api_errors", count)?;
    scene.counted("requests_lost", count)?;
    scene.counted("tnt_errors", 0)
}

fn a_hit(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::Takes])?;
    with(subject, api.address, "", |scene| {
        scene.expect("/clean?a=1", 200)?;
        scene.expects(&Request::get(format!("/shop?{ATTACK_ARGUMENT}")).header("Cookie", "session=private"), 200)?;
        scene.expect("/clean?a=2", 200)?;
        let calls = api.wait_for(1)?;
        let call = calls.first().context("no call")?;
        for line in [
            "post /node/v1/hits http/1.1\r\n".to_owned(),
            format!("x-wallarmapi-uuid: {UUID}\r\n"),
            format!("x-wallarmapi-secret: {SECRET}\r\n"),
            "user-agent: wallarm-node/".to_owned(),
            "content-encoding: gzip\r\n".to_owned(),
        ] {
            ensure!(call.head.contains(&line), "`{line}` is not in\n{}", call.head);
        }
        ensure!(call.json.get("batch_id").and_then(Value::as_str).is_some_and(|id| id.len() == 32), "{}", call.json);
        let [hit] = call.hits() else { anyhow::bail!("{} hits: {}", call.hits().len(), call.json) };
        for (key, value) in [
            ("type", json!("ptrav")),
            ("ip", json!("127.0.0.1")),
            ("statuscode", json!(200)),
            ("point", json!(["query", "file"])),
            ("path", json!("/shop")),
            ("domain", json!("test.example")),
            ("protocol", json!("http")),
            ("block_status", json!("monitored")),
            ("poolid", json!(-1)),
            ("node_uuid", json!([UUID])),
        ] {
            ensure!(hit.get(key) == Some(&value), "`{key}` is {:?}, should be {value}", hit.get(key));
        }
        let value = hit.get("value").and_then(Value::as_str).unwrap_or_default();
        ensure!(value.contains("etc/passwd"), "the payload is `{value}`");
        ensure!(!call.json.to_string().contains("private"), "a cookie left: {}", call.json);
        scene.counted("requests", 3)?;
        lost(scene, 0)?;
        ensure!(api.calls().len() == 1, "clean requests were sent: {:?}", api.calls());
        ensure!(scene.recorder.records().is_empty(), "postanalytics got a record");
        Ok(())
    })
}

fn two_kinds(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::Takes])?;
    with(subject, api.address, "", |scene| {
        scene.expect(&format!("/?{ATTACK_ARGUMENT}&x=%3Cscript%3Ealert(1)%3C/script%3E"), 200)?;
        distinct(&api, 2)?;
        let calls = api.calls();
        let kind = |hit: &Value| hit.get("type").and_then(Value::as_str).map(str::to_owned);
        let mut kinds: Vec<String> = calls.iter().flat_map(Call::hits).filter_map(kind).collect();
        kinds.sort_unstable();
        ensure!(kinds == ["ptrav", "xss"], "{kinds:?}");
        let requests: Vec<Value> = ids(&api).iter().filter_map(|id| id.get(0)).cloned().collect();
        ensure!(requests.first() == requests.last(), "one request, but {requests:?}");
        scene.counted("attacks", 1)?;
        lost(scene, 0)
    })
}

fn again(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::says(500, "busy"), Answer::Closes, Answer::Takes])?;
    with(subject, api.address, "", |scene| {
        attack(scene, 1)?;
        let calls = api.wait_for(3)?;
        let first = calls.first().context("no call")?;
        ensure!(calls.iter().all(|call| call.json == first.json), "not the same was sent again: {calls:?}");
        attack(scene, 1)?;
        api.wait_for(4)?;
        distinct(&api, 2)?;
        lost(scene, 0)
    })
}

fn retry_after(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::says_later(429, "slow down", RetryAfter::Seconds(3)), Answer::Takes])?;
    with(subject, api.address, "", |scene| {
        attack(scene, 1)?;
        api.wait_for(1)?;
        let begun = Instant::now();
        api.wait_for(2)?;
        // The first pause without that header would be a second.
        ensure!(begun.elapsed() > Duration::from_millis(2500), "again after {:?}", begun.elapsed());
        lost(scene, 0)
    })
}

fn refused(subject: &Subject) -> Result<()> {
    for status in [401, 403] {
        let api = api(&[Answer::says(status, "subscription limited")])?;
        with(subject, api.address, "", |scene| {
            attack(scene, 1)?;
            lost(scene, 1)?;
            attack(scene, 9)?;
            lost(scene, 10)?;
            ensure!(api.calls().len() == 1, "{} calls", api.calls().len());
            let log = scene.nginx.log();
            let lines: Vec<&str> = log.lines().filter(|line| line.contains("wallarm: API at")).collect();
            let [line] = &lines[..] else { anyhow::bail!("{} lines: {lines:?}", lines.len()) };
            ensure!(line.contains("[error]") && line.contains(&status.to_string()), "{line}");
            ensure!(line.contains("subscription limited") && !log.contains(SECRET), "{line}");
            Ok(())
        })
        .with_context(|| status.to_string())?;
    }
    Ok(())
}

fn too_large(subject: &Subject) -> Result<()> {
    // The first call keeps the sender busy until the others wait together.
    let api = api(&[
        Answer::says_later(503, "busy", RetryAfter::Seconds(3)),
        Answer::Takes,
        Answer::says(413, "too large"),
        Answer::Takes,
    ])?;
    with(subject, api.address, "export_attacks: {threads: 1, api_chunk: 8}\n", |scene| {
        attack(scene, 1)?;
        api.wait_for(1)?;
        attack(scene, 8)?;
        distinct(&api, 9)?;
        server::wait("all of them to be taken", || {
            let calls = api.calls();
            let taken = |(number, _): &(usize, &_)| !matches!(number, 0 | 2);
            Ok(calls.iter().enumerate().filter(taken).map(|(_, call)| call.hits().len()).sum::<usize>() == 9)
        })?;
        let sizes: Vec<usize> = api.calls().iter().map(|call| call.hits().len()).collect();
        ensure!(sizes.iter().all(|size| *size <= 8), "{sizes:?}");
        ensure!(sizes.get(2) == Some(&8) && sizes.get(3) == Some(&4), "not halved: {sizes:?}");
        lost(scene, 0)
    })
}

fn set_aside(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::says(422, "no such field"), Answer::Takes])?;
    with(subject, api.address, "", |scene| {
        attack(scene, 1)?;
        lost(scene, 1)?;
        attack(scene, 1)?;
        api.wait_for(2)?;
        distinct(&api, 2)?;
        lost(scene, 1)
    })
}

fn rejected(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::RejectsFirst])?;
    with(subject, api.address, "", |scene| {
        attack(scene, 1)?;
        lost(scene, 1)?;
        let id = ids(&api).first().and_then(|id| id.get(0)?.as_str().map(str::to_owned)).context("no hit")?;
        server::wait("the id in the log", || Ok(scene.nginx.log().contains(&id)))
    })
}

fn nobody(subject: &Subject) -> Result<()> {
    let listener = address::listener()?;
    let there = listener.local_addr()?;
    drop(listener);
    with(subject, there, "", |scene| {
        attack(scene, 3)?;
        let refused = || scene.nginx.log().contains("onnection refused");
        server::wait("a refused connection in the log", || Ok(refused()))?;
        let api = started(TcpListener::bind(there)?, &[Answer::Takes])?;
        distinct(&api, 3)?;
        lost(scene, 0)
    })
}

fn queue_limit(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::Never])?;
    let conf = Conf::for_api(api.address, "")?;
    play(subject, &format!("{} wallarm_upstream_queue_limit 5;", conf.http()), |scene| {
        attack(scene, 12)?;
        lost(scene, 7)?;
        let log = scene.nginx.log();
        ensure!(log.contains("the queue of attacks is full"), "the log does not say so:\n{log}");
        Ok(())
    })
}

fn silent(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::Never])?;
    with(subject, api.address, "", |scene| {
        let begun = Instant::now();
        attack(scene, 10)?;
        ensure!(begun.elapsed() < Duration::from_secs(10), "ten requests took {:?}", begun.elapsed());
        api.wait_for(1)?;
        let begun = Instant::now();
        scene.nginx.reload()?;
        ensure!(begun.elapsed() < Duration::from_secs(10), "a reload took {:?}", begun.elapsed());
        lost(scene, 10)?;
        scene.still_serves()
    })
}

fn silent_stop(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::Never])?;
    with(subject, api.address, "", |scene| {
        attack(scene, 5)?;
        api.wait_for(1)?;
        let begun = Instant::now();
        let old = scene.nginx.workers();
        for worker in &old {
            server::signal(*worker, Signal::TERM)?;
        }
        server::wait("the worker to end", || Ok(scene.nginx.workers().iter().all(|worker| !old.contains(worker))))?;
        ensure!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
        Ok(())
    })
}

fn reload(subject: &Subject) -> Result<()> {
    let api = api(&[Answer::Takes])?;
    with(subject, api.address, "export_attacks: {threads: 1, api_chunk: 1}\n", |scene| {
        for round in 1..=5 {
            attack(scene, 4)?;
            scene.nginx.reload()?;
            distinct(&api, 4 * round)?;
        }
        lost(scene, 0)
    })
}

fn tls(subject: &Subject) -> Result<()> {
    let (authority, listener) = (Authority::make()?, address::listener()?);
    let server = authority.server(listener.local_addr()?.ip())?;
    let api = FakeCloud::builder().node(UUID, SECRET).tls(server).start(listener)?;
    let conf = Conf::of("")?;
    let folder = conf.folder.path();
    let node = |more: &str| {
        let (host, port) = (api.address.ip(), api.address.port());
        let text = format!("uuid: {UUID}\nsecret: {SECRET}\napi:\n  host: {host}\n  port: {port}\n{more}");
        std::fs::write(folder.join("node.yaml"), text)
    };
    let trusting = |authority: &Authority| {
        std::fs::write(folder.join("ca.pem"), authority.pem())?;
        node(&format!("  ca_file: {}/ca.pem\n", folder.display()))
    };
    trusting(&authority)?;
    play(subject, &conf.http(), |scene| {
        attack(scene, 1)?;
        distinct(&api, 1)
    })?;
    node("  ca_verify: false\n")?;
    play(subject, &conf.http(), |scene| {
        attack(scene, 1)?;
        distinct(&api, 2)
    })?;
    // Another authority of the same name.
    trusting(&Authority::make()?)?;
    play(subject, &conf.http(), |scene| {
        attack(scene, 1)?;
        server::wait("a refusal of the certificate in the log", || Ok(scene.nginx.log().contains("ertificate")))?;
        distinct(&api, 2)
    })
}

fn bad_conf(subject: &Subject) -> Result<()> {
    let whole = format!("uuid: {UUID}\nsecret: {SECRET}\napi: {{host: a, ca_verify: false}}\n");
    let tested = |text: Option<&str>| -> Result<(bool, String)> {
        let conf = Conf::of(text.unwrap_or_default())?;
        if text.is_none() {
            std::fs::remove_file(conf.folder.path().join("node.yaml"))?;
        }
        let tested = subject.tested(Given { http: &conf.http(), to_api: true, ..Given::default() })?;
        ensure!(!tested.said.contains(SECRET), "the secret is shown: {}", tested.said);
        Ok((tested.ok, tested.said))
    };
    let (ok, said) = tested(Some(&whole))?;
    ensure!(ok, "refused: {said}");
    for (text, words) in [
        (None, "node.yaml cannot be read"),
        (Some(whole.replace("uuid", "other")), "\"uuid\" is missing"),
        (Some(whole.replace("secret:", "other:")), "\"secret\" is missing"),
        (Some(whole.replace("host: a,", "")), "\"api.host\" is missing"),
        (Some(whole.replace("host: a,", "host: a, port: many,")), "\"api.port\" is not"),
        (Some(whole.replace("ca_verify: false", "ca_file: /nowhere/ca.pem")), "\"api.ca_file\" /nowhere/ca.pem"),
        (Some(format!("{whole}x: [")), "no YAML"),
    ] {
        let (ok, said) = tested(text.as_deref())?;
        ensure!(!ok, "accepted without {words}");
        let line = said.lines().find(|line| line.contains("[emerg]")).unwrap_or_default();
        ensure!(line.contains(words) && line.contains("node.yaml"), "should say {words}: {said}");
    }
    Ok(())
}
