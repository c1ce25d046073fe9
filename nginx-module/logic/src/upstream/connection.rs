//! One connection: how it begins, what it carries, and what becomes of that when it breaks.
//!
//! The server greets, the client says hello, and only when that is answered records are sent: a server that accepts connections
//! but is stopped, or is another service, gets none. Then many records are on their way at a time, and answers find theirs by sync.

use std::time::Duration;

use iproto::frame::{self, FrameError, Split};
use iproto::greeting::{self, GreetingError};
use iproto::msgpack::DecodeError;
use iproto::request;
use iproto::response::{Outcome, Response};

use super::flights::{Flights, Unexpected};
use super::queue::Waiting;
use super::{Moment, PeerId};

/// Time within which a record must be answered.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Records that one connection has on their way: the most that a server which dies takes with it.
const IN_FLIGHT: usize = 1024;
/// Bytes that may wait to be written to one connection, beyond one record: the rest stays in the queue, where it can still take
/// another way.
const OUTPUT: usize = 64 * 1024;
/// Answers take less than a hundred bytes, errors a few hundred; a longer frame is no answer.
const LONGEST_ANSWER: usize = 64 * 1024;

const HELLO: &str = "wallarm.hello";
const HELLO_SYNC: u64 = 0;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// TCP connects.
    Connecting,
    /// The server should greet.
    Greeting,
    /// The server should answer our hello.
    Hello,
    /// Records are sent.
    Ready,
}

/// What a node says of itself when a connection begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Version of the module.
    pub version: Box<str>,
    /// UUID of the node; empty before registration.
    pub instance_uuid: Box<str>,
}

/// What a server said that is no answer of a postanalytics server. The connection cannot go on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// It did not greet as such a server does.
    #[error(transparent)]
    Greeting(#[from] GreetingError),
    /// It answered hello with an error.
    #[error("the server refused hello: {0}")]
    Hello(Refusal),
    /// What it sends are no frames.
    #[error("the server's answer cannot be read: {0}")]
    Frame(#[from] FrameError),
    /// A frame holds no answer.
    #[error("the server's answer cannot be read: {0}")]
    Answer(#[from] DecodeError),
    /// An answer of this many bytes.
    #[error("the server's answer of {0} bytes is too long: is it another service?")]
    Long(usize),
    /// An answer to a request that was not sent, or answered before.
    #[error("the server answered request {0}, which was not open")]
    Unexpected(u64),
    /// Something was sent before we could speak.
    #[error("the server went on after its greeting without being asked")]
    Early,
}

/// An error that a server answered a request with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (error {code})")]
pub struct Refusal {
    /// Number of the error.
    pub code: u32,
    /// Its text, cut to a length that a log bears.
    pub message: String,
}

impl Refusal {
    fn new(code: u32, message: &str) -> Self {
        const LONGEST: usize = 200;
        let printable = |character: char| if character.is_control() { ' ' } else { character };
        Self { code, message: message.chars().take(LONGEST).map(printable).collect() }
    }
}

/// What came of bytes that a server sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// Records that were taken in.
    pub(super) delivered: u64,
    /// Records that were not.
    pub(super) refused: u64,
    /// Why the first of those was not.
    pub(super) refusal: Option<Refusal>,
}

/// Bytes that wait to be written.
#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    written: usize,
    /// Bytes that were written before these since the connection began.
    before: u64,
}

impl Output {
    /// Bytes that were written since the connection began.
    fn written(&self) -> u64 {
        self.before + self.written as u64
    }

    fn end(&self) -> u64 {
        self.before + self.bytes.len() as u64
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.written = self.written.saturating_add(count).min(self.bytes.len());
        if self.written == self.bytes.len() {
            self.before = self.end();
            self.bytes.clear();
            self.written = 0;
        }
    }

    /// The bytes from `start` to `end`, counted since the connection began.
    fn span(&self, start: u64, end: u64) -> Option<&[u8]> {
        let place = |position: u64| usize::try_from(position.checked_sub(self.before)?).ok();
        self.bytes.get(place(start)?..place(end)?)
    }
}

/// One connection, from the first try to its end.
#[derive(Debug)]
pub(super) struct Connection {
    peer: PeerId,
    stage: Stage,
    /// When the connection began, or, once it is ready, when it became so.
    since: Moment,
    input: Vec<u8>,
    output: Output,
    flights: Flights,
}

impl Connection {
    pub(super) fn new(peer: PeerId, now: Moment) -> Self {
        let (input, output, flights) = <(Vec<u8>, Output, Flights)>::default();
        Self { peer, stage: Stage::Connecting, since: now, input, output, flights }
    }

