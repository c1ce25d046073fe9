//! Tarantool's IPROTO wire protocol: greeting, frames, requests, responses and the MessagePack beneath them.
//!
//! Both ends of a connection are here, side by side: the postanalytics server decodes requests and encodes responses, its
//! console and the NGINX module encode requests and decode responses. The crate does no I/O: callers bring bytes and buffers.
//!
//! Format: <https://www.tarantool.io/en/doc/2.11/dev_guide/internals/box_protocol/> and, for the values,
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>.
//!
//! | Module | Holds |
//! |---|---|
//! | [`greeting`] | the 128 bytes a server sends first |
//! | [`frame`] | cutting a byte stream into frames |
//! | [`msgpack`] | a bounded, borrowing reader and a writer |
//! | [`code`] | request types, error codes, keys of header and body maps |
//! | [`request`] | requests: decode (server), encode (client) |
//! | [`response`] | responses: encode (server), decode (client) |
//!
//! Everything that is read comes from a peer that may be hostile: decoding never recurses, never allocates by a length that
//! the peer merely claims, and fails with a [`msgpack::DecodeError`] instead of a panic.

pub mod code;
pub mod frame;
pub mod greeting;
pub mod msgpack;
pub mod request;
pub mod response;

/// The schema version that every response of ours carries. Clients reload their idea of the schema when it changes; there
/// is no schema behind this protocol, so it never does.
pub const SCHEMA_VERSION: u32 = 1;
