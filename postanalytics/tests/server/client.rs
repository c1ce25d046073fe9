//! A plain client, so that tests can send what no library would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use iproto::frame::{Split, split};
use iproto::greeting;
use iproto::msgpack::{Reader, Scalar, Writer};
use iproto::request;
use iproto::response::{Outcome, Response, first_result};

pub struct Client<S> {
    pub stream: S,
    pub greeting: [u8; greeting::LENGTH],
    received: Vec<u8>,
}

/// An answer: its sync, and its data or its error.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub sync: u64,
    pub outcome: Result<Vec<u8>, (u32, String)>,
}

impl Answer {
    /// The first result, which must be a number.
    pub fn number(&self) -> f64 {
        match first_result(self.outcome.as_ref().unwrap()).unwrap() {
            Scalar::Uint(number) => number as f64,
            Scalar::Float(number) => number,
            other => panic!("no number: {other:?}"),
        }
    }

    /// The first result, which must be a string.
    pub fn text(&self) -> String {
        match first_result(self.outcome.as_ref().unwrap()).unwrap() {
            Scalar::Str(text) => String::from_utf8(text.to_vec()).unwrap(),
            other => panic!("no string: {other:?}"),
        }
    }

    /// The number of the error.
    pub fn code(&self) -> u32 {
        self.outcome.as_ref().expect_err("no error").0
    }
}

impl Client<TcpStream> {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self::over(stream)
    }
}

impl<S: Read + Write> Client<S> {
    /// Speaks over `stream`, once its greeting has come.
    pub fn over(mut stream: S) -> Self {
        let mut greeting = [0; greeting::LENGTH];
        stream.read_exact(&mut greeting).unwrap();
        Self { stream, greeting, received: Vec::new() }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer; `None` if the server closed the connection.
    pub fn try_receive(&mut self) -> Option<Answer> {
        loop {
            if let Split::Frame { payload, size } = split(&self.received).unwrap() {
                let Response { sync, outcome } = Response::decode(payload).unwrap();
                let outcome = match outcome {
                    Outcome::Data(data) => Ok(data.unwrap_or_default().to_vec()),
                    Outcome::Error { code, message } => Err((code, message.to_owned())),
                };
                self.received.drain(..size);
                return Some(Answer { sync, outcome });
            }
            let mut chunk = [0; 65536];
            match self.stream.read(&mut chunk).unwrap() {
                0 => return None,
                count => self.received.extend_from_slice(&chunk[..count]),
            }
        }
    }

    pub fn receive(&mut self) -> Answer {
        self.try_receive().expect("the server closed the connection")
    }

    pub fn ask(&mut self, bytes: &[u8]) -> Answer {
        self.send(bytes);
        self.receive()
    }

    pub fn ping(&mut self) -> Answer {
        let mut frame = Vec::new();
        request::write_ping(&mut frame, 1);
        self.ask(&frame)
    }

    pub fn call(&mut self, function: &str) -> Answer {
        self.call_with(function, |writer| {
            writer.array(0);
        })
    }

    pub fn call_with(&mut self, function: &str, arguments: impl FnOnce(&mut Writer<'_>)) -> Answer {
        let mut frame = Vec::new();
        request::write_call(&mut frame, 2, function, arguments);
        self.ask(&frame)
    }

    pub fn eval(&mut self, expression: &str, arguments: &[&str]) -> Answer {
        let mut frame = Vec::new();
        request::write_eval(&mut frame, 3, expression, |writer| {
            writer.array(arguments.len() as u32);
            for argument in arguments {
                writer.str(argument.as_bytes());
            }
        });
        self.ask(&frame)
    }

    pub fn push(&mut self, record: &[u8]) -> Answer {
        self.send(&push(4, record));
        self.receive()
    }

    /// Whether the server has closed the connection without another byte.
    pub fn is_closed(&mut self) -> bool {
        self.try_receive().is_none()
    }
}

/// A frame with header and body maps given as MessagePack.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    [&[0xce][..], &(payload.len() as u32).to_be_bytes(), payload].concat()
}

/// A push of `record`.
pub fn push(sync: u64, record: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    request::write_call(&mut frame, sync, "wallarm.request.push", |writer| {
        writer.array(2).uint(1).raw(record);
    });
    frame
}

/// The id of record `number`.
pub fn id(number: u64) -> String {
    format!("{number:032x}")
}

/// A record of exactly `size` bytes (between 300 and 65,000, or beyond), most of them in its field `filled`.
pub fn record(number: u64, size: usize, filled: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    writer.map(6).str(b"request_id").str(id(number).as_bytes()).str(b"time").uint(1_700_000_000);
    writer.str(b"uri").str(b"/search?q=1").str(b"status").uint(200).str(b"attacks").array(0);
    writer.str(filled.as_bytes());
    let width = if size <= 0x10000 { 3 } else { 5 };
    let rest = size - out.len() - width;
    Writer::new(&mut out).str(&vec![b'x'; rest]);
    assert_eq!(out.len(), size);
    out
}

/// A record of a request that carries an SQL injection and, in its header, cross-site scripting: two hits.
pub fn attack_record(number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    writer.map(13).str(b"request_id").str(id(number).as_bytes()).str(b"time").uint(1_700_000_000 + number / 100);
    writer.str(b"remote_addr").str(format!("192.0.2.{}", number % 250).as_bytes()).str(b"remote_port").uint(40_000);
    writer.str(b"method").str(b"GET").str(b"uri").str(format!("/shop/{number}?q=1").as_bytes());
    writer.str(b"host").str(b"shop.example").str(b"status").uint(403).str(b"scheme").str(b"https");
    writer.str(b"attacks").array(2);
    let (injection, script) = (format!("1 union select {number}"), format!("<script>alert({number})</script>"));
    for (kind, place, value) in [("sqli", "query", injection), ("xss", "header", script)] {
        writer.map(4).str(b"type").str(kind.as_bytes()).str(b"point").array(2).str(place.as_bytes()).str(b"q");
        writer.str(b"value").str(value.as_bytes()).str(b"stamps").array(1).uint(7);
    }
    writer.str(b"attack_type").uint(0x6).str(b"mode").str(b"block").str(b"blocked").bool(true);
    out
}

/// The elements of an array of strings.
pub fn strings(data: &[u8]) -> Vec<String> {
    let mut reader = Reader::new(data);
    (0..reader.array_len().unwrap()).map(|_| String::from_utf8(reader.str().unwrap().to_vec()).unwrap()).collect()
}
