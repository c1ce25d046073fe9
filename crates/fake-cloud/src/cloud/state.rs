//! What a Cloud knows, and what it does about a call.

use std::time::SystemTime;

use cloud_api::hit::HitId;
use cloud_api::upload::{Accepted, Rejected};
use serde_json::{Value, json};

use crate::answer::{Cut, Reaction};
use crate::endpoint::Endpoint;
use crate::ledger::Ledger;
use crate::loopback::Then;
use crate::script::{Answer, Player};

pub(super) struct State {
    pub player: Player,
    pub ledger: Ledger,
    pub verdicts: Value,
    pub markers: Value,
}

impl State {
    pub(super) fn react(
        &mut self,
        answer: Answer,
        endpoint: Endpoint,
        batch: Option<&str>,
        ids: &[HitId],
        date: SystemTime,
    ) -> Reaction {
        self.ledger.sent(batch, ids);
        let with = |part: &str| ids.iter().filter(|id| id.0.contains(part)).cloned().collect::<Vec<_>>();
        match answer {
            Answer::Takes => Reaction::taken(&self.take(endpoint, ids, &[], false), date),
            Answer::Says(said) => Reaction::says(&said, date),
            Answer::TooLarge { above } if ids.len() > above => Reaction::refusal(413, "too many hits", date),
            Answer::RefusesBatch { with: part } if !with(&part).is_empty() => {
                Reaction::refusal(422, "a hit has a field that is none", date)
            }
            Answer::TooLarge { .. } | Answer::RefusesBatch { .. } => {
                Reaction::taken(&self.take(endpoint, ids, &[], false), date)
            }
            Answer::RejectsHits { with: part } => {
                let rejected = with(&part);
                Reaction::taken(&self.take(endpoint, ids, &rejected, false), date)
            }
            Answer::RejectsFirst => {
                let first = ids.first().cloned();
                Reaction::taken(&self.take(endpoint, ids, first.as_slice(), false), date)
            }
            Answer::Slow { before, within } => {
                Reaction::slow(&self.take(endpoint, ids, &[], false), date, before, within)
            }
            Answer::CutHead => Reaction::cut(&self.take(endpoint, ids, &[], true), date, Cut::Head),
            Answer::CutBody => Reaction::cut(&self.take(endpoint, ids, &[], true), date, Cut::Body),
            Answer::Loses => Reaction::cut(&self.take(endpoint, ids, &[], true), date, Cut::Start),
            Answer::Never => Reaction::dropped(b"", Then::Hold),
            Answer::Closes | Answer::ClosesAtAccept => Reaction::dropped(b"", Then::Close),
            Answer::Garbage => Reaction::dropped(b"\x16\x03\x01 what is this\r\n\r\n", Then::Close),
            Answer::WrongEnvelope => Reaction::page(date),
            Answer::Redirects { to } => Reaction::redirect(&to, date),
        }
    }

    /// Takes what was sent but for `rejected`; the body of the answer.
    fn take(&mut self, endpoint: Endpoint, ids: &[HitId], rejected: &[HitId], in_silence: bool) -> Value {
        match endpoint {
            Endpoint::Hits => {
                let taken: Vec<HitId> = ids.iter().filter(|id| !rejected.contains(id)).cloned().collect();
                let verdict = self.ledger.take(&taken, in_silence);
                if !in_silence {
                    self.ledger.reject(rejected);
                }
                let rejected = rejected.iter().map(|id| Rejected { id: id.clone(), why: "too old".to_owned() });
                let Ok(body) = serde_json::to_value(Accepted {
                    accepted: verdict.accepted,
                    duplicates: verdict.duplicates,
                    rejected: rejected.collect(),
                }) else {
                    return Value::Null;
                };
                body
            }
            Endpoint::Behaviour => json!({ "verdicts": self.verdicts }),
            Endpoint::Markers => self.markers.clone(),
            Endpoint::Counters | Endpoint::AclStats => json!({}),
        }
    }
}
