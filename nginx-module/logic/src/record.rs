//! The record of one analysed request, as postanalytics takes it in.
//!
//! It is written straight into the buffer from which it will be sent: nothing is collected, and nothing is allocated once that
//! buffer has grown. What a client can make long is bounded here; the bounds are the `*_LIMIT` constants.

mod parts;
mod point;

use std::time::Duration;

use detection::attack::AttackSet;
use iproto::msgpack::Writer;
use iproto::request;

use crate::mode::Mode;
use crate::verdict::BlockReason;

pub use parts::{Attacks, Body, Finding, Headers, Masking, NoMasking, NoParts, Part, Parts, Tags};
pub use point::Point;

/// The function that takes records in.
const PUSH: &str = "wallarm.request.push";
/// The only schema of records so far.
const SCHEMA: u64 = 1;

/// Bytes of a request target that are kept. NGINX's own limit is one buffer of `large_client_header_buffers`, 8 KiB by default.
pub const URI_LIMIT: usize = 16 * 1024;
/// Bytes of names and values that are kept of the headers of a request, and again of those of a response. NGINX's own limit
/// for requests is all of `large_client_header_buffers`, 32 KiB by default.
pub const HEADERS_LIMIT: usize = 32 * 1024;
/// Bytes of a body that are kept. What lies beyond was examined for attacks, but is of no use to counting.
pub const BODY_LIMIT: usize = 64 * 1024;
/// Bytes that are kept of any other text, such as a method or a host.
pub const TEXT_LIMIT: usize = 1024;
/// Attacks that are kept of one request; a single one shows what it was, many are a flood.
pub const ATTACKS_LIMIT: u32 = 64;
/// Bytes that are kept of the value in which an attack was found.
pub const VALUE_LIMIT: usize = 4 * 1024;

/// Why a request was blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// By its verdict.
    Verdict(BlockReason),
    /// Its key went over a rate limit.
    RateLimit,
}

impl Blocked {
    /// The name in a record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verdict(reason) => reason.name(),
            Self::RateLimit => "rate_limit",
        }
    }
}

/// An end of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The address as text; `0.0.0.0` for a unix socket.
    pub ip: &'a [u8],
    /// The port; 0 for a unix socket.
    pub port: u16,
}

/// What is known of a request when its response is known. Lists and the body come from [`Parts`].
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// 32 hexadecimal digits, as `$request_id` shows them.
    pub request_id: &'a [u8],
    /// When the request came, since 1970.
    pub arrival: Duration,
    /// UUID of this node; empty before registration.
    pub node_uuid: &'a [u8],
    /// Application, -1 unless set.
    pub app_id: i64,
    /// UUID of the tenant, if there are several.
    pub client_uuid: Option<&'a [u8]>,
    /// The client's end.
    pub remote: Address<'a>,
    /// Our end.
    pub server: Address<'a>,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Protocol as the request line has it, such as `HTTP/1.1`.
    pub proto: &'a [u8],
    /// Method as sent.
    pub method: &'a [u8],
    /// Target as sent.
    pub uri: &'a [u8],
    /// Host that the request names, if it does.
    pub host: Option<&'a [u8]>,
    /// Status of the response.
    pub status: u16,
    /// Bytes of the response's body as sent.
    pub response_size: u64,
    /// Time from the first byte of the request to the last one of the response.
    pub response_time: Duration,
    /// Kinds of attack that were found.
    pub attack_type: AttackSet,
    /// The mode that applied.
    pub mode: Mode,
    /// Why the request was blocked, if it was.
    pub blocked: Option<Blocked>,
    /// Id of the `proton.db` that was used.
    pub db_id: u64,
    /// Id of the custom ruleset that was used; 0 if there was none.
    pub custom_ruleset_id: u64,
    /// CPU time of the analysis.
    pub cpu: Duration,
    /// The same with waiting.
    pub mono: Duration,
}

