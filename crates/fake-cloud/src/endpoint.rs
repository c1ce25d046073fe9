//! The calls of the API, and what is wrong with one.

use std::fmt;

use cloud_api::headers::{SECRET_HEADER, UUID_HEADER};
use cloud_api::hit::HitId;
use cloud_api::{acl_stats, behaviour, counters, markers, upload};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::Request;

/// A call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /node/v1/hits`
    Hits,
    /// `POST /node/v1/counters`
    Counters,
    /// `POST /node/v1/behaviour`
    Behaviour,
    /// `POST /node/v1/acl_stats`
    AclStats,
    /// `GET /node/v1/markers`
    Markers,
}

impl Endpoint {
    const ALL: [Self; 5] = [Self::Hits, Self::Counters, Self::Behaviour, Self::AclStats, Self::Markers];

    /// Its name, in scripts too: the last part of its path.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hits => "hits",
            Self::Counters => "counters",
            Self::Behaviour => "behaviour",
            Self::AclStats => "acl_stats",
            Self::Markers => "markers",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Hits => upload::PATH,
            Self::Counters => counters::PATH,
            Self::Behaviour => behaviour::PATH,
            Self::AclStats => acl_stats::PATH,
            Self::Markers => markers::PATH,
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Markers => "GET",
            _ => "POST",
        }
    }

    /// The call that a request is, or the status and the reason of its refusal.
    pub(crate) fn of(request: &Request) -> Result<Self, Refusal> {
        let found = Self::ALL.into_iter().find(|endpoint| endpoint.path() == request.path);
        match found {
            None => Err(Refusal(404, format!("there is no {}", request.path))),
            Some(endpoint) if endpoint.method() == request.method => Ok(endpoint),
            Some(_) => Err(Refusal(405, format!("{} is no method of {}", request.method, request.path))),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Status and reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub u16, pub String);

/// Who may call: this node, or without a name anybody who says who they are.
#[derive(Clone, Default)]
pub(crate) struct Credentials(pub Option<(String, String)>);

impl Credentials {
    pub(crate) fn check(&self, request: &Request) -> Result<(), Refusal> {
        let [uuid, secret] =
            [UUID_HEADER, SECRET_HEADER].map(|name| request.header(name).filter(|value| !value.is_empty()));
        let (Some(uuid), Some(secret)) = (uuid, secret) else {
            return Err(Refusal(401, format!("{UUID_HEADER} and {SECRET_HEADER} are missing")));
        };
        match &self.0 {
            Some((known, its)) if (known.as_str(), its.as_str()) != (uuid, secret) => {
                Err(Refusal(401, "bad uuid or secret".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// The JSON of a call; null for one without a body.
pub(crate) fn json(endpoint: Endpoint, request: &Request) -> Result<Value, Refusal> {
    if endpoint.method() == "GET" {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&request.body).map_err(|error| Refusal(400, format!("the body is no JSON: {error}")))
}

/// The names of the hits of a call, none for calls of another kind.
pub(crate) fn ids(endpoint: Endpoint, json: &Value) -> Result<Vec<HitId>, Refusal> {
    if endpoint != Endpoint::Hits {
        return Ok(Vec::new());
    }
    if !json["batch_id"].is_string() {
        return Err(Refusal(422, "\"batch_id\" is no text".to_owned()));
    }
    let hits = json["hits"].as_array().ok_or_else(|| Refusal(422, "\"hits\" is no list".to_owned()))?;
    let id = |hit: &Value| serde_json::from_value(hit["id"].clone());
    hits.iter().map(id).collect::<Result<_, _>>().map_err(|_| Refusal(422, "\"id\" is no pair of texts".to_owned()))
}
