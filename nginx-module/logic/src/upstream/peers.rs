//! The servers of an `upstream` block, and which of them comes next.
//!
//! Connections and records are spread the way NGINX's round robin does it, smoothly by weight: each choice adds every server's
//! weight to its credit, takes the server with the most, and subtracts all the weights from that one. With a key – the `hash`
//! directive – records of one key go to one server as long as it is there.

use std::time::Duration;

use super::Moment;

/// A server as the `upstream` block has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// Its address as `ip:port`, for messages and for choosing by key.
    pub name: Box<str>,
    /// `weight`
    pub weight: u32,
    /// `max_conns`, for one worker; 0, which is unlimited in NGINX, gives one connection: it carries many records at a time.
    pub max_conns: u32,
    /// `max_fails`; 0 means that no number of failures makes the server unavailable.
    pub max_fails: u32,
    /// `fail_timeout`
    pub fail_timeout: Duration,
    /// `backup`
    pub backup: bool,
    /// `down`
    pub down: bool,
}

/// A server, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerId(usize);

impl PeerId {
    /// Its place in the list.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// A server and how it fares.
#[derive(Debug)]
struct Peer {
    settings: PeerSettings,
    /// Digest of the name, for choosing by key.
    digest: u64,
    /// Weight for connections; sinks with failures and recovers by one with each choice.
    effective_weight: i64,
    connect_credit: i64,
    send_credit: i64,
    fails: u32,
    failed_at: Moment,
    connections: u32,
    tried: bool,
    /// Whether it ever took a record in.
    worked: bool,
}

impl Peer {
    fn new(settings: PeerSettings) -> Self {
        Self {
            digest: key_of(settings.name.as_bytes()),
            effective_weight: i64::from(settings.weight),
            settings,
            connect_credit: 0,
            send_credit: 0,
            fails: 0,
            failed_at: Moment::default(),
            connections: 0,
            tried: false,
            worked: false,
        }
    }

    fn has_room(&self) -> bool {
        !self.settings.down && self.connections < self.settings.max_conns.max(1)
    }

    /// When the server may be tried again after its failures; `None` if there are not that many.
    fn shunned_until(&self) -> Option<Moment> {
        let limit = self.settings.max_fails;
        (limit > 0 && self.fails >= limit).then(|| self.failed_at.plus(self.settings.fail_timeout))
    }
}

/// All servers.
#[derive(Debug)]
pub(super) struct Peers(Vec<Peer>);

impl Peers {
    pub(super) fn new(settings: Vec<PeerSettings>) -> Self {
        Self(settings.into_iter().map(Peer::new).collect())
    }

    /// Connections that all servers together may have.
    pub(super) fn capacity(&self) -> usize {
        self.0.iter().map(|peer| peer.settings.max_conns.max(1) as usize).fold(0, usize::saturating_add)
    }

    pub(super) fn settings(&self, peer: PeerId) -> Option<&PeerSettings> {
        self.0.get(peer.0).map(|peer| &peer.settings)
    }

    pub(super) fn is_backup(&self, peer: PeerId) -> bool {
        self.settings(peer).is_some_and(|settings| settings.backup)
    }

    /// A server, no backup, to which no connection was ever begun.
    pub(super) fn fresh(&self) -> Option<PeerId> {
        self.0.iter().position(|peer| !peer.tried && !peer.settings.backup && peer.has_room()).map(PeerId)
    }

    /// A server, no backup, that was tried, never took a record in, and has been left alone for `rest`.
    pub(super) fn late(&self, now: Moment, rest: Duration) -> Option<PeerId> {
        let is_late = |peer: &Peer| {
            let rested = now >= peer.failed_at.plus(rest) && peer.shunned_until().is_none_or(|until| now > until);
            peer.tried && !peer.worked && !peer.settings.backup && peer.has_room() && rested
        };
        self.0.iter().position(is_late).map(PeerId)
    }

    /// The server for the next connection: the others first, then the backups. `eligible` may leave servers out.
    pub(super) fn for_connection(
        &mut self,
        now: Moment,
        eligible: impl Fn(PeerId, &PeerSettings) -> bool,
    ) -> Option<PeerId> {
        // NGINX does not look at the failures of a server that is the only one.
        let single = self.0.len() == 1;
        [false, true].into_iter().find_map(|backup| {
            let usable = |id: usize, peer: &Peer| {
                peer.settings.backup == backup
                    && peer.has_room()
                    && eligible(PeerId(id), &peer.settings)
                    && (single || peer.shunned_until().is_none_or(|until| now > until))
            };
            let best = smooth(&mut self.0, usable, |peer| (peer.effective_weight, &mut peer.connect_credit))?;
            if let Some(peer) = self.0.get_mut(best) {
                peer.effective_weight = (peer.effective_weight + 1).min(i64::from(peer.settings.weight));
            }
            Some(PeerId(best))
        })
    }

