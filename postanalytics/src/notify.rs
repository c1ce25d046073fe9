//! Tells systemd how far the server is, by the datagram protocol of sd_notify(3).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::log::{Log, Part};

/// Sends `state` to the service manager, if one waits for it. A failure is logged: the manager will then end the server
/// for not getting ready, and nobody should have to guess why.
pub fn notify(log: &Log, state: &str) {
    if let Some(socket) = env::var_os("NOTIFY_SOCKET")
        && let Err(error) = send(&socket, state)
    {
        log.error(Part::Main, format_args!("cannot send {state} to the service manager: {error}"));
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(socket),
    }?;
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}
