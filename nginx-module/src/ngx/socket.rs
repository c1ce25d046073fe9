//! A socket that NGINX's loop watches. Reading and writing go through the socket itself; NGINX only tells when.

use super::guard;
use super::log::Log;
use crate::upstream;
use nginx_sys::{NGX_OK, ngx_connection_t, ngx_event_t, ngx_int_t};
use socket2::Socket;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::ptr::NonNull;

/// NGINX cannot watch another socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// `worker_connections` are all in use.
    #[error("no connection is free: raise worker_connections")]
    NoConnection,
    /// NGINX's way of watching refused it; NGINX has said why.
    #[error("NGINX could not watch the socket")]
    Refused,
}

/// A watched socket. NGINX calls [`upstream::readable`] and [`upstream::writable`] with its number.
pub struct Watched {
    connection: NonNull<ngx_connection_t>,
    /// There until this value is dropped.
    socket: Option<Socket>,
}

impl Watched {
    /// Watches `socket`, which must not block, under `number`.
    ///
    /// # Errors
    ///
    /// [`WatchError`] if NGINX cannot; the socket is closed then.
    pub fn new(socket: Socket, number: usize) -> Result<Self, WatchError> {
        let log = Log::of_cycle().raw();
        // SAFETY: a worker runs, so its connections are there; the descriptor is open, and stays so until `drop`.
        let connection = unsafe { nginx_sys::ngx_get_connection(socket.as_raw_fd(), log) };
        let connection = NonNull::new(connection).ok_or(WatchError::NoConnection)?;
        let watched = Self { connection, socket: Some(socket) };
        // SAFETY: the connection is ours until it is closed; nobody else holds a reference to it.
        let raw = unsafe { &mut *connection.as_ptr() };
        raw.data = std::ptr::without_provenance_mut(number);
        raw.log = log;
        // SAFETY: NGINX gives every connection a read and a write event, which are used by nothing else.
        let (read, write) = unsafe { (&mut *raw.read, &mut *raw.write) };
        (read.log, write.log) = (log, log);
        read.handler = Some(on_readable);
        write.handler = Some(on_writable);
        // SAFETY: the table is set when a worker starts, and never changed afterwards.
        let watched_by_connection = unsafe { nginx_sys::ngx_event_actions.add_conn };
        let added = match watched_by_connection {
            // SAFETY: the connection is valid and its socket open.
            Some(add) => ok() == unsafe { add(connection.as_ptr()) },
            None => watched.watch_reading() && watched.watch_writing(),
        };
        added.then_some(watched).ok_or(WatchError::Refused)
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// Everything was read that was there: tell when there is more.
    pub fn read_all(&self) {
        // SAFETY: both events of an open connection are valid; nobody holds a reference to them now.
        unsafe { (*self.connection.as_ref().read).set_ready(0) };
        self.watch_reading();
    }

    /// The socket takes no more for now: tell when it does.
    pub fn write_blocked(&self) {
        // SAFETY: as above.
        unsafe { (*self.connection.as_ref().write).set_ready(0) };
        self.watch_writing();
    }

    /// Nothing is left to write: a loop that tells as long as writing is possible need not.
    pub fn wrote_all(&self) {
        // SAFETY: as above.
        unsafe { (*self.connection.as_ref().write).set_ready(1) };
        self.watch_writing();
    }

    /// Does nothing where the loop tells each change once, as with epoll.
    fn watch_reading(&self) -> bool {
        // SAFETY: the event of an open connection is valid.
        unsafe { nginx_sys::ngx_handle_read_event(self.connection.as_ref().read, 0) == ok() }
    }

    /// As above, for writing.
    fn watch_writing(&self) -> bool {
        // SAFETY: the event of an open connection is valid.
        unsafe { nginx_sys::ngx_handle_write_event(self.connection.as_ref().write, 0) == ok() }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            // NGINX closes the descriptor together with what it knows of it.
            let _ = socket.into_raw_fd();
            // SAFETY: the connection was got from NGINX in `new`, and is closed once.
            unsafe { nginx_sys::ngx_close_connection(self.connection.as_ptr()) };
        }
    }
}

fn ok() -> ngx_int_t {
    NGX_OK as ngx_int_t
}

/// The number of the socket to which an event belongs.
///
/// # Safety
///
/// The event must be one that NGINX gave to a callback of this file.
unsafe fn number(event: *mut ngx_event_t) -> usize {
    // SAFETY: the data of a connection's event is the connection, and its data was set in `Watched::new`.
    unsafe { (*(*event).data.cast::<ngx_connection_t>()).data.addr() }
}

/// Called by NGINX when there is something to read, or the end.
unsafe extern "C" fn on_readable(event: *mut ngx_event_t) {
    // SAFETY: NGINX gives the event for which this was set.
    let number = unsafe { number(event) };
    guard::run(Log::of_cycle(), (), || upstream::readable(number));
}

/// Called by NGINX when the socket is connected, and when it takes more.
unsafe extern "C" fn on_writable(event: *mut ngx_event_t) {
    // SAFETY: as above.
    let number = unsafe { number(event) };
    guard::run(Log::of_cycle(), (), || upstream::writable(number));
}