    /// When the first server may be tried again, if all have failed too often.
    pub(super) fn next_usable(&self, now: Moment) -> Option<Moment> {
        let usable_from = |peer: &Peer| peer.shunned_until().map_or(now, |until| until.plus(Duration::from_millis(1)));
        let first = self.0.iter().filter(|peer| peer.has_room()).map(usable_from).min()?;
        (first > now && self.0.len() > 1).then_some(first)
    }

    /// The server for the next record, among those for which `ready` says that a connection can take it. Backups take
    /// records only when no other server can.
    pub(super) fn for_record(&mut self, key: Option<u64>, ready: impl Fn(PeerId) -> bool) -> Option<PeerId> {
        [false, true]
            .into_iter()
            .find_map(|backup| {
                let usable = |id: usize, peer: &Peer| peer.settings.backup == backup && ready(PeerId(id));
                match key {
                    Some(key) => highest_random_weight(&self.0, key, usable),
                    None => {
                        smooth(&mut self.0, usable, |peer| (i64::from(peer.settings.weight), &mut peer.send_credit))
                    }
                }
            })
            .map(PeerId)
    }

    /// A connection to `peer` begins.
    pub(super) fn connecting(&mut self, peer: PeerId) {
        if let Some(peer) = self.0.get_mut(peer.0) {
            peer.tried = true;
            peer.connections += 1;
        }
    }

    /// A connection to `peer` is gone.
    pub(super) fn disconnected(&mut self, peer: PeerId) {
        if let Some(peer) = self.0.get_mut(peer.0) {
            peer.connections = peer.connections.saturating_sub(1);
        }
    }

    /// `peer` did not do what it should.
    pub(super) fn failed(&mut self, peer: PeerId, now: Moment) {
        if let Some(peer) = self.0.get_mut(peer.0) {
            peer.fails = peer.fails.saturating_add(1);
            peer.failed_at = now;
            if let Some(share) = peer.settings.weight.checked_div(peer.settings.max_fails) {
                peer.effective_weight = (peer.effective_weight - i64::from(share)).max(0);
            }
        }
    }

