//! `wallarm_memlimit_debug`: the last request that met its memory limit, written down for whoever looks for the reason.

use crate::ngx::body::Piece;
use crate::ngx::log::Level;
use crate::ngx::process;
use crate::ngx::request::Request;
use module_logic::aside::{self, Sync};
use module_logic::record::BODY_LIMIT;
use std::cell::Cell;
use std::time::Duration;

/// The name of the file in the system's folder for temporary files.
const NAME: &str = "proton_last_memlimit.req";
/// How long a worker waits before it writes again: a flood of such requests must not keep it at writing.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes that are read at once from a body that NGINX spooled to a file.
const PIECE: usize = 16 * 1024;

thread_local! {
    /// When this worker may write again.
    static NEXT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Writes the request down, if it is time to. Only the user of the worker can read the file.
pub fn keep(request: &Request) {
    let now = process::now();
    if now < NEXT.get() {
        return;
    }
    NEXT.set(now + PAUSE);
    let path = std::env::temp_dir().join(NAME);
    if let Err(error) = aside::write(&path, 0o600, Sync::No, &text(request)) {
        request.log().write(Level::Warning, &format!("wallarm: {} cannot be written: {error}", path.display()));
    }
}

/// The request as it came, without what of its body is beyond the length that records keep.
fn text(request: &Request) -> Vec<u8> {
    let mut text = [request.method(), request.target(), request.protocol()].join(&b' ');
    text.extend_from_slice(b"\r\n");
    for (name, value) in request.headers() {
        text.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
    }
    text.extend_from_slice(b"\r\n");
    let most = text.len() + BODY_LIMIT;
    let Some(mut body) = request.body() else { return text };
    let mut room = vec![0; PIECE];
    while text.len() < most
        && let Piece::Bytes(bytes) = body.next(&mut room)
    {
        text.extend_from_slice(bytes);
    }
    text.truncate(most);
    text
}
