//! Block pages and variables.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::scene::{ATTACK, Given, Scene};
use super::{Fact, Subject};
use crate::nginx::client::Request;
use crate::nginx::server;

pub const FACTS: &[Fact] = &[
    Fact::new("a block page is a file whose variables are filled in and escaped", page).under_valgrind(),
    Fact::new("the block page may have another status", page_status),
    Fact::new("a block page that is missing falls back to plain 403", missing_page),
    Fact::new("a block may be a redirect of the client", redirect),
    Fact::new("a block may be answered by a named location", named).under_valgrind(),
    Fact::new("the target of a block may come from a variable", variable_target),
    Fact::new("the sample page is whole and shows the request's number", sample),
    Fact::new("the variables tell type, list and validity of a request in the access log", variables).under_valgrind(),
    Fact::new("if=$wallarm_attack_type logs attacks only", conditional_log),
    Fact::new("$request_id in the access log is the number of the record", request_id),
    Fact::new("$wallarm_dollar is a dollar", dollar),
];

/// Writes a file of this NGINX that its workers can read.
fn put(scene: &Scene, name: &str, text: &str) -> Result<()> {
    fs::write(scene.nginx.path().join(name), text).with_context(|| format!("cannot write {name}"))
}

fn page(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; wallarm_block_page &{prefix}/html/blocked.html;";
    prepared(subject, directives, |scene| {
        let request = Request::get(ATTACK).header("User-Agent", "<b>\"quoted\"</b>");
        let answer = scene.send(&request)?;
        ensure!(answer.status == 403, "answered with {}", answer.status);
        let text = answer.text();
        ensure!(text.starts_with("blocked: 127.0.0.1 "), "the address is not filled in: {text}");
        ensure!(!text.contains("<b>") && text.contains("&lt;b&gt;"), "a value is not escaped: {text}");
        let kind = answer.header("content-type").unwrap_or_default();
        ensure!(kind.starts_with("text/html"), "content-type is `{kind}`");
        Ok(())
    })
}

/// A scene whose block page is there before NGINX starts.
fn prepared(subject: &Subject, directives: &str, act: impl FnOnce(&Scene) -> Result<()>) -> Result<()> {
    subject.with(directives, |scene| {
        put(scene, "html/blocked.html", "blocked: ${remote_addr} ${http_user_agent} ${request_id}\n")?;
        scene.nginx.reload()?;
        act(scene)
    })
}

fn page_status(subject: &Subject) -> Result<()> {
    let directives =
        "wallarm_mode block; wallarm_block_page &{prefix}/html/blocked.html response_code=445 type=attack;";
    prepared(subject, directives, |scene| scene.expect(ATTACK, 445))
}

fn missing_page(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block; wallarm_block_page &{prefix}/html/none.html;", |scene| scene.expect(ATTACK, 403))
}

fn redirect(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; wallarm_block_page /blocked response_code=302;";
    subject.with(directives, |scene| {
        let answer = scene.get(ATTACK)?;
        ensure!(answer.status == 302, "answered with {}", answer.status);
        let to = answer.header("location").unwrap_or_default();
        ensure!(to.ends_with("/blocked"), "redirected to `{to}`");
        Ok(())
    })
}

fn named(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; wallarm_block_page @blocked; location @blocked { return 418 named; }";
    subject.with(directives, |scene| {
        let answer = scene.get(ATTACK)?;
        ensure!(answer.text().contains("named"), "{}: {}", answer.status, answer.text());
        scene.counted("requests", 1)?;
        scene.counted("blocked", 1)
    })
}

fn variable_target(subject: &Subject) -> Result<()> {
    let http = "map $http_accept_language $page { default &{prefix}/html/blocked.html; pl @polish; }
        wallarm_block_page_add_dynamic_path {prefix}/html/blocked.html;";
    let server = "wallarm_mode block; wallarm_block_page $page; location @polish { return 403 zablokowane; }";
    subject.given(Given { http, server, ..Given::default() }, |scene| {
        put(scene, "html/blocked.html", "blocked: ${remote_addr}\n")?;
        scene.nginx.reload()?;
        let polish = scene.send(&Request::get(ATTACK).header("Accept-Language", "pl"))?.text();
        let other = scene.get(ATTACK)?.text();
        ensure!(polish.contains("zablokowane"), "by @name: {polish}");
        ensure!(other.contains("blocked: 127.0.0.1"), "by file: {other}");
        Ok(())
    })
}

