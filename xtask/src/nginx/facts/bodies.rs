//! Bodies in every form in which clients send them.

use std::io::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::scene::{ATTACK_ARGUMENT, Given, Scene};
use super::{Fact, Subject};
use crate::nginx::address;
use crate::nginx::client::{self, Request};

pub const FACTS: &[Fact] = &[
    Fact::new("an attack in a form is blocked", form),
    Fact::new("an attack in JSON, XML or a multipart form is blocked", structured).under_valgrind(),
    Fact::new("an attack in a chunked body is blocked, however the chunks fall", chunked),
    Fact::new("an attack in a gzip-compressed body is blocked", compressed),
    Fact::new("a body that comes a byte at a time is analysed and reaches the application whole", slow)
        .under_valgrind(),
    Fact::new("a body of 5 MB that NGINX spools to disk is analysed to its end and passed on unchanged", spooled),
    Fact::new("a body behind Expect: 100-continue is awaited and analysed", expect_continue),
    Fact::new("several requests on one connection are judged each by itself", keep_alive),
    Fact::new("pipelined requests are judged each by itself", pipelined),
    Fact::new("HTTP/2 requests with and without a body are analysed", http2).under_valgrind(),
    Fact::new("bodies pass with proxy_request_buffering off", unbuffered).under_valgrind(),
    Fact::new("a client that leaves in mid-body harms nobody", aborted).under_valgrind(),
];

const BLOCK: &str = "wallarm_mode block;";

fn form(subject: &Subject) -> Result<()> {
    subject.with(BLOCK, |scene| {
        scene.expects(&Request::form("/login", format!("user=maria&{ATTACK_ARGUMENT}")), 403)?;
        scene.expects(&Request::form("/login", "user=maria&file=report.pdf"), 200)
    })
}

fn structured(subject: &Subject) -> Result<()> {
    let attack = "../../../../etc/passwd";
    let bodies = [
        ("application/json", format!(r#"{{"a":[1,{{"path":"{attack}"}}]}}"#)),
        ("text/xml", format!("<?xml version=\"1.0\"?><a><b path=\"x\">{attack}</b></a>")),
        (
            "multipart/form-data; boundary=XyZ",
            format!("--XyZ\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n{attack}\r\n--XyZ--\r\n"),
        ),
    ];
    subject.with(BLOCK, |scene| {
        for (kind, body) in &bodies {
            scene.expects(&Request::post("/", kind, body.as_str()), 403)?;
            scene.expects(&Request::post("/", kind, body.replace(attack, "report.pdf")), 200)?;
        }
        Ok(())
    })
}

fn chunked(subject: &Subject) -> Result<()> {
    let body = format!("user=maria&{ATTACK_ARGUMENT}&remember=on");
    subject.with(BLOCK, |scene| {
        for size in [1, 7, 16, 1024] {
            scene.expects(&Request::form("/", body.as_str()).chunked(size), 403)?;
        }
        scene.expects(&Request::form("/", "user=maria").chunked(3), 200)
    })
}

fn compressed(subject: &Subject) -> Result<()> {
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish())
    };
    let (attack, clean) = (gzip(ATTACK_ARGUMENT)?, gzip("file=report.pdf")?);
    subject.with(BLOCK, |scene| {
        scene.expects(&Request::form("/", attack).header("Content-Encoding", "gzip"), 403)?;
        scene.expects(&Request::form("/", clean).header("Content-Encoding", "gzip"), 200)
    })
}

fn slow(subject: &Subject) -> Result<()> {
    subject.with(BLOCK, |scene| {
        let send = |body: &str| -> Result<u16> {
            let mut stream = client::connect(scene.nginx.address)?;
            for byte in Request::form("/slow", body).bytes() {
                stream.write_all(&[byte])?;
            }
            Ok(client::read(&mut stream)?.status)
        };
        ensure!(send("user=maria&remember=on")? == 200, "a slow clean body did not pass");
        ensure!(send(ATTACK_ARGUMENT)? == 403, "a slow attack was not blocked");
        let seen = scene.app.seen();
        ensure!(seen.len() == 1, "the application saw {} requests", seen.len());
        ensure!(seen.iter().all(|request| request.body == b"user=maria&remember=on"), "the body changed");
        Ok(())
    })
}

/// Fields of ordinary words, `size` bytes of them: few and long, so that no limit on their number is met.
fn filler(size: usize) -> String {
    let words = "ordinary+words+and+a+few+more+".repeat(40);
    let mut text = String::with_capacity(size + words.len() + 16);
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&format!("field{number}={words}&"));
    }
    text
}

fn spooled(subject: &Subject) -> Result<()> {
    let clean = format!("{}end=1", filler(5_000_000));
    let attack = format!("{clean}&{ATTACK_ARGUMENT}");
    let directives = "wallarm_mode block; client_body_buffer_size 16k; wallarm_process_time_limit 60000;";
    subject.with(directives, |scene| {
        scene.expects(&Request::form("/big", clean.as_str()), 200)?;
        scene.expects(&Request::form("/big", clean.as_str()).chunked(65_536), 200)?;
        let seen = scene.app.seen();
        ensure!(seen.len() == 2, "the application saw {} requests", seen.len());
        ensure!(seen.iter().all(|request| request.body == clean.as_bytes()), "the body changed");
        scene.expects(&Request::form("/big", attack), 403)
    })
}

