//! A postanalytics server of the test's own, which keeps every record that it is sent and lets the test look at them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use fake_cloud::loopback::{Loopback, Then, locked};
use iproto::code::RequestType;
use iproto::frame::{self, Split};
use iproto::greeting;
use iproto::msgpack::{DecodeError, Reader, Scalar};
use iproto::request::Request;
use iproto::response;
use serde_json::{Map, Value};

use super::{address, server};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Recorder {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _server: Loopback,
}

#[derive(Debug, Default)]
struct Shared {
    records: Mutex<Vec<Value>>,
    greetings: Mutex<Vec<Value>>,
}

impl Recorder {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start() -> Result<Self> {
        Self::thoughtful(Duration::ZERO)
    }

    /// The same, answering each request so long after it came.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn thoughtful(pause: Duration) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let kept = Arc::clone(&shared);
        let server =
            Loopback::start(address::listener()?, move |stream| serve(stream, &kept, pause).map(|()| Then::Close))?;
        Ok(Self { address: server.address, shared, _server: server })
    }

    /// The records so far, in the order of their arrival.
    #[must_use]
    pub fn records(&self) -> Vec<Value> {
        locked(&self.shared.records).clone()
    }

    /// What clients said of themselves with `wallarm.hello`.
    #[must_use]
    pub fn hellos(&self) -> Vec<Value> {
        locked(&self.shared.greetings).clone()
    }

    /// Waits for the first `count` records.
    ///
    /// # Errors
    ///
    /// If they do not come.
    pub fn wait_for(&self, count: usize) -> Result<Vec<Value>> {
        server::wait(&format!("{count} records"), || Ok(locked(&self.shared.records).len() >= count))
            .with_context(|| format!("{} came", self.records().len()))?;
        Ok(self.records())
    }
}

fn serve(mut stream: TcpStream, shared: &Shared, pause: Duration) -> Result<()> {
    stream.write_all(&greeting::encode(
        "2.11.0",
        "00000000-0000-4000-8000-000000000000",
        &[7; greeting::SALT_LENGTH],
    ))?;
    let later = answerer(stream.try_clone()?);
    let (mut received, mut answers) = (Vec::new(), Vec::new());
    let mut chunk = [0; 16 * 1024];
    loop {
        while let Split::Frame { payload, size } = frame::split(&received)? {
            answer(payload, shared, &mut answers)?;
            received.drain(..size);
        }
        if !answers.is_empty() && later.send((Instant::now() + pause, std::mem::take(&mut answers))).is_err() {
            return Ok(());
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            length => received.extend_from_slice(chunk.get(..length).unwrap_or_default()),
        }
    }
}

/// Writes each answer when its time has come, in the order of the requests, while more of them are read.
fn answerer(mut stream: TcpStream) -> Sender<(Instant, Vec<u8>)> {
    let (sender, answers) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        for (due, answer) in answers {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
    });
    sender
}

fn answer(payload: &[u8], shared: &Shared, out: &mut Vec<u8>) -> Result<()> {
    let request = Request::decode(payload)?;
    if request.kind != RequestType::Call {
        response::write_empty(out, request.sync);
        return Ok(());
    }
    let mut reader = Reader::new(request.arguments);
    let arguments = value(&mut reader)?;
    let kept = match request.name {
        Some(b"wallarm.request.push") => arguments.get(1).map(|record| (&shared.records, record)),
        Some(b"wallarm.hello") => arguments.get(0).map(|hello| (&shared.greetings, hello)),
        _ => None,
    };
    if let Some((list, kept)) = kept {
        locked(list).push(kept.clone());
    }
    response::write_data(out, request.sync, |writer| {
        writer.array(1).bool(true);
    });
    Ok(())
}

/// MessagePack as JSON, which tests know how to take apart. Bytes become text, as far as they are.
fn value(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    Ok(match reader.rest().first().copied().ok_or(DecodeError::Truncated)? {
        0x90..=0x9f | 0xdc | 0xdd => {
            let count = reader.array_len()?;
            (0..count).map(|_| value(reader)).collect::<Result<_, _>>()?
        }
        0x80..=0x8f | 0xde | 0xdf => {
            let mut map = Map::new();
            for _ in 0..reader.map_len()? {
                let key = value(reader)?;
                map.insert(key.as_str().map_or_else(|| key.to_string(), str::to_owned), value(reader)?);
            }
            Value::Object(map)
        }
        _ => match reader.scalar()? {
            Scalar::Nil => Value::Null,
            Scalar::Bool(bool) => bool.into(),
            Scalar::Uint(number) => number.into(),
            Scalar::Int(number) => number.into(),
            Scalar::Float(number) => number.into(),
            Scalar::Str(bytes) | Scalar::Bin(bytes) => String::from_utf8_lossy(bytes).into(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pushed_record_is_kept_and_answered() {
        let recorder = Recorder::start().unwrap();
        let mut stream = super::super::client::connect(recorder.address).unwrap();
        let mut greeting = [0; greeting::LENGTH];
        stream.read_exact(&mut greeting).unwrap();
        let mut bytes = Vec::new();
        iproto::request::write_call(&mut bytes, 9, "wallarm.request.push", |writer| {
            writer
                .array(2)
                .uint(1)
                .map(2)
                .str(b"uri")
                .str(b"/a")
                .str(b"attacks")
                .array(1)
                .map(1)
                .str(b"type")
                .str(b"xss");
        });
        stream.write_all(&bytes).unwrap();
        let records = recorder.wait_for(1).unwrap();
        assert_eq!(records, [serde_json::json!({ "uri": "/a", "attacks": [{ "type": "xss" }] })]);
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
    }
}
