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
use std::sync::{Arc, OnceLock};

use analysis::{Analysis, Config, Limits};
use iproto::greeting;

use crate::analyst::Analyst;
use crate::attack_counters::AttackCounters;
use crate::export::Exporter;
use crate::log::{Log, Part};
use crate::settings::Settings;
use crate::spooling::{self, Spooler};
use crate::store::Store;
use allowance::{Arena, LargeFrames};
use limiter::Limiter;

pub use run::{Options, ServeError, run};

/// The version that the greeting names: stock clients decide by it what they may ask.
const GREETING_VERSION: &str = "2.11.0";

/// The part of the arena that one record may take.
const LARGEST_SHARE: u64 = 8;

/// What connections share.
pub struct Server {
    /// The settings in force.
    pub settings: Settings,
    /// The log.
    pub log: Arc<Log>,
    /// Stored requests.
    pub store: Store,
    /// Looks at them as they come in.
    pub analyst: Analyst,
    /// Hits on their way to the disk and from there.
    pub spooler: Arc<Spooler>,
    /// Sends hits and counts, once the server has started.
    pub exporter: OnceLock<Exporter>,
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
    /// [`ServeError`] if the arena cannot be had, or a newer server wrote the spool. Both are logged.
    pub fn new(settings: Settings, log: Arc<Log>) -> Result<Self, ServeError> {
        let arena = Arena::of(settings.arena.bytes());
        let store = Store::new(arena.requests, settings.arena.bytes() / LARGEST_SHARE)
            .inspect_err(|error| log.fatal(Part::Main, format_args!("{error}")))?;
        let key = random();
        let analysis = Analysis::new(Config { budget: arena.analysis, key, limits: Limits::default() });
        let options = spooling::Options {
            directory: settings.workdir.join("spool"),
            limit: settings.spool_size.bytes(),
            budget: arena.hits,
            period: settings.snapshot_period,
        };
        let say = {
            let log = Arc::clone(&log);
            Arc::new(move |level, text: std::fmt::Arguments<'_>| log.line(level, Part::Spool, text))
        };
        Ok(Self {
            analyst: Analyst::new(analysis),
            spooler: Arc::new(Spooler::start(options, say)?),
            exporter: OnceLock::new(),
            large_frames: LargeFrames::beside(settings.arena.bytes()),
            settings,
            log,
            store,
            attacks: AttackCounters::default(),
            limiter: Limiter::default(),
            connections: AtomicUsize::new(0),
            greeting: greeting(),
        })
    }
}

/// Random bytes. Without the device all are zero: they make guessing hard, and protect nothing that is secret.
fn random<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    let _: io::Result<()> = File::open("/dev/urandom").and_then(|mut device| device.read_exact(&mut bytes));
    bytes
}

/// The greeting of this run. Instance and salt only have to look right: nobody authenticates with them.
fn greeting() -> [u8; greeting::LENGTH] {
    greeting::encode(GREETING_VERSION, &uuid(&random::<16>()), &random::<{ greeting::SALT_LENGTH }>())
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
