//! Where hits go, as `node.yaml` says.

use crate::ngx::conf::Conf;
use crate::ngx::process;
use crate::ngx::request_id::RequestId;
use cloud_api::client::{Client, ClientError};
use cloud_api::node_yaml::{NodeYaml, NodeYamlError};
use cloud_api::proxies::{self, Proxies};
use module_logic::cloud::Settings;
use module_logic::settings::Backend;
use module_logic::upstream::QueueLimits;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the module calls itself.
const TOOL: &str = "nginx-module";
/// Threads of one worker, whatever `export_attacks.threads` says.
const MOST_THREADS: u16 = 16;

/// Why hits cannot go where the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// The file cannot be used.
    #[error("\"wallarm_api_conf\": {0}")]
    NodeYaml(#[from] NodeYamlError),
    /// There can be no connection.
    #[error("\"wallarm_api_conf\": {path}: {source}", path = path.display())]
    Client {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ClientError,
    },
    /// NGINX did not find a variable.
    #[error("the variable $request_id cannot be used: memory is exhausted")]
    RequestId,
}

/// Where hits go, and how.
pub struct Destination {
    pub(super) client: Arc<Client>,
    pub(super) settings: Settings,
    /// Threads of one worker.
    pub(super) threads: usize,
    node_uuid: Box<str>,
    /// The same `$request_id` that logs and the application see.
    pub request_id: RequestId,
}

impl Destination {
    /// Reads it once the `http` block was read, as the user who starts NGINX: workers may not read the secret. `None` for other
    /// backends, and for a process that only sends a signal.
    ///
    /// # Errors
    ///
    /// [`DestinationError`], to be shown with the file and line.
    pub fn read(conf: &Conf, backend: &Backend, queue: QueueLimits) -> Result<Option<Self>, DestinationError> {
        let Backend::Api(path) = backend else { return Ok(None) };
        if process::only_signals() {
            return Ok(None);
        }
        let request_id = RequestId::find(conf).ok_or(DestinationError::RequestId)?;
        let node = NodeYaml::read(path)?;
        let proxies = Proxies::read(Path::new(proxies::PATH));
        let client = Client::new(&node, &proxies, TOOL)
            .map_err(|source| DestinationError::Client { path: path.clone(), source })?;
        Ok(Some(Self {
            client: Arc::new(client),
            settings: Settings { queue, chunk: usize::from(node.export_attacks.api_chunk) },
            threads: usize::from(node.export_attacks.threads.min(MOST_THREADS)),
            node_uuid: node.uuid.into(),
            request_id,
        }))
    }

    /// UUID of this node.
    #[must_use]
    pub fn node_uuid(&self) -> &str {
        &self.node_uuid
    }
}
