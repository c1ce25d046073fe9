//! HTTP/1.1 by hand: requests that no library would send, and answers taken apart (RFC 9112).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// NGINX answers in milliseconds; a machine under load may need more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Headers that an answer may have.
const HEADERS: usize = 64;

/// A request on its way to being sent.
#[derive(Debug, Clone)]
pub struct Request {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Whole(Vec<u8>),
    /// In chunks of this size (RFC 9112 section 7.1).
    Chunked(Vec<u8>, usize),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without the framing.
    pub body: Vec<u8>,
}

impl Request {
    /// GET.
    #[must_use]
    pub fn get(target: impl Into<String>) -> Self {
        Self { method: "GET", target: target.into(), headers: Vec::new(), body: Body::None }
    }

    /// POST with a body of a type.
    #[must_use]
    pub fn post(target: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { method: "POST", target: target.into(), headers, body: Body::Whole(body.into()) }
    }

    /// POST of a form.
    #[must_use]
    pub fn form(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::post(target, "application/x-www-form-urlencoded", body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends the body in chunks of `size` bytes.
    #[must_use]
    pub fn chunked(mut self, size: usize) -> Self {
        if let Body::Whole(bytes) = self.body {
            self.body = Body::Chunked(bytes, size.max(1));
        }
        self
    }

    /// Everything that goes over the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let mut header = |name: &str, value: &str| bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        for (name, value) in [("Host", "test.example"), ("Connection", "close")] {
            if !self.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
                header(name, value);
            }
        }
        for (name, value) in &self.headers {
            header(name, value);
        }
        match &self.body {
            Body::None => {}
            Body::Whole(body) => header("Content-Length", &body.len().to_string()),
            Body::Chunked(..) => header("Transfer-Encoding", "chunked"),
        }
        bytes.extend_from_slice(b"\r\n");
        match &self.body {
            Body::None => {}
            Body::Whole(body) => bytes.extend_from_slice(body),
            Body::Chunked(body, size) => {
                for chunk in body.chunks(*size) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        bytes
    }

    /// Sends it and reads the answer.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub fn send(&self, address: SocketAddr) -> Result<Response> {
        exchange(address, &self.bytes()).with_context(|| format!("{} {}", self.method, shortened(&self.target)))
    }
}

impl Response {
    /// The first header of that name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends bytes as they are and reads one answer. NGINX may refuse and close before it has read all, which is no error here.
///
/// # Errors
///
/// If there is no answer, or one that is not HTTP.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Result<Response> {
    let mut stream = connect(address)?;
    // A refusal may come while we still write: what counts is the answer.
    let written = stream.write_all(bytes);
    match read(&mut stream) {
        Ok(response) => Ok(response),
        Err(error) => {
            written.context("cannot send the whole request")?;
            Err(error)
        }
    }
}

/// A connection that gives up after a time that is ample.
///
/// # Errors
///
/// If nobody listens.
pub fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream =
        TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads one answer.
///
/// # Errors
///
/// If the connection ends before the answer does, or it is not HTTP.
pub fn read(stream: &mut TcpStream) -> Result<Response> {
    let mut bytes = Vec::new();
    let (status, headers, head) = loop {
        if let Some(head) = parse_head(&bytes)? {
            break head;
        }
        ensure!(more(stream, &mut bytes)?, "the connection ended after {} bytes without a whole head", bytes.len());
    };
    let mut response = Response { status, headers, body: Vec::new() };
    let rest = bytes.split_off(head);
    if matches!(status, 100..=199 | 204 | 304) {
        return Ok(response);
    }
    response.body = if response.header("transfer-encoding") == Some("chunked") {
        read_chunks(stream, rest)?
    } else {
        let length = response.header("content-length").map(str::parse).transpose().context("content-length")?;
        read_body(stream, rest, length)?
    };
    Ok(response)
}

type Head = (u16, Vec<(String, String)>, usize);

fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes).context("no HTTP answer")? else { return Ok(None) };
    let pairs = response.headers.iter();
    let pairs = pairs.map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).into_owned())).collect();
    Ok(Some((response.code.context("no status")?, pairs, length)))
}

fn read_body(stream: &mut TcpStream, mut body: Vec<u8>, length: Option<usize>) -> Result<Vec<u8>> {
    while length.is_none_or(|length| body.len() < length) {
        if !more(stream, &mut body)? {
            ensure!(length.is_none(), "the connection ended after {} bytes of the body", body.len());
            break;
        }
    }
    if let Some(length) = length {
        body.truncate(length);
    }
    Ok(body)
}

fn read_chunks(stream: &mut TcpStream, mut rest: Vec<u8>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match httparse::parse_chunk_size(&rest) {
            Ok(httparse::Status::Complete((begin, size))) => {
                let size = usize::try_from(size)?;
                // The chunk ends with CRLF.
                while rest.len() < begin + size + 2 {
                    ensure!(more(stream, &mut rest)?, "the connection ended inside a chunk");
                }
                if size == 0 {
                    return Ok(body);
                }
                body.extend_from_slice(rest.get(begin..begin + size).context("chunk")?);
                rest.drain(..begin + size + 2);
            }
            Ok(httparse::Status::Partial) => ensure!(more(stream, &mut rest)?, "the connection ended between chunks"),
            Err(_) => bail!("the answer has a chunk without a size"),
        }
    }
}

/// Whether anything more came.
fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<bool> {
    let mut buffer = [0; 16 * 1024];
    let length = stream.read(&mut buffer).context("no answer")?;
    bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
    Ok(length > 0)
}

fn shortened(target: &str) -> String {
    target.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_host_and_close_unless_the_caller_says_otherwise() {
        let text = String::from_utf8(Request::get("/a").header("connection", "keep-alive").bytes()).unwrap();
        assert_eq!(text, "GET /a HTTP/1.1\r\nHost: test.example\r\nconnection: keep-alive\r\n\r\n");
    }

    #[test]
    fn a_chunked_body_ends_with_an_empty_chunk() {
        let text = String::from_utf8(Request::form("/", "abcde").chunked(3).bytes()).unwrap();
        assert!(text.ends_with("\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), "{text}");
    }
}
