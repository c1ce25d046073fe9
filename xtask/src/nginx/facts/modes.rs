//! What is blocked, passed and reported.

use anyhow::{Result, ensure};

use super::scene::{ATTACK, ATTACK_ARGUMENT, attacks, field, listed};
use super::{Fact, Subject};
use crate::nginx::client::Request;
use crate::nginx::postanalytics::Postanalytics;
use crate::nginx::server;

pub const FACTS: &[Fact] = &[
    Fact::new("in mode block, /etc/passwd is answered with 403 and does not reach the application", block),
    Fact::new("in mode monitoring, /etc/passwd passes and is reported as ptrav", monitoring),
    Fact::new(
        "in mode safe_blocking, an attack from a source that is not graylisted passes and is reported",
        safe_blocking,
    ),
    Fact::new("in mode off, and without a mode, nothing is analysed, counted or reported", off),
    Fact::new("an inner mode takes the place of an outer one", inner),
    Fact::new("the mode may come from a variable, and an unknown value means monitoring", variable),
    Fact::new("a flag may be quoted", quoted),
    Fact::new("a clean request passes, is reported as a request and counts as no attack", clean),
    Fact::new("attacks of several classes are found in arguments", classes),
    Fact::new("ordinary requests are taken for what they are", ordinary),
    Fact::new("the real postanalytics server takes the reports, and tnt_errors stays 0", real_server).under_valgrind(),
    Fact::new("satisfy any cannot overrule a block", satisfy_any),
    Fact::new("a blocked request is refused before access rules and authentication are asked", before_access),
];

fn block(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block;", |scene| {
        scene.expect(ATTACK, 403)?;
        scene.expect("/", 200)?;
        let seen = scene.app.seen();
        ensure!(seen.len() == 1 && seen.iter().all(|request| request.target == "/"), "the application saw {seen:?}");
        let record = scene.record()?;
        field(&record, "blocked", true)?;
        field(&record, "status", 403)?;
        field(&record, "mode", "block")?;
        field(&record, "block_reason", "attack")
    })
}

fn monitoring(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode monitoring;", |scene| {
        scene.expect(ATTACK, 200)?;
        let record = scene.record()?;
        ensure!(attacks(&record) == ["ptrav"] && listed(&record) == ["ptrav"], "found {record}");
        for (name, value) in
            [("uri", ATTACK), ("method", "GET"), ("host", "test.example"), ("remote_addr", "127.0.0.1")]
        {
            field(&record, name, value)?;
        }
        field(&record, "attack_type", 0x20)?;
        field(&record, "blocked", false)?;
        field(&record, "status", 200)?;
        let id = record.get("request_id").and_then(serde_json::Value::as_str).unwrap_or_default();
        ensure!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "request_id is `{id}`");
        Ok(())
    })
}

fn safe_blocking(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode safe_blocking;", |scene| {
        scene.expect(ATTACK, 200)?;
        let record = scene.record()?;
        field(&record, "mode", "safe_blocking")?;
        field(&record, "blocked", false)
    })
}

fn off(subject: &Subject) -> Result<()> {
    for directives in ["wallarm_mode off;", ""] {
        subject.with(directives, |scene| {
            scene.expect(ATTACK, 200)?;
            // Were it to be reported, it would have been by the time that a later request is answered.
            scene.expect("/", 200)?;
            let status = scene.status()?;
            ensure!(status["requests"] == 0 && status["attacks"] == 0, "counted with `{directives}`: {status}");
            ensure!(scene.recorder.records().is_empty(), "reported with `{directives}`");
            Ok(())
        })?;
    }
    Ok(())
}

