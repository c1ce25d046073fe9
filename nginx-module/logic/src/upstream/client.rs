//! What one worker does: it takes records, spreads them over connections, and decides which connections there should be.

use std::time::Duration;

use super::Moment;
use super::connection::{Connection, ConnectionError, Identity, Refusal, Stage};
use super::peers::{PeerId, PeerSettings, Peers};
use super::queue::{Queue, QueueLimits};
use super::reconnect::Reconnect;

/// Time for which a connection must have worked until its break counts as the first one.
const PROVEN: Duration = Duration::from_secs(1);
/// Connections of one worker to all servers together, whatever `max_conns` says.
const MOST_CONNECTIONS: usize = 256;

/// What the directives and the `upstream` block say.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The servers.
    pub peers: Vec<PeerSettings>,
    /// Whether servers are chosen by the key of a record, as `hash` asks for, or in turn.
    pub keyed: bool,
    /// How much may wait.
    pub queue: QueueLimits,
    /// `wallarm_upstream_connect_attempts`
    pub connect_attempts: u32,
    /// `wallarm_upstream_reconnect_interval`
    pub reconnect_interval: Duration,
    /// `wallarm_upstream_connect_timeout`: from the first packet to the answer to hello.
    pub connect_timeout: Duration,
    /// What the node says of itself.
    pub identity: Identity,
}

/// The place of a connection; the caller keeps its socket under the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

impl Slot {
    /// The number, below [`Client::slots`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// How records ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// A server took them in.
    pub delivered: u64,
    /// A server answered with an error.
    pub refused: u64,
    /// They were written and not answered, or left over at the end.
    pub lost: u64,
    /// They found no place in the queue.
    pub dropped: u64,
}

impl Tally {
    /// Records that postanalytics did not take: what `tnt_errors` counts.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.refused + self.lost + self.dropped
    }
}

/// The upstream client of one worker.
///
/// After every call that tells it something, the caller asks [`Client::next_connection`] until it gives none, writes
/// [`Client::output`] of every slot, and sets a timer to [`Client::wakeup`].
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    peers: Peers,
    queue: Queue,
    slots: Vec<Option<Connection>>,
    reconnect: Reconnect,
    /// No connection had room for the record at the front of the queue.
    crowded: bool,
    /// When a connection beside working ones last broke or could not be made.
    extra_failed: Option<Moment>,
    tally: Tally,
}

