//! Hits that are sent together.

use std::collections::HashSet;

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::hit::HitId;
use crate::upload::{Rejected, Upload};

/// A hit that waits.
pub trait Item {
    /// Its name.
    fn id(&self) -> &HitId;
    /// It, as it was written when it was made.
    fn json(&self) -> &RawValue;
}

/// Hits that are sent together.
#[derive(Debug)]
pub(super) struct Pack<T> {
    pub(super) items: Vec<T>,
}

impl<T: Item> Pack<T> {
    /// The JSON of an upload.
    pub(super) fn json(&self) -> Vec<u8> {
        let upload = Upload { batch_id: &self.name(), hits: self.items.iter().map(Item::json).collect() };
        serde_json::to_vec(&upload).unwrap_or_default()
    }

    /// The name of a batch: 32 hexadecimal digits, made from the names of its hits. The same batch has the same name however often it is
    /// sent, also by a server that was started anew; another one has another.
    fn name(&self) -> String {
        let mut digest = Sha256::new();
        for part in self.items.iter().flat_map(|item| [&item.id().0, &item.id().1]) {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The hits, each with whether it is among the rejected ones.
    pub(super) fn judged(self, rejected: &[Rejected]) -> Vec<(T, bool)> {
        let ids: HashSet<&HitId> = rejected.iter().map(|hit| &hit.id).collect();
        self.items
            .into_iter()
            .map(|item| {
                let is_rejected = ids.contains(item.id());
                (item, is_rejected)
            })
            .collect()
    }
}
