use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use detection::rules::{Sources, compile};
use tempfile::TempDir;

use super::*;

/// A `proton.db` with this id and no rules.
fn database(id: u64) -> Vec<u8> {
    compile(&Sources { id, rules: Vec::new() }).unwrap()
}

fn custom(id: u64) -> String {
    format!("wallarm custom ruleset, format 51, id {id}, length 0\n")
}

/// A folder with a `proton.db` and a cache.
struct Node(TempDir);

impl Node {
    fn new() -> Self {
        let node = Self(tempfile::tempdir().unwrap());
        fs::create_dir(node.cache()).unwrap();
        node.write_database(&database(1));
        node
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    fn paths(&self) -> Paths {
        let [database, custom, key] =
            ["proton.db", "custom_ruleset", "private.key"].map(|name| self.0.path().join(name));
        Paths { database, custom, key }
    }

    /// Replaces the file, as every tool does that changes a file readers see: aside, then renamed.
    fn write_database(&self, bytes: &[u8]) {
        let aside = self.0.path().join("aside");
        fs::write(&aside, bytes).unwrap();
        fs::rename(aside, self.paths().database).unwrap();
    }

    fn load(&self) -> (Rulesets, PairId, Vec<Event>) {
        let mut rulesets = Rulesets::new(&self.cache());
        let id = rulesets.add(&self.paths(), 0);
        let events = rulesets.load();
        (rulesets, id, events)
    }
}

fn database_id(rulesets: &Rulesets, id: PairId) -> Option<u64> {
    match rulesets.state(id) {
        State::Loaded(pair) | State::Fallback(pair) => Some(pair.rules.id()),
        _ => None,
    }
}

/// One check: what is due is done, and what belongs into the log comes back.
fn check(rulesets: &mut Rulesets) -> Vec<Event> {
    let outcomes: Vec<_> = rulesets.due().into_iter().map(Job::run).collect();
    outcomes.into_iter().filter_map(|outcome| rulesets.finish(outcome)).collect()
}

#[test]
fn blocks_with_the_same_files_share_a_pair() {
    let node = Node::new();
    let mut rulesets = Rulesets::new(&node.cache());
    let first = rulesets.add(&node.paths(), 0);
    assert_eq!(rulesets.add(&node.paths(), 0), first);
    assert_ne!(rulesets.add(&Paths { custom: "/other".into(), ..node.paths() }, 0), first);
    assert_ne!(rulesets.add(&node.paths(), 1), first);
}

#[test]
fn a_pair_without_a_custom_ruleset_has_an_empty_one() {
    let node = Node::new();
    let (rulesets, id, events) = node.load();
    assert_eq!(events, []);
    let State::Loaded(pair) = rulesets.state(id) else { panic!("{:?}", rulesets.state(id)) };
    assert_eq!(pair.custom, CustomRuleset { id: 0, version: 51, has_rules: false });
    assert_eq!(rulesets.instances(), Instances { success: 1, fallback: 0, failed: 0 });
    let [databases, customs] = rulesets.files();
    assert_eq!((databases.len(), customs.len()), (1, 0));
    assert_eq!((databases[0].id, databases[0].size), (1, database(1).len() as u64));
    assert!(databases[0].mod_time > 1_600_000_000);
    assert_eq!(databases[0].fname, node.paths().database.to_string_lossy());
}

#[test]
fn rules_in_a_custom_ruleset_are_named_as_not_applied() {
    let node = Node::new();
    fs::write(node.paths().custom, "wallarm custom ruleset, format 51, id 9, length 2\n{}").unwrap();
    let (rulesets, _, events) = node.load();
    assert!(events[0].text().contains("are not applied"), "{events:?}");
    assert_eq!(rulesets.files()[1][0].id, 9);
}

#[test]
fn a_start_with_a_broken_file_falls_back_to_the_backup() {
    let node = Node::new();
    fs::write(node.paths().custom, custom(8)).unwrap();
    assert_eq!(node.load().0.back_up(), []);
    node.write_database(b"broken");

    let (mut rulesets, id, events) = node.load();
    assert_eq!(database_id(&rulesets, id), Some(1));
    assert_eq!(rulesets.instances(), Instances { success: 0, fallback: 1, failed: 0 });
    let [Event::Error(text)] = &events[..] else { panic!("{events:?}") };
    assert!(text.contains("proton.db: this is not a proton.db") && text.contains("backup"), "{text}");

    assert_eq!(check(&mut rulesets), [], "a complaint that lasts is made once");
    node.write_database(&database(2));
    assert!(matches!(&check(&mut rulesets)[..], [Event::Replaced(_)]));
    assert_eq!(rulesets.instances(), Instances { success: 1, fallback: 0, failed: 0 });
}

#[test]
fn a_start_without_file_and_backup_fails_and_recovers_once_the_file_is_there() {
    let node = Node::new();
    fs::remove_file(node.paths().database).unwrap();
    let (mut rulesets, id, events) = node.load();
    assert!(matches!(rulesets.state(id), State::Failed));
    assert!(events[0].text().contains("does not exist"), "{events:?}");
    assert!(events[0].text().contains("no usable backup"), "{events:?}");
    assert_eq!(rulesets.back_up(), [], "nothing to back up");

    node.write_database(&database(3));
    check(&mut rulesets);
    assert_eq!(database_id(&rulesets, id), Some(3));
}

#[test]
fn a_changed_file_is_taken_up_and_an_unchanged_one_is_not_read() {
    let node = Node::new();
    let (mut rulesets, id, _) = node.load();
    assert!(rulesets.due().is_empty());
    node.write_database(&database(2));
    let events = check(&mut rulesets);
    assert!(events[0].text().contains("with id 2"), "{events:?}");
    assert_eq!(database_id(&rulesets, id), Some(2));
    assert!(rulesets.due().is_empty());

    fs::write(node.paths().custom, custom(5)).unwrap();
    assert!(check(&mut rulesets)[0].text().contains("custom ruleset with id 5"));
}

#[test]
fn a_file_that_was_only_touched_is_no_news() {
    let node = Node::new();
    let (mut rulesets, _, _) = node.load();
    node.write_database(&database(1));
    assert_eq!(check(&mut rulesets), []);
    assert!(rulesets.due().is_empty());
}

#[test]
fn a_key_that_comes_is_taken_up_as_a_change_and_rulesets_without_a_mac_no_longer_are() {
    let node = Node::new();
    fs::write(node.paths().custom, custom(8)).unwrap();
    let (mut rulesets, id, _) = node.load();
    assert_eq!(rulesets.back_up(), []);
    fs::write(node.paths().key, "key").unwrap();
    let events = check(&mut rulesets);
    assert!(events[0].text().contains("has no MAC") && events[0].text().contains("stay in use"), "{events:?}");
    assert_eq!(database_id(&rulesets, id), Some(1));
    // The copy has none either, and is checked with the same key.
    assert!(matches!(node.load().0.state(id), State::Failed));
    fs::remove_file(node.paths().key).unwrap();
    assert_eq!(check(&mut rulesets), []);
    assert!(rulesets.due().is_empty());
}

#[test]
fn a_broken_update_keeps_the_loaded_pair_and_is_tried_again() {
    let node = Node::new();
    let (mut rulesets, id, _) = node.load();
    let whole = database(2);
    node.write_database(&whole[..whole.len() - 1]);
    let events = check(&mut rulesets);
    assert!(events[0].text().contains("the loaded rulesets stay in use"), "{events:?}");
    assert_eq!(database_id(&rulesets, id), Some(1));
    assert_eq!(rulesets.due().len(), 1, "it is tried again");
    assert_eq!(check(&mut rulesets), [], "and not complained about again");

    fs::remove_file(node.paths().database).unwrap();
    assert!(check(&mut rulesets)[0].text().contains("does not exist"));
    node.write_database(&whole);
    check(&mut rulesets);
    assert_eq!(database_id(&rulesets, id), Some(2));
}

#[test]
fn a_pair_over_its_memory_limit_is_not_loaded() {
    let node = Node::new();
    let mut rulesets = Rulesets::new(&node.cache());
    let id = rulesets.add(&node.paths(), 100);
    let events = rulesets.load();
    let [Event::OverLimit(text)] = &events[..] else { panic!("{events:?}") };
    assert!(text.contains("more than the 100 of wallarm_general_ruleset_memory_limit"), "{text}");
    assert!(matches!(rulesets.state(id), State::OverLimit));
}

#[test]
fn an_update_over_the_memory_limit_keeps_the_loaded_pair() {
    let node = Node::new();
    let mut rulesets = Rulesets::new(&node.cache());
    let id = rulesets.add(&node.paths(), 1 << 20);
    rulesets.load();
    fs::write(node.paths().custom, vec![b' '; 1 << 20]).unwrap();
    assert!(matches!(&check(&mut rulesets)[..], [Event::OverLimit(_)]));
    assert_eq!(database_id(&rulesets, id), Some(1));
}

#[test]
fn a_backup_goes_with_the_custom_ruleset_that_went() {
    let node = Node::new();
    fs::write(node.paths().custom, custom(8)).unwrap();
    assert_eq!(node.load().0.back_up(), []);
    assert_eq!(fs::read_dir(node.cache()).unwrap().count(), 2);
    fs::remove_file(node.paths().custom).unwrap();
    assert_eq!(node.load().0.back_up(), []);
    assert_eq!(fs::read_dir(node.cache()).unwrap().count(), 1);
}

#[test]
fn a_backup_is_written_over_no_link() {
    let node = Node::new();
    let target = node.0.path().join("precious");
    fs::write(&target, "precious").unwrap();
    assert_eq!(node.load().0.back_up(), []);
    let copy = fs::read_dir(node.cache()).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&copy).unwrap();
    let mut aside = copy.clone().into_os_string();
    aside.push(".new");
    symlink(&target, &copy).unwrap();
    symlink(&target, aside).unwrap();
    assert_eq!(node.load().0.back_up(), []);
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    assert_eq!(fs::read(&copy).unwrap(), database(1));
    assert!(!copy.is_symlink());
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o137, 0, "readable for its group at most");
}

#[test]
fn a_cache_that_is_not_there_is_a_warning() {
    let node = Node::new();
    fs::remove_dir(node.cache()).unwrap();
    let events = node.load().0.back_up();
    let [Event::Warning(text)] = &events[..] else { panic!("{events:?}") };
    assert!(text.contains("cannot be written"), "{text}");
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let node = Node::new();
    fs::remove_file(node.paths().database).unwrap();
    fs::create_dir(node.paths().database).unwrap();
    let (_, _, events) = node.load();
    assert!(events[0].text().contains("not a regular file"), "{events:?}");
}

#[test]
fn every_truncation_of_a_database_is_refused_and_named() {
    let node = Node::new();
    let whole = database(1);
    for length in 0..whole.len() {
        fs::write(node.paths().database, &whole[..length]).unwrap();
        let error = Pair::load(&node.paths(), 0).unwrap_err();
        assert!(matches!(error, LoadError::Database { .. }), "{length}: {error}");
    }
}
