//! Port 3313: binding it, and who gets in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use super::Server;
use super::allowance::{Buffers, MAX_CONNECTIONS};
use super::connection::Connection;
use super::limiter::Event;
use crate::log::Part;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long to wait after the system refused to accept, for example because there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Binds `address`.
///
/// # Errors
///
/// Those of the system.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of the server's last run may linger; they must not keep the next one from binding.
    socket.set_reuseaddr(true)?;
    // Accepted sockets inherit it, and peers that vanished make room after a while.
    socket.set_keepalive(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts and serves until `stop` says so.
pub async fn accept(server: &Arc<Server>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let stopped = stop.clone();
    let accepting = async {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => server.admit(stream, peer, &stopped),
                Err(error) => {
                    server.log_failed_accept(Part::Iproto, &listener, &error);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

impl Server {
    /// Lets a peer in, or closes its connection without a byte.
    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, stop: &watch::Receiver<bool>) {
        let refused = if !self.settings.allow_from.allows(peer.ip()) {
            Some((Event::NotAllowed, "is not in ALLOW_FROM"))
        } else if self.connections.load(Ordering::Relaxed) >= MAX_CONNECTIONS {
            Some((Event::TooMany, "comes on top of the most connections there may be"))
        } else {
            None
        };
        if let Some((event, reason)) = refused {
            if self.limiter.permits(peer.ip(), event) {
                self.log.warning(Part::Iproto, format_args!("{peer} {reason}: closed"));
            }
            return;
        }
        let buffers = Buffers::when_open(self.connections.fetch_add(1, Ordering::Relaxed) + 1);
        let (server, mut stop) = (Guard(Arc::clone(self)), stop.clone());
        tokio::spawn(async move {
            if let Ok(connection) = Connection::new(&server.0, stream, peer, buffers) {
                tokio::select! {
                    () = connection.serve() => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
        });
    }

    /// Logs that the system gives no connection. Peers can make it last by using up the files, so this is limited as well.
    pub fn log_failed_accept(&self, part: Part, listener: &TcpListener, error: &io::Error) {
        let own = listener.local_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        if self.limiter.permits(own, Event::NotAccepted) {
            self.log.error(part, format_args!("cannot accept a connection: {error}"));
        }
    }
}

/// Counts a connection for as long as it is there, however its task ends.
struct Guard(Arc<Server>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
