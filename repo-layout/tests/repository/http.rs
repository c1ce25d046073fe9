//! A file server on a loopback port, for real clients, and a proxy that spoils answers.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// Serves one folder until the test program ends, and remembers what was asked for.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (root, log) = (root.to_owned(), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, log) = (root.clone(), Arc::clone(&log));
                thread::spawn(move || answer(&stream, &root, &log));
            }
        });
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Paths that clients asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request and closes: the simplest server that every client understands.
fn answer(mut stream: &TcpStream, root: &Path, log: &Mutex<Vec<String>>) -> Option<()> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let request = lines.next()?;
    let path = request.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let _headers: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    log.lock().unwrap().push(path.clone());
    let file: PathBuf = root.join(&path);
    let (status, body) = match fs::read(file) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()).ok()?;
    stream.write_all(&body).ok()
}

/// What a [`Faulty`] proxy does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers that the server failed, without asking it.
    Error,
    /// Takes half of what is sent, or gives half of the answer, and closes.
    CutOff,
    /// Never answers.
    Stall,
}

/// Stands before a server and spoils each request whose path has a certain part.
pub struct Faulty {
    pub address: SocketAddr,
}

impl Faulty {
    pub fn start(server: SocketAddr, part: &str, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let part = part.to_owned();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let part = part.clone();
                thread::spawn(move || pass_on(stream, server, &part, fault));
            }
        });
        Self { address }
    }
}

fn pass_on(mut client: TcpStream, server: SocketAddr, part: &str, fault: Fault) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let spoilt = path.contains(part) || path.contains(&part.replace('~', "%7E"));
        if spoilt && fault == Fault::CutOff && length > 0 {
            reader.read_exact(&mut body[..length / 2])?;
            return client.shutdown(Shutdown::Both);
        }
        reader.read_exact(&mut body)?;
        if spoilt && fault == Fault::Error {
            client.write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        if spoilt && fault == Fault::Stall {
            // Until the client has enough of it.
            let _ = reader.read(&mut [0]);
            return Ok(());
        }
        let mut upstream = TcpStream::connect(server)?;
        write!(upstream, "{head}Connection: close\r\n\r\n")?;
        upstream.write_all(&body)?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        let half = if spoilt { answer.len() - answer.len().min(40) / 2 } else { answer.len() };
        client.write_all(&answer[..half])?;
        return client.shutdown(Shutdown::Both);
    }
}
