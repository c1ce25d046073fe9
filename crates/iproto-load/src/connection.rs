//! One connection: what is in flight, and what came back.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use iproto::frame::{Split, split};
use iproto::greeting;
use iproto::response::{Outcome, Response};

use crate::latency::Times;
use crate::requests::Requests;
use crate::{LoadError, Refusal};

/// Bytes of answers that are read at once. No answer is larger.
const ANSWERS: usize = 256 * 1024;

/// One of the connections of a load.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Its place among the others, and how many there are: they share the numbers out.
    share: (u64, u64),
    first_key: u64,
    window: u64,
    /// The prepared request that is sent next.
    next: usize,
    /// The end of a request that the system has taken in part.
    rest: Vec<u8>,
    /// The system takes no more for now.
    blocked: bool,
    sent: u64,
    answered: u64,
    /// Of all numbers that were sent and not answered; 0 when they agree.
    balance: u64,
    /// How many requests had been sent after each time that some were.
    batches: VecDeque<(u64, Instant)>,
    answers: Vec<u8>,
    filled: usize,
}

/// Answers that were errors.
#[derive(Debug, Default)]
pub struct Refused {
    pub count: u64,
    pub first: Option<Refusal>,
}

impl Connection {
    /// Connects to `address` and reads the greeting. `share` is its place among all connections, and their number.
    pub fn open(
        address: SocketAddr,
        share: (usize, usize),
        first_key: u64,
        window: usize,
        requests: &Requests,
    ) -> Result<Self, LoadError> {
        let mut stream = TcpStream::connect(address).map_err(|source| LoadError::Connect { address, source })?;
        stream.set_nodelay(true)?;
        let mut line = [0; greeting::LENGTH];
        stream.read_exact(&mut line)?;
        greeting::decode(&line)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            share: (share.0 as u64, share.1 as u64),
            first_key,
            window: window as u64,
            // Each begins elsewhere, so that they do not send the same at the same time.
            next: share.0 * requests.len() / share.1,
            rest: Vec::new(),
            blocked: false,
            sent: 0,
            answered: 0,
            balance: 0,
            batches: VecDeque::new(),
            answers: vec![0; ANSWERS],
            filled: 0,
        })
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether it has something to send that the system does not take.
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// The system takes something again.
    pub fn unblock(&mut self) {
        self.blocked = false;
    }

    /// Requests without an answer.
    pub fn in_flight(&self) -> u64 {
        self.sent - self.answered
    }

    /// Requests with an answer.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// Whether the numbers of the answers are those of the requests.
    pub fn is_balanced(&self) -> bool {
        self.balance == 0
    }

    /// Sends what is left of a request, then, once half of the window is free, as many as fit into it and `left` permits.
    pub fn send(&mut self, requests: &mut Requests, left: &mut u64, now: Instant) -> Result<(), LoadError> {
        if self.blocked || !self.send_rest()? {
            return Ok(());
        }
        while self.in_flight() <= self.window / 2 && *left > 0 {
            let room = (self.window - self.in_flight()).min(*left);
            let count = (requests.len() - self.next).min(usize::try_from(room).unwrap_or(usize::MAX));
            let taken = self.send_some(requests, count)?;
            if taken == 0 {
                break;
            }
            *left -= taken as u64;
            self.batches.push_back((self.sent, now));
            if self.blocked || !self.rest.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Whether nothing is left of a request that was begun.
    fn send_rest(&mut self) -> Result<bool, LoadError> {
        while !self.rest.is_empty() {
            match self.stream.write(&self.rest) {
                Ok(count) => drop(self.rest.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Numbers and sends the next `count` requests, and gives how many of them are on their way. Those that the system did not
    /// take are numbered again when they are sent: other connections use them meanwhile.
    fn send_some(&mut self, requests: &mut Requests, count: usize) -> Result<usize, LoadError> {
        let indices = self.next..self.next + count;
        for (ahead, index) in indices.clone().enumerate() {
            let sync = self.sent + ahead as u64 + 1;
            requests.number(index, sync, self.first_key + (sync - 1) * self.share.1 + self.share.0);
        }
        let bytes = requests.bytes(indices.clone());
        let written = match self.stream.write(bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error.into()),
        };
        self.blocked = written < bytes.len();
        let taken = self.keep_rest(requests, &indices, written);
        for _ in 0..taken {
            self.sent += 1;
            self.balance = self.balance.wrapping_add(self.sent);
        }
        self.next = (self.next + taken) % requests.len();
        Ok(taken)
    }

    /// Keeps the end of the request in the middle of which `written` bytes end, and counts those that were begun.
    fn keep_rest(&mut self, requests: &Requests, indices: &std::ops::Range<usize>, written: usize) -> usize {
        let base = requests.span(indices.start).start;
        let mut taken = 0;
        for index in indices.clone() {
            let span = requests.span(index);
            let (start, end) = (span.start - base, span.end - base);
            if start >= written {
                break;
            }
            taken += 1;
            if end > written {
                let bytes = requests.bytes(index..index + 1);
                self.rest.extend_from_slice(&bytes[written - start..]);
            }
        }
        taken
    }

    /// Takes the answers that are there.
    pub fn receive(&mut self, times: &mut Times, refused: &mut Refused) -> Result<(), LoadError> {
        let count = match self.stream.read(&mut self.answers[self.filled..]) {
            Ok(0) => return Err(LoadError::Closed { in_flight: self.in_flight() }),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.filled += count;
        let mut taken = 0;
        loop {
            match split(&self.answers[taken..self.filled])? {
                Split::Frame { payload, size } => {
                    let response = Response::decode(payload)?;
                    self.balance = self.balance.wrapping_sub(response.sync);
                    self.answered += 1;
                    refused.look(&response);
                    taken += size;
                }
                Split::Partial { size } => match size {
                    Some(size) if size > ANSWERS => return Err(LoadError::TooLarge(size)),
                    _ => break,
                },
            }
        }
        if self.answered > self.sent {
            return Err(LoadError::Numbers);
        }
        self.answers.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        self.take_times(times);
        Ok(())
    }

    fn take_times(&mut self, times: &mut Times) {
        let now = Instant::now();
        while let Some((sent, then)) = self.batches.front().copied()
            && sent <= self.answered
        {
            times.push(now - then);
            self.batches.pop_front();
        }
    }
}

impl Refused {
    fn look(&mut self, response: &Response<'_>) {
        if let Outcome::Error { code, message } = response.outcome {
            self.count += 1;
            self.first.get_or_insert_with(|| Refusal { code, message: message.to_owned() });
        }
    }
}
