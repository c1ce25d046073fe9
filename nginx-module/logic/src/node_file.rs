//! What the module wants of `node.yaml`: who this node is.

use std::path::Path;

use crate::status::ClientId;

/// Where registration puts it.
pub const PATH: &str = "/etc/wallarm/node.yaml";

/// The UUID of the node. None before registration: no record has to wait for that.
#[must_use]
pub fn uuid_in(file: &Path) -> Option<String> {
    uuid(&std::fs::read_to_string(file).ok()?)
}

/// The value of the key `uuid` of the outermost mapping, which registration writes on a line of its own.
fn uuid(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("uuid:"))?;
    let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
    value.parse::<ClientId>().ok().map(|uuid| uuid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11";

    #[test]
    fn the_uuid_is_found_with_and_without_quotes() {
        for line in [format!("uuid: {UUID}"), format!("uuid: '{UUID}'"), format!("uuid:   \"{UUID}\"  # of this node")]
        {
            let text = format!("---\nhostname: edge-1\n{line}\nsecret: 'uuid: x'\n");
            assert_eq!(uuid(&text).as_deref(), Some(UUID), "{line}");
        }
    }

    #[test]
    fn a_file_without_a_uuid_of_the_node_has_none() {
        for text in ["", "uuid:", "uuid: later", "api:\n  uuid: 8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11\n"] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }
}
