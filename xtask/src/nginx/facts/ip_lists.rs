//! Lists of addresses, and what they mean in each mode.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::lifetime::own_rules;
use super::scene::{ATTACK, ATTACK_ARGUMENT, Given, Scene, attacks, field};
use super::{Fact, Subject};
use crate::nginx::client::{self, Request};

pub const FACTS: &[Fact] = &[
    Fact::new("a denylisted source is refused unseen in every mode but off", denied).under_valgrind(),
    Fact::new(
        "with wallarm_acl_access_phase off, a denylisted source is refused after the analysis, if the mode blocks",
        denied_late,
    )
    .under_valgrind(),
    Fact::new("attacks from graylisted sources are blocked in safe_blocking", gray),
    Fact::new("an allowlisted source passes without checks in every mode but off", allowed).under_valgrind(),
    Fact::new("the allowlist stands before the denylist, and that before the graylist", order),
    Fact::new("disable_acl on looks at no list", disabled),
    Fact::new("satisfy any cannot overrule the denylist", satisfy_any),
    Fact::new("a denylisted source is refused before its body is read", unread_body).under_valgrind(),
    Fact::new("a denylisted source is refused before rate limits, and its page is not limited", before_limits),
    Fact::new("a denylisted source sees the block page for it", block_page),
    Fact::new("an entry may be for some applications", applications),
    Fact::new("networks, IPv6 and IPv4 inside IPv6 are looked up", families),
    Fact::new("an address that real-IP handling of a location finds is looked up", real_ip_of_location),
    Fact::new("a unix socket counts as 0.0.0.0 in lists", unix_socket),
    Fact::new("a denylisted source at a location that only returns is reported", returns),
    Fact::new("the denylist holds where no rules could be loaded", without_rules),
    Fact::new("a copy of traffic from a denylisted source is looked at, and not blocked", copies),
];

/// Addresses of the documentation (RFC 5737): one in each list, and one in none.
pub const DENIED: &str = "203.0.113.1";
pub const ALLOWED: &str = "203.0.113.2";
pub const GRAY: &str = "203.0.113.3";
pub const UNLISTED: &str = "203.0.113.4";

/// Lets a header say who asks.
pub const SOURCE: &str = "set_real_ip_from 127.0.0.0/8; real_ip_header X-Source;";

/// A GET from a source.
pub fn from(source: &str, target: &str) -> Request {
    Request::get(target).header("X-Source", source)
}

/// An entry of a list.
pub fn entry(list: &str, object: &str) -> Value {
    json!({ "list": list, "object": object })
}

/// The file with these entries.
pub fn document(entries: &[Value]) -> String {
    json!({ "rev": 1, "entries": entries }).to_string()
}

/// Replaces the file of the lists.
pub fn put(scene: &Scene, text: &str) -> Result<()> {
    let aside = scene.nginx.path().join("ip_lists.new");
    std::fs::write(&aside, text)?;
    std::fs::rename(&aside, scene.nginx.path().join("ip_lists")).context("cannot rename")
}

/// A scene that has these lists from the start.
pub fn with_lists(
    subject: &Subject,
    server: &str,
    entries: &[Value],
    act: impl FnOnce(&Scene) -> Result<()>,
) -> Result<()> {
    subject.given(Given { server, http: SOURCE, ..Given::default() }, |scene| {
        put(scene, &document(entries))?;
        scene.nginx.reload()?;
        act(scene)
    })
}

fn three() -> [Value; 3] {
    [entry("deny", DENIED), entry("allow", ALLOWED), entry("gray", GRAY)]
}

/// Counters of the status page, by name.
fn counted(scene: &Scene, counters: &[(&str, u64)]) -> Result<()> {
    counters.iter().try_for_each(|(name, value)| scene.counted(name, *value))
}

