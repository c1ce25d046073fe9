//! `node.yaml`: who the node is and where the Cloud is, as registration wrote it.
//!
//! Keys that are not known here belong to other readers and are left alone. Values may be written with quotes or without, as
//! people do; what is wrong is said with file and key, and never with the value, which may be the secret.

mod tree;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tree::Tree;

/// Where registration puts it.
pub const PATH: &str = "/etc/wallarm/node.yaml";

/// The authorities that a package of ours may bring; taken where it exists and nothing else is named.
pub const CA_FILE: &str = "/usr/share/wallarm-common/ca.pem";

/// Bytes of a file that are read: it has a few dozen lines.
const SIZE: u64 = 64 * 1024;

/// Why a `node.yaml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeYamlError {
    /// The system does not let us read it.
    #[error("{path} cannot be read: {source}; registration writes it", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is larger than any such file.
    #[error("{path} is larger than {SIZE} bytes and no node.yaml", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is no YAML.
    #[error("{path}:{line}:{column}: this is no YAML that can be read", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A key has no value.
    #[error("{path}: \"{key}\" is missing; registration writes it", path = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The key, with dots between its levels.
        key: &'static str,
    },
    /// A value cannot be used.
    #[error("{path}: \"{key}\" is not {wanted}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The key, with dots between its levels.
        key: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

/// What a node needs to know to speak to the Cloud.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeYaml {
    /// `uuid`
    pub uuid: String,
    /// `secret`. It is shown to nobody but the API.
    pub secret: String,
    /// `api`
    pub api: Api,
    /// `export_attacks`
    pub export_attacks: ExportAttacks,
}

/// `api`: where the Cloud is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// `api.host`, a name or an address.
    pub host: String,
    /// `api.port`
    pub port: u16,
    /// `api.use_ssl`
    pub use_ssl: bool,
    /// `api.ca_verify`
    pub ca_verify: bool,
    /// `api.ca_file`; none if it is left out.
    pub ca_file: Option<PathBuf>,
    /// `api.localhost` or `api.local_host`: the address that connections come from.
    pub local_host: Option<IpAddr>,
    /// `api.localport` or `api.local_port`: the port that connections come from.
    pub local_port: Option<u16>,
}

/// `export_attacks`: how hits are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportAttacks {
    /// `export_attacks.threads`
    pub threads: u16,
    /// `export_attacks.api_chunk`
    pub api_chunk: u16,
}

impl Default for ExportAttacks {
    fn default() -> Self {
        Self { threads: 2, api_chunk: 10 }
    }
}

impl std::fmt::Debug for NodeYaml {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the secret.
        let Self { uuid, secret: _, api, export_attacks } = self;
        f.debug_struct("NodeYaml")
            .field("uuid", uuid)
            .field("api", api)
            .field("export_attacks", export_attacks)
            .finish_non_exhaustive()
    }
}

impl NodeYaml {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`NodeYamlError`], which names the file and, where there is one, the key.
    pub fn read(path: &Path) -> Result<Self, NodeYamlError> {
        Self::parse(&text_of(path)?, path)
    }

    /// Reads a text; `path` is for messages.
    ///
    /// # Errors
    ///
    /// As [`NodeYaml::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, NodeYamlError> {
        let tree = Tree::parse(text, path)?;
        let [uuid, secret, host] = ["uuid", "secret", "api.host"]
            .map(|key| tree.text(key).and_then(|text| text.ok_or_else(|| tree.missing(key))));
        let export = ExportAttacks::default();
        Ok(Self {
            uuid: header_value(&tree, "uuid", uuid?)?,
            secret: header_value(&tree, "secret", secret?)?,
            api: Api {
                host: host_name(&tree, host?)?,
                port: tree.number("api.port")?.unwrap_or(443),
                use_ssl: tree.switch("api.use_ssl")?.unwrap_or(true),
                ca_verify: tree.switch("api.ca_verify")?.unwrap_or(true),
                ca_file: tree.text("api.ca_file")?.map(PathBuf::from),
                local_host: either(tree.address("api.localhost")?, tree.address("api.local_host")?),
                local_port: either(tree.number("api.localport")?, tree.number("api.local_port")?),
            },
            export_attacks: ExportAttacks {
                threads: tree.number("export_attacks.threads")?.unwrap_or(export.threads),
                api_chunk: tree.number("export_attacks.api_chunk")?.unwrap_or(export.api_chunk),
            },
        })
    }
}

/// The UUID of a node, of which nothing else is asked. None before registration, or where the file cannot be used.
#[must_use]
pub fn uuid_in(path: &Path) -> Option<String> {
    Tree::parse(&text_of(path).ok()?, path).ok()?.text("uuid").ok()?
}

fn text_of(path: &Path) -> Result<String, NodeYamlError> {
    use std::io::Read as _;
    let unreadable = |source| NodeYamlError::Unreadable { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(SIZE + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > SIZE { Err(NodeYamlError::TooLarge { path: path.to_owned() }) } else { Ok(text) }
}

fn either<T>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.or(other)
}

/// It becomes the value of a header.
fn header_value(tree: &Tree<'_>, key: &'static str, text: String) -> Result<String, NodeYamlError> {
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text) } else { Err(tree.invalid(key, "a word of ASCII characters")) }
}

/// A name, an IPv4 address, or an IPv6 address, which gets its brackets.
fn host_name(tree: &Tree<'_>, text: String) -> Result<String, NodeYamlError> {
    if let Ok(IpAddr::V6(address)) = text.trim_matches(['[', ']']).parse() {
        return Ok(format!("[{address}]"));
    }
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if fits {
        Ok(text)
    } else {
        Err(tree.invalid("api.host", "the name or the address of a host, without scheme and port"))
    }
}

#[cfg(test)]
mod tests;
