//! What servers of tests have in common: a listener, a thread for each connection, and an end for all of them.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What becomes of a connection that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It is closed.
    Close,
    /// It stays open, without anybody who reads or writes.
    Hold,
}

/// A server on loopback that runs until it is dropped.
#[derive(Debug)]
pub struct Loopback {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Those that are open, by number.
    connections: Mutex<BTreeMap<usize, TcpStream>>,
    seen: AtomicUsize,
    ending: AtomicBool,
}

impl Loopback {
    /// Serves those who connect to `listener`. Peers may close at any time: an error of `serve` ends the connection and nothing else.
    ///
    /// # Errors
    ///
    /// If the listener has no address.
    pub fn start<E>(
        listener: TcpListener,
        serve: impl Fn(TcpStream) -> Result<Then, E> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (shared, serve) = (Arc::new(Shared::default()), Arc::new(serve));
        let held = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if held.ending.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    attend(stream, &held, &serve);
                }
            }
        });
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// How many connections came.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.seen.load(Ordering::SeqCst)
    }
}

fn attend<S, E>(stream: TcpStream, shared: &Arc<Shared>, serve: &Arc<S>)
where
    S: Fn(TcpStream) -> Result<Then, E> + Send + Sync + 'static,
{
    let number = shared.seen.fetch_add(1, Ordering::SeqCst);
    if let Ok(copy) = stream.try_clone() {
        locked(&shared.connections).insert(number, copy);
    }
    let (shared, serve) = (Arc::clone(shared), Arc::clone(serve));
    std::thread::spawn(move || {
        if !matches!(serve(stream), Ok(Then::Hold)) {
            locked(&shared.connections).remove(&number);
        }
    });
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        // No connection comes any more.
        for connection in locked(&self.shared.connections).values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// A thread that panicked has failed the test already.
#[must_use = "it is held while this lives"]
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
