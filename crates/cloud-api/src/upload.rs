//! `POST /node/v1/hits`: hits on their way, and the answer.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::hit::HitId;

/// The call.
pub const PATH: &str = "/node/v1/hits";

/// Hits on their way. They were written when they were made, and are written as they are each time that they are sent.
#[derive(Debug, Serialize)]
pub struct Upload<'a> {
    /// Names this batch; one that is sent again keeps its name.
    pub batch_id: &'a str,
    /// The hits.
    pub hits: Vec<&'a RawValue>,
}

/// What the API says of a batch that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Hits that are new to it.
    #[serde(default)]
    pub accepted: u64,
    /// Hits that it had.
    #[serde(default)]
    pub duplicates: u64,
    /// Hits that it will never take.
    #[serde(default)]
    pub rejected: Vec<Rejected>,
}

/// A hit that the API will never take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Its name.
    pub id: HitId,
    /// The reason.
    #[serde(default)]
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_its_name_and_its_hits() {
        let hits = [RawValue::from_string(r#"{"id":["a","xss"]}"#.to_owned()).unwrap()];
        let upload = Upload { batch_id: "b1", hits: hits.iter().map(AsRef::as_ref).collect() };
        assert_eq!(serde_json::to_string(&upload).unwrap(), r#"{"batch_id":"b1","hits":[{"id":["a","xss"]}]}"#);
    }

    #[test]
    fn fields_that_are_unknown_or_missing_do_no_harm() {
        let answer: Accepted =
            serde_json::from_str(r#"{"accepted":1,"later":true,"rejected":[{"id":["a","xss"]}]}"#).unwrap();
        assert_eq!((answer.accepted, answer.duplicates, answer.rejected.len()), (1, 0, 1));
        assert_eq!(serde_json::from_str::<Accepted>("{}").unwrap(), Accepted::default());
    }
}
