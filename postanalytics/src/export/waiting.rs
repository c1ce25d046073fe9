//! A hit on its way.

use cloud_api::dispatch::Item;
use cloud_api::hit::HitId;
use serde::Deserialize;
use serde_json::value::RawValue;
use spool::{Entry, Sequence};

/// A hit that was fetched from the queue.
#[derive(Debug)]
pub(super) struct Waiting {
    pub sequence: Sequence,
    id: HitId,
    json: Box<RawValue>,
}

/// What must be known of a hit.
#[derive(Deserialize)]
struct Named {
    id: HitId,
}

impl Waiting {
    /// The hit that an entry holds, if it holds one.
    pub(super) fn read(entry: &Entry) -> Option<Self> {
        let Named { id } = serde_json::from_slice(&entry.bytes).ok()?;
        let json = RawValue::from_string(String::from_utf8(entry.bytes.clone()).ok()?).ok()?;
        Some(Self { sequence: entry.sequence, id, json })
    }
}

impl Item for Waiting {
    fn id(&self) -> &HitId {
        &self.id
    }

    fn json(&self) -> &RawValue {
        &self.json
    }
}
