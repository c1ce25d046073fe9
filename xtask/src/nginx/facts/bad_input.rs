//! Requests that are broken or too much: each gets an answer, and NGINX goes on.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::scene::{ATTACK_ARGUMENT, Given, Scene, attacks, listed};
use super::{Fact, Subject};
use crate::nginx::client::{self, Request, Response};
use crate::nginx::{server, usage};

pub const FACTS: &[Fact] = &[
    Fact::new("malformed percent-encoding, UTF-8 and base64 pass or are refused, and do no harm", encodings)
        .under_valgrind(),
    Fact::new("a request with bytes that are no HTTP is refused by NGINX as ever", no_http),
    Fact::new("100,000 parameters in a body are looked at, the last one included", parameters),
    Fact::new("a query as long as NGINX takes is looked at", long_query),
    Fact::new("JSON nested 100,000 levels deep does no harm", deep_json),
    Fact::new("XML with entities that grow without bound does no harm", xml_bomb),
    Fact::new("a gzip body that unpacks to a gigabyte takes neither memory nor time", gzip_bomb),
    Fact::new("nested compression and encodings end somewhere", nested),
    Fact::new("broken multipart bodies pass or are refused, and do no harm", multipart),
    Fact::new("a multipart body of 20,000 parts is looked at", many_parts),
    Fact::new("a flood of headers is answered", headers),
    Fact::new("an endless chunked body ends with the size limit of NGINX", endless),
    Fact::new("bodies of random bytes under every content type do no harm", random).under_valgrind(),
    Fact::new("an attack that takes longer than the time limit is marked overlimit_res", time_limit),
    Fact::new("a request above its memory limit is answered with 500 and counted", memory_limit).under_valgrind(),
];

const BLOCK: &str = "wallarm_mode block;";

/// The request must be answered, with anything but a server error, and NGINX must go on.
fn answered(scene: &Scene, request: &Request, what: &str) -> Result<Response> {
    let answer = scene.send(request).with_context(|| what.to_owned())?;
    ensure!(matches!(answer.status, 200 | 400..=499), "{what}: answered with {}", answer.status);
    scene.still_serves().with_context(|| format!("after {what}"))?;
    Ok(answer)
}

/// After the scene, no worker has crashed, nothing panicked and nothing was lost.
fn unharmed(scene: &Scene) -> Result<()> {
    let status = scene.status()?;
    for key in ["segfaults", "memfaults", "proton_errors", "tnt_errors"] {
        ensure!(status[key] == 0, "`{key}` is {}", status[key]);
    }
    Ok(())
}

fn encodings(subject: &Subject) -> Result<()> {
    subject.with(BLOCK, |scene| {
        for target in [
            "/?a=%",
            "/?a=%4",
            "/?a=%zz",
            "/?%00=%00",
            "/?a=%u0041%u00",
            "/?a=%c0%ae%c0%ae/",
            "/?a=%ff%fe%fd",
            "/?=&&==&&&=",
            "/?a=%25%32%35%32%35%32%35",
            "/?a=====&b=YQ=&c=Y",
            "/?\u{fffd}=1",
            "/%ff%00x",
            "/?a[=1&a]]=2&a[b][c=3",
            "/?;;;;",
        ] {
            let sent = target.replace('\u{fffd}', "%ef%bf%bd");
            answered(scene, &Request::get(sent), target)?;
        }
        for body in [&b"\xff\xfe\x00a=\x80"[..], b"%", b"a=%f0%28%8c%28", b"\0\0\0\0", b"&&&&&&", b"=%=%=%"] {
            answered(scene, &Request::form("/", body), "a form that is none")?;
        }
        for body in ["{", "[1,", "{\"a\":\"\\u12", "nul", "\"\\ud800\"", "{\"a\":1}}", "[[[[", "1e999999"] {
            answered(scene, &Request::post("/", "application/json", body), body)?;
        }
        for body in ["<a", "<a><b></a>", "<?xml", "<!DOCTYPE", "<a>&#xffffffff;</a>", "<![CDATA["] {
            answered(scene, &Request::post("/", "text/xml", body), body)?;
        }
        let cookie = Request::get("/").header("Cookie", "a; =; ;;; a=\"; b=%zz").header("Authorization", "Bearer a.b.");
        answered(scene, &cookie, "broken cookies and tokens")?;
        unharmed(scene)
    })
}

fn no_http(subject: &Subject) -> Result<()> {
    subject.with(BLOCK, |scene| {
        for bytes in [
            &b"GET / HTTP/9.9\r\n\r\n"[..],
            b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        ] {
            let mut stream = client::connect(scene.nginx.address)?;
            stream.write_all(bytes)?;
            stream.shutdown(std::net::Shutdown::Write)?;
            // An answer or an end: both are NGINX's to choose.
            if let Ok(answer) = client::read(&mut stream) {
                ensure!(answer.status >= 400, "{} for {:?}", answer.status, String::from_utf8_lossy(bytes));
            }
            scene.still_serves()?;
        }
        unharmed(scene)
    })
}

