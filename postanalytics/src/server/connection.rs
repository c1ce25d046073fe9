//! One connection: read what is there, answer all of it, send the answers, repeat.
//!
//! Requests are carried out at once, so the only thing that a connection can wait for besides its peer's bytes is its peer
//! taking the answers. Requests whose answers are not on their way yet are *in flight*; `NET_MSG_MAX` of them, or, when the
//! peer does not take answers, `READAHEAD` bytes of them, stop the input until the answers are gone. So does a buffer that
//! is full of answers, whatever the settings say: it is what keeps the promise about memory. The limits are those of one
//! connection, so that a peer that does not read its answers stops itself and nobody else.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use iproto::code::ErrorCode;
use iproto::frame::{self, Split};
use iproto::response;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::Server;
use super::allowance::Buffers;
use super::input::Input;
use super::limiter::Event;
use crate::log::Part;
use crate::procedures::Desk;

/// A frame must be complete this long after its first byte.
const FRAME_TIME: Duration = Duration::from_secs(30);
/// A connection that is silent this long gives its buffers back.
const IDLE_TIME: Duration = Duration::from_secs(5);
/// A peer that sent something broken has this long to read why.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// A connection that has been accepted.
pub struct Connection<'a> {
    server: &'a Server,
    stream: TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
    input: Input,
    output: Vec<u8>,
    /// Bytes of `output` that stop the input.
    output_limit: usize,
    in_flight: InFlight,
}

/// Requests whose answers are not on their way yet.
#[derive(Clone, Copy, Debug, Default)]
struct InFlight {
    messages: usize,
    bytes: usize,
}

/// Why no more requests are taken from the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// There is no whole frame; the next one takes so many bytes, or 0 if that is not known yet.
    Incomplete(usize),
    /// A limit is reached.
    Limit,
    /// What comes next cannot be read; the answer says so.
    Broken,
}

/// How a connection ends, if not by the peer's closing it.
#[derive(Debug)]
enum End {
    Io,
    Slow,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

impl<'a> Connection<'a> {
    /// Takes over `stream`.
    ///
    /// # Errors
    ///
    /// The socket is gone already.
    pub fn new(server: &'a Server, stream: TcpStream, peer: SocketAddr, buffers: Buffers) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let input = Input::new(buffers.input, server.large_frames.clone());
        let output = server.greeting.to_vec();
        let output_limit = buffers.output;
        Ok(Self { server, stream, local, peer, input, output, output_limit, in_flight: InFlight::default() })
    }

    /// Serves the peer until it leaves or must leave. May be dropped at any await: what was answered is stored.
    pub async fn serve(mut self) {
        if let Err(End::Slow) = self.exchange().await {
            let peer = self.peer;
            if self.server.limiter.permits(peer.ip(), Event::Slow) {
                let seconds = FRAME_TIME.as_secs();
                self.server
                    .log
                    .warning(Part::Iproto, format_args!("{peer} did not finish a frame within {seconds} s: closed"));
            }
        }
    }

    async fn exchange(&mut self) -> Result<(), End> {
        let mut deadline = None;
        loop {
            let before = self.input.bytes().len();
            let pause = self.take_requests();
            self.send()?;
            if pause == Pause::Broken {
                return self.say_farewell().await;
            }
            if !self.output.is_empty()
                && let Some(limit) = self.limit()
            {
                self.log_limit(limit);
                self.stream.writable().await?;
                // While the input is stopped, a frame cannot be finished.
                deadline = None;
                continue;
            }
            let Pause::Incomplete(size) = pause else {
                // All answers are gone, so the limit is lifted and the next requests wait in the input.
                tokio::task::consume_budget().await;
                continue;
            };
            if self.input.make_room(size).await? {
                // While it waited for memory, the frame could not be finished.
                deadline = None;
            }
            let left = self.input.bytes().len();
            if left == 0 {
                deadline = None;
            } else if left != before || deadline.is_none() {
                deadline = Some(Instant::now() + FRAME_TIME);
            }
            if !self.receive(deadline).await? {
                // The peer sends no more, but may still wait for answers.
                return self.say_farewell().await;
            }
        }
    }

