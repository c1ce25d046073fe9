//! Requests that NGINX itself treats specially.

use std::io::{Read as _, Write as _};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::scene::{ATTACK, ATTACK_ARGUMENT, Given, field};
use super::{Fact, Subject};
use crate::nginx::client::{self, Request};

pub const FACTS: &[Fact] = &[
    Fact::new("an internal redirect is neither analysed twice nor counted twice", internal_redirect),
    Fact::new("a request with a body survives an internal redirect", redirect_with_body).under_valgrind(),
    Fact::new("subrequests are not counted, and their main request is", subrequests).under_valgrind(),
    Fact::new("authentication by subrequest works beside the module", auth_request),
    Fact::new("a location that only returns is counted and reported in the log phase", returns).under_valgrind(),
    Fact::new("a rewritten request is judged by what the client sent", rewritten),
    Fact::new("a websocket upgrade passes and carries data both ways", websocket).under_valgrind(),
    Fact::new("a static file is served under the module", static_file),
    Fact::new("HEAD, OPTIONS and an unknown method are handled like others", methods),
    Fact::new("a block in an error page's own location does not loop", error_page),
    Fact::new("the client's address is the one that real-IP handling finds", real_ip),
];

fn internal_redirect(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; location /moved { try_files /none /target; }
        location = /target { proxy_pass http://app; }";
    subject.with(directives, |scene| {
        scene.expect("/moved?a=1", 200)?;
        scene.expect(&format!("/moved?{ATTACK_ARGUMENT}"), 403)?;
        scene.counted("requests", 2)?;
        scene.counted("attacks", 1)?;
        let records = scene.recorder.wait_for(2)?;
        ensure!(records.len() == 2, "{} records for two requests", records.len());
        Ok(())
    })
}

fn redirect_with_body(subject: &Subject) -> Result<()> {
    // A static file refuses POST, and the refusal is redirected.
    let directives = "wallarm_mode block; root {prefix}/html; error_page 405 =200 @app;
        location @app { proxy_pass http://app; }";
    let root = "location / { try_files /index.html =404; }";
    subject.given(Given { server: directives, root: Some(root), ..Given::default() }, |scene| {
        scene.expects(&Request::form("/index.html", "a=1&b=2"), 200)?;
        scene.expects(&Request::form("/index.html", ATTACK_ARGUMENT), 403)?;
        scene.counted("requests", 2)?;
        scene.counted("blocked", 1)
    })
}

fn subrequests(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; location = /page { mirror /copy; proxy_pass http://app; }
        location = /copy { internal; proxy_pass http://app/copied; }";
    subject.with(directives, |scene| {
        scene.expects(&Request::form("/page", "a=1"), 200)?;
        scene.expects(&Request::form("/page", ATTACK_ARGUMENT), 403)?;
        scene.counted("requests", 2)?;
        scene.counted("attacks", 1)?;
        scene.counted("blocked", 1)
    })
}

fn auth_request(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; location = /private { auth_request /who; proxy_pass http://app; }
        location = /who { internal; proxy_pass http://app/who; proxy_pass_request_body off; proxy_set_header Content-Length ''; }";
    subject.with(directives, |scene| {
        scene.expects(&Request::form("/private", "a=1"), 200)?;
        scene.expects(&Request::form("/private", ATTACK_ARGUMENT), 403)?;
        scene.counted("requests", 2)
    })
}

fn returns(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block; location = /gone { return 410; }", |scene| {
        // Its answer is decided before any phase in which it could be blocked.
        scene.expect(&format!("/gone?{ATTACK_ARGUMENT}"), 410)?;
        scene.counted("requests", 1)?;
        scene.counted("attacks", 1)?;
        scene.counted("blocked", 0)?;
        field(&scene.record()?, "status", 410)
    })
}

fn rewritten(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode monitoring; rewrite ^/old/(.*)$ /new/$1 last;";
    subject.with(directives, |scene| {
        scene.expect(&format!("/old/page?{ATTACK_ARGUMENT}"), 200)?;
        let record = scene.record()?;
        field(&record, "uri", format!("/old/page?{ATTACK_ARGUMENT}"))?;
        field(&record, "attack_type", 0x20)
    })
}

fn websocket(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; location /socket { proxy_pass http://app; proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }";
    let upgrade = |target: &str| {
        Request::get(target)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    subject.with(directives, |scene| {
        let mut stream = client::connect(scene.nginx.address)?;
        stream.write_all(&upgrade("/socket?room=5").bytes())?;
        ensure!(client::read(&mut stream)?.status == 101, "no upgrade");
        stream.write_all(b"\x81\x05hello")?;
        let mut echo = [0; 7];
        stream.read_exact(&mut echo)?;
        ensure!(&echo == b"\x81\x05hello", "the data changed: {echo:?}");
        drop(stream);
        scene.counted("requests", 1)?;
        scene.expects(&upgrade(&format!("/socket?{ATTACK_ARGUMENT}")), 403)
    })
}

fn static_file(subject: &Subject) -> Result<()> {
    let given = Given {
        server: "wallarm_mode block;",
        root: Some("location / { root {prefix}/html; index index.html; }"),
        ..Given::default()
    };
    subject.given(given, |scene| {
        let page = scene.get("/")?;
        ensure!(page.status == 200 && page.text().contains("Front page"), "{}: {}", page.status, page.text());
        scene.expect("/index.html?a=1", 200)?;
        scene.expect("/none.html", 404)?;
        scene.expect(&format!("/index.html?{ATTACK_ARGUMENT}"), 403)?;
        // One for each answer: an index is an internal redirect.
        scene.counted("requests", 4)
    })
}

fn methods(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block;", |scene| {
        for method in ["OPTIONS", "DELETE", "PROPFIND", "BREW"] {
            let send = |target: &str| -> Result<u16> {
                let text = format!("{method} {target} HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n\r\n");
                Ok(client::exchange(scene.nginx.address, text.as_bytes())?.status)
            };
            let (clean, attack) = (send("/a")?, send(ATTACK)?);
            ensure!((clean, attack) == (200, 403), "{method}: {clean} for a clean request, {attack} for an attack");
        }
        Ok(())
    })
}

fn error_page(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; error_page 403 /denied; location = /denied { proxy_pass http://app; }";
    subject.with(directives, |scene| {
        let answer = scene.get(&format!("/?{ATTACK_ARGUMENT}"))?;
        ensure!(answer.status == 200 || answer.status == 403, "answered with {}", answer.status);
        scene.counted("requests", 1)?;
        scene.counted("blocked", 1)
    })
}

fn real_ip(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode monitoring; set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For;";
    subject.with(directives, |scene| {
        scene.expects(&Request::get(ATTACK).header("X-Forwarded-For", "203.0.113.9"), 200)?;
        let record = scene.record()?;
        ensure!(record.get("remote_addr") == Some(&Value::from("203.0.113.9")), "{:?}", record.get("remote_addr"));
        Ok(())
    })
}
