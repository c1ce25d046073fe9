//! Which client and application a request is counted for: a table of bounded size in shared memory.

use std::fmt;
use std::num::NonZeroU128;
use std::str::FromStr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::shared::{KeyWords, Shared};

/// Applications that are told apart. The last entry is that of requests without a client and without an application; all that
/// finds no entry any more is counted there too.
pub(super) const ENTRIES: usize = 1024;
const LAST: usize = ENTRIES - 1;

/// States of an entry. A worker that dies while it claims one leaves it claimed, and the entry unused.
const EMPTY: u64 = 0;
const CLAIMED: u64 = 1;
const READY: u64 = 2;

/// A tenant: the UUID of `wallarm_partner_client_uuid`. It is not nil.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(NonZeroU128);

/// The text is no UUID, or the nil UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a UUID such as 11111111-2222-3333-4444-555555555555")]
pub struct ClientIdError {
    /// What was given.
    pub text: String,
}

impl FromStr for ClientId {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, ClientIdError> {
        let error = || ClientIdError { text: text.to_owned() };
        let groups: Vec<&str> = text.split('-').collect();
        let hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
        if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) || !groups.iter().all(hex) {
            return Err(error());
        }
        let number = u128::from_str_radix(&groups.concat(), 16).map_err(|_| error())?;
        NonZeroU128::new(number).map(Self).ok_or_else(error)
    }
}

/// The form of RFC 9562, section 4.
impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.get();
        let group = |shift: u32, digits: u32| (number >> shift) & ((1 << (4 * digits)) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            group(96, 8),
            group(80, 4),
            group(64, 4),
            group(48, 4),
            group(0, 12)
        )
    }
}

/// An application of a client: what counters are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Application {
    /// The tenant; none on a node with a single one.
    pub client: Option<ClientId>,
    /// The value of `wallarm_application`; -1 when not set.
    pub id: i64,
}

impl Application {
    /// No client, no application: what a plain installation has.
    pub const UNSET: Self = Self { client: None, id: -1 };

    /// Where a search starts. Not a strong hash: the table is small, and a full search is bounded.
    fn start(self) -> usize {
        let [high, low] = self.client_words();
        let mixed = (high ^ low.rotate_left(32) ^ self.id.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(mixed >> 32).unwrap_or(0) % LAST
    }

    fn client_words(self) -> [u64; 2] {
        let number = self.client.map_or(0, |client| client.0.get());
        let [high, low] = [number >> 64, number & u128::from(u64::MAX)].map(u64::try_from);
        [high.unwrap_or(0), low.unwrap_or(0)]
    }

    fn write(self, words: &KeyWords) {
        let [_, id, high, low] = words;
        let [client_high, client_low] = self.client_words();
        id.store(self.id.cast_unsigned(), Relaxed);
        high.store(client_high, Relaxed);
        low.store(client_low, Relaxed);
    }

    /// Reads an entry that is ready.
    fn read(words: &KeyWords) -> Self {
        let [_, id, high, low] = words;
        let client = u128::from(high.load(Relaxed)) << 64 | u128::from(low.load(Relaxed));
        Self { client: NonZeroU128::new(client).map(ClientId), id: id.load(Relaxed).cast_signed() }
    }
}

/// Where an application's counters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub(super) usize);

impl Shared<'_> {
    /// The entry of an application, made if there is none yet. When all are taken, it is that of [`Application::UNSET`].
    ///
    /// Two workers that make the same entry at the same moment may make it twice; a reader adds equal entries up.
    #[must_use]
    pub fn entry(&self, application: Application) -> Entry {
        if application == Application::UNSET {
            return Entry(LAST);
        }
        let start = application.start();
        for step in 0..LAST {
            let index = (start + step) % LAST;
            let Some(words) = self.keys.get(index) else { break };
            let [state, ..] = words;
            if state.load(Acquire) == EMPTY && state.compare_exchange(EMPTY, CLAIMED, Acquire, Relaxed).is_ok() {
                application.write(words);
                state.store(READY, Release);
                return Entry(index);
            }
            if state.load(Acquire) == READY && Application::read(words) == application {
                return Entry(index);
            }
        }
        Entry(LAST)
    }

    /// Every entry in use, and whose it is.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Entry, Application)> {
        let made = self.keys.iter().take(LAST).enumerate().filter_map(|(index, words)| {
            let [state, ..] = words;
            (state.load(Acquire) == READY).then(|| (Entry(index), Application::read(words)))
        });
        made.chain([(Entry(LAST), Application::UNSET)])
    }
}
