//! What can be asked of the server on port 3313, and nothing else.
//!
//! There is no interpreter: names and expressions are compared, never run. No request returns stored data.

use std::net::SocketAddr;

use iproto::code::{ErrorCode, RequestType};
use iproto::msgpack::{DecodeError, MAX_DEPTH, Reader, Writer};
use iproto::request::{self, Request, RequestError};
use iproto::response;

use crate::log::Part;
use crate::record::{Bodiless, Incoming, RecordError};
use crate::server::Server;
use crate::server::limiter::Event;
use crate::statistics::{Number, Statistic, yaml};
use crate::store::{Pushes, Record, Shrunk};

/// The procedure that takes a record.
const PUSH: &[u8] = b"wallarm.request.push";

/// The expression by which a stock console 2.6 sends each line, byte for byte.
const CONSOLE_EXPRESSION: &[u8] = b"return require(\"console\").eval(...)";
/// The line that a stock console 2.6 sends first.
const CONSOLE_PROBE: &[u8] = b"return true";

/// What ID answers; every stock client that was tried is content with it.
const PROTOCOL_VERSION: u64 = 3;
const FEATURES: [u64; 1] = [0];
const AUTH_TYPE: &str = "chap-sha1";

/// Records that are collected before the store and the analysis are locked.
const BATCH: usize = 32;

/// Answers the requests of one read of one connection.
pub struct Desk<'a> {
    server: &'a Server,
    peer: SocketAddr,
    waiting: [Option<Waiting<'a>>; BATCH],
    /// How many of them there are.
    count: usize,
    pushes: Pushes,
}

/// A record on its way.
#[derive(Clone, Copy)]
struct Waiting<'a> {
    /// For the store.
    record: Record<'a>,
    /// For the analysis, if that can read it.
    seen: Option<analysis::Record<'a>>,
}

/// A request that is not granted.
struct Refusal {
    code: ErrorCode,
    message: String,
}

impl Refusal {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl<'a> Desk<'a> {
    /// A desk for requests of `peer`.
    #[must_use]
    pub fn new(server: &'a Server, peer: SocketAddr) -> Self {
        Self { server, peer, waiting: [None; BATCH], count: 0, pushes: Pushes::default() }
    }

    /// Appends the answer to the request that is the payload of a frame to `out`. Records may wait until [`Desk::close`].
    ///
    /// # Errors
    ///
    /// [`RequestError`] if it is none.
    pub fn answer(&mut self, payload: &'a [u8], out: &mut Vec<u8>) -> Result<(), RequestError> {
        // Nearly all requests are pushes, and nearly all of those can be had more cheaply. If not, what is wrong is found out below.
        if let Some((sync, arguments)) = request::unchecked_call(payload, PUSH)
            && let Ok(incoming) = Incoming::from_arguments(arguments)
            && self.take(&incoming).is_ok()
        {
            self.server.attacks.count(incoming.attacks);
            response::write_data(out, sync, |writer| {
                writer.array(1).str(incoming.request_id);
            });
        } else {
            self.answer_to(&Request::decode(payload)?, out);
        }
        Ok(())
    }

    fn answer_to(&mut self, request: &Request<'a>, out: &mut Vec<u8>) {
        let name = request.name.unwrap_or_default();
        let answered = match request.kind {
            RequestType::Ping => {
                response::write_empty(out, request.sync);
                Ok(())
            }
            // Stock clients read the schema when they connect and accept that there is none.
            RequestType::Select => {
                response::write_data(out, request.sync, |writer| {
                    writer.array(0);
                });
                Ok(())
            }
            RequestType::Id => {
                response::write_id(out, request.sync, PROTOCOL_VERSION, &FEATURES, AUTH_TYPE);
                Ok(())
            }
            RequestType::Call | RequestType::Call16 => self.call(name, request, out),
            RequestType::Eval => self.eval(name, request, out),
            RequestType::Auth => authenticate(name, request, out),
            RequestType::Other(code) => {
                Err(Refusal::new(ErrorCode::UnknownRequestType, format!("Unknown request type {code}")))
            }
        };
        if let Err(refusal) = answered {
            response::write_error(out, request.sync, refusal.code, &refusal.message);
            self.log_refusal(request, &refusal);
        }
    }

