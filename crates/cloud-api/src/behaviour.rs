//! `POST /node/v1/behaviour`: what was counted of clients, and what the Cloud makes of it.
//!
//! Thresholds are compared in the Cloud. A node says how many requests each source has made, and is told whose further requests are
//! attacks.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};

/// The call.
pub const PATH: &str = "/node/v1/behaviour";

/// A kind of attack that shows only across many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Behaviour {
    /// Brute force: many requests to a URI.
    Brute,
    /// Forced browsing: many answers with status 404.
    Dirbust,
    /// Broken object level authorization: many requests to a URI with one variable part.
    Bola,
}

impl Behaviour {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Brute, Self::Dirbust, Self::Bola];

    /// The code that hits and logs use.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Brute => "brute",
            Self::Dirbust => "dirbust",
            Self::Bola => "bola",
        }
    }

    /// The kind with this code.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Reads a kind. One that a newer Cloud knows and this node does not is none, and spoils no list that it stands in.
pub(crate) fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Behaviour>, D::Error> {
    Ok(Behaviour::by_code(&String::deserialize(deserializer)?))
}

/// A span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its first second, Unix time.
    pub from: u64,
    /// Its last second, Unix time.
    pub to: u64,
}

/// What one source has added to one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Increment {
    /// When these requests came.
    pub window: Window,
    /// The kind of the counter.
    pub kind: Behaviour,
    /// The source.
    pub ip: IpAddr,
    /// The application.
    pub app: i64,
    /// The marker whose requests these are.
    pub counter: u64,
    /// How many requests were not told before.
    pub count: u64,
    /// How many requests this server saw within the last window of the marker, told ones included.
    pub recent: u64,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdicts {
    /// Sources that went over a threshold.
    #[serde(default)]
    pub verdicts: Vec<Verdict>,
}

/// A source that went over a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The kind of attack; none if this node does not know it.
    #[serde(deserialize_with = "known")]
    pub kind: Option<Behaviour>,
    /// The source.
    pub ip: IpAddr,
    /// The application.
    pub app: i64,
    /// The marker.
    pub counter: u64,
    /// Until when this holds, Unix seconds.
    pub until: u64,
    /// What is done about it.
    pub reaction: Reaction,
}

/// What is done about a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// Further requests that are counted are attacks.
    Mark,
    /// It goes to the denylist; the lists of addresses bring it to the nodes.
    Denylist,
    /// It goes to the graylist, the same way.
    Graylist,
    /// Something that this node does not know.
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_increment_is_flat_but_for_its_window() {
        let increment = Increment {
            window: Window { from: 60, to: 119 },
            kind: Behaviour::Brute,
            ip: "2001:db8::7".parse().unwrap(),
            app: -1,
            counter: 12,
            count: 3,
            recent: 40,
        };
        let json = r#"{"window":{"from":60,"to":119},"kind":"brute","ip":"2001:db8::7","app":-1,"counter":12,"count":3,"recent":40}"#;
        assert_eq!(serde_json::to_string(&increment).unwrap(), json);
        assert_eq!(serde_json::from_str::<Increment>(json).unwrap(), increment);
    }

    #[test]
    fn what_a_newer_cloud_says_spoils_nothing() {
        let answer = r#"{"later":1,"verdicts":[
            {"kind":"bola","ip":"192.0.2.7","app":3,"counter":5,"until":1700000000,"reaction":"mark"},
            {"kind":"flood","ip":"192.0.2.7","app":3,"counter":6,"until":1700000000,"reaction":"delay"}]}"#;
        let Verdicts { verdicts } = serde_json::from_str(answer).unwrap();
        let told: Vec<_> = verdicts.iter().map(|verdict| (verdict.kind, verdict.counter, verdict.reaction)).collect();
        assert_eq!(told, [(Some(Behaviour::Bola), 5, Reaction::Mark), (None, 6, Reaction::Other)]);
        assert_eq!(serde_json::from_str::<Verdicts>("{}").unwrap(), Verdicts::default());
    }
}
