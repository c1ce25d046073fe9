//! Disks that take no more. The tests run again as processes of their own, which have less rights or room.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rlimit::Resource;
use spool::{Draft, OpenError, Options, Spool, WriteError};

use crate::place::{Place, all, texts, write};

/// Names the folder to a process that a test has started.
const FOLDER: &str = "SPOOL_TEST_FOLDER";
/// The user that owns nothing.
const NOBODY: u32 = 65534;

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn options(directory: PathBuf) -> Options {
    Options { directory, limit: 1 << 20, segment: 64 << 10 }
}

fn run_again(command: &mut Command, test: &str, folder: &Path) {
    let output = command.args(["--exact", "--nocapture", test]).env(FOLDER, folder).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[test]
fn a_full_disk_refuses_batches_whole_and_takes_them_once_there_is_room() {
    let Some(folder) = folder() else {
        let place = Place::new();
        // Without the signal the system call fails, as it does on a full disk: after it has written what fits.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        let test = "disk::a_full_disk_refuses_batches_whole_and_takes_them_once_there_is_room";
        return run_again(&mut shell, test, &place.path());
    };
    let (mut spool, _) = Spool::open(options(folder.clone())).unwrap();
    write(&mut spool, &["before"]);
    let room = |bytes| Resource::FSIZE.set(bytes, rlimit::INFINITY).unwrap();
    let length = || -> u64 { segments(&folder).iter().map(|path| path.metadata().unwrap().len()).sum() };
    room(1000);
    let (before, large) = (length(), "x".repeat(600));
    for _ in 0..3 {
        let error = spool.write(&[Draft::alone(1, large.as_bytes()); 2]).unwrap_err();
        assert!(matches!(error, WriteError::Write { .. }), "{error}");
        let expected = format!("{}: cannot write to the spool: File too large", segments(&folder)[0].display());
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(length(), before, "it was cut back");
    }
    write(&mut spool, &["small"]);
    room(rlimit::INFINITY);
    write(&mut spool, &[&large]);
    assert_eq!(texts(&all(&mut spool)), ["before", "small", &large]);
    assert_eq!(segments(&folder).len(), 1, "a segment that was cut back is as good as before");
    drop(spool);
    assert_eq!(Spool::open(options(folder)).unwrap().1.waiting, 3);
}

#[test]
fn a_new_segment_that_does_not_fit_leaves_no_file() {
    let Some(folder) = folder() else {
        let place = Place::new();
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        return run_again(&mut shell, "disk::a_new_segment_that_does_not_fit_leaves_no_file", &place.path());
    };
    let (mut spool, _) = Spool::open(options(folder.clone())).unwrap();
    Resource::FSIZE.set(10, rlimit::INFINITY).unwrap();
    spool.write(&[Draft::alone(1, b"does not fit")]).unwrap_err();
    assert!(segments(&folder).is_empty());
    Resource::FSIZE.set(rlimit::INFINITY, rlimit::INFINITY).unwrap();
    write(&mut spool, &["fits"]);
    assert_eq!(texts(&all(&mut spool)), ["fits"]);
}

#[test]
fn a_folder_that_cannot_be_written_refuses_and_keeps_what_is_there() {
    let test = "disk::a_folder_that_cannot_be_written_refuses_and_keeps_what_is_there";
    let Some(folder) = folder() else {
        let place = Place::new();
        // Rights do not bind root, so what follows is done by somebody else, with a copy of this program within reach.
        let (parent, program) = (place.path().parent().unwrap().to_owned(), place.path().with_file_name("test"));
        // By another process: were the file open for writing here, a child that another test begins would have it open, too, and
        // it could not be run for that moment.
        let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status().unwrap();
        assert!(copied.success());
        fs::set_permissions(&parent, Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(place.path()).unwrap();
        let mut command = Command::new(program);
        if fs::metadata(&parent).unwrap().uid() == 0 {
            std::os::unix::fs::chown(place.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        }
        return run_again(&mut command, test, &place.path());
    };
    let (mut spool, _) = Spool::open(options(folder.clone())).unwrap();
    write(&mut spool, &["before"]);
    spool.close().unwrap();
    let (mut spool, _) = Spool::open(options(folder.clone())).unwrap();
    let rights = |mode| fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
    rights(0o500);
    let error = spool.write(&[Draft::alone(1, b"refused")]).unwrap_err();
    assert!(matches!(&error, WriteError::Make { .. }), "{error}");
    assert!(error.to_string().contains(".seg: cannot make a segment of the spool: Permission denied"), "{error}");
    let entries = all(&mut spool);
    assert_eq!(texts(&entries), ["before"]);
    spool.done(entries[0].sequence);
    assert_eq!(segments(&folder).len(), 1, "it cannot be deleted now");
    rights(0o700);
    write(&mut spool, &["taken again"]);
    assert_eq!(texts(&all(&mut spool)), ["taken again"]);
    spool.flush().unwrap();
    assert_eq!(segments(&folder).len(), 1, "and is deleted later");
    drop(spool);
    rights(0o000);
    assert!(matches!(Spool::open(options(folder.clone())), Err(OpenError::Unusable { .. })));
    rights(0o700);
    assert_eq!(Spool::open(options(folder)).unwrap().1.waiting, 1);
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "seg")).collect()
}
