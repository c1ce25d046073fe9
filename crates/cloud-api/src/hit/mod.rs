//! A hit: one malicious request and one kind of attack in it. A request with two kinds makes two hits.

mod told;

use serde::{Deserialize, Serialize};

pub use told::{
    BEFORE, LIST_LIMIT, PAYLOAD_LIMIT, POINT_LIMIT, TEXT_LIMIT, is_of_response, path, payload, point, text,
};

/// The name of a hit: the request that it is about, and the kind of attack. Whoever makes a hit of that request again gives it the
/// same name, which is how the API knows that it has it already.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HitId(pub String, pub String);

/// A step of a request point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PointStep {
    /// A place in a list.
    Index(u64),
    /// A tag or a key.
    Name(String),
}

/// What became of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockStatus {
    /// It passed since the mode only watches.
    Monitored,
    /// It was blocked.
    Blocked,
    /// It passed although the mode blocks.
    Passed,
}

impl BlockStatus {
    /// What became of a request that was `blocked` or not, in a mode that `blocks` or only watches.
    #[must_use]
    pub const fn of(blocked: bool, blocks: bool) -> Self {
        match (blocked, blocks) {
            (true, _) => Self::Blocked,
            (false, true) => Self::Passed,
            (false, false) => Self::Monitored,
        }
    }
}

/// A hit as a node sends it. What only the Cloud knows, such as country and data centre, is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Its name.
    pub id: HitId,
    /// The code of the attack, such as `sqli`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Address of the client.
    pub ip: String,
    /// Port of the client.
    pub remote_port: u16,
    /// Bytes of the response's body.
    pub size: u64,
    /// Status of the response.
    pub statuscode: u16,
    /// When the request came, Unix seconds.
    pub time: u64,
    /// Milliseconds until it was answered.
    pub response_time: u64,
    /// The malicious payload. It is never longer than [`PAYLOAD_LIMIT`] bytes, and empty where a limit or a response was the sign.
    pub value: String,
    /// Where it stood in the request.
    pub point: Vec<PointStep>,
    /// The rules that found it.
    pub stamps: Vec<u32>,
    /// A number that hits of the same rules share; 0 without any.
    pub stamps_hash: u64,
    /// Rules of the custom ruleset that found it.
    pub regex: Vec<u64>,
    /// The application; -1 unless set.
    pub poolid: i64,
    /// Whether the address was on the denylist.
    pub ip_blocked: bool,
    /// What became of the request.
    pub block_status: BlockStatus,
    /// The id of the request, as logs show it.
    pub request_id: String,
    /// `http` or `https`.
    pub protocol: String,
    /// The path that was asked for, without arguments.
    pub path: String,
    /// The host that was asked for.
    pub domain: String,
    /// The node.
    pub node_uuid: Vec<String>,
    /// The attacks that it belongs to, where the node sees enough requests to tell: a postanalytics server does, a worker of NGINX
    /// leaves it to the Cloud.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attackid: Vec<String>,
}

/// A number for a list of rules: FNV-1a of 64 bits, which any language has in five lines.
#[must_use]
pub fn stamps_hash(stamps: &[u32]) -> u64 {
    if stamps.is_empty() {
        return 0;
    }
    let bytes = stamps.iter().flat_map(|stamp| stamp.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_list_of_texts_and_numbers() {
        let point: Vec<PointStep> = serde_json::from_str(r#"["query","id","array",1]"#).unwrap();
        assert_eq!(point.last(), Some(&PointStep::Index(1)));
        assert_eq!(serde_json::to_string(&point).unwrap(), r#"["query","id","array",1]"#);
    }

    #[test]
    fn a_name_is_a_pair_of_texts() {
        let id = HitId("f00d".to_owned(), "xss".to_owned());
        assert_eq!(serde_json::to_string(&id).unwrap(), r#"["f00d","xss"]"#);
    }

    #[test]
    fn the_same_rules_have_the_same_number_and_others_another_one() {
        assert_eq!(stamps_hash(&[]), 0);
        assert_eq!(stamps_hash(&[1, 2]), stamps_hash(&[1, 2]));
        assert_ne!(stamps_hash(&[1, 2]), stamps_hash(&[2, 1]));
        // FNV-1a of one byte 1 and three bytes 0, computed with the reference implementation's constants.
        let by_hand = [1u8, 0, 0, 0].iter().fold(14_695_981_039_346_656_037_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211)
        });
        assert_eq!(stamps_hash(&[1]), by_hand);
    }
}
