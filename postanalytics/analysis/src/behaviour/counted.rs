//! How many requests each source has made that are counted.

use std::net::{IpAddr, Ipv6Addr};

use cloud_api::behaviour::{Behaviour, Increment, Window as Span};

use crate::hash::{Hashing, Key, Purpose};
use crate::moment::Clocks;
use crate::table::{Table, TableFigures, Value, Worth};
use crate::window::Window;

/// Slots of a window.
const SLOTS: usize = 6;
/// Increments that are handed out at once, whatever the budget: they become one upload.
const MOST_INCREMENTS: usize = 10_000;
/// A window for what comes back after its marker is gone.
const FALLBACK_WINDOW: u32 = 60;

/// Who has made requests, and which counter they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) kind: Behaviour,
    pub(crate) source: IpAddr,
    pub(crate) app: i64,
    pub(crate) counter: u64,
}

impl Subject {
    pub(crate) fn key(&self, hashing: &Hashing) -> Key {
        let hash = hashing.begin(Purpose::Counted).number(self.kind as u64).number(self.counter);
        hash.number(self.app as u64).bytes(&as_v6(self.source)).end()
    }
}

/// An IPv4 address is mapped into IPv6, which takes the place of telling which family it is of.
fn as_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// Requests of one subject.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    source: [u8; 16],
    app: i64,
    counter: u64,
    kind: Option<Behaviour>,
    slot_seconds: u32,
    window: Window<SLOTS>,
    /// Requests that were not told yet, with the seconds of the first and the last of them.
    untold: u32,
    first: u32,
    last: u32,
}

impl Count {
    fn slot(&self, now: u32) -> u32 {
        now / self.slot_seconds.max(1)
    }

    fn add_untold(&mut self, requests: u32, first: u32, last: u32) {
        if self.untold == 0 {
            (self.first, self.last) = (first, last);
        }
        self.untold = self.untold.saturating_add(requests);
        (self.first, self.last) = (self.first.min(first), self.last.max(last));
    }
}

impl Value for Count {
    /// What was counted and not told would be lost.
    fn worth(&self, now: u32) -> Worth {
        Worth { weight: self.window.sum(self.slot(now)).max(self.untold), seen: self.last }
    }
}

/// Counts of all subjects.
#[derive(Debug)]
pub(crate) struct Counted {
    table: Table<Count>,
    most: usize,
    lost: u64,
}

impl Counted {
    /// Counts in so many bytes, of which increments that are handed out take so many more.
    pub(crate) fn new(bytes: usize, increment_bytes: usize) -> Self {
        let most = (increment_bytes / size_of::<Increment>()).clamp(1, MOST_INCREMENTS);
        Self { table: Table::new(bytes), most, lost: 0 }
    }

    /// Counts one request of a subject, with the window of its marker.
    pub(crate) fn count(&mut self, key: Key, subject: &Subject, window: u32, now: u32) {
        let Some(count) = self.entry(key, subject, window, now) else { return };
        let slot = count.slot(now);
        count.window.add(slot, 1);
        count.add_untold(1, now, now);
    }

    fn entry(&mut self, key: Key, subject: &Subject, window: u32, now: u32) -> Option<&mut Count> {
        let place = self.table.claim(key, now)?;
        self.lost += place.pushed_out.map_or(0, |count: Count| u64::from(count.untold));
        let slot_seconds = window.div_ceil(SLOTS as u32);
        if place.is_new {
            *place.value = Count {
                source: as_v6(subject.source),
                app: subject.app,
                counter: subject.counter,
                kind: Some(subject.kind),
                slot_seconds,
                ..Count::default()
            };
        }
        if place.value.slot_seconds != slot_seconds {
            // The marker has got another window. What was counted in slots of the old one cannot be told apart.
            (place.value.slot_seconds, place.value.window) = (slot_seconds, Window::default());
        }
        Some(place.value)
    }

    /// What was not told yet. If it is more than may be handed out at once, it is the largest increments; the others wait.
    pub(crate) fn take(&mut self, clocks: Clocks) -> Vec<Increment> {
        let (least, mut rest) = self.least_magnitude();
        let mut increments = Vec::new();
        let now = clocks.now.seconds();
        for count in self.table.values_mut() {
            let Some(kind) = count.kind.filter(|_| count.untold > 0) else { continue };
            let magnitude = magnitude(count.untold);
            if magnitude < least || (magnitude == least && rest == 0) {
                continue;
            }
            rest -= usize::from(magnitude == least);
            increments.push(Increment {
                window: Span { from: clocks.unix(count.first), to: clocks.unix(count.last) },
                kind,
                ip: IpAddr::V6(Ipv6Addr::from(count.source)).to_canonical(),
                app: count.app,
                counter: count.counter,
                count: count.untold.into(),
                recent: count.window.sum(count.slot(now)).into(),
            });
            count.untold = 0;
        }
        increments
    }

    /// The magnitude of the smallest increments that may be handed out, and how many of that magnitude.
    fn least_magnitude(&mut self) -> (usize, usize) {
        let mut sizes = [0_usize; u32::BITS as usize + 1];
        for count in self.table.values_mut() {
            if let Some(size) = sizes.get_mut(magnitude(count.untold)) {
                *size += 1;
            }
        }
        let mut room = self.most;
        for (magnitude, size) in sizes.iter().enumerate().skip(1).rev() {
            if *size >= room {
                return (magnitude, room);
            }
            room -= size;
        }
        (0, 0)
    }

    /// Takes back an increment that did not arrive.
    pub(crate) fn give_back(&mut self, hashing: &Hashing, increment: &Increment, window: Option<u32>, clocks: Clocks) {
        let Increment { kind, ip, app, counter, .. } = *increment;
        let subject = Subject { kind, source: ip, app, counter };
        let (key, now) = (subject.key(hashing), clocks.now.seconds());
        let kept = self.table.get(key).map(|count| count.slot_seconds.saturating_mul(SLOTS as u32));
        let window = window.or(kept).unwrap_or(FALLBACK_WINDOW);
        let [first, last] = [increment.window.from, increment.window.to].map(|unix| clocks.monotonic(unix).min(now));
        if let Some(count) = self.entry(key, &subject, window, now) {
            count.add_untold(u32::try_from(increment.count).unwrap_or(u32::MAX), first, last);
        }
    }

    /// Requests that were counted and had to make room before they were told.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn table(&self) -> TableFigures {
        self.table.figures()
    }
}

/// Binary digits of a number: how large it is, roughly.
fn magnitude(number: u32) -> usize {
    (u32::BITS - number.leading_zeros()) as usize
}

#[cfg(test)]
mod tests;
