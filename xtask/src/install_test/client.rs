//! Just enough of an IPROTO client to see that a server answers across a network.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use iproto::frame::{self, Split};
use iproto::greeting;
use iproto::request;
use iproto::response::{Outcome, Response};

const LIMIT: Duration = Duration::from_secs(5);
const SYNC: u64 = 42;

/// Connects, reads the greeting, pings. Gives the version that the greeting names.
///
/// # Errors
///
/// If any of it fails.
pub fn ping(address: SocketAddr) -> Result<String> {
    talk(address).with_context(|| format!("IPROTO ping of {address}"))
}

fn talk(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let mut greeting = [0; greeting::LENGTH];
    stream.read_exact(&mut greeting).context("no greeting")?;
    let version = greeting::decode(&greeting)?;

    let mut bytes = Vec::new();
    request::write_ping(&mut bytes, SYNC);
    stream.write_all(&bytes)?;
    let mut received = Vec::new();
    loop {
        if let Split::Frame { payload, .. } = frame::split(&received)? {
            let response = Response::decode(payload)?;
            ensure!(response.sync == SYNC, "the answer is to request {}", response.sync);
            match response.outcome {
                Outcome::Data(_) => return Ok(version),
                refused => bail!("{refused:?}"),
            }
        }
        let mut chunk = [0; 512];
        match stream.read(&mut chunk).context("no answer")? {
            0 => bail!("closed before the answer"),
            length => received.extend_from_slice(&chunk[..length]),
        }
    }
}
