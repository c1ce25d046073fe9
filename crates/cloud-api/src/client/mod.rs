//! Sends to the node API, one call at a time, and waits for the answer.
//!
//! A client makes no threads, so whoever calls it knows when it is done; [`Client::interrupt`] ends what it waits for. Only the
//! search for the address of a name cannot be ended: the system's resolver has its own patience.

mod authorities;
mod connector;
mod resolver;

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::de::DeserializeOwned;
use ureq::http::{Response, header};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, RustlsConnector};
use ureq::{Agent, Body, Proxy, ProxyProtocol};

use crate::envelope::one_line;
use crate::headers::{IDEMPOTENCY_KEY, SECRET_HEADER, UUID_HEADER};
use crate::node_yaml::NodeYaml;
use crate::proxies::Proxies;
use crate::reply::{Reply, Silent};
use crate::upload;

pub use authorities::AuthoritiesError;
use connector::SourceConnector;
use resolver::PatientResolver;

/// Time for a connection, greetings of TLS and a proxy included.
const CONNECT: Duration = Duration::from_secs(8);
/// Time for each of the other steps of a call. Hits are small, and there is another try.
const CALL: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const ANSWER: u64 = 1 << 20;
/// Connections that rest are closed after this time, before the other side does it.
const REST: Duration = Duration::from_secs(15);

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The certificates of authorities cannot be had.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// A proxy cannot be used; it is not shown, since it may hold a password.
    #[error("\"{name}\" in /etc/environment is not of the form http://USER:PASSWORD@HOST:PORT")]
    Proxy {
        /// The variable.
        name: &'static str,
    },
}

/// A client of the node API.
pub struct Client {
    agent: Agent,
    base: String,
    /// The host, for messages.
    host: String,
    uuid: String,
    secret: String,
}

impl Client {
    /// A client for the node that `node` describes; `tool` is what it calls itself. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn new(node: &NodeYaml, proxies: &Proxies, tool: &str) -> Result<Self, ClientError> {
        let api = &node.api;
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls =
            TlsConfig::builder().disable_verification(!api.ca_verify).unversioned_rustls_crypto_provider(crypto);
        if api.use_ssl && api.ca_verify {
            tls = tls.root_certs(authorities::read(api.ca_file.as_deref())?);
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy(api.use_ssl, &api.host, proxies)?)
            .tls_config(tls.build())
            .user_agent(format!("wallarm-node/{} ({tool})", env!("CARGO_PKG_VERSION")))
            .max_idle_age(REST)
            .timeout_connect(Some(CONNECT))
            .timeout_send_request(Some(CALL))
            .timeout_send_body(Some(CALL))
            .timeout_recv_response(Some(CALL))
            .timeout_recv_body(Some(CALL))
            .build();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(SourceConnector::new(api))
                .chain(RustlsConnector::default());
        let agent = Agent::with_parts(config, connector, PatientResolver::default());
        let scheme = if api.use_ssl { "https" } else { "http" };
        Ok(Self {
            agent,
            base: format!("{scheme}://{}:{}", api.host, api.port),
            host: format!("{}:{}", api.host, api.port),
            uuid: node.uuid.clone(),
            secret: node.secret.clone(),
        })
    }

    /// Host and port of the API, for messages.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends hits: the JSON of an [`upload::Upload`].
    ///
    /// # Errors
    ///
    /// [`Silent`] if there is no answer that can be read. The API may have taken the hits all the same.
    pub fn post_hits(&self, json: &[u8]) -> Result<Reply, Silent> {
        self.post(upload::PATH, None, json)
    }

    /// Sends JSON to one of the API's calls under a name, by which the API knows it when it comes again.
    ///
    /// # Errors
    ///
    /// As [`Client::post_hits`].
    pub fn post_named<T>(&self, path: &str, name: &str, json: &[u8]) -> Result<Reply<T>, Silent>
    where
        T: DeserializeOwned + Default,
    {
        self.post(path, Some(name), json)
    }

    fn post<T>(&self, path: &str, name: Option<&str>, json: &[u8]) -> Result<Reply<T>, Silent>
    where
        T: DeserializeOwned + Default,
    {
        let body = gzip(json).map_err(|error| Silent(error.to_string()))?;
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header(UUID_HEADER, &self.uuid)
            .header(SECRET_HEADER, &self.secret)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_ENCODING, "gzip");
        if let Some(name) = name {
            request = request.header(IDEMPOTENCY_KEY, format!("\"{name}\""));
        }
        read(request.send(&body[..]))
    }

    /// Asks for something that one of the API's calls gives.
    ///
    /// # Errors
    ///
    /// [`Silent`] if there is no answer that can be read.
    pub fn get_json<T: DeserializeOwned + Default>(&self, path: &str) -> Result<Reply<T>, Silent> {
        let sent = self
            .agent
            .get(format!("{}{path}", self.base))
            .header(UUID_HEADER, &self.uuid)
            .header(SECRET_HEADER, &self.secret)
            .call();
        read(sent)
    }

    /// Ends what is waited for, from another thread; nothing can be sent afterwards.
    pub fn interrupt(&self) {
        self.agent.clone().shutdown();
    }
}

fn read<T: DeserializeOwned + Default>(sent: Result<Response<Body>, ureq::Error>) -> Result<Reply<T>, Silent> {
    let silent = |error: &dyn std::error::Error| Silent(one_line(&error.to_string()));
    let mut response = sent.map_err(|error| silent(&error))?;
    let mut answer = Vec::new();
    let read = response.body_mut().as_reader().take(ANSWER).read_to_end(&mut answer);
    read.map_err(|error| silent(&error))?;
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let (retry_after, date) = (header(header::RETRY_AFTER), header(header::DATE));
    Reply::read(response.status().as_u16(), retry_after, date, &answer, SystemTime::now())
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The proxy for the connections of this client, if they take one.
fn proxy(tls: bool, host: &str, proxies: &Proxies) -> Result<Option<Proxy>, ClientError> {
    let Some(text) = proxies.to(host, tls) else { return Ok(None) };
    let wrong = || ClientError::Proxy { name: if tls { "https_proxy" } else { "http_proxy" } };
    let proxy = Proxy::new(text).map_err(|_| wrong())?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(Some(proxy)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