/// `count` parameters, the last of which is an attack.
fn many(count: usize) -> String {
    let mut body = String::with_capacity(count * 12);
    for number in 0..count {
        // Writing into a String cannot fail.
        let _ = write!(body, "p{number}=v{number}&");
    }
    body + ATTACK_ARGUMENT
}

fn parameters(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode monitoring; wallarm_process_time_limit 60000;", |scene| {
        scene.expects(&Request::form("/", many(100_000)), 200)?;
        let record = scene.record()?;
        // What a limit leaves out must not pass in silence.
        let found = attacks(&record);
        ensure!(
            found.iter().any(|attack| ["ptrav", "overlimit_res"].contains(attack)),
            "neither the attack was found nor the limit told: {found:?}"
        );
        scene.still_serves()?;
        unharmed(scene)
    })
}

fn long_query(subject: &Subject) -> Result<()> {
    let given = Given { server: BLOCK, http: "large_client_header_buffers 4 128k;", ..Given::default() };
    subject.given(given, |scene| {
        scene.expect(&format!("/?{}", many(9_000)), 403)?;
        scene.still_serves()?;
        unharmed(scene)
    })
}

fn deep_json(subject: &Subject) -> Result<()> {
    let depth = 100_000;
    subject.with(BLOCK, |scene| {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let body = format!("{}\"../../../../etc/passwd\"{}", open.repeat(depth), close.repeat(depth));
            answered(scene, &Request::post("/", "application/json", body), "deep JSON")?;
            answered(scene, &Request::post("/", "application/json", open.repeat(depth)), "deep JSON without end")?;
        }
        unharmed(scene)
    })
}

fn xml_bomb(subject: &Subject) -> Result<()> {
    let mut body = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY e0 \"word\">".to_owned();
    for level in 1..=30 {
        let _ = write!(body, "<!ENTITY e{level} \"{}\">", format!("&e{};", level - 1).repeat(10));
    }
    body += "]><a>&e30;</a>";
    subject.with(BLOCK, |scene| {
        answered(scene, &Request::post("/", "text/xml", body.as_str()), "entities")?;
        let deep = "<a>".repeat(100_000);
        answered(scene, &Request::post("/", "text/xml", deep), "deep XML")?;
        unharmed(scene)
    })
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn gzip_bomb(subject: &Subject) -> Result<()> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let megabyte = vec![b'a'; 1 << 20];
    for _ in 0..1024 {
        encoder.write_all(&megabyte)?;
    }
    let bomb = encoder.finish()?;
    subject.with("wallarm_mode monitoring;", |scene| {
        scene.expect("/", 200)?;
        let worker = *scene.nginx.workers().first().context("no worker")?;
        let before = usage::resident(worker)?;
        scene.expects(&Request::form("/", bomb.as_slice()).header("Content-Encoding", "gzip"), 200)?;
        let records = scene.recorder.wait_for(2)?;
        let found = records.last().map(attacks).unwrap_or_default();
        let told = ["data_bomb", "overlimit_res"];
        ensure!(found.iter().any(|attack| told.contains(attack)), "the bomb is not told of: {found:?}");
        let grown = usage::resident(worker)?.saturating_sub(before);
        ensure!(grown < 128 << 20, "the worker grew by {grown} bytes");
        scene.still_serves()?;
        unharmed(scene)
    })
}

fn nested(subject: &Subject) -> Result<()> {
    let mut zipped = ATTACK_ARGUMENT.as_bytes().to_vec();
    for _ in 0..50 {
        zipped = gzip(&zipped)?;
    }
    let mut percent = "../../../../etc/passwd".to_owned();
    for _ in 0..12 {
        percent = percent.replace('%', "%25").replace('/', "%2f");
    }
    subject.with(BLOCK, |scene| {
        answered(
            scene,
            &Request::form("/", zipped.as_slice()).header("Content-Encoding", "gzip, gzip"),
            "nested gzip",
        )?;
        answered(scene, &Request::form("/", format!("a={percent}")), "nested percent-encoding")?;
        unharmed(scene)
    })
}

fn multipart(subject: &Subject) -> Result<()> {
    let kinds = [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"",
        "multipart/form-data; boundary=XyZ; boundary=other",
        "multipart/form-data; boundary=XyZ",
    ];
    let bodies = [
        "",
        "--XyZ",
        "--XyZ--",
        "--XyZ\r\n",
        "--XyZ\r\n\r\n\r\n--XyZ",
        "--XyZ\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--XyZ--\r\n",
        "--XyZ\nContent-Disposition: form-data; name=a\n\n1\n--XyZ--\n",
        "--XyZ\r\nContent-Disposition\r\n: x\r\n\r\n1",
        "junk --XyZ junk\r\n--XyZ\r\n\r\n--XyZ\r\n--XyZ--trailer",
    ];
    subject.with(BLOCK, |scene| {
        for kind in kinds {
            for body in bodies {
                answered(scene, &Request::post("/", kind, body), body)?;
            }
        }
        unharmed(scene)
    })
}

