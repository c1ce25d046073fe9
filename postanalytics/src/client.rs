//! A client of the server: it asks for figures, one call at a time, and gives up in time whatever the other side does.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use iproto::frame::{self, FrameError, Split};
use iproto::greeting::{self, GreetingError};
use iproto::msgpack::{DecodeError, Scalar};
use iproto::request;
use iproto::response::{self, Outcome, Response};

use crate::settings::{Loaded, Settings, default_path};
use crate::statistics::{Number, Statistic};

/// How long to wait for an answer when nobody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Answers are a few dozen bytes; more than this is another service.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server cannot be reached, has gone, or does not answer in time.
    #[error("{address}: {source}")]
    Connection {
        /// Where it should be.
        address: String,
        /// What happened.
        source: io::Error,
    },
    /// What answers there is no server of ours.
    #[error("{address}: {source}")]
    Greeting {
        /// Where it is.
        address: String,
        /// What is wrong with its first bytes.
        source: GreetingError,
    },
    /// The answer is broken.
    #[error("the server's answer cannot be read: {0}")]
    Answer(#[from] DecodeError),
    /// The answer is broken.
    #[error("the server's answer cannot be read: {0}")]
    Frame(#[from] FrameError),
    /// The answer does not end.
    #[error("the server's answer is too long: is it another service?")]
    Long,
    /// The answer is to a question that was not asked.
    #[error("the server answers request {found} instead of {asked}: is it another service?")]
    OtherRequest {
        /// The number of the question.
        asked: u64,
        /// The number in the answer.
        found: u64,
    },
    /// The answer is no count and no number of seconds.
    #[error("the server's answer to {0} is no figure: is it another service?")]
    NoFigure(&'static str),
    /// The server refuses.
    #[error("{message} (error {code})")]
    Refused {
        /// The number of the error.
        code: u32,
        /// Its text.
        message: String,
    },
}

/// Where a local tool looks for its server. A settings file that cannot be read is the server's concern, not the tool's.
#[must_use]
pub fn address(host: Option<&str>, port: Option<u16>) -> String {
    let Loaded { settings, .. } = Settings::load(&default_path(), None).unwrap_or_default();
    let port = port.unwrap_or(settings.port);
    match host {
        Some(host) if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        Some(host) => format!("{host}:{port}"),
        // A server that is bound to every address is reached through loopback.
        None if settings.host.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port).to_string(),
        None => SocketAddr::new(settings.host, port).to_string(),
    }
}

/// A client and its connection.
#[derive(Debug)]
pub struct Client {
    address: String,
    patience: Duration,
    stream: Option<TcpStream>,
    sync: u64,
}

impl Client {
    /// A client that will connect to `address` and wait for each answer as long as `patience`, connecting included.
    #[must_use]
    pub fn new(address: String, patience: Duration) -> Self {
        Self { address, patience, stream: None, sync: 0 }
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if nothing answers there, or not as a server of ours does.
    pub fn connect(&mut self) -> Result<(), ClientError> {
        self.stream = Some(self.open(Instant::now() + self.patience)?);
        Ok(())
    }

    /// Asks for a figure.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if there is no answer, or one that is no figure.
    pub fn figure(&mut self, statistic: Statistic) -> Result<Number, ClientError> {
        self.ask(statistic, Number::read)?.ok_or(ClientError::NoFigure(statistic.name()))
    }

    /// Asks for a figure and hands whatever the answer holds to `read`.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if there is no answer.
    pub fn ask<T>(&mut self, statistic: Statistic, read: fn(Scalar<'_>) -> T) -> Result<T, ClientError> {
        let deadline = Instant::now() + self.patience;
        let reused = self.stream.is_some();
        let asked = self.try_ask(statistic, read, deadline);
        // A server that was restarted meanwhile has closed the old connection.
        if reused && matches!(asked, Err(ClientError::Connection { .. })) {
            return self.try_ask(statistic, read, deadline);
        }
        asked
    }

    fn try_ask<T>(
        &mut self,
        statistic: Statistic,
        read: fn(Scalar<'_>) -> T,
        deadline: Instant,
    ) -> Result<T, ClientError> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open(deadline)?,
        };
        self.sync += 1;
        let mut frame = Vec::new();
        request::write_call(&mut frame, self.sync, statistic.name(), |writer| {
            writer.array(0);
        });
        let mut timed = Timed { stream: &stream, deadline };
        timed.write_all(&frame).map_err(|source| self.lost(source))?;
        let answer = self.read_answer(&mut timed, read)?;
        // After an error nobody knows what would come next, so the connection is not kept then.
        self.stream = Some(stream);
        Ok(answer)
    }

    fn read_answer<T>(&self, timed: &mut Timed<'_>, read: fn(Scalar<'_>) -> T) -> Result<T, ClientError> {
        let mut input = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            if let Split::Frame { payload, .. } = frame::split(&input)? {
                return self.read_response(&Response::decode(payload)?, read);
            }
            if input.len() > LONGEST_ANSWER {
                return Err(ClientError::Long);
            }
            match timed.read(&mut chunk).map_err(|source| self.lost(source))? {
                0 => return Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
                count => input.extend_from_slice(&chunk[..count]),
            }
        }
    }

    fn read_response<T>(&self, response: &Response<'_>, read: fn(Scalar<'_>) -> T) -> Result<T, ClientError> {
        if response.sync != self.sync {
            return Err(ClientError::OtherRequest { asked: self.sync, found: response.sync });
        }
        match &response.outcome {
            Outcome::Error { code, message } => {
                Err(ClientError::Refused { code: *code, message: (*message).to_owned() })
            }
            Outcome::Data(None) => Err(DecodeError::Missing("result").into()),
            Outcome::Data(Some(data)) => Ok(read(response::first_result(data)?)),
        }
    }

    fn open(&self, deadline: Instant) -> Result<TcpStream, ClientError> {
        let stream = self.reach(deadline).map_err(|source| self.lost(source))?;
        let mut greeting = [0; greeting::LENGTH];
        Timed { stream: &stream, deadline }.read_exact(&mut greeting).map_err(|source| self.lost(source))?;
        greeting::decode(&greeting)
            .map_err(|source| ClientError::Greeting { address: self.address.clone(), source })?;
        Ok(stream)
    }

    fn reach(&self, deadline: Instant) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, remaining(deadline)?) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn lost(&self, source: io::Error) -> ClientError {
        ClientError::Connection { address: self.address.clone(), source }
    }
}

/// A connection that is given up at a set time, however slowly the other side goes on.
struct Timed<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(remaining(self.deadline)?))?;
        self.stream.read(buffer).map_err(in_words)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(remaining(self.deadline)?))?;
        self.stream.write(buffer).map_err(in_words)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The time until `deadline`, which is never zero: sockets take that for no limit.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let remaining = deadline.saturating_duration_since(Instant::now());
    if remaining.is_zero() { Err(late()) } else { Ok(remaining) }
}

/// The system calls a time that is over "Resource temporarily unavailable".
fn in_words(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { late() } else { error }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}