    pub(super) fn peer(&self) -> PeerId {
        self.peer
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    pub(super) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Time since the connection became ready.
    pub(super) fn ready_for(&self, now: Moment) -> Option<Duration> {
        self.is_ready().then(|| now.since(self.since))
    }

    /// Records without an answer, those that are not yet written included.
    pub(super) fn open(&self) -> usize {
        self.flights.open()
    }

    /// Whether another record may be added.
    pub(super) fn has_room(&self) -> bool {
        self.is_ready() && self.output.bytes.len() < OUTPUT && self.flights.len() < IN_FLIGHT
    }

    /// TCP is connected.
    pub(super) fn opened(&mut self) {
        if self.stage == Stage::Connecting {
            self.stage = Stage::Greeting;
        }
    }

    /// Adds a record to what waits to be written.
    pub(super) fn add(&mut self, record: Waiting<'_>, now: Moment) {
        let start = self.output.bytes.len();
        self.output.bytes.extend_from_slice(record.frame);
        let sync = self.flights.add(self.output.end(), record.frame.len(), record.key, now);
        if let Some(frame) = self.output.bytes.get_mut(start..) {
            request::set_sync(frame, sync);
        }
    }

    /// What waits to be written.
    pub(super) fn output(&self) -> &[u8] {
        self.output.rest()
    }

    /// So many bytes of [`Self::output`] are written.
    pub(super) fn wrote(&mut self, count: usize) {
        self.output.advance(count);
    }

    /// When the connection must have gone on; until then there is nothing to worry about.
    pub(super) fn deadline(&self, connect_timeout: Duration) -> Option<Moment> {
        match self.stage {
            Stage::Ready => self.flights.oldest().map(|sent| sent.plus(ANSWER_TIMEOUT)),
            // Who greets in time runs; its answers may take their time, as later ones may.
            Stage::Hello => Some(self.since.plus(connect_timeout).plus(ANSWER_TIMEOUT)),
            Stage::Connecting | Stage::Greeting => Some(self.since.plus(connect_timeout)),
        }
    }

    /// Takes in what the server sent. What it answered before it went wrong counts.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        identity: &Identity,
        now: Moment,
    ) -> (Received, Result<(), ConnectionError>) {
        let mut received = Received::default();
        // Whole frames are read where they lie; only one that is not whole yet is kept.
        let mut input = std::mem::take(&mut self.input);
        let result = if input.is_empty() {
            let result = self.read(bytes, identity, now, &mut received);
            input.extend_from_slice(result.as_ref().ok().and_then(|used| bytes.get(*used..)).unwrap_or_default());
            result
        } else {
            input.extend_from_slice(bytes);
            let result = self.read(&input, identity, now, &mut received);
            input.drain(..result.as_ref().map_or(0, |used| *used));
            result
        };
        self.input = input;
        (received, result.map(|_| ()))
    }

    /// Reads as much of `bytes` as is whole, and says how much that is.
    fn read(
        &mut self,
        bytes: &[u8],
        identity: &Identity,
        now: Moment,
        received: &mut Received,
    ) -> Result<usize, ConnectionError> {
        let mut used = 0;
        if matches!(self.stage, Stage::Connecting | Stage::Greeting) {
            let Some((greeting, rest)) = bytes.split_first_chunk::<{ greeting::LENGTH }>() else { return Ok(0) };
            greeting::decode(greeting)?;
            if !rest.is_empty() {
                return Err(ConnectionError::Early);
            }
            self.say_hello(identity);
            used = greeting.len();
        }
        loop {
            match frame::split(bytes.get(used..).unwrap_or_default())? {
                Split::Frame { size, .. } | Split::Partial { size: Some(size) } if size > LONGEST_ANSWER => {
                    return Err(ConnectionError::Long(size));
                }
                Split::Frame { payload, size } => {
                    used += size;
                    self.answered(&Response::decode(payload)?, now, received)?;
                }
                Split::Partial { .. } => return Ok(used),
            }
        }
    }

    fn say_hello(&mut self, identity: &Identity) {
        self.stage = Stage::Hello;
        request::write_call(&mut self.output.bytes, HELLO_SYNC, HELLO, |writer| {
            writer.array(1).map(3).str(b"version").str(identity.version.as_bytes());
            writer.str(b"instance_uuid").str(identity.instance_uuid.as_bytes()).str(b"role").str(b"filtering");
        });
    }

    fn answered(
        &mut self,
        response: &Response<'_>,
        now: Moment,
        received: &mut Received,
    ) -> Result<(), ConnectionError> {
        let unexpected = |_: Unexpected| ConnectionError::Unexpected(response.sync);
        if self.stage == Stage::Hello {
            if response.sync != HELLO_SYNC || !self.output.rest().is_empty() {
                return Err(unexpected(Unexpected));
            }
            if let Outcome::Error { code, message } = response.outcome {
                return Err(ConnectionError::Hello(Refusal::new(code, message)));
            }
            (self.stage, self.since) = (Stage::Ready, now);
            return Ok(());
        }
        self.flights.answer(response.sync, self.output.written()).map_err(unexpected)?;
        match response.outcome {
            Outcome::Data(_) => received.delivered += 1,
            Outcome::Error { code, message } => {
                received.refused += 1;
                received.refusal.get_or_insert_with(|| Refusal::new(code, message));
            }
        }
        Ok(())
    }

    /// Records that a server may have seen and did not answer.
    pub(super) fn lost(&self) -> usize {
        self.flights.unanswered(self.output.written())
    }

    /// Records that no server can have seen whole, in order.
    pub(super) fn unwritten(&self) -> impl DoubleEndedIterator<Item = Waiting<'_>> + Clone {
        self.flights.unwritten(self.output.written()).filter_map(|flight| {
            let frame = self.output.span(flight.end.checked_sub(flight.length as u64)?, flight.end)?;
            Some(Waiting { frame, key: flight.key })
        })
    }
}

#[cfg(test)]
mod tests;