fn denied(subject: &Subject) -> Result<()> {
    for mode in ["monitoring", "safe_blocking", "block"] {
        with_lists(subject, &format!("wallarm_mode {mode};"), &three(), |scene| {
            scene.expects(&from(DENIED, ATTACK), 403)?;
            ensure!(scene.app.seen().is_empty(), "{mode}: it reached the application");
            let record = scene.record()?;
            for (name, value) in [("block_reason", "acl_ip"), ("mode", mode), ("remote_addr", DENIED), ("uri", ATTACK)]
            {
                field(&record, name, value)?;
            }
            field(&record, "blocked", true)?;
            field(&record, "status", 403)?;
            ensure!(attacks(&record).is_empty(), "{mode}: it was analysed");
            scene.expects(&from(UNLISTED, "/"), 200)?;
            counted(scene, &[("requests", 2), ("blocked", 1), ("blocked_by_acl", 1), ("attacks", 0)])
        })?;
    }
    with_lists(subject, "wallarm_mode off;", &three(), |scene| {
        scene.expects(&from(DENIED, "/"), 200)?;
        counted(scene, &[("requests", 0), ("blocked_by_acl", 0)])
    })
}

fn denied_late(subject: &Subject) -> Result<()> {
    for (mode, status, blocked) in [("monitoring", 200, 0), ("safe_blocking", 403, 2), ("block", 403, 2)] {
        let http = format!("{SOURCE} wallarm_acl_access_phase off;");
        let given = Given { server: &format!("wallarm_mode {mode};"), http: &http, ..Given::default() };
        subject.given(given, |scene| {
            put(scene, &document(&three()))?;
            scene.nginx.reload()?;
            scene.expects(&from(DENIED, ATTACK), status)?;
            let record = scene.record()?;
            ensure!(attacks(&record) == ["ptrav"], "{mode}: it was not analysed: {record}");
            field(&record, "blocked", blocked > 0)?;
            if blocked > 0 {
                field(&record, "block_reason", "acl_ip")?;
            }
            scene.expects(&Request::form("/", "a=1").header("X-Source", DENIED), status)?;
            counted(scene, &[("requests", 2), ("attacks", 1), ("blocked", blocked), ("blocked_by_acl", blocked)])
        })?;
    }
    Ok(())
}

fn gray(subject: &Subject) -> Result<()> {
    for (mode, status) in [("monitoring", 200), ("safe_blocking", 403), ("block", 403)] {
        with_lists(subject, &format!("wallarm_mode {mode};"), &three(), |scene| {
            scene.expects(&from(GRAY, ATTACK), status)?;
            let record = scene.record()?;
            ensure!(attacks(&record) == ["ptrav"], "{mode}: {record}");
            field(&record, "blocked", status == 403)?;
            scene.expects(&from(GRAY, "/"), 200)?;
            let of_others = if mode == "block" { 403 } else { 200 };
            scene.expects(&from(UNLISTED, ATTACK), of_others)?;
            counted(scene, &[("requests", 3), ("blocked_by_acl", 0)])
        })?;
    }
    Ok(())
}

fn allowed(subject: &Subject) -> Result<()> {
    for mode in ["monitoring", "safe_blocking", "block"] {
        with_lists(subject, &format!("wallarm_mode {mode};"), &three(), |scene| {
            scene.expects(&from(ALLOWED, ATTACK), 200)?;
            let record = scene.record()?;
            field(&record, "attack_type", 0)?;
            field(&record, "blocked", false)?;
            let form = Request::form("/form", ATTACK_ARGUMENT).header("X-Source", ALLOWED);
            scene.expects(&form, 200)?;
            let body = scene.app.seen().into_iter().find(|seen| seen.target == "/form").context("no form")?.body;
            ensure!(body == ATTACK_ARGUMENT.as_bytes(), "the application saw {}", String::from_utf8_lossy(&body));
            counted(scene, &[("requests", 2), ("acl_allow_list", 2), ("attacks", 0), ("blocked", 0)])
        })?;
    }
    with_lists(subject, "wallarm_mode off;", &three(), |scene| {
        scene.expects(&from(ALLOWED, ATTACK), 200)?;
        counted(scene, &[("requests", 0), ("acl_allow_list", 0)])
    })
}

