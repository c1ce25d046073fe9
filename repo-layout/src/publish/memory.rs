//! What a commit needs of memory does not depend on how many files a repository has.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{FileRecord, Keep, Phase, Publisher, Transaction, test_key};
use crate::destination::{Content, Folder};
use crate::{Sha256Hex, Silent, TreePath};

/// Bytes that a commit may need more for forty thousand files more: 26 bytes a file, which names two hundred.
const MOST: u64 = 1 << 20;

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

/// Publishes so many packages that lie there already. A page that was there before goes.
fn publish(root: &Path, count: u32, date: u64) {
    let when = SystemTime::UNIX_EPOCH + Duration::from_secs(date);
    let publisher = Publisher { keep: Keep::default(), replace: false, ..Publisher::alone(test_key(), when) };
    let folder = Folder::new(root);
    let mut transaction = Transaction::begin(&folder, &publisher, &Silent).unwrap();
    let sha256 = Sha256Hex::of(b"package");
    for number in 0..count {
        let path = path(&format!("debian/suite/pool/package-{number:06}_1.0-1_amd64.deb"));
        transaction.keep(&FileRecord { path, size: 7, sha256: sha256.clone() }).unwrap();
    }
    let text = format!("Date: {date}\n");
    transaction.put(Phase::Release, &path("debian/suite/Release"), &Content::Bytes(text.as_bytes())).unwrap();
    transaction.put(Phase::Visible, &path("debian/suite/InRelease"), &Content::Bytes(text.as_bytes())).unwrap();
    transaction.remove(&path("debian/suite/index.html")).unwrap();
    assert_eq!(transaction.commit().unwrap(), 2);
}

/// The most bytes that the thread has at a time while it adds one package to so many.
fn peak_of_one_more(count: u32) -> u64 {
    let root = tempfile::tempdir().unwrap();
    publish(root.path(), count, 1_780_000_000);
    let page = root.path().join("debian/suite/index.html");
    std::fs::write(&page, "page").unwrap();
    let peak = allocation_counter::measure(|| publish(root.path(), count + 1, 1_780_000_100)).bytes_max;
    assert!(!page.exists());
    let records = root.path().join(".wallarm-repo/generations/debian/suite");
    assert_eq!(std::fs::read_dir(records).unwrap().count(), 2);
    peak
}

#[test]
fn memory_does_not_grow_with_the_files_of_a_repository() {
    let (few, many) = (peak_of_one_more(10_000), peak_of_one_more(50_000));
    assert!(many < few + MOST, "{few} bytes for 10,000 packages, {many} for 50,000");
}
