//! Servers that are none of ours, or say what a test wants to hear.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use iproto::frame::{Split, split};
use iproto::greeting;
use iproto::msgpack::Writer;
use iproto::request::Request;
use iproto::response;

/// Greets every peer as a server of ours does and answers every call with what `answer` writes: one result.
pub fn answering(answer: impl Fn(&str, &mut Writer<'_>) + Clone + Send + 'static) -> SocketAddr {
    listening(move |mut stream| {
        let greeting = greeting::encode("2.11.0", "00000000-0000-4000-8000-000000000000", &[7; 32]);
        let mut input = Vec::new();
        let mut sent = stream.write_all(&greeting);
        while sent.is_ok() {
            let mut out = Vec::new();
            while let Split::Frame { payload, size } = split(&input).unwrap() {
                let request = Request::decode(payload).unwrap();
                let name = std::str::from_utf8(request.name.unwrap()).unwrap();
                response::write_data(&mut out, request.sync, |writer| {
                    writer.array(1);
                    answer(name, writer);
                });
                input.drain(..size);
            }
            sent = stream.write_all(&out);
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk) {
                Ok(count) if count > 0 => input.extend_from_slice(&chunk[..count]),
                _ => break,
            }
        }
    })
}

/// Does `what` with every peer, each in a thread of its own.
pub fn listening(what: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, what) = (stream.unwrap(), what.clone());
            thread::spawn(move || what(stream));
        }
    });
    address
}

/// A port where nobody listens.
pub fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
