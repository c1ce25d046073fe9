//! A lock in shared memory that survives its holder.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Tries in a row before the processor is given up: a holder that runs is done by then.
const SPINS: u32 = 200;
/// How often the processor is given up before the holder is suspected to be dead.
const PATIENCE: u32 = 50;

/// Who takes the lock.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The number of the process; not 0. A process takes one lock at a time.
    pub pid: u32,
    /// Whether a process exists.
    pub alive: fn(u32) -> bool,
}

/// Holds a lock until dropped.
pub(super) struct Held<'a>(&'a AtomicU64);

/// Takes the lock. It is held for tens of nanoseconds, so waiting for it is waiting for a process to get its turn, as with
/// NGINX's own mutexes. A holder that was killed is replaced; what it had half written is whole words, hence still valid.
pub(super) fn hold(word: &AtomicU64, owner: Owner) -> Held<'_> {
    let own = u64::from(owner.pid);
    let mut turns = 0_u32;
    loop {
        for _ in 0..SPINS {
            if word.compare_exchange_weak(0, own, Acquire, Relaxed).is_ok() {
                return Held(word);
            }
            std::hint::spin_loop();
        }
        turns = turns.wrapping_add(1);
        let holder = word.load(Relaxed);
        if turns.is_multiple_of(PATIENCE) && holder != 0 && is_dead(holder, owner) {
            // Exchanged, not stored: of several that wait, one replaces the dead.
            if word.compare_exchange(holder, own, Acquire, Relaxed).is_ok() {
                return Held(word);
            }
        }
        std::thread::yield_now();
    }
}

/// A process does not wait for itself: a holder of its own number is a former process.
fn is_dead(holder: u64, owner: Owner) -> bool {
    u32::try_from(holder).map_or(true, |pid| pid == owner.pid || !(owner.alive)(pid))
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.store(0, Release);
    }
}
