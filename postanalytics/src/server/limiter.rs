//! Keeps the log readable: one line a minute for each peer and kind of event, whatever the peer does.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two lines.
const PERIOD: Duration = Duration::from_secs(60);
/// Peers and kinds that are remembered. When they are more, further ones stay silent until old ones are forgotten.
const REMEMBERED: usize = 4096;

/// Kinds of events that a peer can cause as often as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A request that is refused.
    Refused,
    /// Something that is no request.
    Broken,
    /// A frame that was not finished in time.
    Slow,
    /// An address that may not connect.
    NotAllowed,
    /// One connection too many.
    TooMany,
    /// The input buffer is full.
    Readahead,
    /// Too many unanswered requests.
    NetMsgMax,
    /// Too many bytes of answers that the peer does not take.
    Answers,
    /// The system gives no connection; the "peer" is the server's own address.
    NotAccepted,
    /// A module that is newer than the server.
    Newer,
}

/// Remembers when each peer last caused a line.
#[derive(Debug, Default)]
pub struct Limiter {
    last: Mutex<HashMap<(IpAddr, Event), Instant>>,
}

impl Limiter {
    /// Whether the line for `event` of `peer` may be written now.
    pub fn permits(&self, peer: IpAddr, event: Event) -> bool {
        self.permits_at(peer, event, Instant::now())
    }

    fn permits_at(&self, peer: IpAddr, event: Event, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |then: &Instant| now.duration_since(*then) < PERIOD;
        if last.get(&(peer, event)).is_some_and(recent) {
            return false;
        }
        if last.len() >= REMEMBERED {
            last.retain(|_, then| recent(then));
        }
        if last.len() >= REMEMBERED {
            return false;
        }
        last.insert((peer, event), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn one_line_a_minute_for_each_peer_and_kind() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        assert!(limiter.permits_at(one, Event::Refused, now));
        assert!(!limiter.permits_at(one, Event::Refused, now + PERIOD / 2));
        assert!(limiter.permits_at(one, Event::Broken, now));
        assert!(limiter.permits_at(two, Event::Refused, now));
        assert!(limiter.permits_at(one, Event::Refused, now + PERIOD));
    }

    #[test]
    fn many_peers_neither_fill_the_memory_nor_the_log() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        let peer = |number: u32| IpAddr::from(Ipv4Addr::from_bits(number));
        let permitted = (0..10_000).filter(|number| limiter.permits_at(peer(*number), Event::Broken, now)).count();
        assert_eq!(permitted, REMEMBERED);
        assert!(limiter.permits_at(peer(20_000), Event::Broken, now + PERIOD));
    }
}
