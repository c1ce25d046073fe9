//! Where a command of this family works, and in whose name.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use repo_layout::Publisher;
use repo_layout::destination::{self, Destination};
use signing::SecretKey;

use crate::cli::PublisherArgs;
use crate::session::Session;

/// Opens the destination that is named, or the tree in `target/`.
pub fn open(to: Option<&str>, session: &Session) -> Result<Box<dyn Destination>> {
    match to {
        Some(to) => Ok(destination::open(to)?),
        None => Ok(destination::open(&session.target.join("repo").to_string_lossy())?),
    }
}

/// Who publishes, by the flags.
pub fn publisher<'a>(key: &'a SecretKey, when: SystemTime, args: &PublisherArgs) -> Publisher<'a> {
    let publisher = Publisher::new(key, when);
    Publisher {
        name: args.publisher.clone().unwrap_or_else(|| publisher.name.clone()),
        wait: Duration::from_secs(args.wait),
        ..publisher
    }
}
