//! What `nginx -t` says.

use anyhow::{Result, ensure};

use super::scene::Given;
use super::{Fact, Subject};
use crate::nginx::server::Place;

pub const FACTS: &[Fact] = &[
    Fact::new("the configuration of the tests passes nginx -t without a word from the module", good),
    Fact::new("every wrong value is refused with file and line", values),
    Fact::new("every wrong context is refused with file and line", contexts),
    Fact::new("two backends are refused as ambiguous", ambiguous),
    Fact::new("an upstream that does not exist is refused", unknown_upstream),
    Fact::new("a server without max_conns is warned of", max_conns),
    Fact::new("a keepalive below the number of servers is warned of", keepalive),
    Fact::new("a deprecated name works and is warned of once", deprecated),
    Fact::new("a removed name is refused with its replacement", removed),
    Fact::new("the shipped examples pass nginx -t", examples),
    Fact::new("a module for another version is refused", foreign),
];

fn good(subject: &Subject) -> Result<()> {
    let tested = subject.tested(Given { server: "wallarm_mode block;", ..Given::default() })?;
    ensure!(tested.ok, "refused:\n{}", tested.said);
    let remark = tested.said.lines().find(|line| line.contains("wallarm") && line.contains('['));
    ensure!(remark.is_none(), "remarked: {remark:?}");
    Ok(())
}

/// The directives must be refused with a message that names the directive, the file and a line.
fn refused(subject: &Subject, given: Given<'_>, directive: &str, words: &str) -> Result<()> {
    let tested = subject.tested(given)?;
    let shown = format!("{directive}\n{}", tested.said);
    ensure!(!tested.ok, "accepted: {shown}");
    let line = tested.said.lines().find(|line| line.contains("[emerg]") && line.contains("nginx.conf:"));
    let Some(line) = line else { anyhow::bail!("refused without file and line: {shown}") };
    ensure!(line.contains(words), "the message does not say `{words}`: {line}");
    Ok(())
}

fn in_server(server: &str) -> Given<'_> {
    Given { server, ..Given::default() }
}

fn in_http(http: &str) -> Given<'_> {
    Given { http, ..Given::default() }
}

fn values(subject: &Subject) -> Result<()> {
    for directive in [
        "wallarm_mode on;",
        "wallarm_mode;",
        "wallarm_mode block block;",
        "wallarm_mode_allow_override maybe;",
        "wallarm_status on format=xml;",
        "wallarm_application 0;",
        "wallarm_application shop;",
        "wallarm_parser_disable yaml;",
        "wallarm_process_time_limit 1s;",
        "wallarm_process_time_limit_block sometimes;",
        "wallarm_request_chunk_size 0;",
        "wallarm_request_memory_limit many;",
        "wallarm_enable_libdetection yes;",
        "wallarm_rate_limit $remote_addr;",
        "wallarm_rate_limit $remote_addr rate=fast;",
        "wallarm_rate_limit $remote_addr rate=1r/s burst=-1;",
        "wallarm_rate_limit_status_code 99;",
        "wallarm_rate_limit_log_level loud;",
        "wallarm_block_page blocked.html;",
        "wallarm_block_page /blocked response_code=abc;",
        "wallarm_block_page /blocked type=robots;",
        "disable_acl 1;",
    ] {
        refused(subject, in_server(directive), directive, directive.split([' ', ';']).next().unwrap_or_default())?;
    }
    for directive in [
        "wallarm_upstream_backend kafka;",
        "wallarm_upstream_queue_limit -1;",
        "wallarm_upstream_queue_memory_limit big;",
        "wallarm_upstream_reconnect_interval soon;",
        "wallarm_upstream_connect_attempts x;",
        "wallarm_file_check_interval never;",
        "wallarm_rate_limit_shm_size 1;",
    ] {
        refused(subject, in_http(directive), directive, directive.split([' ', ';']).next().unwrap_or_default())?;
    }
    Ok(())
}

fn contexts(subject: &Subject) -> Result<()> {
    for directive in [
        "wallarm_tarantool_upstream wallarm_tarantool;",
        "wallarm_upstream_queue_limit 5;",
        "wallarm_file_check_interval 1;",
        "wallarm_cache_path /tmp;",
        "wallarm_acl_access_phase on;",
        "wallarm_rate_limit_shm_size 64m;",
    ] {
        refused(subject, in_server(directive), directive, "is not allowed here")?;
    }
    refused(subject, in_http("wallarm_status on;"), "wallarm_status on;", "is not allowed here")?;
    let main = "wallarm_mode block;";
    refused(subject, Given { main, ..Given::default() }, main, "is not allowed here")
}

