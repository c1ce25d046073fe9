//! What came: calls in their order, and the fate of each hit.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use cloud_api::hit::HitId;
use serde::Serialize;
use serde_json::Value;

use crate::endpoint::Endpoint;

/// Calls that are kept whole, unless told otherwise: a soak has millions.
pub(crate) const KEPT: usize = 10_000;

/// A call that came.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// From 1.
    pub number: u64,
    /// Time since the start, by the clock of the script.
    pub at: Duration,
    /// What was called; none if it is none of the API's.
    pub endpoint: Option<Endpoint>,
    /// Request line and headers, in lower case. It is not shown, since it holds the secret.
    #[serde(skip)]
    pub head: String,
    /// The JSON, uncompressed.
    pub json: Value,
    /// What it was answered, or would have been.
    pub outcome: Outcome,
    /// It came before under the same `Idempotency-Key`, and was taken: it does not count again.
    pub repeats: bool,
}

impl Call {
    /// The hits of the call.
    #[must_use]
    pub fn hits(&self) -> &[Value] {
        self.json.get("hits").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The name of the batch.
    #[must_use]
    pub fn batch(&self) -> Option<&str> {
        self.json.get("batch_id").and_then(Value::as_str)
    }
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was taken and is told so, with this status.
    Taken(u16),
    /// It was taken, and whoever called never learns of it.
    TakenInSilence,
    /// It was not taken, with this status.
    Refused(u16),
    /// It was not taken, and whoever called is told nothing that they could read.
    Dropped,
}

impl Outcome {
    /// Whether what was sent is in the Cloud now.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Taken(_) | Self::TakenInSilence)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(status) => write!(f, "taken ({status})"),
            Self::TakenInSilence => f.write_str("taken, not answered"),
            Self::Refused(status) => write!(f, "refused ({status})"),
            Self::Dropped => f.write_str("dropped"),
        }
    }
}

/// What became of a hit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// How many times it was sent.
    pub sent: u64,
    /// Its place among those that were accepted, from 1; none if it is not in the Cloud.
    pub accepted: Option<u64>,
    /// Whether the call with which it was accepted was never answered.
    pub in_silence: bool,
    /// Whether the node was told that it will never be taken.
    pub rejected: bool,
}

/// What the API says of the hits of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub accepted: u64,
    pub duplicates: u64,
}

/// What came so far.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    calls: VecDeque<Call>,
    count: u64,
    keep: usize,
    hits: BTreeMap<HitId, Fate>,
    accepted: u64,
    /// The hits of each batch, by its name, and the other way round.
    batches: BTreeMap<String, Vec<HitId>>,
    names: BTreeMap<Vec<HitId>, String>,
    unstable: BTreeSet<String>,
    /// What came under each `Idempotency-Key`, and whether it was taken.
    named: BTreeMap<(Endpoint, String), (Value, bool)>,
}

impl Ledger {
    pub(crate) fn keeping(calls: usize) -> Self {
        Self { keep: calls, ..Self::default() }
    }

    /// The calls that are kept, oldest first.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    /// How many calls came.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What became of each hit that came, by its name.
    #[must_use]
    pub fn hits(&self) -> &BTreeMap<HitId, Fate> {
        &self.hits
    }

    /// Hits that are in the Cloud, in the order in which they were accepted.
    #[must_use]
    pub fn accepted(&self) -> Vec<&HitId> {
        let mut accepted: Vec<_> = self.hits.iter().filter_map(|(id, fate)| Some((fate.accepted?, id))).collect();
        accepted.sort_unstable();
        accepted.into_iter().map(|(_, id)| id).collect()
    }

    /// How many hits are in the Cloud.
    #[must_use]
    pub fn accepted_count(&self) -> u64 {
        self.accepted
    }

    /// Names of batches that came with other hits, or whose hits came under another name, than before; and of other calls that came
    /// with another content.
    #[must_use]
    pub fn unstable_batches(&self) -> &BTreeSet<String> {
        &self.unstable
    }

    pub(crate) fn keep(&mut self, mut call: Call) -> u64 {
        self.count += 1;
        call.number = self.count;
        self.calls.push_back(call);
        while self.calls.len() > self.keep.max(1) {
            self.calls.pop_front();
        }
        self.count
    }

