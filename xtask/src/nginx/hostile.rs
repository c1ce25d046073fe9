//! Postanalytics servers that do not behave.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;
use iproto::greeting;

use super::address;

/// What a server does to those that connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes the connection and never says a word.
    Silent,
    /// Greets, then never reads nor answers.
    GreetsAndStops,
    /// Greets, waits for a request, answers with the first half of a frame and stops.
    HalfAnswer,
    /// Greets, then sends bytes that are no frame.
    Garbage,
    /// Greets with bytes that are no greeting.
    WrongGreeting,
    /// Closes after each byte that it receives.
    ClosesAfterEachByte,
    /// Greets, then claims a frame of more than any client may accept.
    HugeFrame,
}

impl Manner {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Silent,
        Self::GreetsAndStops,
        Self::HalfAnswer,
        Self::Garbage,
        Self::WrongGreeting,
        Self::ClosesAfterEachByte,
        Self::HugeFrame,
    ];
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Hostile {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    connections: Mutex<Vec<TcpStream>>,
    seen: AtomicUsize,
    ending: AtomicBool,
}

impl Hostile {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start(manner: Manner) -> Result<Self> {
        let listener = address::listener()?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let held = Arc::clone(&shared);
        let thread = std::thread::spawn(move || listen(&listener, manner, &held));
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// How many connections came.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.seen.load(Ordering::SeqCst)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        for connection in self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(listener: &TcpListener, manner: Manner, shared: &Shared) {
    for stream in listener.incoming() {
        if shared.ending.load(Ordering::SeqCst) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        shared.seen.fetch_add(1, Ordering::SeqCst);
        let copy = stream.try_clone();
        // What a client does to us is its own affair; a thread for each, since most never answer.
        std::thread::spawn(move || drop(mistreat(&mut stream, manner)));
        if let Ok(copy) = copy {
            shared.connections.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
        }
    }
}

fn mistreat(stream: &mut TcpStream, manner: Manner) -> Result<()> {
    let hello = greeting::encode("2.11.0", "00000000-0000-4000-8000-000000000000", &[7; greeting::SALT_LENGTH]);
    let mut byte = [0; 1];
    match manner {
        // The copy that is kept holds the connection open.
        Manner::Silent => {}
        Manner::GreetsAndStops => stream.write_all(&hello)?,
        Manner::HalfAnswer => {
            stream.write_all(&hello)?;
            stream.read_exact(&mut byte)?;
            // A frame of 64 bytes of which four come: the beginning of a header.
            stream.write_all(&[0xce, 0, 0, 0, 64, 0x83, 0x00, 0xce, 0x00])?;
        }
        Manner::Garbage => {
            stream.write_all(&hello)?;
            stream.write_all(&[0xc1; 512])?;
        }
        Manner::WrongGreeting => stream.write_all(&[b'x'; greeting::LENGTH])?,
        Manner::ClosesAfterEachByte => {
            stream.write_all(&hello)?;
            stream.read_exact(&mut byte)?;
            stream.shutdown(Shutdown::Both)?;
        }
        Manner::HugeFrame => {
            stream.write_all(&hello)?;
            stream.write_all(&[0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])?;
        }
    }
    Ok(())
}
