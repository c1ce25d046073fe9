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

    /// Has more to tell; gives how much that was before, and is now.
    fn add_untold(&mut self, requests: u32, first: u32, last: u32) -> (u32, u32) {
        let before = self.untold;
        if self.untold == 0 {
            (self.first, self.last) = (first, last);
        }
        self.untold = self.untold.saturating_add(requests);
        (self.first, self.last) = (self.first.min(first), self.last.max(last));
        (before, self.untold)
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
    untold: Untold,
    most: usize,
    lost: u64,
}

/// How many counts have something to tell, by its [`magnitude`].
#[derive(Debug)]
struct Untold([usize; MAGNITUDES]);

impl Untold {
    /// A count has something else to tell.
    fn change(&mut self, before: u32, after: u32) {
        let (before, after) = (magnitude(before), magnitude(after));
        if before != after {
            self.0[before] = self.0[before].saturating_sub(usize::from(before > 0));
            self.0[after] += usize::from(after > 0);
        }
    }
}

/// Increments that are being handed out, page by page of the table.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    /// The page that is next.
    page: usize,
    /// The magnitude of the smallest increments that may be handed out, and how many of that magnitude.
    least: usize,
    rest: usize,
    pub(crate) increments: Vec<Increment>,
}

impl Counted {
    /// Counts in so many bytes, of which increments that are handed out take so many more.
    pub(crate) fn new(bytes: usize, increment_bytes: usize) -> Self {
        let most = (increment_bytes / size_of::<Increment>()).clamp(1, MOST_INCREMENTS);
        Self { table: Table::new(bytes), untold: Untold([0; MAGNITUDES]), most, lost: 0 }
    }

    /// Counts one request of a subject, with the window of its marker.
    pub(crate) fn count(&mut self, key: Key, subject: &Subject, window: u32, now: u32) {
        let Some(count) = self.entry(key, subject, window, now) else { return };
        let slot = count.slot(now);
        count.window.add(slot, 1);
        let (before, after) = count.add_untold(1, now, now);
        self.untold.change(before, after);
    }

    fn entry(&mut self, key: Key, subject: &Subject, window: u32, now: u32) -> Option<&mut Count> {
        let place = self.table.claim(key, now)?;
        if let Some(Count { untold, .. }) = place.pushed_out {
            self.lost += u64::from(untold);
            self.untold.change(untold, 0);
        }
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

    /// Begins to hand out what was not told yet. If it is more than may be handed out at once, it is the largest increments; the others
    /// wait.
    pub(crate) fn begin(&self) -> Telling {
        let mut telling = Telling::default();
        let mut room = self.most;
        for (magnitude, count) in self.untold.0.iter().enumerate().skip(1).rev() {
            if *count >= room {
                (telling.least, telling.rest) = (magnitude, room);
                break;
            }
            room -= count;
        }
        telling
    }

    /// Goes on with the next `pages` pages; says whether there are more. What is counted meanwhile is told now or the next time.
    pub(crate) fn go_on(&mut self, telling: &mut Telling, pages: usize, clocks: Clocks) -> bool {
        let end = telling.page.saturating_add(pages).min(self.table.pages());
        let now = clocks.now.seconds();
        for count in self.table.values_mut(telling.page..end) {
            let Some(kind) = count.kind.filter(|_| count.untold > 0) else { continue };
            let magnitude = magnitude(count.untold);
            let is_told = magnitude > telling.least || magnitude == telling.least && telling.rest > 0;
            if !is_told || telling.increments.len() >= self.most {
                continue;
            }
            telling.rest -= usize::from(magnitude == telling.least);
            telling.increments.push(Increment {
                window: Span { from: clocks.unix(count.first), to: clocks.unix(count.last) },
                kind,
                ip: IpAddr::V6(Ipv6Addr::from(count.source)).to_canonical(),
                app: count.app,
                counter: count.counter,
                count: count.untold.into(),
                recent: count.window.sum(count.slot(now)).into(),
            });
            self.untold.change(count.untold, 0);
            count.untold = 0;
        }
        telling.page = end;
        end < self.table.pages()
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
            let requests = u32::try_from(increment.count).unwrap_or(u32::MAX);
            let (before, after) = count.add_untold(requests, first, last);
            self.untold.change(before, after);
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

/// How many values [`magnitude`] has.
const MAGNITUDES: usize = u32::BITS as usize + 1;

/// Binary digits of a number: how large it is, roughly.
fn magnitude(number: u32) -> usize {
    (u32::BITS - number.leading_zeros()) as usize
}

#[cfg(test)]
mod tests;