fn inner(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block;
        location /watched/ { wallarm_mode monitoring; proxy_pass http://app; }
        location /free/ { wallarm_mode off; proxy_pass http://app; }";
    subject.with(directives, |scene| {
        scene.expect(&format!("/?{ATTACK_ARGUMENT}"), 403)?;
        scene.expect(&format!("/watched/?{ATTACK_ARGUMENT}"), 200)?;
        scene.expect(&format!("/free/?{ATTACK_ARGUMENT}"), 200)?;
        scene.counted("requests", 2)?;
        scene.counted("blocked", 1)
    })
}

fn variable(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode $arg_mode;", |scene| {
        scene.expect(&format!("/?mode=block&{ATTACK_ARGUMENT}"), 403)?;
        scene.expect(&format!("/?mode=off&{ATTACK_ARGUMENT}"), 200)?;
        scene.counted("requests", 1)?;
        scene.expect(&format!("/?mode=sometimes&{ATTACK_ARGUMENT}"), 200)?;
        scene.counted("requests", 2)?;
        scene.counted("attacks", 2)
    })
}

fn quoted(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode \"block\"; disable_acl \"on\"; wallarm_enable_libdetection 'on';", |scene| {
        scene.expect(ATTACK, 403)
    })
}

fn clean(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block;", |scene| {
        scene.expect("/catalogue?page=2", 200)?;
        let record = scene.record()?;
        ensure!(attacks(&record).is_empty(), "found {:?}", attacks(&record));
        field(&record, "attack_type", 0)?;
        scene.counted("requests", 1)?;
        scene.counted("attacks", 0)
    })
}

fn classes(subject: &Subject) -> Result<()> {
    let cases = [
        ("sqli", "/?id=1%27%20UNION%20SELECT%20login,password%20FROM%20users--%20"),
        ("xss", "/?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E"),
        ("rce", "/?host=127.0.0.1;cat%20/etc/shadow"),
        ("ptrav", "/?file=..%2f..%2f..%2f..%2fetc%2fpasswd"),
        ("crlf", "/?to=x%0d%0aSet-Cookie:%20session=1%0d%0a%0d%0a"),
    ];
    subject.with("wallarm_mode block;", |scene| {
        for (number, (attack, target)) in cases.into_iter().enumerate() {
            scene.expect(target, 403)?;
            let records = scene.recorder.wait_for(number + 1)?;
            let found = records.last().map(attacks).unwrap_or_default();
            ensure!(found.contains(&attack), "{target} should be {attack}, found {found:?}");
        }
        Ok(())
    })
}

fn ordinary(subject: &Subject) -> Result<()> {
    let form = "name=Seamus+O%27Brien&comment=Select+the+best+from+our+table+%26+order+by+phone%3B+it%27s+2+%3C+3!";
    let json = r#"{"query":"union square hotels","filters":{"price":{"max":250}},"note":"C:\\Users\\maria; see /etc for more"}"#;
    subject.with("wallarm_mode block;", |scene| {
        scene.expect("/search?q=drop+shipping+or+1+day+delivery&sort=-price&lang=pl", 200)?;
        scene.expect("/files/report%20(final).pdf?v=1.2.3", 200)?;
        scene.expects(&Request::form("/comments", form), 200)?;
        scene.expects(&Request::post("/api", "application/json", json), 200)?;
        scene.counted("requests", 4)?;
        scene.counted("attacks", 0)
    })
}

fn real_server(subject: &Subject) -> Result<()> {
    let postanalytics = Postanalytics::start(&subject.postanalytics)?;
    let given = super::scene::Given {
        server: "wallarm_mode monitoring;",
        postanalytics: Some(&[postanalytics.address]),
        ..Default::default()
    };
    subject.given(given, |scene| {
        for _ in 0..20 {
            scene.expect(ATTACK, 200)?;
        }
        scene.counted("requests", 20)?;
        scene.counted("attacks", 20)?;
        server::wait("20 stored attacks", || Ok(postanalytics.stored("ptrav")? == 20))?;
        scene.counted("tnt_errors", 0)
    })
}

fn satisfy_any(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block; satisfy any; allow all;", |scene| {
        scene.expect(ATTACK, 403)?;
        scene.expect("/", 200)
    })
}

fn before_access(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; auth_basic staff; auth_basic_user_file {prefix}/none;";
    subject.with(directives, |scene| {
        // Without credentials: 401 would mean that authentication came first.
        scene.expect(ATTACK, 403)?;
        scene.expect("/", 401)
    })
}
