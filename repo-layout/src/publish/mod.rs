//! Making files visible: all of them or, to a reader, none; by any number of publishers, any of them killed at any moment.
//!
//! | Module | Does |
//! |---|---|
//! | [`transaction`] | what a build speaks to: files in, [`Transaction::commit`] at the end |
//! | [`plan`] | what a transaction is going to publish, repository by repository |
//! | [`staging`] | the commit in a folder: a lock, files written aside, renames in order |
//! | [`pending`], [`sync`] | the note that explains one that was interrupted; waiting for the disk |
//! | [`upload`] | the commit in object storage: no lock, the entry point is written only if nobody else has written it |
//! | [`send`], [`stored`] | what it sends, and what is there |
//! | [`generation`] | each state that was published |
//! | [`record`], [`file_record`] | how it is stored: with every file, and read without holding them all |
//! | [`compare`], [`records`] | what a commit makes of those that are there |
//! | [`keep`] | which of them stay for slow clients |
//! | [`mod@snapshot`] | names for those that stay anyway |
//! | [`mod@prune`], [`condemned`] | removing what no generation needs that stays |
//! | [`mod@rollback`] | publishing an older one again |
//! | [`mod@journal`] | who published what |
//!
//! `docs/decisions/publishing.md` says why this is safe.

mod compare;
mod condemned;
mod file_record;
pub(crate) mod generation;
mod journal;
mod keep;
mod lock;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod model;
mod pending;
mod plan;
mod prune;
mod publisher;
mod record;
mod records;
mod release;
mod rollback;
mod send;
pub(crate) mod snapshot;
mod staging;
mod stored;
mod sync;
mod transaction;
mod upload;

use std::hash::{BuildHasher as _, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

pub(crate) use lock::Lock;
pub(crate) use pending::Pending;
pub(crate) use plan::is_immutable;
pub(crate) use release::put_release;
pub(crate) use transaction::{Phase, Transaction};

pub use file_record::FileRecord;
pub(crate) use generation::Published;
pub use generation::{Generation, published};
pub use journal::{Entry, Journal, journal};
pub use keep::Keep;
pub use prune::{Pruned, prune};
pub use publisher::Publisher;
pub use record::Files;
pub use rollback::{Rollback, Target, rollback};
pub use snapshot::{Snapshot, snapshot, snapshots};

/// Waits before the next try, longer each time and never as long as another publisher does.
pub(crate) fn backoff(attempt: u32) {
    let most = 20_u64 << attempt.min(6);
    let random = RandomState::new().hash_one(attempt);
    thread::sleep(Duration::from_millis(most / 2 + random % most));
}

/// Publishes again as long as others are quicker, and the publisher's patience lasts.
pub(crate) fn until_won<T>(publisher: &Publisher<'_>, publish: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let begun = Instant::now();
    for attempt in 0.. {
        match publish() {
            Err(Error::Raced { .. }) if begun.elapsed() < publisher.wait => backoff(attempt),
            other => return other,
        }
    }
    publish()
}

/// Folder at the root of a tree with the publishers' own state: the lock, files on their way, generations, the journal.
/// Readers have no use for it; a web server may hide it.
pub const STATE_FOLDER: &str = ".wallarm-repo";

/// A key for tests that look at no signature.
#[cfg(test)]
pub(crate) fn test_key() -> &'static signing::SecretKey {
    static KEY: std::sync::OnceLock<signing::SecretKey> = std::sync::OnceLock::new();
    KEY.get_or_init(|| {
        signing::SecretKey::generate(&signing::KeySpec {
            user_id: "Test <test@example.org>".to_owned(),
            validity: None,
            passphrase: None,
            created: std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        })
        .unwrap()
    })
}
