//! `POST /node/v1/counters`: how many requests there were.

use serde::{Deserialize, Serialize};

/// The call.
pub const PATH: &str = "/node/v1/counters";

/// Requests in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Its begin, Unix seconds.
    pub from: u64,
    /// Its end, Unix seconds.
    pub to: u64,
    /// All requests.
    pub requests: u64,
    /// Those with attacks.
    pub attacks: u64,
    /// Those that were blocked.
    pub blocked: u64,
    /// The same for each application.
    pub per_app: Vec<AppCounters>,
}

/// Requests to an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCounters {
    /// The application, -1 for requests that belong to none; null for all those together that are too many to be told apart.
    pub app: Option<i64>,
    /// All requests.
    pub requests: u64,
    /// Those with attacks.
    pub attacks: u64,
    /// Those that were blocked.
    pub blocked: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_that_are_not_told_apart_have_no_number() {
        let counters = Counters {
            from: 60,
            to: 120,
            requests: 2,
            attacks: 1,
            blocked: 0,
            per_app: vec![AppCounters { app: None, requests: 2, attacks: 1, blocked: 0 }],
        };
        let json = r#"{"from":60,"to":120,"requests":2,"attacks":1,"blocked":0,"per_app":[{"app":null,"requests":2,"attacks":1,"blocked":0}]}"#;
        assert_eq!(serde_json::to_string(&counters).unwrap(), json);
    }
}