    /// `peer` does what it should.
    pub(super) fn worked(&mut self, peer: PeerId) {
        if let Some(peer) = self.0.get_mut(peer.0) {
            peer.fails = 0;
            peer.worked = true;
        }
    }
}

/// NGINX's smooth weighted round robin over the usable servers.
fn smooth(
    peers: &mut [Peer],
    usable: impl Fn(usize, &Peer) -> bool,
    parts: impl Fn(&mut Peer) -> (i64, &mut i64),
) -> Option<usize> {
    let (mut total, mut best) = (0, None);
    for (id, peer) in peers.iter_mut().enumerate() {
        if !usable(id, peer) {
            continue;
        }
        let (weight, credit) = parts(peer);
        *credit += weight;
        total += weight;
        if best.is_none_or(|(_, most)| *credit > most) {
            best = Some((id, *credit));
        }
    }
    let (best, _) = best?;
    let (_, credit) = parts(peers.get_mut(best)?);
    *credit -= total;
    Some(best)
}

/// The server that wins the key: each draws a number from key and name, and the highest one by weight wins. When a server
/// goes, only its own keys move (Thaler and Ravishankar 1998; weights as in Schindelhauer and Schomaker 2005).
fn highest_random_weight(peers: &[Peer], key: u64, usable: impl Fn(usize, &Peer) -> bool) -> Option<usize> {
    let score = |peer: &Peer| {
        // 53 bits fill the fraction of a float; half a step keeps the number off both 0 and 1.
        let drawn = ((mix(key ^ peer.digest) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        -f64::from(peer.settings.weight) / drawn.ln()
    };
    let usable = peers.iter().enumerate().filter(|(id, peer)| usable(*id, peer));
    usable.map(|(id, peer)| (id, score(peer))).max_by(|(_, left), (_, right)| left.total_cmp(right)).map(|(id, _)| id)
}

/// The key that `text` stands for. Every worker of every node computes the same one (FNV-1a, 64 bits, then mixed).
#[must_use]
pub fn key_of(text: &[u8]) -> u64 {
    mix(text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)))
}

/// Spreads every bit over all of the number (the finaliser of SplitMix64).
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str, weight: u32) -> PeerSettings {
        let fail_timeout = Duration::from_secs(10);
        PeerSettings { name: name.into(), weight, max_conns: 1, max_fails: 0, fail_timeout, backup: false, down: false }
    }

    fn now(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn any(_: PeerId) -> bool {
        true
    }

    fn connection(peers: &mut Peers, now: Moment) -> Option<usize> {
        peers.for_connection(now, |_, _| true).map(PeerId::index)
    }

    fn connections(peers: &mut Peers, count: usize) -> Vec<Option<usize>> {
        (0..count).map(|_| connection(peers, now(0))).collect()
    }

    #[test]
    fn weights_5_1_1_give_the_order_that_nginx_gives() {
        let mut peers = Peers::new(vec![peer("a", 5), peer("b", 1), peer("c", 1)]);
        let order: Vec<_> =
            (0..7).filter_map(|_| peers.for_record(None, any)).map(|peer| "abc".as_bytes()[peer.0]).collect();
        assert_eq!(order, b"aabacaa");
    }

    #[test]
    fn a_server_that_failed_too_often_rests_for_fail_timeout() {
        let mut peers = Peers::new(vec![PeerSettings { max_fails: 2, ..peer("a", 1) }, peer("b", 1)]);
        peers.failed(PeerId(0), now(0));
        assert!(connections(&mut peers, 2).contains(&Some(0)));
        peers.failed(PeerId(0), now(5));
        assert_eq!(connections(&mut peers, 3), [Some(1); 3]);
        let later: Vec<_> = (0..4).filter_map(|_| connection(&mut peers, now(16))).collect();
        assert!(later.contains(&0));
    }

    #[test]
    fn when_all_servers_rest_the_first_to_return_is_known() {
        let mut peers = Peers::new(["a", "b"].map(|name| PeerSettings { max_fails: 1, ..peer(name, 1) }).into());
        peers.failed(PeerId(0), now(0));
        assert_eq!(peers.next_usable(now(1)), None);
        peers.failed(PeerId(1), now(1));
        assert_eq!(
            (connection(&mut peers, now(10)), peers.next_usable(now(10))),
            (None, Some(Moment::from_millis(10_001)))
        );
        assert_eq!(connection(&mut peers, Moment::from_millis(10_001)), Some(0));
        peers.worked(PeerId(1));
        assert_eq!(peers.next_usable(now(2)), None);
    }

    #[test]
    fn a_single_server_never_rests() {
        let mut peers = Peers::new(vec![PeerSettings { max_fails: 1, ..peer("a", 1) }]);
        peers.failed(PeerId(0), now(0));
        assert_eq!(connections(&mut peers, 1), [Some(0)]);
    }

    #[test]
    fn backups_come_when_the_others_cannot() {
        let backup = PeerSettings { backup: true, ..peer("b", 9) };
        let mut peers = Peers::new(vec![PeerSettings { max_fails: 1, ..peer("a", 1) }, backup]);
        assert_eq!(peers.fresh(), Some(PeerId(0)));
        assert_eq!(connections(&mut peers, 2), [Some(0); 2]);
        peers.failed(PeerId(0), now(0));
        assert_eq!(connections(&mut peers, 2), [Some(1); 2]);
        assert_eq!(peers.for_record(Some(5), any), Some(PeerId(0)));
        assert_eq!(peers.for_record(None, |peer| peer.0 == 1), Some(PeerId(1)));
    }

    #[test]
    fn max_conns_is_kept_and_a_server_marked_down_is_left_alone() {
        let mut peers = Peers::new(vec![
            PeerSettings { max_conns: 2, ..peer("a", 1) },
            PeerSettings { down: true, ..peer("b", 1) },
        ]);
        peers.connecting(PeerId(0));
        peers.connecting(PeerId(0));
        assert_eq!((connections(&mut peers, 1), peers.fresh()), (vec![None], None));
        peers.disconnected(PeerId(0));
        assert_eq!(connections(&mut peers, 1), [Some(0)]);
    }

    #[test]
    fn failures_take_weight_and_choices_give_it_back() {
        let heavy = PeerSettings { max_fails: 3, ..peer("a", 3) };
        let mut peers = Peers::new(vec![heavy, peer("b", 1)]);
        peers.failed(PeerId(0), now(0));
        peers.failed(PeerId(0), now(0));
        assert_eq!(peers.0[0].effective_weight, 1);
        connections(&mut peers, 10);
        assert_eq!(peers.0[0].effective_weight, 3);
    }

    #[test]
    fn a_key_stays_with_its_server_and_only_the_keys_of_a_lost_one_move() {
        let mut peers =
            Peers::new(vec![peer("192.0.2.1:3313", 1), peer("192.0.2.2:3313", 1), peer("192.0.2.3:3313", 2)]);
        let mut counts = [0u32; 3];
        for address in 0..4000u32 {
            let key = key_of(&address.to_be_bytes());
            let home = peers.for_record(Some(key), any).unwrap();
            counts[home.0] += 1;
            let without_second = peers.for_record(Some(key), |peer| peer.0 != 1).unwrap();
            assert!(home.0 == 1 || without_second == home);
        }
        // A quarter, a quarter and a half; the draw is fixed, so this cannot fail by chance.
        assert!(
            counts.iter().zip([1000u32, 1000, 2000]).all(|(count, fair)| count.abs_diff(fair) < fair / 8),
            "{counts:?}"
        );
    }
}
