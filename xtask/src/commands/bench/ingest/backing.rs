//! Memory of the machine that has nothing behind it.
//!
//! A hypervisor may take free memory back from a virtual machine (free page reporting of `virtio_balloon`). Who touches it next waits
//! until it is there again: over two microseconds for each kilobyte where this was found, more than all that a server does with a record,
//! and not for servers on machines of their own. So the memory that a load will fill is touched and freed just before it.

use std::fs;

use anyhow::{Context as _, Result};
use memmap2::{Advice, MmapMut};

/// Bytes that a stored record takes at most on average, with what belongs to it.
pub const RECORD: u64 = 1_150;

/// What a server takes besides the records that are counted, with some to spare.
const REST: u64 = 200_000_000;

/// Touches memory for so many records, as far as it is free, so that the next to touch it finds it there.
pub fn prepare(records: u64) -> Result<()> {
    let bytes = (records * RECORD + REST).min(available()?);
    let mut memory = MmapMut::map_anon(usize::try_from(bytes)?).context("cannot touch memory")?;
    // Without huge pages it is touched all the same.
    let _ = memory.advise(Advice::HugePage);
    memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    // The compiler must not find that nobody reads them.
    std::hint::black_box(&memory);
    Ok(())
}

/// Bytes that the system could give and still have a fifth left for everything else (`MemAvailable` of proc(5)).
pub fn available() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.context("/proc/meminfo has no MemAvailable")? * 1024 / 5 * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_memory_is_available_and_a_little_can_be_touched() {
        assert!(available().unwrap() > 100_000_000);
        prepare(10).unwrap();
    }
}
