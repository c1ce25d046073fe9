//! What a fact works with: an NGINX with the module, an application behind it, a postanalytics server that records.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use detection::{Attack, AttackSet};
use serde_json::Value;

use super::Subject;
use crate::nginx::app::App;
use crate::nginx::client::{Request, Response};
use crate::nginx::config::Config;
use crate::nginx::recorder::Recorder;
use crate::nginx::server::{self, Place, Server, Tested};
use crate::nginx::status_page;

/// An attack that every rule set knows: the way out of a folder to the list of accounts.
pub const ATTACK: &str = "/etc/passwd";

/// The same as the value of an argument.
pub const ATTACK_ARGUMENT: &str = "file=../../../../etc/passwd";

/// Words in the error log that no request may bring about.
const ALARMS: [&str; 4] = ["[alert]", "[emerg]", "exited on signal", "panicked"];

/// What Debian's NGINX says before it has read its configuration, on a machine that has no NGINX installed: its built-in log
/// has no folder there.
const NO_LOG_YET: &str = "could not open error log file: open() \"/var/log/nginx/error.log\" failed";

/// Whether a line of the log is one that no request may bring about.
fn is_alarm(line: &str) -> bool {
    ALARMS.iter().any(|alarm| line.contains(alarm)) && !line.contains(NO_LOG_YET)
}

/// Directives of a scene beside those that it always has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// At the outermost level.
    pub main: &'a str,
    /// In the `http` block.
    pub http: &'a str,
    /// In the `server` block.
    pub server: &'a str,
    /// Workers; 0 stands for 1.
    pub workers: u32,
    /// Takes the place of the location `/`, which passes everything to the application.
    pub root: Option<&'a str>,
    /// The folder of the backup instead of one of its own.
    pub cache: Option<&'a str>,
    /// The servers of the upstream instead of the recorder, separated by commas.
    pub postanalytics: Option<&'a [SocketAddr]>,
    /// Whether no upstream is named, since `http` names an API.
    pub to_api: bool,
}

/// A running scene.
#[derive(Debug)]
pub struct Scene {
    /// NGINX.
    pub nginx: Server,
    /// What it reports to.
    pub recorder: Recorder,
    /// What it passes requests to.
    pub app: App,
}

impl Subject {
    /// A scene with these directives in its server block.
    pub fn with(&self, server: &str, act: impl FnOnce(&Scene) -> Result<()>) -> Result<()> {
        self.given(Given { server, ..Given::default() }, act)
    }

    /// Sets the scene, lets `act` play, stops NGINX as an operator does, and looks for alarms in its log.
    pub fn given(&self, given: Given<'_>, act: impl FnOnce(&Scene) -> Result<()>) -> Result<()> {
        let said = self.played(given, act)?;
        match said.lines().find(|line| is_alarm(line)) {
            Some(line) => bail!("the error log has an alarm: {line}"),
            None => Ok(()),
        }
    }

    /// The same without looking for alarms; gives all that NGINX said.
    pub fn played(&self, given: Given<'_>, act: impl FnOnce(&Scene) -> Result<()>) -> Result<String> {
        let (recorder, app) = (Recorder::start()?, App::start()?);
        let config = self.config(given, recorder.address, app.address);
        let nginx = Server::start_in(Place::new()?, &self.program, &config)?;
        let scene = Scene { nginx, recorder, app };
        act(&scene).with_context(|| tail(&scene.nginx.said()))?;
        scene.nginx.quit()
    }

    /// What `nginx -t` says of these directives.
    pub fn tested(&self, given: Given<'_>) -> Result<Tested> {
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        Place::new()?.test(&self.program, &self.config(given, nobody, nobody))
    }

