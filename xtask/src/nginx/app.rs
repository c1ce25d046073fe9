//! The application behind NGINX: answers every request with what it saw of it, and keeps count.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, bail};

use super::address;

/// An application that runs until it is dropped.
#[derive(Debug)]
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A request that reached it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Such as POST.
    pub method: String,
    /// As it stands in the request line.
    pub target: String,
    /// The body, without framing.
    pub body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    /// Those that are open, by number: NGINX makes a new one for each request.
    connections: Mutex<BTreeMap<usize, TcpStream>>,
    ending: AtomicBool,
}

impl App {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start() -> Result<Self> {
        let listener = address::listener()?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let held = Arc::clone(&shared);
        let thread = std::thread::spawn(move || listen(&listener, &held));
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.shared.seen).clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        for connection in locked(&self.shared.connections).values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for (number, stream) in listener.incoming().enumerate() {
        if shared.ending.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let Ok(copy) = stream.try_clone() {
            locked(&shared.connections).insert(number, copy);
        }
        let shared = Arc::clone(shared);
        // NGINX may close at any time, which ends the thread and is no error.
        std::thread::spawn(move || {
            drop(serve(stream, &shared));
            locked(&shared.connections).remove(&number);
        });
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let Some((seen, upgrade)) = request(&mut reader)? else { return Ok(()) };
        let answer = format!("{} {} {}\n", seen.method, seen.target, seen.body.len());
        locked(&shared.seen).push(seen);
        if upgrade {
            let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            stream.write_all(head.as_bytes())?;
            return echo(&mut reader, &mut stream);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(answer.as_bytes())?;
    }
}

/// After an upgrade, what comes goes back.
fn echo(reader: &mut BufReader<TcpStream>, stream: &mut TcpStream) -> Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        stream.write_all(bytes)?;
        let length = bytes.len();
        reader.consume(length);
    }
}

/// One request, and whether it wants an upgrade. NGINX is the only client, so what comes is well-formed.
fn request(reader: &mut BufReader<TcpStream>) -> Result<Option<(Seen, bool)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let (mut length, mut chunked, mut upgrade) = (0, false, false);
    loop {
        let mut bytes = Vec::new();
        reader.read_until(b'\n', &mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).trim().to_ascii_lowercase();
        match text.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse().context("content-length")?,
            Some(("transfer-encoding", value)) => chunked = value.contains("chunked"),
            Some(("upgrade", _)) => upgrade = true,
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if chunked {
        body = chunks(reader)?;
    }
    Ok(Some((Seen { method, target, body }, upgrade)))
}

fn chunks(reader: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Ok(size) = usize::from_str_radix(line.trim(), 16) else { bail!("`{line}` is no chunk size") };
        // The chunk ends with CRLF.
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(body);
        }
        chunk.truncate(size);
        body.extend_from_slice(&chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nginx::client::Request;

    #[test]
    fn whole_and_chunked_bodies_are_seen_alike() {
        let app = App::start().unwrap();
        let request = Request::form("/order", "a=1&b=2");
        for request in [request.clone(), request.chunked(3)] {
            // It keeps connections open; the client reads by length.
            assert_eq!(request.send(app.address).unwrap().text(), "POST /order 7\n");
        }
        let seen = Seen { method: "POST".into(), target: "/order".into(), body: b"a=1&b=2".to_vec() };
        assert_eq!(app.seen(), [seen.clone(), seen]);
    }
}