fn sample(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; wallarm_block_page &{prefix}/html/sample.html;";
    subject.with(directives, |scene| {
        put(scene, "html/sample.html", include_str!("../../../../nginx-module/assets/wallarm_blocked.html"))?;
        scene.nginx.reload()?;
        let text = scene.get(ATTACK)?.text();
        let record = scene.record()?;
        let id = record.get("request_id").and_then(serde_json::Value::as_str).unwrap_or("none");
        ensure!(text.contains(id), "the page does not show {id}");
        ensure!(text.contains("127.0.0.1") && text.trim_end().ends_with("</html>"), "the page is not whole");
        // NGINX's own variables are `${name}`; what is left over would be shown to people.
        ensure!(!text.contains("${remote_addr}") && !text.contains("${request_id}"), "a variable was left in the page");
        Ok(())
    })
}

/// Sends a clean request and an attack to an NGINX that logs `format`, and gives the lines.
fn logged(
    subject: &Subject,
    format: &str,
    rest: &str,
    lines: usize,
    check: impl FnOnce(&[String]) -> Result<()>,
) -> Result<()> {
    let http = format!("log_format test '{format}';");
    let server = format!("wallarm_mode monitoring; access_log {{prefix}}/access.log test {rest};");
    subject.given(Given { http: &http, server: &server, ..Given::default() }, |scene| {
        scene.expect("/clean?a=1", 200)?;
        scene.expect(ATTACK, 200)?;
        let read = || fs::read_to_string(scene.nginx.path().join("access.log")).unwrap_or_default();
        server::wait("the lines of the access log", || Ok(read().lines().count() >= lines))?;
        let text = read();
        let found: Vec<String> = text.lines().map(str::to_owned).collect();
        ensure!(found.len() == lines, "the access log has {} lines: {text}", found.len());
        check(&found).with_context(|| text)
    })
}

fn variables(subject: &Subject) -> Result<()> {
    let format = "$uri|$wallarm_attack_type|$wallarm_attack_type_list|$wallarm_is_input_valid|$wallarm_serialized_size|\
                  $wallarm_request_cpu_time|$wallarm_request_mono_time";
    logged(subject, format, "", 2, |lines| {
        let fields: Vec<Vec<&str>> = lines.iter().map(|line| line.split('|').collect()).collect();
        let [clean, attack] = &fields[..] else { anyhow::bail!("two lines") };
        ensure!(clean.get(1..4) == Some(&["0", "", "0"][..]), "clean: {clean:?}");
        ensure!(attack.get(1..3) == Some(&["32", "ptrav"][..]), "attack: {attack:?}");
        let number = |field: &str| field.parse::<f64>().with_context(|| format!("`{field}` is no number"));
        for fields in [clean, attack] {
            for field in fields.get(4..7).context("seven fields")? {
                number(field)?;
            }
        }
        ensure!(number(attack.get(4).context("size")?)? > 0.0, "a reported request has no size");
        Ok(())
    })
}

fn conditional_log(subject: &Subject) -> Result<()> {
    logged(subject, "$uri", "if=$wallarm_attack_type", 1, |lines| {
        ensure!(lines == [ATTACK], "logged {lines:?}");
        Ok(())
    })
}

fn request_id(subject: &Subject) -> Result<()> {
    subject.given(
        Given {
            http: "log_format test '$request_id';",
            server: "wallarm_mode monitoring; access_log {prefix}/access.log test;",
            ..Given::default()
        },
        |scene| {
            scene.expect("/", 200)?;
            let record = scene.record()?;
            let id = record.get("request_id").and_then(serde_json::Value::as_str).unwrap_or_default();
            let log = fs::read_to_string(scene.nginx.path().join("access.log"))?;
            ensure!(log.trim() == id, "the log has {}, the record {id}", log.trim());
            Ok(())
        },
    )
}

fn dollar(subject: &Subject) -> Result<()> {
    subject.with("location = /price { return 200 \"5 ${wallarm_dollar}\"; }", |scene| {
        let text = scene.get("/price")?.text();
        ensure!(text == "5 $", "`{text}`");
        Ok(())
    })
}