fn ambiguous(subject: &Subject) -> Result<()> {
    let directive = "wallarm_api_conf {prefix}/node.yaml;";
    refused(subject, in_http(directive), directive, "directive ambiguous wallarm upstream backend")
}

fn unknown_upstream(subject: &Subject) -> Result<()> {
    let mut config = subject.config(Given::default(), ([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 1).into());
    config.http =
        config.http.replace("wallarm_tarantool_upstream wallarm_tarantool;", "wallarm_tarantool_upstream elsewhere;");
    let tested = Place::new()?.test(&subject.program, &config)?;
    ensure!(!tested.ok && tested.said.contains("elsewhere"), "{}", tested.said);
    Ok(())
}

/// The upstream of the tests, changed, must be accepted with a warning that has these words.
fn warned(subject: &Subject, from: &str, to: &str, words: &str) -> Result<()> {
    let mut config = subject.config(Given::default(), ([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 1).into());
    ensure!(config.http.contains(from), "the configuration of the tests has no `{from}`");
    config.http = config.http.replace(from, to);
    let tested = Place::new()?.test(&subject.program, &config)?;
    ensure!(tested.ok, "refused:\n{}", tested.said);
    let line = tested.said.lines().find(|line| line.contains("[warn]") && line.contains(words));
    let Some(line) = line else { anyhow::bail!("no warning with `{words}`:\n{}", tested.said) };
    ensure!(line.contains("nginx.conf:"), "the warning names no file and line: {line}");
    Ok(())
}

fn max_conns(subject: &Subject) -> Result<()> {
    warned(subject, "max_conns=1; ", "; ", "max_conns")
}

fn keepalive(subject: &Subject) -> Result<()> {
    warned(
        subject,
        "max_conns=1; keepalive 1;",
        "max_conns=1; server 127.0.0.1:2 max_conns=1; keepalive 1;",
        "keepalive",
    )?;
    warned(subject, "keepalive 1;", "", "keepalive")
}

fn deprecated(subject: &Subject) -> Result<()> {
    for (old, new) in [
        ("wallarm_instance 5;", "wallarm_application"),
        ("wallarm_ts_request_memory_limit 1g;", "wallarm_general_ruleset_memory_limit"),
    ] {
        let tested = subject.tested(in_server(old))?;
        ensure!(tested.ok, "{old} is refused:\n{}", tested.said);
        let warnings = tested.said.lines().filter(|line| line.contains("[warn]") && line.contains(new)).count();
        ensure!(warnings == 1, "{old}: {warnings} warnings that name {new}:\n{}", tested.said);
    }
    Ok(())
}

fn removed(subject: &Subject) -> Result<()> {
    let directive = "wallarm_acl_block_page /blocked;";
    refused(subject, in_server(directive), directive, "wallarm_block_page")
}

fn examples(subject: &Subject) -> Result<()> {
    // The settings of paths name system folders, which a test must not depend on; the rest stands as it is shipped.
    let conf = include_str!("../../../../nginx-module/assets/wallarm.conf");
    let status = include_str!("../../../../nginx-module/assets/wallarm-status.conf");
    let mut config = subject.config(Given::default(), ([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 1).into());
    config.http = format!(
        "{conf}\n{}\nupstream app {{ server 127.0.0.1:1; }}\n",
        status.replace("127.0.0.8:80", "127.0.0.8:4380")
    );
    let tested = Place::new()?.test(&subject.program, &config)?;
    ensure!(tested.ok, "refused:\n{}", tested.said);
    Ok(())
}

fn foreign(subject: &Subject) -> Result<()> {
    let mut config = subject.config(Given::default(), ([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 1).into());
    config.modules = vec![subject.foreign.clone()];
    let tested = Place::new()?.test(&subject.program, &config)?;
    ensure!(!tested.ok, "accepted a module for another version");
    let reasons = ["is not binary compatible", "version"];
    ensure!(reasons.iter().any(|reason| tested.said.contains(reason)), "refused for another reason:\n{}", tested.said);
    Ok(())
}