impl Record<'_> {
    /// Appends the request that pushes this record to `out`: a whole frame, numbered 0.
    pub fn write_push(&self, parts: &dyn Parts, masking: &dyn Masking, out: &mut Vec<u8>) {
        request::write_call(out, 0, PUSH, |writer| {
            writer.array(2).uint(SCHEMA).map_counted(|writer| {
                let mut fields = Fields { writer, count: 0 };
                // The server looks for these two before it takes a record, and at nothing behind them.
                fields.text("request_id", self.request_id);
                fields.number("attack_type", u64::from(self.attack_type.bits()));
                self.connection_fields(&mut fields);
                self.request_fields(parts, masking, &mut fields);
                self.response_fields(parts, masking, &mut fields);
                self.verdict_fields(parts, masking, &mut fields);
                fields.count
            });
        });
    }

    fn connection_fields(&self, fields: &mut Fields<'_, '_>) {
        fields.number("time", self.arrival.as_secs());
        fields.number("time_us", u64::from(self.arrival.subsec_micros()));
        fields.text("node_uuid", self.node_uuid);
        fields.field("app_id").int(self.app_id);
        fields.optional("client_uuid", self.client_uuid);
        fields.text("remote_addr", self.remote.ip);
        fields.number("remote_port", u64::from(self.remote.port));
        fields.text("server_addr", self.server.ip);
        fields.number("server_port", u64::from(self.server.port));
        fields.text("scheme", self.scheme.as_bytes());
        fields.text("proto", self.proto);
    }

    fn request_fields(&self, parts: &dyn Parts, masking: &dyn Masking, fields: &mut Fields<'_, '_>) {
        fields.text("method", self.method);
        fields.field("uri").str_changed(cut(self.uri, URI_LIMIT), |uri| masking.mask(Part::Uri, uri));
        fields.optional("host", self.host);
        let mut whole = true;
        fields.field("headers").array_counted(|writer| {
            let mut headers = Headers::new(writer, masking, |name| Part::Header(name));
            parts.headers(&mut headers);
            whole = headers.whole();
            headers.count()
        });
        let mut body_truncated = false;
        fields.field("body").str_in_pieces(|text| {
            let mut body = Body::new(text);
            parts.body(&mut body);
            body_truncated = body.truncated();
            masking.mask(Part::Body, text.written());
        });
        fields.field("body_truncated").bool(body_truncated);
        if !whole {
            fields.field("headers_truncated").bool(true);
        }
        if self.uri.len() > URI_LIMIT {
            fields.field("uri_truncated").bool(true);
        }
    }

    fn response_fields(&self, parts: &dyn Parts, masking: &dyn Masking, fields: &mut Fields<'_, '_>) {
        fields.number("status", u64::from(self.status));
        fields.field("response_headers").array_counted(|writer| {
            let mut headers = Headers::new(writer, masking, |name| Part::ResponseHeader(name));
            parts.response_headers(&mut headers);
            headers.count()
        });
        fields.number("response_size", self.response_size);
        fields.number("response_time_ms", whole_units(self.response_time.as_millis()));
    }

    fn verdict_fields(&self, parts: &dyn Parts, masking: &dyn Masking, fields: &mut Fields<'_, '_>) {
        fields.field("attacks").array_counted(|writer| {
            let mut attacks = Attacks::new(writer, masking);
            parts.attacks(&mut attacks);
            attacks.count()
        });
        fields.text("mode", self.mode.name().as_bytes());
        fields.field("blocked").bool(self.blocked.is_some());
        fields.optional("block_reason", self.blocked.map(|reason| reason.name().as_bytes()));
        fields.number("db_id", self.db_id);
        fields.number("custom_ruleset_id", self.custom_ruleset_id);
        fields.number("cpu_us", whole_units(self.cpu.as_micros()));
        fields.number("mono_us", whole_units(self.mono.as_micros()));
        fields.field("tags").map_counted(|writer| {
            let mut tags = Tags::new(writer);
            parts.tags(&mut tags);
            tags.count()
        });
    }
}

/// Fields of the map, counted as they are written.
struct Fields<'w, 'o> {
    writer: &'w mut Writer<'o>,
    count: u32,
}

impl<'o> Fields<'_, 'o> {
    /// The name of a field; its value must follow.
    fn field(&mut self, name: &'static str) -> &mut Writer<'o> {
        self.count += 1;
        self.writer.str(name.as_bytes())
    }

    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.field(name).str(cut(value, TEXT_LIMIT));
    }

    fn optional(&mut self, name: &'static str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &'static str, value: u64) {
        self.field(name).uint(value);
    }
}

/// The first `limit` bytes of `value`.
fn cut(value: &[u8], limit: usize) -> &[u8] {
    value.get(..limit).unwrap_or(value)
}

/// Half a million years of microseconds fit.
fn whole_units(units: u128) -> u64 {
    u64::try_from(units).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
