//! Requests that were blocked because of where they came from: of those that are alike, the first ones are told as events.

use cloud_api::acl_stats::{AclEvent, AclReason, AclStats};
use cloud_api::hit::text;

use crate::hash::{Hashing, Purpose};
use crate::hourly::Hourly;
use crate::moment::UnixMillis;
use crate::record::Record;
use crate::table::{Table, TableFigures};

/// Events that are alike and are told in an hour.
const ALIKE: u32 = 10;

/// Blocked sources.
#[derive(Debug)]
pub(crate) struct BlockedSources {
    alike: Table<Hourly>,
    events: Vec<AclEvent>,
    /// Bytes that events take, and may take.
    memory: usize,
    limit: usize,
    sampled: u64,
    figures: BlockedFigures,
}

/// Figures about blocked sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockedFigures {
    /// Requests that were blocked because of where they came from: the sum of the next two.
    pub requests: u64,
    /// Those that are told as events.
    pub kept: u64,
    /// Those that are only counted, because enough that are alike were told or no room was left.
    pub sampled: u64,
}

impl BlockedSources {
    pub(crate) fn new(alike_bytes: usize, event_bytes: usize) -> Self {
        Self {
            alike: Table::new(alike_bytes),
            events: Vec::new(),
            memory: 0,
            // The rest is for those that were handed out and may come back.
            limit: event_bytes / 2,
            sampled: 0,
            figures: BlockedFigures::default(),
        }
    }

    /// Takes note of a request if it was blocked because of where it came from.
    pub(crate) fn look(&mut self, hashing: &Hashing, record: &Record<'_>, now: u32, arrival: UnixMillis) {
        let reason = match record.block_reason {
            b"acl_ip" => AclReason::AclIp,
            b"acl_source" => AclReason::AclSource,
            _ => return,
        };
        self.figures.requests += 1;
        let hash = hashing.begin(Purpose::Blocked).number(reason as u64).number(record.app as u64);
        let is_told = self.alike.count(hash.bytes(record.remote_addr).bytes(record.host).end(), now) <= ALIKE;
        if is_told && self.push(event(record, reason, arrival)) {
            self.figures.kept += 1;
        } else {
            self.figures.sampled += 1;
            self.sampled += 1;
        }
    }

    /// Keeps an event if there is room for it.
    fn push(&mut self, event: AclEvent) -> bool {
        let memory = memory(&event);
        let fits = self.memory + memory <= self.limit;
        if fits {
            self.memory += memory;
            self.events.push(event);
        }
        fits
    }

    /// The events since the last time.
    pub(crate) fn take(&mut self) -> AclStats {
        self.memory = 0;
        AclStats { events: std::mem::take(&mut self.events), sampled: std::mem::take(&mut self.sampled) }
    }

    /// Takes back events that did not arrive. They stand before those that came since; where there is no room for all, the latest go.
    pub(crate) fn give_back(&mut self, stats: AclStats) {
        self.sampled += stats.sampled;
        let later = std::mem::take(&mut self.events);
        self.memory = 0;
        for event in stats.events.into_iter().chain(later) {
            if !self.push(event) {
                self.sampled += 1;
                self.figures.kept = self.figures.kept.saturating_sub(1);
                self.figures.sampled += 1;
            }
        }
    }

    pub(crate) fn figures(&self) -> BlockedFigures {
        self.figures
    }

    /// Bytes that events take.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    pub(crate) fn table(&self) -> TableFigures {
        self.alike.figures()
    }
}

fn event(record: &Record<'_>, reason: AclReason, arrival: UnixMillis) -> AclEvent {
    AclEvent {
        time: arrival.seconds(),
        request_id: text(record.request_id),
        reason,
        ip: text(record.remote_addr),
        app: record.app,
        domain: text(record.host),
        node_uuid: text(record.node_uuid),
    }
}

/// Bytes of an event. A list that grows has room for twice as many as it holds, and for a moment also for those it held before.
fn memory(event: &AclEvent) -> usize {
    let texts = [&event.request_id, &event.ip, &event.domain, &event.node_uuid];
    3 * size_of::<AclEvent>() + texts.iter().map(|text| text.capacity() + 16).sum::<usize>()
}
