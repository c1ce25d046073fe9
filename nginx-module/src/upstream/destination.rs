//! Where records go, as the configuration says.

use crate::ngx::balancer::Server;
use crate::ngx::conf::Conf;
use crate::ngx::request_id::RequestId;
use crate::ngx::template::Template;
use cloud_api::node_yaml;
use module_logic::settings::{Backend, Global};
use module_logic::upstream::{Identity, PeerSettings, QueueLimits, Settings};
use module_logic::upstream_block;
use socket2::SockAddr;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// What `server` says in an `upstream` block without parameters: NGINX's defaults for the built-in server.
const BUILT_IN_FAIL_TIMEOUT: Duration = Duration::from_secs(10);

/// Why records cannot go where the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// No block has this name.
    #[error("\"wallarm_tarantool_upstream\" names \"{0}\", but there is no such upstream block")]
    NoSuchUpstream(String),
    /// An address that the system does not know.
    #[error("a server of upstream \"{upstream}\" has an address that cannot be used: {source}")]
    Address {
        /// Name of the block.
        upstream: String,
        /// What the system said.
        source: io::Error,
    },
    /// NGINX did not find a variable.
    #[error("the variable $request_id cannot be used: memory is exhausted")]
    RequestId,
}

/// Where records go, and how.
pub struct Destination {
    servers: Vec<Server>,
    /// How servers are chosen, if by a key.
    pub key: Option<Template>,
    /// UUID of this node; empty before registration.
    pub node_uuid: Box<str>,
    /// The same `$request_id` that logs and the application see.
    pub request_id: RequestId,
    connect_attempts: u32,
    reconnect_interval: Duration,
    connect_timeout: Duration,
    queue: QueueLimits,
}

impl Destination {
    /// Reads it once the `http` block was read. `None` for backend `api`, which takes no records.
    ///
    /// # Errors
    ///
    /// [`DestinationError`], to be shown with the file and line.
    pub fn read(
        conf: &Conf,
        backend: &Backend,
        holds: &Global,
        queue: QueueLimits,
    ) -> Result<Option<Self>, DestinationError> {
        let (servers, key) = match backend {
            Backend::Api(_) => return Ok(None),
            Backend::BuiltIn(address) => (vec![built_in(*address)], None),
            Backend::Upstream(name) => named(conf, name)?,
        };
        let request_id = RequestId::find(conf).ok_or(DestinationError::RequestId)?;
        Ok(Some(Self {
            servers,
            key,
            node_uuid: node_yaml::uuid_in(Path::new(node_yaml::PATH)).unwrap_or_default().into(),
            request_id,
            connect_attempts: holds.connect_attempts,
            reconnect_interval: holds.reconnect_interval,
            connect_timeout: holds.connect_timeout,
            queue,
        }))
    }

    /// What a client is made from.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            peers: self.servers.iter().map(|server| server.settings.clone()).collect(),
            keyed: self.key.is_some(),
            queue: self.queue,
            connect_attempts: self.connect_attempts,
            reconnect_interval: self.reconnect_interval,
            connect_timeout: self.connect_timeout,
            identity: Identity { version: env!("CARGO_PKG_VERSION").into(), instance_uuid: self.node_uuid.clone() },
        }
    }

    /// The addresses, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> Vec<SockAddr> {
        self.servers.iter().map(|server| server.address.clone()).collect()
    }
}

/// The servers of an `upstream` block, and their key.
fn named(conf: &Conf, name: &str) -> Result<(Vec<Server>, Option<Template>), DestinationError> {
    let block = conf.upstream(name).ok_or_else(|| DestinationError::NoSuchUpstream(name.to_owned()))?;
    let servers =
        block.addresses().map_err(|source| DestinationError::Address { upstream: name.to_owned(), source })?;
    // The key is private to NGINX's module; a file that cannot be read again is no reason to refuse what NGINX just read.
    let text = std::fs::read_to_string(block.file()).unwrap_or_default();
    let key = upstream_block::hash_key(&text, name, block.line());
    Ok((servers, key.and_then(|key| conf.template(&key).ok())))
}

fn built_in(address: SocketAddr) -> Server {
    let settings = PeerSettings {
        name: address.to_string().into(),
        weight: 1,
        max_conns: 1,
        max_fails: 1,
        fail_timeout: BUILT_IN_FAIL_TIMEOUT,
        backup: false,
        down: false,
    };
    Server { settings, address: address.into() }
}