    /// Stores what waits. Must be called before the answers are sent.
    pub fn close(mut self) {
        self.store_waiting();
    }

    fn call(&mut self, name: &[u8], request: &Request<'a>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match name {
            PUSH => self.push(request, out),
            b"wallarm.hello" => self.hello(request, out),
            name => {
                let unknown =
                    || Refusal::new(ErrorCode::NoSuchProc, format!("Procedure '{}' is not defined", shown(name)));
                let number = self.figure(Statistic::by_name(name).ok_or_else(unknown)?);
                write_result(request, out, |writer| number.write(writer));
                Ok(())
            }
        }
    }

    fn eval(&mut self, expression: &[u8], request: &Request<'a>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let denied =
            || Refusal::new(ErrorCode::AccessDenied, "Execute access to universe '' is denied for user 'guest'");
        if expression == CONSOLE_EXPRESSION {
            let line = only_string(request.arguments).ok_or_else(denied)?;
            let document = if line.trim_ascii() == CONSOLE_PROBE {
                yaml(true)
            } else {
                yaml(self.figure(Statistic::by_line(line).ok_or_else(denied)?))
            };
            write_result(request, out, |writer| {
                writer.str(document.as_bytes());
            });
            return Ok(());
        }
        let call = expression.strip_prefix(b"return ").and_then(|call| call.strip_suffix(b"()"));
        let number = self.figure(call.and_then(Statistic::by_name).ok_or_else(denied)?);
        write_result(request, out, |writer| number.write(writer));
        Ok(())
    }

    fn figure(&mut self, statistic: Statistic) -> Number {
        self.store_waiting();
        statistic.pick(&self.server.store.statistics(), &self.server.export_statistics())
    }

    fn push(&mut self, request: &Request<'a>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let taken = Incoming::from_arguments(request.arguments).map_err(|error| illegal(&error)).and_then(|incoming| {
            self.take(&incoming)?;
            Ok(incoming)
        });
        let incoming = taken.inspect_err(|_| {
            self.pushes.received += 1;
            self.pushes.refused += 1;
        })?;
        self.server.attacks.count(incoming.attacks);
        write_result(request, out, |writer| {
            writer.str(incoming.request_id);
        });
        Ok(())
    }

    fn take(&mut self, incoming: &Incoming<'a>) -> Result<(), Refusal> {
        let Some(record) = self.server.store.limit().admit(incoming.bytes) else {
            return self.push_without_body(incoming);
        };
        if self.count == BATCH {
            self.store_waiting();
        }
        self.waiting[self.count] = Some(Waiting { record, seen: incoming.record });
        self.count += 1;
        self.pushes.received += 1;
        Ok(())
    }

    /// Stores a record that is too large with its body. The analysis sees all of it.
    fn push_without_body(&mut self, incoming: &Incoming<'a>) -> Result<(), Refusal> {
        let bodiless = Bodiless::from_record(incoming.bytes).map_err(|error| illegal(&error))?;
        let too_large = || {
            Refusal::new(ErrorCode::IllegalParams, "Illegal parameters, record takes more than an eighth of the arena")
        };
        let pieces = bodiless.pieces();
        let record = self.server.store.limit().admit_scattered(&pieces).ok_or_else(too_large)?;
        // What came before must stay before.
        self.store_waiting();
        self.server.pushed(self.server.store.push_scattered(record, Pushes { received: 1, refused: 0 }));
        self.server.analyst.look(self.server, [incoming.record.as_ref()]);
        Ok(())
    }

    /// Stores what was collected, and has the analysis look at it.
    fn store_waiting(&mut self) {
        let pushes = std::mem::take(&mut self.pushes);
        if pushes == Pushes::default() {
            return;
        }
        let waiting = self.waiting[..std::mem::take(&mut self.count)].iter().flatten();
        let records = waiting.clone().map(|waiting| waiting.record);
        self.server.pushed(self.server.store.push_all(records, pushes));
        self.server.analyst.look(self.server, waiting.map(|waiting| waiting.seen.as_ref()));
    }

    fn hello(&self, request: &Request<'a>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let hello = Hello::from_arguments(request.arguments).map_err(|error| illegal(&error))?;
        let (own, peer) = (env!("CARGO_PKG_VERSION"), self.peer);
        if numbers(hello.version) > numbers(own.as_bytes()) && self.server.limiter.permits(peer.ip(), Event::Newer) {
            let version = shown(hello.version);
            self.server.log.warning(
                Part::Iproto,
                format_args!("{peer} runs version {version}, newer than this server's {own}: upgrade the server"),
            );
        }
        write_result(request, out, |writer| {
            writer.str(own.as_bytes());
        });
        Ok(())
    }

    /// Tells who wanted what, never with which arguments: those may be request data. An expression is an argument, too.
    fn log_refusal(&self, request: &Request<'_>, refusal: &Refusal) {
        let peer = self.peer;
        if !self.server.limiter.permits(peer.ip(), Event::Refused) {
            return;
        }
        let code = refusal.code as u32;
        let what = match request.kind {
            RequestType::Call | RequestType::Call16 => format!("CALL of '{}'", shown(request.name.unwrap_or_default())),
            RequestType::Auth => format!("AUTH as '{}'", shown(request.name.unwrap_or_default())),
            RequestType::Eval => "EVAL".to_owned(),
            other => format!("request type {:#04x}", other.code()),
        };
        self.server.log.warning(Part::Iproto, format_args!("refused {what} from {peer} with error {code}"));
    }
}