fn order(subject: &Subject) -> Result<()> {
    let entries = [
        entry("gray", "203.0.113.0/24"),
        entry("deny", "203.0.113.0/28"),
        entry("allow", "203.0.113.8/29"),
        entry("deny", "203.0.113.9"),
    ];
    with_lists(subject, "wallarm_mode safe_blocking;", &entries, |scene| {
        scene.expects(&from("203.0.113.9", ATTACK), 200)?;
        scene.expects(&from("203.0.113.7", "/"), 403)?;
        scene.expects(&from("203.0.113.16", "/"), 200)?;
        scene.expects(&from("203.0.113.16", ATTACK), 403)?;
        counted(scene, &[("requests", 4), ("acl_allow_list", 1), ("blocked", 2), ("blocked_by_acl", 1)])
    })
}

fn disabled(subject: &Subject) -> Result<()> {
    let server = "wallarm_mode safe_blocking; location /free { disable_acl on; proxy_pass http://app; }";
    with_lists(subject, server, &three(), |scene| {
        scene.expects(&from(DENIED, "/"), 403)?;
        scene.expects(&from(DENIED, "/free"), 200)?;
        scene.expects(&from(GRAY, &format!("/free?{ATTACK_ARGUMENT}")), 200)?;
        scene.expects(&from(ALLOWED, &format!("/free?{ATTACK_ARGUMENT}")), 200)?;
        counted(scene, &[("requests", 4), ("attacks", 2), ("acl_allow_list", 0), ("blocked_by_acl", 1)])
    })
}

fn satisfy_any(subject: &Subject) -> Result<()> {
    with_lists(subject, "wallarm_mode monitoring; satisfy any; allow all;", &three(), |scene| {
        scene.expects(&from(DENIED, "/"), 403)?;
        scene.expects(&from(UNLISTED, "/"), 200)
    })
}

fn unread_body(subject: &Subject) -> Result<()> {
    with_lists(subject, "wallarm_mode block;", &three(), |scene| {
        let head = |length: usize| {
            format!(
                "POST / HTTP/1.1\r\nHost: test.example\r\nX-Source: {DENIED}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {length}\r\n\r\n"
            )
        };
        let mut stream = client::connect(scene.nginx.address)?;
        stream.write_all(head(1 << 20).as_bytes())?;
        ensure!(client::read(&mut stream)?.status == 403, "with a body that never comes");
        drop(stream);
        // The connection goes on behind a body that nobody wanted.
        let mut stream = client::connect(scene.nginx.address)?;
        for number in 0..2 {
            stream.write_all(format!("{}{ATTACK_ARGUMENT}", head(ATTACK_ARGUMENT.len())).as_bytes())?;
            ensure!(client::read(&mut stream)?.status == 403, "request {number} of a connection");
        }
        counted(scene, &[("requests", 3), ("blocked_by_acl", 3), ("attacks", 0)])
    })
}

