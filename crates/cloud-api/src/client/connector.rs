//! Connections that come from a given address, and that can be ended while they are being made.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};
use ureq::{Error, Timeout};

use crate::node_yaml::Api;

/// Time for one address of a host, so that the next one has its turn.
const MOST: Duration = Duration::from_secs(4);

/// Makes connections.
#[derive(Debug)]
pub(super) struct SourceConnector {
    host: Option<IpAddr>,
    port: Option<u16>,
}

impl SourceConnector {
    pub(super) fn new(api: &Api) -> Self {
        Self { host: api.local_host, port: api.local_port }
    }

    /// The address to come from, if one is given; that of the other family cannot reach `peer`.
    fn source(&self, peer: SocketAddr) -> Option<SocketAddr> {
        let any = || if peer.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        match (self.host, self.port) {
            (None, None) => None,
            (host, port) => Some(SocketAddr::new(host.unwrap_or_else(any), port.unwrap_or(0))),
        }
    }

    fn open(&self, peer: SocketAddr, details: &ConnectionDetails<'_>) -> Result<Arc<Held>, Error> {
        let held = Arc::new(Held(Socket::new(Domain::for_address(peer), Type::STREAM, None)?));
        // Before it connects, so that it can be ended from now on.
        (details.register_shutdown)(Arc::downgrade(&held) as Weak<dyn ShutdownHandle>)?;
        if let Some(source) = self.source(peer) {
            // Ports that were used a minute ago may be used again.
            held.0.set_reuse_address(true)?;
            held.0.bind(&source.into())?;
        }
        let left = details.timeout.not_zero().map_or(MOST, |left| MOST.min(*left));
        held.0.connect_timeout(&peer.into(), left)?;
        held.0.set_tcp_nodelay(true)?;
        Ok(held)
    }
}

impl<In: Transport> Connector<In> for SourceConnector {
    type Out = Either<In, Connection>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if let Some(connection) = chained {
            return Ok(Some(Either::A(connection)));
        }
        let config = details.config;
        let mut failed = Error::HostNotFound;
        for peer in &*details.addrs {
            match self.open(*peer, details) {
                Ok(socket) => {
                    let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
                    return Ok(Some(Either::B(Connection { socket, buffers })));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// A socket that another thread may end.
#[derive(Debug)]
struct Held(Socket);

impl ShutdownHandle for Held {
    fn shutdown(&self) {
        // One that is closed already needs no end.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    socket: Arc<Held>,
    buffers: LazyBuffers,
}

impl Connection {
    fn in_time<T>(result: io::Result<T>, reason: Timeout) -> Result<T, Error> {
        result.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(reason),
            _ => Error::Io(error),
        })
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.socket.0.set_write_timeout(timeout.not_zero().map(|left| *left))?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Self::in_time((&self.socket.0).write_all(output), timeout.reason)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.socket.0.set_read_timeout(timeout.not_zero().map(|left| *left))?;
        let input = self.buffers.input_append_buf();
        let read = loop {
            match (&self.socket.0).read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let amount = Self::in_time(read, timeout.reason)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // Bytes that nobody asked for, or the end: either way it is of no use any more.
        let quiet = || -> io::Result<bool> {
            self.socket.0.set_nonblocking(true)?;
            let looked = (&self.socket.0).read(&mut [0]);
            self.socket.0.set_nonblocking(false)?;
            Ok(looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock))
        };
        quiet().unwrap_or(false)
    }
}