impl Client {
    /// A client without connections: the first record opens them.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let peers = Peers::new(settings.peers.clone());
        let slots = peers.capacity().min(MOST_CONNECTIONS);
        Self {
            reconnect: Reconnect::new(settings.connect_attempts, settings.reconnect_interval),
            queue: Queue::new(settings.queue),
            slots: std::iter::repeat_with(|| None).take(slots).collect(),
            peers,
            crowded: false,
            extra_failed: None,
            tally: Tally::default(),
            settings,
        }
    }

    /// Number of slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The slots with a connection.
    pub fn connections(&self) -> impl Iterator<Item = Slot> {
        self.slots.iter().enumerate().filter(|(_, connection)| connection.is_some()).map(|(index, _)| Slot(index))
    }

    /// Queues the record that `write` appends as a whole frame, see [`crate::record::Record::write_push`]. Its `key` counts if servers
    /// are chosen by key. Returns whether there was a place for it.
    pub fn push(&mut self, key: u64, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let kept = self.queue.push(key, write).is_ok();
        self.tally.dropped += u64::from(!kept);
        kept
    }

    /// Number of records in the queue.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Bytes that the queue takes of its memory limit.
    #[must_use]
    pub fn queue_memory(&self) -> usize {
        self.queue.memory()
    }

    /// Number of records that were given to connections and have no answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slots.iter().flatten().map(Connection::open).sum()
    }

    /// Whether the end of records can be expected soon: some are on their way, or wait and a connection is there or begins.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.in_flight() > 0 || (!self.queue.is_empty() && self.slots.iter().any(Option::is_some))
    }

    /// How records ended since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// The server of a slot.
    #[must_use]
    pub fn peer(&self, slot: Slot) -> Option<PeerId> {
        self.connection(slot).map(Connection::peer)
    }

    /// How far the connection of a slot is.
    #[must_use]
    pub fn stage(&self, slot: Slot) -> Option<Stage> {
        self.connection(slot).map(Connection::stage)
    }

    /// Number of records that were given to the connection of a slot and have no answer.
    #[must_use]
    pub fn open(&self, slot: Slot) -> usize {
        self.connection(slot).map_or(0, Connection::open)
    }

    /// The name of a server, for messages.
    #[must_use]
    pub fn peer_name(&self, peer: PeerId) -> &str {
        self.peers.settings(peer).map_or("", |settings| &settings.name)
    }

    /// A connection that should be made now. The caller begins it, or says [`Client::closed`] if it cannot.
    pub fn next_connection(&mut self, now: Moment) -> Option<Slot> {
        if self.queue.is_empty() {
            return None;
        }
        let free = self.slots.iter().position(Option::is_none)?;
        let fresh = self.peers.fresh().or_else(|| self.latecomer(now));
        let peer = fresh.or_else(|| self.replacement(now)).or_else(|| self.addition(now))?;
        self.peers.connecting(peer);
        *self.slots.get_mut(free)? = Some(Connection::new(peer, now));
        Some(Slot(free))
    }

    /// A server that was not there when the worker began has not broken a connection: it is tried beside the others, so that it gets
    /// its share once it is there.
    fn latecomer(&self, now: Moment) -> Option<PeerId> {
        if self.is_bereft() { None } else { self.peers.late(now, self.settings.reconnect_interval) }
    }

    /// After a break there is another try when no connection is left. One to a backup does not count: backups stand in only as
    /// long as they must.
    fn replacement(&mut self, now: Moment) -> Option<PeerId> {
        if !self.is_bereft() || !self.reconnect.is_due(now) {
            return None;
        }
        let backup_lives = self.slots.iter().any(Option::is_some);
        let peer = self.peers.for_connection(now, |_, peer| !(backup_lives && peer.backup))?;
        self.reconnect.started(now);
        Some(peer)
    }

    /// Whether no connection lives or begins, backups left aside unless one only begins.
    fn is_bereft(&self) -> bool {
        let stands_in = |connection: &Connection| connection.is_ready() && self.peers.is_backup(connection.peer());
        self.slots.iter().flatten().all(stands_in)
    }

    /// When all connections are full, servers that have one may get another, as far as `max_conns` goes.
    fn addition(&mut self, now: Moment) -> Option<PeerId> {
        let rests = self.extra_failed.is_some_and(|at| now < at.plus(self.settings.reconnect_interval));
        let begins = self.slots.iter().flatten().any(|connection| !connection.is_ready());
        if !self.crowded || rests || begins {
            return None;
        }
        let slots = &self.slots;
        self.peers.for_connection(now, |peer, _| slots.iter().flatten().any(|connection| connection.peer() == peer))
    }

    /// TCP is connected.
    pub fn opened(&mut self, slot: Slot) {
        if let Some(connection) = self.connection_mut(slot) {
            connection.opened();
        }
    }

    /// Hands waiting records to connections, as far as they have room.
    pub fn flush(&mut self, now: Moment) {
        self.crowded = false;
        while let Some(record) = self.queue.front() {
            let room = |peer: PeerId| {
                let has_room = |connection: &Connection| connection.peer() == peer && connection.has_room();
                self.slots.iter().flatten().any(has_room)
            };
            let key = self.settings.keyed.then_some(record.key);
            let Some(peer) = self.peers.for_record(key, room) else {
                self.crowded = self.slots.iter().flatten().any(Connection::is_ready);
                return;
            };
            let connections = self.slots.iter_mut().flatten();
            let of_peer = connections.filter(|connection| connection.peer() == peer && connection.has_room());
            let Some(connection) = of_peer.min_by_key(|connection| connection.open()) else { return };
            connection.add(record, now);
            self.queue.pop();
        }
    }

    /// Whether records wait only because no connection had room.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.crowded && !self.queue.is_empty()
    }

    /// What should be written to the connection of a slot.
    #[must_use]
    pub fn output(&self, slot: Slot) -> &[u8] {
        self.connection(slot).map(Connection::output).unwrap_or_default()
    }

    /// So many bytes of [`Client::output`] are written.
    pub fn wrote(&mut self, slot: Slot, count: usize) {
        if let Some(connection) = self.connection_mut(slot) {
            connection.wrote(count);
        }
    }

    /// The server sent `bytes`. Gives the first refusal of a record among them, for the log.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`] if that is not what a postanalytics server sends; the caller must say [`Client::closed`] then.
    pub fn received(&mut self, slot: Slot, bytes: &[u8], now: Moment) -> Result<Option<Refusal>, ConnectionError> {
        let Some(connection) = self.slots.get_mut(slot.0).and_then(Option::as_mut) else { return Ok(None) };
        let (received, result) = connection.receive(bytes, &self.settings.identity, now);
        self.tally.delivered += received.delivered;
        self.tally.refused += received.refused;
        if received.delivered > 0 {
            let (peer, age) = (connection.peer(), connection.ready_for(now));
            self.peers.worked(peer);
            if age.is_some_and(|age| age >= PROVEN) {
                self.reconnect.proved();
            }
        }
        result.map(|()| received.refusal)
    }

    /// The connection of a slot is gone, for whatever reason, or could not be made. What no server can have seen whole goes back to
    /// the queue; what was written without an answer is lost. Returns the number of those.
    pub fn closed(&mut self, slot: Slot, now: Moment) -> u64 {
        let Some(connection) = self.slots.get_mut(slot.0).and_then(Option::take) else { return 0 };
        let (peer, lost) = (connection.peer(), connection.lost() as u64);
        self.tally.lost += lost;
        self.peers.disconnected(peer);
        // A server that is stopped in good order closes connections on which nothing is on its way.
        if !connection.is_ready() || connection.open() > 0 {
            self.peers.failed(peer, now);
        }
        if connection.ready_for(now).is_some_and(|age| age >= PROVEN) {
            self.reconnect.proved();
        }
        self.queue.put_back(connection.unwritten());
        if self.slots.iter().any(Option::is_some) {
            self.extra_failed = Some(now);
        }
        self.reconnect.broke(now);
        lost
    }

    /// A connection that did not come about in time, or on which an answer is overdue. The caller closes it and says so.
    #[must_use]
    pub fn expired(&self, now: Moment) -> Option<Slot> {
        let timeout = self.settings.connect_timeout;
        let overdue = |connection: &Connection| connection.deadline(timeout).is_some_and(|deadline| now >= deadline);
        self.slots.iter().position(|connection| connection.as_ref().is_some_and(overdue)).map(Slot)
    }

    /// When to ask again at the latest, if nothing happens before.
    #[must_use]
    pub fn wakeup(&self, now: Moment) -> Option<Moment> {
        let timeout = self.settings.connect_timeout;
        let deadline = self.slots.iter().flatten().filter_map(|connection| connection.deadline(timeout)).min();
        deadline.into_iter().chain(self.next_try(now)).min()
    }

    /// When a connection can be tried, if one is wanted and cannot be tried at once.
    fn next_try(&self, now: Moment) -> Option<Moment> {
        if self.queue.is_empty() || !self.is_bereft() {
            return None;
        }
        let tries = self.reconnect.due().into_iter().chain(self.peers.next_usable(now));
        tries.filter(|due| *due > now).max()
    }

    /// Gives up everything that is left: the worker ends. Sockets are the caller's to close.
    pub fn abandon(&mut self) {
        self.tally.lost += (self.in_flight() + self.queue.len()) as u64;
        self.queue.clear();
        self.slots.iter_mut().for_each(|slot| *slot = None);
    }

    fn connection(&self, slot: Slot) -> Option<&Connection> {
        self.slots.get(slot.0).and_then(Option::as_ref)
    }

    fn connection_mut(&mut self, slot: Slot) -> Option<&mut Connection> {
        self.slots.get_mut(slot.0).and_then(Option::as_mut)
    }
}

#[cfg(test)]
mod tests;