    /// The whole configuration.
    pub fn config(&self, given: Given<'_>, recorder: SocketAddr, app: SocketAddr) -> Config {
        let own = [recorder];
        let servers = given.postanalytics.unwrap_or(&own);
        let upstream: String = servers
            .iter()
            .map(|address| format!("server {address} max_fails=0 fail_timeout=0 max_conns=1; "))
            .collect();
        let backend = if given.to_api { "" } else { "wallarm_tarantool_upstream wallarm_tarantool;" };
        let http = format!(
            "upstream wallarm_tarantool {{ {upstream}keepalive {}; }}\n{backend}\n\
             wallarm_protondb_path {};\nwallarm_custom_ruleset_path {{prefix}}/none;\nwallarm_key_path {{prefix}}/none;\n\
             wallarm_ip_lists_path {{prefix}}/ip_lists;\nwallarm_cache_path {};\n\
             upstream app {{ server {app}; }}\nclient_max_body_size 0;\n{}\n",
            servers.len(),
            self.rules.display(),
            given.cache.unwrap_or("{prefix}/cache"),
            given.http
        );
        let server = format!(
            "{}\n{}\nlocation = {}-prometheus {{ wallarm_status on format=prometheus; wallarm_mode off; }}\n{}\n",
            given.server,
            status_page::location(),
            status_page::PATH,
            given
                .root
                .unwrap_or("location / { proxy_pass http://app; proxy_http_version 1.1; proxy_read_timeout 300s; }"),
        );
        Config {
            modules: vec![self.module.clone()],
            workers: given.workers,
            main: given.main.to_owned(),
            http,
            server,
            ..Config::default()
        }
    }
}

impl Scene {
    /// GET.
    pub fn get(&self, target: &str) -> Result<Response> {
        self.send(&Request::get(target))
    }

    /// Sends a request.
    pub fn send(&self, request: &Request) -> Result<Response> {
        request.send(self.nginx.address)
    }

    /// GET of `target` must be answered with `status`.
    pub fn expect(&self, target: &str, status: u16) -> Result<()> {
        self.expects(&Request::get(target), status)
    }

    /// The request must be answered with `status`.
    pub fn expects(&self, request: &Request, status: u16) -> Result<()> {
        let answer = self.send(request)?;
        let first: String = String::from_utf8_lossy(&request.bytes()).chars().take(100).collect();
        ensure!(answer.status == status, "answered with {}, should be {status}: {first}", answer.status);
        Ok(())
    }

    /// The status page as JSON.
    pub fn status(&self) -> Result<Value> {
        status_page::read(self.nginx.address)
    }

    /// Waits until a counter of the status page has a value. Requests are counted after their answer, so it may take a moment.
    pub fn counted(&self, key: &str, value: u64) -> Result<()> {
        let mut last = Value::Null;
        server::wait(&format!("`{key}` to be {value}"), || {
            last = self.status()?.get(key).cloned().unwrap_or_default();
            Ok(last == value)
        })
        .with_context(|| format!("it is {last}"))
    }

    /// The record of the one request that was reported, once it has come.
    pub fn record(&self) -> Result<Value> {
        self.recorder.wait_for(1)?.into_iter().next().context("no record")
    }

    /// Whether a clean request is still answered: what came before did no lasting harm.
    pub fn still_serves(&self) -> Result<()> {
        self.expect("/still-there?a=1", 200)
    }
}

/// Names of the attacks of a record, by its mask.
pub fn attacks(record: &Value) -> Vec<&'static str> {
    let mask = record.get("attack_type").and_then(Value::as_u64).and_then(|mask| u32::try_from(mask).ok());
    AttackSet::from_bits(mask.unwrap_or_default()).iter().map(Attack::code).collect()
}

/// Names of the attacks in the list of a record, each with its place in the request.
pub fn listed(record: &Value) -> Vec<&str> {
    let list = record.get("attacks").and_then(Value::as_array).into_iter().flatten();
    list.filter(|attack| attack.get("point").is_some()).filter_map(|attack| attack.get("type")?.as_str()).collect()
}

/// A field of a record must have this value.
pub fn field(record: &Value, name: &str, value: impl Into<Value>) -> Result<()> {
    let (found, value) = (record.get(name), value.into());
    ensure!(found == Some(&value), "`{name}` of the record is {found:?}, should be {value}");
    Ok(())
}

/// The end of a log: what matters when a fact does not hold.
fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let last = lines.get(lines.len().saturating_sub(12)..).unwrap_or_default();
    let cut = last.iter().map(|line| line.chars().take(300).collect::<String>());
    format!("NGINX said:\n{}", cut.collect::<Vec<_>>().join("\n"))
}
