//! Requests of HTTP/1.1 (RFC 9112), as far as clients of the API send them: with a length, and compressed or not.

use std::io::{self, BufRead, Read as _};

use flate2::read::GzDecoder;

/// Bytes of a head.
const HEAD: u64 = 64 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Bytes of a body, compressed and not.
const BODY: u64 = 64 * 1024 * 1024;

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    /// Request line and headers, in lower case.
    pub head: String,
    pub method: String,
    /// Without what stands behind a question mark.
    pub path: String,
    headers: Vec<(String, String)>,
    /// Uncompressed.
    pub body: Vec<u8>,
}

/// Why a request is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// It is told so in an answer.
    #[error("{0}")]
    Malformed(String),
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads one; none when the other side is done.
    pub(crate) fn read(reader: &mut impl BufRead) -> Result<Option<Self>, HttpError> {
        let Some(bytes) = head(reader)? else { return Ok(None) };
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(&bytes) {
            Ok(status) if status.is_complete() => {}
            Ok(_) => return Err(HttpError::Malformed("the head has no end".to_owned())),
            Err(error) => return Err(HttpError::Malformed(format!("the head is no HTTP: {error}"))),
        }
        let path = parsed.path.unwrap_or_default();
        let mut request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: path.split('?').next().unwrap_or_default().to_owned(),
            headers: parsed
                .headers
                .iter()
                .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).trim().to_owned()))
                .collect(),
            head: String::from_utf8_lossy(&bytes).to_ascii_lowercase(),
            body: Vec::new(),
        };
        request.body = request.read_body(reader)?;
        Ok(Some(request))
    }

    fn read_body(&self, reader: &mut impl BufRead) -> Result<Vec<u8>, HttpError> {
        if self.header("transfer-encoding").is_some() {
            return Err(HttpError::Malformed("a body without a length is not read here".to_owned()));
        }
        let length = match self.header("content-length").map(str::parse::<u64>) {
            None => 0,
            Some(Ok(length)) if length <= BODY => length,
            Some(Ok(length)) => return Err(HttpError::Malformed(format!("{length} bytes are more than {BODY}"))),
            Some(Err(_)) => return Err(HttpError::Malformed("\"Content-Length\" is no number".to_owned())),
        };
        let mut body = Vec::new();
        if reader.take(length).read_to_end(&mut body)? as u64 != length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        match self.header("content-encoding") {
            None => Ok(body),
            Some("gzip") => {
                let mut plain = Vec::new();
                let unpacked = GzDecoder::new(&body[..]).take(BODY).read_to_end(&mut plain);
                unpacked.map_err(|error| HttpError::Malformed(format!("the body is no gzip: {error}")))?;
                Ok(plain)
            }
            Some(other) => Err(HttpError::Malformed(format!("\"Content-Encoding: {other}\" is not known"))),
        }
    }
}

/// A head with the empty line behind it.
fn head(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>, HttpError> {
    let mut limited = reader.take(HEAD);
    let mut bytes = Vec::new();
    loop {
        let begun = bytes.len();
        limited.read_until(b'\n', &mut bytes)?;
        match bytes.get(begun..) {
            Some([] | [b'\r']) if begun == 0 => return Ok(None),
            Some([] | [.., 0..=9 | 11..=255]) => {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            Some(b"\r\n" | b"\n") => return Ok(Some(bytes)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Request>, HttpError> {
        Request::read(&mut &bytes[..])
    }

    #[test]
    fn a_request_has_its_headers_and_its_body_unpacked() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(b"{}").unwrap();
        let body = gzip.finish().unwrap();
        let head = format!(
            "POST /node/v1/hits?a=b HTTP/1.1\r\nX-Who: Me\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let request = read(&[head.as_bytes(), &body, b"more"].concat()).unwrap().unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str(), &request.body[..]),
            ("POST", "/node/v1/hits", &b"{}"[..])
        );
        assert_eq!(request.header("x-who"), Some("Me"));
        assert!(request.head.starts_with("post /node/v1/hits?a=b http/1.1\r\nx-who: me\r\n"), "{}", request.head);
    }

    #[test]
    fn the_end_of_a_connection_is_no_error_between_requests_and_one_within() {
        assert!(read(b"").unwrap().is_none());
        for half in ["GET / HTTP/1.1\r\nHo", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"] {
            assert!(matches!(read(half.as_bytes()), Err(HttpError::Connection(_))), "{half:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, said) in [
            ("what is this\r\n\r\n", "no HTTP"),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "no number"),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", "are more than"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "without a length"),
            ("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na", "no gzip"),
            ("POST / HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\na", "not known"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
