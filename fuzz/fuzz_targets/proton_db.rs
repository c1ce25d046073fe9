//! A `proton.db`: loading never panics, and what loads scans. The checksum is made right, so that the fuzzer gets behind it.
#![no_main]

use detection::rules::{MAGIC, Rules};
use detection::scan::{Matches, Place};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

fuzz_target!(|data: &[u8]| {
    let _ = Rules::from_db(data);
    let mut db = MAGIC.to_vec();
    db.extend_from_slice(&[1, 0, 0, 0]);
    let (count, rules) = data.split_first().map_or((0, data), |(count, rules)| (count % 4, rules));
    db.extend_from_slice(&u32::from(count).to_le_bytes());
    db.extend_from_slice(&7_u64.to_le_bytes());
    db.extend_from_slice(&((32 + rules.len() + 32) as u64).to_le_bytes());
    db.extend_from_slice(rules);
    let digest = Sha256::digest(&db);
    db.extend_from_slice(&digest);
    if let Ok(loaded) = Rules::from_db(&db) {
        loaded.scan(data, Place::QueryValue, true, &mut Matches::new());
    }
});
