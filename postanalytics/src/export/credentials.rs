//! What `node.yaml` and the file with the proxies say.

use std::io;
use std::path::Path;

use cloud_api::client::{Client, ClientError};
use cloud_api::node_yaml::{NodeYaml, NodeYamlError};
use cloud_api::proxies::Proxies;

/// What the server calls itself.
const TOOL: &str = "postanalytics";

/// What the files say. It holds the secret and passwords of proxies, and is never shown.
#[derive(PartialEq, Eq)]
pub(super) enum Looked {
    Unregistered,
    Broken(String),
    Node(Box<NodeYaml>, Proxies),
}

impl Looked {
    /// Reads them. A `node.yaml` without a node is that of a machine that is not registered: other tools keep settings there, too.
    pub(super) fn at(node_yaml: &Path, environment: &Path) -> Self {
        match NodeYaml::read(node_yaml) {
            Ok(node) => Self::Node(Box::new(node), Proxies::read(environment)),
            Err(NodeYamlError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::Unregistered
            }
            Err(NodeYamlError::Missing { key: "uuid" | "secret", .. }) => Self::Unregistered,
            Err(error) => Self::Broken(error.to_string()),
        }
    }
}

/// A client for the node.
pub(super) fn client(node: &NodeYaml, proxies: &Proxies) -> Result<Client, ClientError> {
    Client::new(node, proxies, TOOL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> Looked {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.yaml");
        std::fs::write(&path, text).unwrap();
        Looked::at(&path, Path::new("/nowhere"))
    }

    #[test]
    fn without_uuid_and_secret_a_machine_is_not_registered() {
        assert!(Looked::at(Path::new("/nowhere/node.yaml"), Path::new("/nowhere")) == Looked::Unregistered);
        assert!(look("tarantool:\n  host: 192.0.2.1\n") == Looked::Unregistered);
        assert!(look("uuid: a\napi: {host: b}\n") == Looked::Unregistered);
        assert!(matches!(look("uuid: a\nsecret: b\napi: {host: c}\n"), Looked::Node(..)));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_broken_and_its_secret_not_shown() {
        for text in ["uuid: a\nsecret: hidden\n", "uuid: a\nsecret: hidden\napi: {host: 'b c'}\n", "uuid: [\n"] {
            let Looked::Broken(why) = look(text) else { panic!("{text}") };
            assert!(why.contains("node.yaml") && !why.contains("hidden"), "{why}");
        }
    }
}
