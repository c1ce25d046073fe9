//! `POST /node/v1/acl_stats`: requests that were blocked because of where they came from.

use serde::{Deserialize, Serialize};

/// The call.
pub const PATH: &str = "/node/v1/acl_stats";

/// What was blocked in a span of time. Of events that are alike, only the first ones are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclStats {
    /// The events that are told, in the order in which they came.
    pub events: Vec<AclEvent>,
    /// How many more there were.
    pub sampled: u64,
}

/// Why a source was blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AclReason {
    /// Its address or subnet is denylisted.
    AclIp,
    /// Its country, region or data centre is denylisted.
    AclSource,
}

/// One blocked request. Nothing of what it asked for is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEvent {
    /// When it came, Unix seconds.
    pub time: u64,
    /// Its id, as logs show it.
    pub request_id: String,
    /// Why it was blocked.
    pub reason: AclReason,
    /// The source.
    pub ip: String,
    /// The application.
    pub app: i64,
    /// The host that was asked for.
    pub domain: String,
    /// The node.
    pub node_uuid: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_called_as_in_records() {
        let names = [AclReason::AclIp, AclReason::AclSource].map(|reason| serde_json::to_string(&reason).unwrap());
        assert_eq!(names, [r#""acl_ip""#, r#""acl_source""#]);
    }
}
