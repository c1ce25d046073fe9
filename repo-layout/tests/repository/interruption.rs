//! Killed at any step, out of space, two at once: readers see the old state or the new one, whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use repo_layout::{Error, Event, Job, Listener, Severity, Site};

use crate::apt::Apt;
use crate::fixture::{Fixture, both, commit_time, contents, deb, job, key, output, run, sign_rpm, site, unsigned_rpm};
use crate::http::Server;
use crate::verify::verify_folder;

/// Ends the process, as kill -9 would, when so many steps are done.
struct KillAt {
    step: usize,
    seen: AtomicUsize,
}

impl Listener for KillAt {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Staged(_) | Event::Publishing(_) | Event::Removing(_))
            && self.seen.fetch_add(1, Ordering::Relaxed) == self.step
        {
            std::process::abort();
        }
    }
}

/// What a child process is to do, as this program is called again with only this "test".
const TREE: &str = "REPO_LAYOUT_TEST_TREE";
const KEY: &str = "REPO_LAYOUT_TEST_KEY";
const STEP: &str = "REPO_LAYOUT_TEST_STEP";

/// A fact by itself, and the body of the child processes which the tests below start with the variables set.
#[test]
fn a_release_is_published_over_an_older_one() {
    let Some(tree) = std::env::var_os(TREE).map(PathBuf::from) else {
        let (mut fixture, _) = prepared();
        fixture.site = second_site(fixture.folder.path());
        assert!(fixture.build().unwrap().written > 0);
        assert!(verify_folder(&fixture).is_clean());
        return;
    };
    let key_file = PathBuf::from(std::env::var_os(KEY).unwrap());
    let key = signing::SecretKey::from_file(&key_file, None, commit_time()).unwrap();
    let step = std::env::var(STEP).unwrap().parse().unwrap();
    let listener = KillAt { step, seen: AtomicUsize::new(0) };
    let site = second_site(tree.parent().unwrap());
    if let Err(error) = repo_layout::build(&site, &tree, &Job { listener: &listener, ..job(&key) }) {
        assert!(matches!(error, Error::Full { .. }), "{error:?}");
        println!("refused: {error}");
    }
}

/// The fixture's site after a release: one package of each kind is new, one is gone.
fn second_site(folder: &Path) -> Site {
    site(&folder.join("pool"), &["alpha_1.0-1_amd64.deb", "beta_2.0-2_all.deb"], "gamma-1.0-2.el8.x86_64.rpm")
}

/// A fixture whose first site is published, with the packages of the second one at hand, and the key in a file.
fn prepared() -> (Fixture, PathBuf) {
    let fixture = Fixture::new();
    fixture.build().unwrap();
    deb(&fixture.pool(), "beta", "2.0-2", "all");
    let raw = unsigned_rpm(fixture.folder.path(), "gamma", "1.0", "2.el8", "x86_64");
    sign_rpm(&raw, &fixture.pool(), key());
    let file = fixture.folder.path().join("key.asc");
    key().write_new(&file).unwrap();
    (fixture, file)
}

fn child_command(tree: &Path, key: &Path, step: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "interruption::a_release_is_published_over_an_older_one", "--nocapture"]);
    command.env(TREE, tree).env(KEY, key).env(STEP, step.to_string());
    command
}

#[test]
fn killed_at_any_step_the_tree_stays_whole_and_the_next_run_completes_it() {
    let (mut fixture, key_file) = prepared();
    let old = contents(&fixture.tree());
    fixture.site = second_site(fixture.folder.path());
    let expected = {
        let other = fixture.folder.path().join("expected");
        repo_layout::build(&fixture.site, &other, &job(key())).unwrap();
        contents(&other)
    };
    let server = Server::start(&fixture.tree());
    let mut killed = 0;
    for step in 0.. {
        restore(&fixture.tree(), &old);
        let ended = output(&mut child_command(&fixture.tree(), &key_file, step), "coreutils");
        if ended.status.success() {
            break;
        }
        killed += 1;
        let report = verify_folder(&fixture);
        let errors: Vec<_> = report.findings.iter().filter(|one| one.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "killed at step {step}: {errors:?}");
        // While files are only written aside, not a byte is different; from then on apt is asked.
        if contents(&fixture.tree()) != old {
            let apt = Apt::new(&fixture.tree(), &server.url());
            let seen = run(&mut apt.command(&["update"]), "apt");
            assert!(!seen.contains("W:") && !seen.contains("E:"), "killed at step {step}: {seen}");
            run(&mut apt.command(&["download", "alpha", "beta"]), "apt");
        }

        fixture.build().unwrap();
        assert_eq!(contents(&fixture.tree()), expected, "killed at step {step}");
        assert_eq!(verify_folder(&fixture).findings, [], "killed at step {step}");
    }
    assert!(killed > 20, "only {killed} steps were tried");
}