impl Server {
    /// Says so if the system gave no memory.
    fn pushed(&self, pushed: Result<(), Shrunk>) {
        if let Err(shrunk) = pushed {
            self.log.error(Part::Iproto, format_args!("SLAB_ALLOC_ARENA={}: {shrunk}", self.settings.arena));
        }
    }
}

/// Appends one result; CALL_16 expects each in a tuple of its own.
fn write_result(request: &Request<'_>, out: &mut Vec<u8>, result: impl FnOnce(&mut Writer<'_>)) {
    response::write_data(out, request.sync, |writer| {
        writer.array(1);
        if request.kind == RequestType::Call16 {
            writer.array(1);
        }
        result(writer);
    });
}

/// Only `guest` without a password: nothing here is worth one.
fn authenticate(user: &[u8], request: &Request<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
    if user == b"guest" && Reader::new(request.arguments).array_len() == Ok(0) {
        response::write_empty(out, request.sync);
        return Ok(());
    }
    let message = format!("Incorrect password supplied for user '{}'", shown(user));
    Err(Refusal::new(ErrorCode::PasswordMismatch, message))
}

fn illegal(error: &RecordError) -> Refusal {
    Refusal::new(ErrorCode::IllegalParams, format!("Illegal parameters, {error}"))
}

fn only_string(arguments: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(arguments);
    (reader.array_len() == Ok(1)).then(|| reader.str().ok()).flatten()
}

/// How a module introduces itself: `{version, instance_uuid, role}`.
struct Hello<'a> {
    version: &'a [u8],
}

impl<'a> Hello<'a> {
    fn from_arguments(arguments: &'a [u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::new(arguments);
        if reader.array_len()? == 0 {
            return Err(DecodeError::Missing("map with version, instance_uuid and role").into());
        }
        let mut version = None;
        for _ in 0..reader.map_len()? {
            if reader.str()? == b"version" {
                version = Some(reader.str()?);
            } else {
                reader.raw(MAX_DEPTH)?;
            }
        }
        Ok(Self { version: version.ok_or(DecodeError::Missing("version"))? })
    }
}

/// The numbers of a version such as `4.8.9-1`, for comparing; what follows them does not count.
fn numbers(version: &[u8]) -> [u64; 3] {
    let mut parts = version.split(|byte| *byte == b'.').map(|part| {
        let digits = part.iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    });
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

/// A name that a peer sent, short and printable.
fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 64;
    let text = String::from_utf8_lossy(&name[..name.len().min(LONGEST)]).escape_debug().to_string();
    if name.len() > LONGEST { text + "…" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(numbers(b"4.10.0") > numbers(b"4.8.9"));
        assert!(numbers(b"4.8.9-1.el7") == numbers(b"4.8.9"));
        assert!(numbers(b"5") > numbers(b"4.8.9"));
        assert_eq!(numbers(b"garbage"), [0, 0, 0]);
    }

    #[test]
    fn names_from_outside_are_short_and_printable() {
        assert_eq!(shown(b"a\nb\x1b"), "a\\nb\\u{1b}");
        assert_eq!(shown(&[b'x'; 1000]).chars().count(), 65);
    }
}
