//! A node API of the test's own: it keeps what it is sent, and answers as the test says.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::address;
use super::loopback::{Loopback, Then, locked};
use super::server;

/// How a call is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Every hit is taken.
    Takes,
    /// With this status, these header lines, and this reason.
    Says(u16, &'static str, &'static str),
    /// The first hit of the batch is rejected.
    RejectsFirst,
    /// Never.
    Never,
    /// The connection is closed without a word.
    Closes,
}

/// A call that came.
#[derive(Debug, Clone)]
pub struct Call {
    /// Request line and headers, in lower case.
    pub head: String,
    /// The JSON, uncompressed.
    pub json: Value,
}

impl Call {
    /// The hits of the call.
    #[must_use]
    pub fn hits(&self) -> &[Value] {
        self.json.get("hits").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// An API that runs until it is dropped.
#[derive(Debug)]
pub struct Api {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _server: Loopback,
}

#[derive(Debug)]
struct Shared {
    calls: Mutex<Vec<Call>>,
    /// How the next calls are answered; the last one holds for all that follow.
    answers: Mutex<VecDeque<Answer>>,
}

impl Api {
    /// Starts one that answers its calls so, and all that follow like the last of these.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start(answers: &[Answer]) -> Result<Self> {
        Self::on(address::listener()?, answers)
    }

    /// The same at an address where something listened before.
    ///
    /// # Errors
    ///
    /// If it cannot listen there.
    pub fn start_at(address: SocketAddr, answers: &[Answer]) -> Result<Self> {
        Self::on(TcpListener::bind(address)?, answers)
    }

    fn on(listener: TcpListener, answers: &[Answer]) -> Result<Self> {
        let answers = Mutex::new(answers.iter().cloned().collect());
        let shared = Arc::new(Shared { calls: Mutex::default(), answers });
        let kept = Arc::clone(&shared);
        let server = Loopback::start_on(listener, move |stream| serve(stream, &kept))?;
        Ok(Self { address: server.address, shared, _server: server })
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.shared.calls).clone()
    }

    /// Waits for the first `count` calls.
    ///
    /// # Errors
    ///
    /// If they do not come.
    pub fn wait_for(&self, count: usize) -> Result<Vec<Call>> {
        server::wait(&format!("{count} calls of the API"), || Ok(locked(&self.shared.calls).len() >= count))
            .with_context(|| format!("{} came", self.calls().len()))?;
        Ok(self.calls())
    }
}

impl Shared {
    fn next_answer(&self) -> Answer {
        let mut answers = locked(&self.answers);
        let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        next.unwrap_or(Answer::Takes)
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> Result<Then> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(call) = read(&mut reader)? {
        let count = call.hits().len();
        let first = call.hits().first().and_then(|hit| hit.get("id")).cloned();
        let answer = shared.next_answer();
        // It is kept before it is answered: whoever has the answer may look for the call.
        locked(&shared.calls).push(call);
        let (status, headers, body) = match answer {
            Answer::Takes => (200, "", json!({ "accepted": count, "duplicates": 0, "rejected": [] })),
            Answer::RejectsFirst => (
                200,
                "",
                json!({ "accepted": count.saturating_sub(1), "rejected": [{ "id": first, "why": "too old" }] }),
            ),
            Answer::Says(status, headers, reason) => (status, headers, json!(reason)),
            Answer::Never => return Ok(Then::Hold),
            Answer::Closes => return Ok(Then::Close),
        };
        let text = json!({ "status": status, "body": body }).to_string();
        let head = format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\n\r\n", text.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(text.as_bytes())?;
    }
    Ok(Then::Close)
}

/// One call; none when the other side is done.
fn read(reader: &mut BufReader<TcpStream>) -> Result<Option<Call>> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.to_ascii_lowercase();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().context("content-length")?;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut text = String::new();
    GzDecoder::new(&body[..]).read_to_string(&mut text).context("the body is not compressed")?;
    let json = serde_json::from_str(&text).context("the body is no JSON")?;
    Ok(Some(Call { head, json }))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_call_is_kept_and_answered_as_told() {
        let api = Api::start(&[Answer::Says(503, "Retry-After: 1\r\n", "busy"), Answer::Takes]).unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(br#"{"batch_id":"b","hits":[{"id":["r","xss"]}]}"#).unwrap();
        let body = gzip.finish().unwrap();
        let mut stream = super::super::client::connect(api.address).unwrap();
        for status in ["503", "200"] {
            let head = format!("POST /node/v1/hits HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"));
            let mut rest = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while rest.read_line(&mut line).unwrap() > 2 {
                line.clear();
            }
            // The body is in the buffer, or still to come: a connection for each call keeps the test short.
            stream = super::super::client::connect(api.address).unwrap();
        }
        assert_eq!(api.wait_for(2).unwrap()[0].hits().len(), 1);
    }
}