fn expect_continue(subject: &Subject) -> Result<()> {
    subject.with(BLOCK, |scene| {
        for (body, wanted) in [(ATTACK_ARGUMENT, 403), ("file=report.pdf", 200)] {
            let request = Request::form("/", body).header("Expect", "100-continue").bytes();
            let head = request.len() - body.len();
            let mut stream = client::connect(scene.nginx.address)?;
            stream.write_all(request.get(..head).context("head")?)?;
            let first = client::read(&mut stream)?.status;
            ensure!(first == 100, "the client was told {first} instead of 100");
            stream.write_all(body.as_bytes())?;
            let status = client::read(&mut stream)?.status;
            ensure!(status == wanted, "answered with {status}, should be {wanted}");
        }
        Ok(())
    })
}

/// Clean, attack, clean.
fn three() -> [(Request, u16); 3] {
    [
        (Request::form("/", "a=1").header("Connection", "keep-alive"), 200),
        (Request::form("/", ATTACK_ARGUMENT).header("Connection", "keep-alive"), 403),
        (Request::get("/?a=1").header("Connection", "keep-alive"), 200),
    ]
}

fn keep_alive(subject: &Subject) -> Result<()> {
    subject.with(BLOCK, |scene| {
        let mut stream = client::connect(scene.nginx.address)?;
        for (request, wanted) in three() {
            stream.write_all(&request.bytes())?;
            let status = client::read(&mut stream)?.status;
            ensure!(status == wanted, "answered with {status}, should be {wanted}");
        }
        Ok(())
    })
}

fn pipelined(subject: &Subject) -> Result<()> {
    subject.with(BLOCK, |scene| {
        let mut all: Vec<u8> = three().iter().flat_map(|(request, _)| request.bytes()).collect();
        all.extend_from_slice(&Request::get("/last").bytes());
        let mut stream = client::connect(scene.nginx.address)?;
        stream.write_all(&all)?;
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut rest)?;
        let text = String::from_utf8_lossy(&rest);
        let statuses: Vec<&str> =
            text.match_indices("HTTP/1.1 ").filter_map(|(at, _)| text.get(at + 9..at + 12)).collect();
        ensure!(statuses == ["200", "403", "200", "200"], "answered with {statuses:?}");
        Ok(())
    })
}

fn http2(subject: &Subject) -> Result<()> {
    let listener = address::free()?;
    // `listen … http2` is understood by every version; the newest only remark that there is a better way to say it.
    let http =
        format!("server {{ listen {listener} http2; wallarm_mode block; location / {{ proxy_pass http://app; }} }}");
    subject.given(Given { http: &http, server: BLOCK, ..Given::default() }, |_| {
        let url = |target: &str| format!("http://{listener}{target}");
        let form = format!("user=maria&{ATTACK_ARGUMENT}");
        let big = format!("{}{ATTACK_ARGUMENT}", filler(300_000));
        for (target, data, wanted) in [
            ("/", None, "200"),
            ("/?file=../../../etc/passwd", None, "403"),
            ("/", Some("user=maria"), "200"),
            ("/", Some(form.as_str()), "403"),
            ("/", Some(big.as_str()), "403"),
        ] {
            let status = curl(&url(target), data)?;
            ensure!(status == format!("2 {wanted}"), "{target}: `{status}`, should be `2 {wanted}`");
        }
        Ok(())
    })
}

/// HTTP version and status of the answer.
fn curl(url: &str, data: Option<&str>) -> Result<String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--http2-prior-knowledge", "--path-as-is", "--max-time", "60", "--output", "/dev/null"]);
    command.args(["--write-out", "%{http_version} %{http_code}"]).arg(url);
    let file = tempfile::NamedTempFile::new()?;
    if let Some(data) = data {
        std::fs::write(file.path(), data)?;
        command.arg("--data-binary").arg(format!("@{}", file.path().display()));
    }
    let output = command.output().context("cannot run curl")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn unbuffered(subject: &Subject) -> Result<()> {
    let body = format!("{}end=1", filler(200_000));
    subject.with("wallarm_mode block; proxy_request_buffering off;", |scene| {
        scene.expects(&Request::form("/", body.as_str()), 200)?;
        scene.expects(&Request::form("/", body.as_str()).chunked(1000), 200)?;
        ensure!(scene.app.seen().iter().all(|request| request.body == body.as_bytes()), "the body changed");
        scene.expects(&Request::form("/", ATTACK_ARGUMENT), 403)
    })
}

fn aborted(subject: &Subject) -> Result<()> {
    subject.with(BLOCK, |scene: &Scene| {
        let request = Request::form("/", filler(100_000)).bytes();
        for length in [10, 150, 1000, 50_000] {
            let mut stream = client::connect(scene.nginx.address)?;
            stream.write_all(request.get(..length).context("length")?)?;
        }
        scene.still_serves()
    })
}