fn before_limits(subject: &Subject) -> Result<()> {
    let server = "wallarm_mode block; wallarm_rate_limit all rate=1r/m; wallarm_block_page @denied type=acl_ip;
        location @denied { proxy_pass http://app; }";
    with_lists(subject, server, &three(), |scene| {
        for _ in 0..3 {
            let answer = scene.send(&from(DENIED, "/"))?;
            // The application answers here on behalf of the named location.
            ensure!(
                answer.status == 403 && answer.text().starts_with("GET / "),
                "{}: {}",
                answer.status,
                answer.text()
            );
        }
        scene.expects(&from(UNLISTED, "/"), 200)?;
        scene.expects(&from(UNLISTED, "/"), 503)?;
        counted(scene, &[("requests", 4), ("blocked_by_acl", 3)])
    })
}

fn block_page(subject: &Subject) -> Result<()> {
    let server = "wallarm_mode block; wallarm_block_page &{prefix}/html/listed.html response_code=445 type=acl_ip;
        wallarm_block_page /attacked response_code=302 type=attack;";
    with_lists(subject, server, &three(), |scene| {
        std::fs::write(scene.nginx.path().join("html/listed.html"), "listed: ${remote_addr}\n")?;
        scene.nginx.reload()?;
        let page = scene.send(&from(DENIED, "/"))?;
        ensure!(page.status == 445 && page.text() == format!("listed: {DENIED}\n"), "{}: {}", page.status, page.text());
        scene.expects(&from(UNLISTED, ATTACK), 302)
    })
}

fn applications(subject: &Subject) -> Result<()> {
    let mut denied = entry("deny", DENIED);
    denied["apps"] = json!([12, 15]);
    let mut allowed = entry("allow", ALLOWED);
    allowed["apps"] = json!([-1]);
    let server = "wallarm_mode block;
        location /shop { wallarm_application 12; proxy_pass http://app; }
        location /blog { wallarm_application 7; proxy_pass http://app; }
        location /any { wallarm_application $arg_app; proxy_pass http://app; }";
    with_lists(subject, server, &[denied, allowed], |scene| {
        for (target, status) in [("/shop", 403), ("/blog", 200), ("/", 200), ("/any?app=15", 403), ("/any?app=7", 200)]
        {
            scene.expects(&from(DENIED, target), status)?;
        }
        scene.expects(&from(ALLOWED, ATTACK), 200)?;
        scene.expects(&from(ALLOWED, &format!("/shop?{ATTACK_ARGUMENT}")), 403)
    })
}

fn families(subject: &Subject) -> Result<()> {
    let entries =
        [entry("deny", "198.51.100.0/25"), entry("deny", "2001:db8:5::/48"), entry("deny", "::ffff:192.0.2.0/120")];
    with_lists(subject, "wallarm_mode monitoring;", &entries, |scene| {
        for (source, status) in [
            ("198.51.100.0", 403),
            ("198.51.100.127", 403),
            ("198.51.100.128", 200),
            ("::ffff:198.51.100.127", 403),
            ("2001:db8:5:ffff::1", 403),
            ("2001:db8:6::1", 200),
            ("192.0.2.1", 403),
        ] {
            scene.expects(&from(source, "/"), status).with_context(|| source.to_owned())?;
        }
        Ok(())
    })
}

fn real_ip_of_location(subject: &Subject) -> Result<()> {
    let root = format!("location / {{ {SOURCE} proxy_pass http://app; }}");
    let given = Given { server: "wallarm_mode monitoring;", root: Some(&root), ..Given::default() };
    subject.given(given, |scene| {
        put(scene, &document(&three()))?;
        scene.nginx.reload()?;
        scene.expects(&from(DENIED, "/"), 403)?;
        scene.expects(&from(UNLISTED, "/"), 200)
    })
}

fn unix_socket(subject: &Subject) -> Result<()> {
    with_lists(subject, "wallarm_mode monitoring; listen unix:{prefix}/socket;", &[entry("deny", "0.0.0.0")], |scene| {
        let mut stream = UnixStream::connect(scene.nginx.path().join("socket"))?;
        stream.write_all(&Request::get("/").bytes())?;
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        scene.expects(&from(UNLISTED, "/"), 200)
    })
}

fn returns(subject: &Subject) -> Result<()> {
    with_lists(subject, "wallarm_mode block; location = /gone { return 410; }", &three(), |scene| {
        // Its answer is decided before any phase in which it could be blocked.
        scene.expects(&from(DENIED, "/gone"), 410)?;
        field(&scene.record()?, "blocked", false)?;
        counted(scene, &[("requests", 1), ("blocked_by_acl", 0)])
    })
}

fn without_rules(subject: &Subject) -> Result<()> {
    let (subject, _folder) = own_rules(subject, b"no rules")?;
    with_lists(&subject, "wallarm_mode block;", &three(), |scene| {
        scene.expects(&from(DENIED, "/"), 403)?;
        scene.expects(&from(ALLOWED, ATTACK), 200)?;
        scene.expects(&from(UNLISTED, ATTACK), 200)?;
        counted(scene, &[("requests", 1), ("blocked_by_acl", 1), ("acl_allow_list", 0)])
    })
}

fn copies(subject: &Subject) -> Result<()> {
    with_lists(subject, "wallarm_mode block; wallarm_force response_status 200;", &three(), |scene| {
        scene.expects(&from(DENIED, ATTACK), 200)?;
        let record = scene.record()?;
        ensure!(attacks(&record) == ["ptrav"], "{record}");
        field(&record, "blocked", false)?;
        scene.expects(&from(ALLOWED, ATTACK), 200)?;
        counted(scene, &[("requests", 2), ("attacks", 1), ("acl_allow_list", 1), ("blocked", 0)])
    })
}