    /// Hits that were sent under this name, whatever becomes of them.
    pub(crate) fn sent(&mut self, batch: Option<&str>, ids: &[HitId]) {
        for id in ids {
            self.hits.entry(id.clone()).or_default().sent += 1;
        }
        let Some(name) = batch else { return };
        let named = self.batches.entry(name.to_owned()).or_insert_with(|| ids.to_vec());
        let called = self.names.entry(ids.to_vec()).or_insert_with(|| name.to_owned());
        if *named != ids || *called != name {
            self.unstable.insert(name.to_owned());
        }
    }

    /// Something came under an `Idempotency-Key`; tells whether it was taken before.
    pub(crate) fn came(&mut self, endpoint: Endpoint, name: &str, json: &Value, is_taken: bool) -> bool {
        let known = self.named.entry((endpoint, name.to_owned())).or_insert_with(|| (json.clone(), false));
        if known.0 != *json {
            self.unstable.insert(name.to_owned());
        }
        let was_taken = known.1;
        known.1 |= is_taken;
        was_taken
    }

    /// Takes hits; those that it has are known by their names.
    pub(crate) fn take(&mut self, ids: &[HitId], in_silence: bool) -> Verdict {
        let mut verdict = Verdict::default();
        for id in ids {
            let fate = self.hits.entry(id.clone()).or_default();
            if fate.accepted.is_some() {
                verdict.duplicates += 1;
                continue;
            }
            self.accepted += 1;
            (fate.accepted, fate.in_silence) = (Some(self.accepted), in_silence);
            verdict.accepted += 1;
        }
        verdict
    }

    pub(crate) fn reject(&mut self, ids: &[HitId]) {
        for id in ids {
            self.hits.entry(id.clone()).or_default().rejected = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<HitId> {
        names.iter().map(|name| HitId((*name).to_owned(), "xss".to_owned())).collect()
    }

    #[test]
    fn a_hit_is_accepted_once_however_often_it_comes() {
        let mut ledger = Ledger::keeping(KEPT);
        ledger.sent(Some("b1"), &ids(&["a", "b"]));
        assert_eq!(ledger.take(&ids(&["b", "a"]), true), Verdict { accepted: 2, duplicates: 0 });
        ledger.sent(Some("b1"), &ids(&["a", "b"]));
        assert_eq!(ledger.take(&ids(&["a", "b", "c"]), false), Verdict { accepted: 1, duplicates: 2 });
        let accepted = ids(&["b", "a", "c"]);
        assert_eq!(ledger.accepted(), accepted.iter().collect::<Vec<_>>());
        let fate = ledger.hits()[&accepted[1]];
        assert_eq!((fate.sent, fate.accepted, fate.in_silence), (2, Some(2), true));
        assert!(ledger.unstable_batches().is_empty());
    }

    #[test]
    fn a_name_with_other_hits_and_hits_with_another_name_are_noticed() {
        let mut ledger = Ledger::keeping(KEPT);
        ledger.sent(Some("b1"), &ids(&["a"]));
        ledger.sent(Some("b1"), &ids(&["b"]));
        ledger.sent(Some("b2"), &ids(&["a"]));
        assert_eq!(ledger.unstable_batches().iter().collect::<Vec<_>>(), ["b1", "b2"]);
    }

    #[test]
    fn what_was_taken_under_a_name_repeats_from_then_on() {
        let mut ledger = Ledger::keeping(KEPT);
        let (one, other) = (Value::from(1), Value::from(2));
        let came = [(&one, false), (&one, true), (&one, false), (&one, true)];
        assert_eq!(
            came.map(|(json, taken)| ledger.came(Endpoint::Counters, "a", json, taken)),
            [false, false, true, true]
        );
        assert!(!ledger.came(Endpoint::AclStats, "a", &one, true), "each call has names of its own");
        assert!(ledger.unstable_batches().is_empty());
        ledger.came(Endpoint::Counters, "a", &other, true);
        assert!(ledger.unstable_batches().contains("a"));
    }

    #[test]
    fn calls_beyond_the_limit_are_counted_and_not_kept() {
        let mut ledger = Ledger::keeping(2);
        for _ in 0..5 {
            let call = Call {
                number: 0,
                at: Duration::ZERO,
                endpoint: Some(Endpoint::Hits),
                head: String::new(),
                json: Value::Null,
                outcome: Outcome::Taken(200),
                repeats: false,
            };
            ledger.keep(call);
        }
        assert_eq!((ledger.count(), ledger.calls().map(|call| call.number).collect::<Vec<_>>()), (5, vec![4, 5]));
    }
}
