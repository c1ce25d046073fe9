//! The servers that are compared.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::Order;
use crate::nginx::client::Request;
use crate::nginx::config::Config;
use crate::nginx::postanalytics::Postanalytics;
use crate::nginx::program::Program;
use crate::nginx::server::{Place, Server};
use crate::nginx::status_page;

/// The peer, as Debian packs it.
const MODSECURITY: &str = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";

/// Its rules, as its packages and their documentation set them up. Requests are judged, and nothing of the traffic here is written to
/// the audit log.
const MODSECURITY_RULES: &str = "Include /etc/nginx/modsecurity.conf\nSecRuleEngine On\nSecAuditEngine Off\n\
    Include /etc/modsecurity/crs/crs-setup.conf\nInclude /usr/share/modsecurity-crs/rules/*.conf\n";

/// One server under load.
#[derive(Debug)]
pub struct Variant {
    /// As the table shows it.
    pub name: &'static str,
    /// Its NGINX.
    pub server: Server,
    /// Whether it reports to postanalytics.
    pub reports: bool,
}

/// The application behind the proxies: takes a body whole, then answers with a small page.
///
/// The mirror is what reads the body: a location that only returns would answer before it came.
///
/// # Errors
///
/// If it does not start.
pub fn backend(program: &Program) -> Result<Server> {
    let server = "client_max_body_size 8m; client_body_buffer_size 2m; root html; keepalive_requests 1000000000;
        location / { mirror /read; error_page 404 405 =200 /index.html; }
        location = /read { internal; return 204; }
        location = /index.html { }";
    Server::start(program, &Config { log_level: "error", server: server.to_owned(), ..Config::default() })
}

impl Variant {
    /// NGINX without a module.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn alone(program: &Program, backend: &Server) -> Result<Self> {
        Self::start("NGINX alone", program, &base(backend), Place::new()?)
    }

    /// NGINX with the module in mode `block`, connected to postanalytics.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn module(program: &Program, backend: &Server, order: &Order<'_>, analytics: &Postanalytics) -> Result<Self> {
        let mut config = base(backend);
        config.modules.push(order.module.to_owned());
        config.http += &format!(
            "upstream wallarm_tarantool {{ server {} max_fails=0 fail_timeout=0 max_conns=1; keepalive 1; }}
             wallarm_tarantool_upstream wallarm_tarantool; wallarm_protondb_path {}; wallarm_cache_path {{prefix}}/cache;",
            analytics.address,
            order.rules.display(),
        );
        config.server += &format!("wallarm_mode block; {}", status_page::location());
        let mut variant = Self::start("with this module", program, &config, Place::new()?)?;
        // Without rules it would be fast and useless.
        let blocked = Request::get("/etc/passwd").send(variant.server.address)?.status;
        ensure!(blocked == 403, "the module does not look at requests: /etc/passwd is answered with {blocked}");
        variant.reports = true;
        Ok(variant)
    }

    /// NGINX with ModSecurity and the Core Rule Set, if Debian's packages of both are installed.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn modsecurity(program: &Program, backend: &Server) -> Result<Option<Self>> {
        if ![MODSECURITY, "/etc/modsecurity/crs/crs-setup.conf"].iter().all(|path| Path::new(path).exists()) {
            return Ok(None);
        }
        let place = Place::new()?;
        let rules = place.path().join("rules.conf");
        fs::write(&rules, MODSECURITY_RULES)?;
        let mut config = base(backend);
        config.modules.push(MODSECURITY.into());
        config.server += &format!("modsecurity on; modsecurity_rules_file {};", rules.display());
        Self::start("ModSecurity + CRS", program, &config, place).map(Some)
    }

    fn start(name: &'static str, program: &Program, config: &Config, place: Place) -> Result<Self> {
        let server = Server::start_in(place, program, config).with_context(|| name.to_owned())?;
        Ok(Self { name, server, reports: false })
    }

    /// Process number of the one worker.
    ///
    /// # Errors
    ///
    /// If there is more than one, or none.
    pub fn worker(&self) -> Result<u32> {
        let workers = self.server.workers();
        ensure!(workers.len() == 1, "{} has {} workers, should have one", self.name, workers.len());
        workers.first().copied().context("no worker")
    }
}

/// What all variants have in common.
fn base(backend: &Server) -> Config {
    Config {
        log_level: "error",
        http: format!("upstream application {{ server {}; keepalive 64; }}\n", backend.address),
        server:
            "client_max_body_size 8m; root html; keepalive_requests 1000000000;
            location /app/ { proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ''; }\n"
                .to_owned(),
        ..Config::default()
    }
}
