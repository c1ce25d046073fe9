//! A static file server for repository trees: HTTP/1.1 with what apt, yum and curl use of it, and nothing else.
//!
//! GET and HEAD, `Range` (one range, RFC 9110 section 14), `If-Modified-Since` and `If-Range` by date, connections that stay open, requests one
//! after another on one connection. It is meant for loopback and for networks made by tests; there is no TLS and no listing.
//!
//! | Module | Does |
//! |---|---|
//! | [`request`] | reads a request within limits |
//! | [`target`] | turns the path of a URL into a file below the root, or refuses |
//! | [`response`] | decides the status and writes the answer |
//! | [`status`] | the statuses that it knows |

pub mod request;
pub mod response;
pub mod status;
pub mod target;

use std::io::{BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::SockRef;

/// Connections that are served at a time; more wait in the kernel's queue.
const WORKERS: usize = 16;

/// A peer that sends or takes nothing for this long is let go.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// The address that it listens on; the port is the real one if 0 was asked for.
    pub addr: SocketAddr,
    listener: TcpListener,
    shared: Arc<Shared>,
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    thread: JoinHandle<()>,
    /// The connection that it serves, to be shut down under it when the server ends.
    connection: Arc<Mutex<Option<TcpStream>>>,
}

#[derive(Debug)]
struct Shared {
    root: RwLock<PathBuf>,
    ending: AtomicBool,
}

/// Serves the files below `root` on `addr`.
///
/// # Errors
///
/// If `root` is no folder or the address cannot be bound.
pub fn serve(root: &Path, addr: SocketAddr) -> Result<Server> {
    let root = target::real_root(root)?;
    let listener = TcpListener::bind(addr).with_context(|| format!("cannot listen on {addr}"))?;
    let addr = listener.local_addr()?;
    let shared = Arc::new(Shared { root: RwLock::new(root), ending: AtomicBool::new(false) });
    let mut server = Server { addr, listener, shared, workers: Vec::new() };
    for _ in 0..WORKERS {
        let (listener, shared) = (server.listener.try_clone()?, Arc::clone(&server.shared));
        let connection = Arc::new(Mutex::new(None));
        let current = Arc::clone(&connection);
        let thread = std::thread::spawn(move || work(&listener, &shared, &current));
        server.workers.push(Worker { thread, connection });
    }
    Ok(server)
}

impl Server {
    /// What clients put before a path: `http://address:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Serves another tree from the next request on, under the same address.
    ///
    /// # Errors
    ///
    /// If `root` is no folder.
    pub fn show(&self, root: &Path) -> Result<()> {
        let root = target::real_root(root)?;
        *self.shared.root.write().unwrap_or_else(PoisonError::into_inner) = root;
        Ok(())
    }

    /// Waits until the server ends, which it does only with the process: for a server that is all a program does.
    pub fn wait(mut self) {
        for worker in std::mem::take(&mut self.workers) {
            // A worker that panicked has ended as well.
            let _ = worker.thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        // Wakes the workers that wait for a connection, even if the address is gone with its network device.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Both);
        for worker in std::mem::take(&mut self.workers) {
            if let Some(stream) = &*worker.connection.lock().unwrap_or_else(PoisonError::into_inner) {
                let _ = stream.shutdown(Shutdown::Both);
            }
            let _ = worker.thread.join();
        }
    }
}

fn work(listener: &TcpListener, shared: &Shared, current: &Mutex<Option<TcpStream>>) {
    let set = |stream| *current.lock().unwrap_or_else(PoisonError::into_inner) = stream;
    while !shared.ending.load(Ordering::SeqCst) {
        let Ok((stream, _)) = listener.accept() else { continue };
        set(stream.try_clone().ok());
        // What a client breaks concerns only its connection. The flag is looked at again inside, after `set`.
        let _ = converse(&stream, shared);
        set(None);
    }
}

/// Answers the requests of one connection until either side closes it.
fn converse(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while !shared.ending.load(Ordering::SeqCst) {
        let root = shared.root.read().unwrap_or_else(PoisonError::into_inner).clone();
        let stay = match request::read(&mut reader)? {
            request::Read::Request(request) => {
                response::answer(&request, &root).write(&mut writer, &request)?;
                request.keep_alive
            }
            request::Read::Bad(status) => {
                response::Response::empty(status).write(&mut writer, &request::Request::default())?;
                false
            }
            request::Read::Closed => false,
        };
        writer.flush()?;
        if !stay {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
