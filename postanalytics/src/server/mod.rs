//! The server: what its connections share, how it starts and how it stops.

mod allowance;
mod connection;
mod input;
pub mod limiter;
mod listener;
mod run;

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::AtomicUsize;

use iproto::greeting;

use crate::attack_counters::AttackCounters;
use crate::log::{Log, Part};
use crate::settings::Settings;
use crate::store::{NoMemory, Store};
use allowance::LargeFrames;
use limiter::Limiter;

pub use run::{Options, ServeError, run};

/// The version that the greeting names: stock clients decide by it what they may ask.
const GREETING_VERSION: &str = "2.11.0";

/// What connections share.
#[derive(Debug)]
pub struct Server {
    /// The settings in force.
    pub settings: Settings,
    /// The log.
    pub log: Log,
    /// Stored requests.
    pub store: Store,
    /// Attacks in stored requests.
    pub attacks: AttackCounters,
    /// When which peer last caused a line in the log.
    pub limiter: Limiter,
    /// Open connections.
    pub connections: AtomicUsize,
    greeting: [u8; greeting::LENGTH],
    large_frames: LargeFrames,
}

impl Server {
    /// A server that does not listen yet.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if the arena cannot be had.
    pub fn new(settings: Settings, log: Log) -> Result<Self, NoMemory> {
        let arena = settings.arena.bytes();
        let store = Store::new(arena).inspect_err(|error| log.fatal(Part::Main, format_args!("{error}")))?;
        Ok(Self {
            settings,
            log,
            store,
            attacks: AttackCounters::default(),
            limiter: Limiter::default(),
            connections: AtomicUsize::new(0),
            greeting: greeting(),
            large_frames: LargeFrames::beside(arena),
        })
    }
}

/// The greeting of this run. Instance and salt only have to look right: nobody authenticates with them.
fn greeting() -> [u8; greeting::LENGTH] {
    let mut random = [0; 16 + greeting::SALT_LENGTH];
    // Without the device both stay zero, which harms nobody.
    let _: io::Result<()> = File::open("/dev/urandom").and_then(|mut device| device.read_exact(&mut random));
    let (instance, salt) = random.split_at(16);
    let mut padded = [0; greeting::SALT_LENGTH];
    padded.copy_from_slice(salt);
    greeting::encode(GREETING_VERSION, &uuid(instance), &padded)
}

/// Sixteen random bytes as a UUID of version 4 (RFC 9562, section 5.4).
fn uuid(random: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in random.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let byte = match index {
            6 => byte & 0x0f | 0x40,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        text += &format!("{byte:02x}");
    }
    text
}