fn many_parts(subject: &Subject) -> Result<()> {
    let mut body = String::new();
    for number in 0..20_000 {
        let _ = write!(body, "--XyZ\r\nContent-Disposition: form-data; name=\"n{number}\"\r\n\r\n{number}\r\n");
    }
    body += "--XyZ\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n../../../../etc/passwd\r\n--XyZ--\r\n";
    subject.with("wallarm_mode monitoring; wallarm_process_time_limit 60000;", |scene| {
        scene.expects(&Request::post("/", "multipart/form-data; boundary=XyZ", body), 200)?;
        let found = attacks(&scene.record()?);
        ensure!(
            found.iter().any(|attack| ["ptrav", "overlimit_res"].contains(attack)),
            "neither the attack was found nor the limit told: {found:?}"
        );
        unharmed(scene)
    })
}

fn headers(subject: &Subject) -> Result<()> {
    let given = Given { server: BLOCK, http: "large_client_header_buffers 64 16k;", ..Given::default() };
    subject.given(given, |scene| {
        let mut request = Request::get("/");
        for number in 0..5_000 {
            request = request.header(&format!("X-Flood-{number}"), "some value");
        }
        answered(scene, &request, "5,000 headers")?;
        let same = (0..2_000).fold(Request::get("/"), |request, _| request.header("Cookie", "a=1; b=2"));
        answered(scene, &same, "2,000 cookies")?;
        let long = Request::get("/").header("X-Long", "x".repeat(15_000));
        answered(scene, &long, "a long header")?;
        unharmed(scene)
    })
}

fn endless(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block; client_max_body_size 1m;", |scene| {
        let body = "a=1&".repeat(1 << 20);
        let answer = scene.send(&Request::form("/", body).chunked(8192))?;
        ensure!(answer.status == 413, "answered with {}", answer.status);
        scene.still_serves()?;
        unharmed(scene)
    })
}

fn random(subject: &Subject) -> Result<()> {
    let kinds = [
        "application/x-www-form-urlencoded",
        "application/json",
        "text/xml",
        "multipart/form-data; boundary=a",
        "text/html",
        "application/octet-stream",
        "application/soap+xml; charset=utf-16",
        "\u{1}",
    ];
    // xorshift64 with a fixed beginning: every run sends the same.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = |length: usize| -> Vec<u8> {
        let step = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..length).map(step).collect()
    };
    subject.with("wallarm_mode monitoring;", |scene| {
        for kind in kinds {
            for length in [1, 13, 500, 20_000] {
                answered(scene, &Request::post("/", kind, bytes(length)), kind)?;
            }
        }
        unharmed(scene)
    })
}

fn time_limit(subject: &Subject) -> Result<()> {
    // A millisecond for what takes many.
    let directives = "wallarm_mode monitoring; wallarm_process_time_limit 1;";
    subject.with(directives, |scene| {
        scene.expects(&Request::form("/", many(300_000)), 200)?;
        let record = scene.record()?;
        ensure!(attacks(&record).contains(&"overlimit_res"), "found {:?}", attacks(&record));
        ensure!(listed(&record).contains(&"overlimit_res"), "listed {:?}", listed(&record));
        scene.counted("overlimits_time", 1)?;
        scene.still_serves()
    })?;
    subject.with("wallarm_mode block; wallarm_process_time_limit 1; wallarm_process_time_limit_block off;", |scene| {
        let clean = many(300_000).replace(ATTACK_ARGUMENT, "end=1");
        scene.expects(&Request::form("/", clean), 200)
    })
}

fn memory_limit(subject: &Subject) -> Result<()> {
    let given = Given {
        main: "env TMPDIR={prefix}/cache;",
        server: "wallarm_mode monitoring; wallarm_request_memory_limit 64k;
            location /off { wallarm_memlimit_debug off; proxy_pass http://app; }",
        ..Given::default()
    };
    subject.given(given, |scene| {
        let body = format!("{{\"a\":\"{}\"}}", "x\\u0041".repeat(500_000));
        let kept = scene.nginx.path().join("cache/proton_last_memlimit.req");
        scene.expects(&Request::post("/off", "application/json", body.as_str()), 500)?;
        scene.counted("requests", 1)?;
        ensure!(!kept.exists(), "{} was written though that is off", kept.display());
        scene.expects(&Request::post("/last", "application/json", body), 500)?;
        server::wait("the request that met the limit", || Ok(kept.exists()))?;
        let text = std::fs::read_to_string(&kept)?;
        ensure!(text.starts_with("POST /last HTTP/1.1\r\n") && text.contains("\r\n\r\n{\"a\":"), "{:.200}", text);
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&kept)?) & 0o777;
        ensure!(mode == 0o600, "its mode is {mode:o}");
        let status = scene.status()?;
        let faults = ["memfaults", "softmemfaults"].map(|key| status.get(key).and_then(Value::as_u64).unwrap_or(0));
        ensure!(faults.iter().sum::<u64>() == 2, "memfaults, softmemfaults: {faults:?}");
        scene.still_serves()
    })
}