    /// Answers the whole frames of the input as far as the limits permit, and stores the records that were among them.
    fn take_requests(&mut self) -> Pause {
        let mut desk = Desk::new(self.server, self.peer);
        let mut taken = 0;
        let pause = loop {
            let rest = &self.input.bytes()[taken..];
            let (payload, size) = match frame::split(rest) {
                Ok(Split::Partial { size }) => {
                    let size = size.unwrap_or(0);
                    match self.server.large_frames.check(size) {
                        Ok(()) => break Pause::Incomplete(size),
                        Err(error) => break self.server.refuse_broken(self.peer, 0, &error, &mut self.output),
                    }
                }
                Ok(Split::Frame { .. }) if self.is_full() => break Pause::Limit,
                Ok(Split::Frame { payload, size }) => (payload, size),
                Err(error) => break self.server.refuse_broken(self.peer, 0, &error, &mut self.output),
            };
            if let Err(error) = desk.answer(payload, &mut self.output) {
                break self.server.refuse_broken(self.peer, error.sync, &error, &mut self.output);
            }
            taken += size;
            self.in_flight.messages += 1;
            self.in_flight.bytes += size;
        };
        desk.close();
        self.input.consume(taken);
        pause
    }

    /// Sends as much as the socket takes now.
    fn send(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.output.len() {
            match self.stream.try_write(&self.output[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.output.drain(..sent);
        if self.output.is_empty() {
            self.in_flight = InFlight::default();
        }
        Ok(())
    }

    /// Waits for bytes, or for the peer to take answers that wait. `false`: the peer is done.
    async fn receive(&mut self, deadline: Option<Instant>) -> Result<bool, End> {
        tokio::task::consume_budget().await;
        match self.input.read_from(&self.stream) {
            Ok(count) => return Ok(count > 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        let interest =
            if self.output.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
        match deadline {
            Some(deadline) => timeout_at(deadline, self.stream.ready(interest)).await.map_err(|_| End::Slow)??,
            None => match timeout(IDLE_TIME, self.stream.ready(interest)).await {
                Ok(ready) => ready?,
                Err(_) => {
                    self.input.release();
                    self.output.shrink_to_fit();
                    self.stream.ready(interest).await?
                }
            },
        };
        Ok(true)
    }

    /// Whether no further request may be answered before answers have gone.
    fn is_full(&self) -> bool {
        self.in_flight.messages >= self.server.settings.net_msg_max || self.output.len() >= self.output_limit
    }

    /// Why the input must stop while answers wait.
    fn limit(&self) -> Option<Event> {
        if self.in_flight.messages >= self.server.settings.net_msg_max {
            Some(Event::NetMsgMax)
        } else if self.in_flight.bytes >= self.server.settings.readahead {
            Some(Event::Readahead)
        } else {
            (self.output.len() >= self.output_limit).then_some(Event::Answers)
        }
    }

    fn log_limit(&self, limit: Event) {
        if !self.server.limiter.permits(self.peer.ip(), limit) {
            return;
        }
        let (fd, local, peer) = (self.stream.as_raw_fd(), self.local, self.peer);
        let connection = format!("stopping input on connection fd {fd}, aka {local}, peer of {peer}");
        let log = &self.server.log;
        match limit {
            Event::Readahead => log.warning(Part::Iproto, format_args!("readahead limit reached, {connection}")),
            Event::NetMsgMax => log.warning(Part::Iproto, format_args!("{connection}, net_msg_max limit is reached")),
            _ => log.warning(Part::Iproto, format_args!("{connection}, which takes no answers")),
        }
    }

    /// Lets the last answer arrive: closing a socket with unread input would make the peer's system discard it.
    async fn say_farewell(&mut self) -> Result<(), End> {
        let farewell = async {
            while !self.output.is_empty() {
                self.stream.writable().await?;
                self.send()?;
            }
            tokio::io::AsyncWriteExt::shutdown(&mut self.stream).await?;
            loop {
                self.stream.readable().await?;
                match discard(&self.stream) {
                    Ok(0) => return Ok(()),
                    Ok(_) => tokio::task::consume_budget().await,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(End::from(error)),
                }
            }
        };
        timeout(FAREWELL_TIME, farewell).await.unwrap_or(Ok(()))
    }
}

/// Reads and forgets. Apart, so that its buffer is no part of every connection's memory.
fn discard(stream: &TcpStream) -> io::Result<usize> {
    stream.try_read(&mut [0; 4096])
}

impl Server {
    fn refuse_broken(&self, peer: SocketAddr, sync: u64, error: &dyn std::error::Error, out: &mut Vec<u8>) -> Pause {
        response::write_error(out, sync, ErrorCode::InvalidMsgpack, &format!("Invalid MsgPack - {error}"));
        if self.limiter.permits(peer.ip(), Event::Broken) {
            self.log.warning(Part::Iproto, format_args!("{peer} sent no valid request ({error}): closed"));
        }
        Pause::Broken
    }
}
