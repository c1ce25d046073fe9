//! Requests, RFC 9112 section 2.

use std::io::BufRead;
use std::time::SystemTime;

use super::status::Status;

/// Bytes that a request line and its headers may have.
const LIMIT: usize = 16 * 1024;

/// Headers that a request may have.
const HEADERS: usize = 64;

/// What of a request matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// HEAD: the answer has headers alone.
    pub head: bool,
    /// Path as sent: percent-encoded, perhaps with a query.
    pub target: String,
    /// `Range`, if it is one that we serve.
    pub range: Option<Range>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<SystemTime>,
    /// `If-Range`: the range is wanted only if the file is still the one of that date.
    pub if_range: Option<IfRange>,
    /// The connection stays open.
    pub keep_alive: bool,
}

/// One byte range, RFC 9110 section 14.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// `bytes=first-` or `bytes=first-last`; the last byte is included.
    From(u64, Option<u64>),
    /// `bytes=-n`: the last n bytes.
    Last(u64),
}

/// `If-Range`, RFC 9110 section 13.1.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfRange {
    /// A date.
    Date(SystemTime),
    /// An entity tag. We send none, so it never matches.
    Tag,
}

/// What came from a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// A request for a file.
    Request(Request),
    /// Something to be refused with this status, after which the connection is closed.
    Bad(Status),
    /// Nothing more.
    Closed,
}

/// Reads one request.
///
/// # Errors
///
/// If the connection breaks or the peer is too slow.
pub fn read(reader: &mut impl BufRead) -> std::io::Result<Read> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut limited = std::io::Read::take(&mut *reader, (LIMIT - head.len()) as u64);
        if limited.read_until(b'\n', &mut head)? == 0 {
            return Ok(if head.len() >= LIMIT { Read::Bad(Status::HeadersTooLarge) } else { Read::Closed });
        }
    }
    Ok(parse(&head).map_or_else(Read::Bad, Read::Request))
}

fn parse(head: &[u8]) -> Result<Request, Status> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(head).map_err(|_| Status::BadRequest)?;
    let mut request = Request {
        head: match parsed.method {
            Some("GET") => false,
            Some("HEAD") => true,
            _ => return Err(Status::MethodNotAllowed),
        },
        target: parsed.path.unwrap_or_default().to_owned(),
        // HTTP/1.1 stays open unless told otherwise, RFC 9112 section 9.3.
        keep_alive: parsed.version == Some(1),
        ..Request::default()
    };
    for header in parsed.headers.iter() {
        let Ok(value) = std::str::from_utf8(header.value) else { continue };
        request.header(header.name, value.trim())?;
    }
    Ok(request)
}

impl Request {
    fn header(&mut self, name: &str, value: &str) -> Result<(), Status> {
        match name.to_ascii_lowercase().as_str() {
            "connection" => self.keep_alive &= !value.eq_ignore_ascii_case("close"),
            "if-modified-since" => self.if_modified_since = httpdate::parse_http_date(value).ok(),
            "if-range" => self.if_range = Some(httpdate::parse_http_date(value).map_or(IfRange::Tag, IfRange::Date)),
            "range" => self.range = range(value),
            // A body would be read as the next request.
            "content-length" if value != "0" => return Err(Status::BadRequest),
            "transfer-encoding" => return Err(Status::BadRequest),
            _ => {}
        }
        Ok(())
    }
}

/// `None` for what is malformed or has several ranges: a server may ignore those and send the whole file.
fn range(value: &str) -> Option<Range> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => Some(Range::Last(last.parse().ok()?)),
        (first, "") => Some(Range::From(first.parse().ok()?, None)),
        (first, last) => {
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(Range::From(first, Some(last)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Read {
        read(&mut text.as_bytes()).unwrap()
    }

    #[test]
    fn ranges_are_read_and_odd_ones_ignored() {
        assert_eq!(range("bytes=0-"), Some(Range::From(0, None)));
        assert_eq!(range("bytes=5-9"), Some(Range::From(5, Some(9))));
        assert_eq!(range("bytes=-3"), Some(Range::Last(3)));
        for odd in ["bytes=9-5", "bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=a-b", "bytes=99999999999999999999-"] {
            assert_eq!(range(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_request_without_end_is_refused_at_the_limit() {
        let endless = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(2 * LIMIT));
        assert_eq!(request(&endless), Read::Bad(Status::HeadersTooLarge));
        assert_eq!(request("GET / HTTP/1.1\r\nX: a"), Read::Closed);
    }

    #[test]
    fn bodies_and_other_methods_are_refused() {
        assert_eq!(request("GET / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd"), Read::Bad(Status::BadRequest));
        assert_eq!(request("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), Read::Bad(Status::BadRequest));
        assert_eq!(request("PUT /x HTTP/1.1\r\n\r\n"), Read::Bad(Status::MethodNotAllowed));
        assert_eq!(request("\0\0\0\r\n\r\n"), Read::Bad(Status::BadRequest));
    }

    #[test]
    fn connections_stay_open_by_the_rules_of_their_version() {
        let stays = |text: &str| matches!(request(text), Read::Request(Request { keep_alive: true, .. }));
        assert!(stays("GET / HTTP/1.1\r\n\r\n"));
        assert!(!stays("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n"));
        assert!(!stays("GET / HTTP/1.0\r\n\r\n"));
    }
}
