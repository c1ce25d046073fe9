//! Answers, RFC 9110 sections 13 to 15.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::request::{IfRange, Range, Request};
use super::status::Status;
use super::target;

/// An answer on its way.
#[derive(Debug)]
pub struct Response {
    status: Status,
    headers: Vec<(&'static str, String)>,
    /// The part of a file that is the body.
    body: Option<(File, u64)>,
}

impl Response {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: Status) -> Self {
        let headers =
            if status == Status::MethodNotAllowed { vec![("Allow", "GET, HEAD".to_owned())] } else { Vec::new() };
        Self { status, headers, body: None }
    }

    /// Writes the answer to `request`.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or the file turns out shorter than it was: then the peer must see a broken answer.
    pub fn write(self, out: &mut impl Write, request: &Request) -> std::io::Result<()> {
        let mut head =
            format!("HTTP/1.1 {}\r\nDate: {}\r\n", self.status.line(), httpdate::fmt_http_date(SystemTime::now()));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // A 304 must not promise a body, RFC 9110 section 8.6.
        if self.status != Status::NotModified {
            let length = self.body.as_ref().map_or(0, |(_, length)| *length);
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        if !request.keep_alive {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        out.write_all(head.as_bytes())?;
        match self.body {
            Some((file, length)) if !request.head => {
                if std::io::copy(&mut file.take(length), out)? < length {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The answer to `request` from the files below `root`.
#[must_use]
pub fn answer(request: &Request, root: &Path) -> Response {
    let Some(path) = target::resolve(root, &request.target) else { return Response::empty(Status::NotFound) };
    // It was there a moment ago; if it cannot be read now, for the peer it is not there.
    file_answer(request, &path).unwrap_or_else(|_| Response::empty(Status::NotFound))
}

fn file_answer(request: &Request, path: &Path) -> std::io::Result<Response> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let (length, modified) = (metadata.len(), whole_seconds(metadata.modified()?));
    let mut headers = vec![
        ("Content-Type", content_type(path).to_owned()),
        ("Last-Modified", httpdate::fmt_http_date(modified)),
        ("Accept-Ranges", "bytes".to_owned()),
    ];
    // Equal, not "older or equal": another tree shown in the same place may hold an older file that is new to the client.
    if request.range.is_none() && request.if_modified_since == Some(modified) {
        return Ok(Response { status: Status::NotModified, headers, body: None });
    }
    let wanted = match request.if_range {
        Some(IfRange::Date(date)) if date != modified => None,
        Some(IfRange::Tag) => None,
        _ => request.range,
    };
    let Some(range) = wanted else {
        return Ok(Response { status: Status::Ok, headers, body: Some((file, length)) });
    };
    let Some((first, last)) = within(range, length) else {
        headers.push(("Content-Range", format!("bytes */{length}")));
        return Ok(Response { status: Status::RangeNotSatisfiable, headers, body: None });
    };
    headers.push(("Content-Range", format!("bytes {first}-{last}/{length}")));
    file.seek(SeekFrom::Start(first))?;
    Ok(Response { status: Status::PartialContent, headers, body: Some((file, last - first + 1)) })
}

/// First and last byte of a range in a file of `length` bytes; `None` if it lies outside.
fn within(range: Range, length: u64) -> Option<(u64, u64)> {
    let end = length.checked_sub(1)?;
    match range {
        Range::From(first, last) => (first <= end).then(|| (first, last.map_or(end, |last| last.min(end)))),
        Range::Last(0) => None,
        Range::Last(count) => Some((length.saturating_sub(count), end)),
    }
}

/// Dates in HTTP have whole seconds.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension {
        "deb" => "application/vnd.debian.binary-package",
        "rpm" => "application/x-rpm",
        "xml" => "application/xml",
        "gz" => "application/gzip",
        "xz" => "application/x-xz",
        "gpg" => "application/pgp-keys",
        "asc" => "application/pgp-signature",
        "sh" => "application/x-sh",
        "json" => "application/json",
        "html" => "text/html; charset=utf-8",
        // Release, InRelease, Packages.
        "" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_the_file_does() {
        assert_eq!(within(Range::From(0, None), 10), Some((0, 9)));
        assert_eq!(within(Range::From(3, Some(99)), 10), Some((3, 9)));
        assert_eq!(within(Range::From(10, None), 10), None);
        assert_eq!(within(Range::Last(4), 10), Some((6, 9)));
        assert_eq!(within(Range::Last(40), 10), Some((0, 9)));
        assert_eq!(within(Range::Last(0), 10), None);
        assert_eq!(within(Range::Last(1), 0), None);
    }
}
