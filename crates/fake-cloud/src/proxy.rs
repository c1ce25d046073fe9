//! A proxy on the way to an API: it makes tunnels for those who ask with CONNECT (RFC 9110, section 9.3.6).

use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::http::{HttpError, Request};
use crate::loopback::{Loopback, Then, locked};

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct ConnectProxy {
    /// Where it listens.
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _server: Loopback,
}

impl ConnectProxy {
    /// Starts one whose tunnels all end at `target`, whatever name was asked for.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start(listener: TcpListener, target: SocketAddr) -> io::Result<Self> {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        let server = Loopback::start(listener, move |stream| tunnel(stream, target, &kept))?;
        Ok(Self { address: server.address, heads, _server: server })
    }

    /// What those who asked for a tunnel sent, in lower case.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        locked(&self.heads).clone()
    }
}

fn tunnel(mut stream: TcpStream, target: SocketAddr, heads: &Mutex<Vec<String>>) -> Result<Then, HttpError> {
    // What comes behind the head is for the other side, which has not been greeted yet: there is none.
    let Some(request) = Request::read(&mut BufReader::new(&stream))? else { return Ok(Then::Close) };
    locked(heads).push(request.head);
    if request.method != "CONNECT" {
        stream.write_all(b"HTTP/1.1 405 Said\r\nContent-Length: 0\r\n\r\n")?;
        return Ok(Then::Close);
    }
    let mut other = TcpStream::connect(target)?;
    stream.write_all(b"HTTP/1.1 200 Established\r\n\r\n")?;
    let (mut back, mut forth) = (other.try_clone()?, stream.try_clone()?);
    let returning = std::thread::spawn(move || {
        let copied = io::copy(&mut back, &mut forth);
        let _ = forth.shutdown(Shutdown::Write);
        copied
    });
    io::copy(&mut stream, &mut other)?;
    other.shutdown(Shutdown::Write)?;
    let _ = returning.join();
    Ok(Then::Close)
}
