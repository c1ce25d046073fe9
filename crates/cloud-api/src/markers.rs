//! `GET /node/v1/markers`: which requests are counted.

use serde::{Deserialize, Serialize};

use crate::behaviour::{Behaviour, known};

/// The call.
pub const PATH: &str = "/node/v1/markers";

/// Every counting scope of the node. Without any, nothing is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Markers(pub Vec<Marker>);

/// A counting scope: the requests that one counter counts. Texts in it are as the Cloud sent them; who counts looks into them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Names the counter.
    pub id: u64,
    /// What is counted; none if this node does not know it.
    #[serde(deserialize_with = "known")]
    pub kind: Option<Behaviour>,
    /// The URI, of which `*` may be one part, `**` any parts, and `{{regex}}` a part that a regular expression matches; without one,
    /// every URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The applications; empty for all.
    #[serde(default)]
    pub apps: Vec<i64>,
    /// Addresses and networks of clients; empty for all.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Seconds over which requests are summed up.
    pub window: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_may_be_missing_and_kinds_unknown() {
        let Markers(markers) = serde_json::from_str(
            r#"[{"id":1,"kind":"dirbust","window":60},
                {"id":2,"kind":"flood","uri":"/a/*","apps":[-1],"sources":["192.0.2.0/24"],"window":30,"later":true}]"#,
        )
        .unwrap();
        assert_eq!((markers[0].kind, &markers[0].uri, markers[0].apps.len()), (Some(Behaviour::Dirbust), &None, 0));
        assert_eq!((markers[1].kind, markers[1].uri.as_deref(), &markers[1].apps[..]), (None, Some("/a/*"), &[-1][..]));
    }
}