#[test]
fn killed_twice_in_a_row_the_tree_is_still_whole() {
    let (fixture, key_file) = prepared();
    let old = contents(&fixture.tree());
    let mut torn = 0;
    for step in (0..).step_by(3) {
        restore(&fixture.tree(), &old);
        if output(&mut child_command(&fixture.tree(), &key_file, step), "coreutils").status.success() {
            break;
        }
        output(&mut child_command(&fixture.tree(), &key_file, 0), "coreutils");
        let report = verify_folder(&fixture);
        assert_eq!(report.errors(), 0, "killed at step {step} and at the first one: {:?}", report.findings);
        torn += usize::from(!report.is_clean());
    }
    assert!(torn > 0, "no kill left anything half published");
}

/// Makes the tree what it was, with no state left over.
fn restore(tree: &Path, contents: &std::collections::BTreeMap<String, Vec<u8>>) {
    fs::remove_dir_all(tree).unwrap();
    for (path, bytes) in contents {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn an_unchanged_rebuild_writes_nothing() {
    let fixture = Fixture::new();
    assert!(fixture.build().unwrap().written > 0);
    let before = contents(&fixture.tree());
    assert_eq!(fixture.build().unwrap().written, 0);
    assert_eq!(contents(&fixture.tree()), before);
}

#[test]
fn two_trees_of_the_same_packages_are_the_same_to_the_byte() {
    let fixture = Fixture::new();
    fixture.build().unwrap();
    let other = fixture.folder.path().join("other");
    repo_layout::build(&fixture.site, &other, &job(key())).unwrap();
    assert_eq!(contents(&fixture.tree()), contents(&other));
}

#[test]
fn what_is_no_longer_listed_goes_and_other_suites_stay() {
    let (mut fixture, _) = prepared();
    fixture.site = second_site(fixture.folder.path());
    fixture.site.yum.clear();
    fixture.build().unwrap();
    let files = contents(&fixture.tree());
    assert!(!files.keys().any(|path| path.ends_with("beta_2.0-1_all.deb")));
    assert!(files.keys().any(|path| path.ends_with("gamma-1.0-1.el8.x86_64.rpm")));
    assert_eq!(files.keys().filter(|path| path.contains("by-hash")).count(), 16);
    assert!(verify_folder(&fixture).is_clean());
}

#[test]
fn a_second_publisher_is_refused_while_the_first_is_at_work() {
    struct Second<'a>(&'a Fixture, std::sync::Mutex<Vec<Error>>);
    impl Listener for Second<'_> {
        fn event(&self, event: &Event<'_>) {
            let mut refused = self.1.lock().unwrap();
            // Once, since it waits for its turn before it gives up.
            if matches!(event, Event::Staged(_)) && refused.is_empty() {
                refused.extend(self.0.build().err());
            }
        }
    }
    let fixture = Fixture::apt_only();
    let second = Second(&fixture, std::sync::Mutex::default());
    repo_layout::build(&fixture.site, &fixture.tree(), &Job { listener: &second, ..job(key()) }).unwrap();
    let refused = second.1.into_inner().unwrap();
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|error| matches!(error, Error::Locked { .. })), "{refused:?}");
}

/// A file system of its own, too small for the second site: in a mount namespace, gone with the process.
#[test]
fn on_a_full_disk_the_old_state_is_whole_and_nothing_is_left_behind() {
    let (fixture, key_file) = prepared();
    let small = fixture.folder.path().join("small");
    fs::create_dir(&small).unwrap();
    let old = fixture.tree();
    let script = r#"
        mount -t tmpfs -o size=152k,mode=755 tmpfs "$SMALL"
        mkdir "$SMALL/tree" "$SMALL/pool"
        cp -r "$OLD/." "$SMALL/tree" && mount --bind "$POOL" "$SMALL/pool"
        find "$SMALL/tree" -type f ! -path '*/.wallarm-repo/*' -exec sha256sum {} + | sort > "$BEFORE"
        "$PROGRAM" --exact interruption::a_release_is_published_over_an_older_one --nocapture || exit 1
        find "$SMALL/tree" -type f ! -path '*/.wallarm-repo/*' -exec sha256sum {} + | sort | diff "$BEFORE" - || exit 2
        test -z "$(find "$SMALL/tree/.wallarm-repo" -type f ! -name lock ! -path '*/generations/*' ! -path '*/journal/*')" || exit 3
    "#;
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-ec", script])
        .env("SMALL", &small)
        .env("OLD", &old)
        .env("POOL", fixture.pool())
        .env("BEFORE", fixture.folder.path().join("before"))
        .env("PROGRAM", std::env::current_exe().unwrap())
        .env(TREE, small.join("tree"))
        .env(KEY, &key_file)
        .env(STEP, usize::MAX.to_string());
    let ended = output(&mut command, "util-linux");
    let seen = both(&ended);
    assert!(ended.status.success(), "{seen}");
    assert!(seen.contains("refused: no space left"), "the disk was not full:\n{seen}");
}
