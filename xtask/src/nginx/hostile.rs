//! Postanalytics servers that do not behave.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Result;
use fake_cloud::loopback::{Loopback, Then};
use iproto::greeting;

use super::address;

/// What a server does to those that connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes the connection and never says a word.
    Silent,
    /// Greets, then never reads nor answers.
    GreetsAndStops,
    /// Greets, waits for a request, answers with the first half of a frame and stops.
    HalfAnswer,
    /// Greets, then sends bytes that are no frame.
    Garbage,
    /// Greets with bytes that are no greeting.
    WrongGreeting,
    /// Closes after each byte that it receives.
    ClosesAfterEachByte,
    /// Greets, then claims a frame of more than any client may accept.
    HugeFrame,
    /// Greets, then reads a byte a second and never answers.
    ReadsSlowly,
}

impl Manner {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Silent,
        Self::GreetsAndStops,
        Self::HalfAnswer,
        Self::Garbage,
        Self::WrongGreeting,
        Self::ClosesAfterEachByte,
        Self::HugeFrame,
        Self::ReadsSlowly,
    ];
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Hostile {
    /// Where it listens.
    pub address: SocketAddr,
    server: Loopback,
}

impl Hostile {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub fn start(manner: Manner) -> Result<Self> {
        // What a client does to us is its own affair.
        let server = Loopback::start(address::listener()?, move |mut stream| {
            mistreat(&mut stream, manner).map(|()| Then::Hold)
        })?;
        Ok(Self { address: server.address, server })
    }

    /// How many connections came.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }
}

fn mistreat(stream: &mut TcpStream, manner: Manner) -> Result<()> {
    let hello = greeting::encode("2.11.0", "00000000-0000-4000-8000-000000000000", &[7; greeting::SALT_LENGTH]);
    let mut byte = [0; 1];
    match manner {
        // The copy that is kept holds the connection open.
        Manner::Silent => {}
        Manner::GreetsAndStops => stream.write_all(&hello)?,
        Manner::HalfAnswer => {
            stream.write_all(&hello)?;
            stream.read_exact(&mut byte)?;
            // A frame of 64 bytes of which four come: the beginning of a header.
            stream.write_all(&[0xce, 0, 0, 0, 64, 0x83, 0x00, 0xce, 0x00])?;
        }
        Manner::Garbage => {
            stream.write_all(&hello)?;
            stream.write_all(&[0xc1; 512])?;
        }
        Manner::WrongGreeting => stream.write_all(&[b'x'; greeting::LENGTH])?,
        Manner::ClosesAfterEachByte => {
            stream.write_all(&hello)?;
            stream.read_exact(&mut byte)?;
            stream.shutdown(Shutdown::Both)?;
        }
        Manner::HugeFrame => {
            stream.write_all(&hello)?;
            stream.write_all(&[0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])?;
        }
        Manner::ReadsSlowly => {
            stream.write_all(&hello)?;
            // Ends when the other side does, or when the test shuts the connection down.
            while stream.read(&mut byte)? > 0 {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
    Ok(())
}
