//! The application behind NGINX: answers every request with what it saw of it, or with the body that came, and keeps count.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, bail};
use fake_cloud::loopback::{Loopback, Then, locked};

use super::address;

/// Targets that begin so are answered with the body of the request, as plain text.
pub const ECHO: &str = "/echo";

/// An application that runs until it is dropped.
#[derive(Debug)]
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _server: Loopback,
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

impl App {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start() -> Result<Self> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let server = Loopback::start(address::listener()?, move |stream| serve(stream, &kept).map(|()| Then::Close))?;
        Ok(Self { address: server.address, seen, _server: server })
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.seen).clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Seen>>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let Some((seen, upgrade)) = request(&mut reader)? else { return Ok(()) };
        let answer = if seen.target.starts_with(ECHO) {
            seen.body.clone()
        } else {
            format!("{} {} {}\n", seen.method, seen.target, seen.body.len()).into_bytes()
        };
        locked(kept).push(seen);
        if upgrade {
            let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            stream.write_all(head.as_bytes())?;
            return echo(&mut reader, &mut stream);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(&answer)?;
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
