//! Several publishers without a lock, step by step in every order that chance brings, some killed on the way; readers that
//! have read the entry point at one step and read what it refers to at a later one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signing::{Keyring, Signer as _};

use super::{Keep, Phase, Publisher, Transaction, journal, prune, test_key};
use crate::destination::memory::Memory;
use crate::destination::{Content, Destination};
use crate::{Error, Sha256Hex, Silent, TreePath};

const APT: &str = "deb/suite";
const YUM: &str = "rpm/8/x86_64";

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn when() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_780_000_000)
}

fn key() -> &'static Keyring {
    test_key().keyring()
}

/// Chance that comes out the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        // Knuth's MMIX generator; its upper bits are good enough for choosing turns.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// Signatures take their time, and there are few different texts.
fn signature(text: &str) -> String {
    static KNOWN: OnceLock<Mutex<BTreeMap<String, String>>> = OnceLock::new();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let make = || test_key().sign_detached_armored(text.as_bytes(), when()).unwrap();
    known.entry(text.to_owned()).or_insert_with(make).clone()
}

/// The entry point of a state: a line for each file that it refers to, with its digest.
fn statement(files: &BTreeMap<TreePath, Vec<u8>>) -> String {
    files.iter().map(|(path, bytes)| format!("{} {path}\n", Sha256Hex::of(bytes))).collect()
}

fn packages_of(names: &BTreeSet<String>, folder: &str, end: &str) -> BTreeMap<TreePath, Vec<u8>> {
    let one = |name: &String| (path(&format!("{folder}/{name}{end}")), format!("content of {name}").into_bytes());
    names.iter().map(one).collect()
}

/// Adds a package to both repositories: one try.
fn add(destination: &dyn Destination, publisher: &Publisher<'_>, name: &str) -> Result<(), Error> {
    let mut transaction = Transaction::begin(destination, publisher, &Silent)?;
    let mut names = |repository: &str| -> Result<BTreeSet<String>, Error> {
        let generation = transaction.published(&path(repository))?.generation;
        let files = generation.map(|generation| generation.files(destination)).transpose()?;
        let mut names = BTreeSet::from([name.to_owned()]);
        for file in files.into_iter().flatten() {
            let file = file?;
            names.extend(file.is_package().then(|| file.path.file_name().split('.').next().unwrap().to_owned()));
        }
        Ok(names)
    };
    let (debs, rpms) = (names(APT)?, names(YUM)?);
    let mut files = packages_of(&debs, &format!("{APT}/pool"), ".deb");
    for (path, bytes) in &files {
        transaction.put(Phase::Packages, path, &Content::Bytes(bytes))?;
    }
    let index = debs.iter().cloned().collect::<Vec<_>>().join("\n");
    let by_hash = path(&format!("{APT}/by-hash/SHA256/{}", Sha256Hex::of(index.as_bytes())));
    transaction.put(Phase::ByHash, &by_hash, &Content::Bytes(index.as_bytes()))?;
    files.insert(by_hash, index.clone().into_bytes());
    transaction.put(Phase::Indexes, &path(&format!("{APT}/Packages")), &Content::Bytes(index.as_bytes()))?;
    let text = statement(&files);
    transaction.put(Phase::Release, &path(&format!("{APT}/Release")), &Content::Bytes(text.as_bytes()))?;
    transaction.put(Phase::Visible, &path(&format!("{APT}/InRelease")), &Content::Bytes(text.as_bytes()))?;

    let mut files = packages_of(&rpms, &format!("{YUM}/Packages"), ".rpm");
    for (path, bytes) in &files {
        transaction.put(Phase::Packages, path, &Content::Bytes(bytes))?;
    }
    let primary = rpms.iter().cloned().collect::<Vec<_>>().join("\n").into_bytes();
    let primary_name = format!("{}-primary.xml.gz", Sha256Hex::of(&primary));
    files.insert(path(&format!("{YUM}/repodata/{primary_name}")), primary.clone());
    let repomd = statement(&files);
    let signature = signature(&repomd);
    let folder = [
        (primary_name, Content::Bytes(&primary)),
        ("repomd.xml".to_owned(), Content::Bytes(repomd.as_bytes())),
        ("repomd.xml.asc".to_owned(), Content::Bytes(signature.as_bytes())),
    ];
    transaction.put_folder(&path(&format!("{YUM}/repodata")), &folder)?;
    transaction.commit().map(drop)
}

/// A reader that has read an entry point.
struct Reader {
    text: String,
}

impl Reader {
    fn begin(memory: &Memory, entry: &str) -> Option<Self> {
        let found = memory.read(&path(entry)).unwrap()?;
        Some(Self { text: String::from_utf8(found.bytes).unwrap() })
    }

    /// Reads everything that the entry point refers to.
    fn end(&self, memory: &Memory) {
        let files = memory.files();
        for line in self.text.lines() {
            let (digest, name) = line.split_once(' ').unwrap();
            let found = files.get(&path(name)).unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(Sha256Hex::of(found).as_str(), digest, "{name}");
        }
    }

    fn packages(&self) -> BTreeSet<String> {
        let name = |line: &str| Some(path(line.split_once(' ')?.1).file_name().to_owned());
        let package = |name: &String| name.ends_with(".deb") || name.ends_with(".rpm");
        self.text.lines().filter_map(name).filter(package).map(|name| name.split('.').next().unwrap().into()).collect()
    }
}

/// What the scheduler answers to a publisher that asks for its turn.
enum Turn {
    Go,
    Die,
}

/// Says that a publisher waits for its turn, or has ended.
enum News {
    Asks(usize),
    Ended,
}

/// One run: `count` publishers add two packages each, in an order and with kills by the seed.
fn run(seed: u64, count: usize, kills: bool) -> usize {
    let memory = Memory::default();
    let (news, hear) = channel();
    let added = Mutex::new(BTreeSet::new());
    let mut lost = 0;
    thread::scope(|scope| {
        let mut turns = Vec::new();
        for number in 0..count {
            let (turn, wait) = channel();
            turns.push(turn);
            let (memory, added, news) = (&memory, &added, news.clone());
            scope.spawn(move || {
                publish_all(memory, number, &news, wait, added);
                news.send(News::Ended).unwrap();
            });
        }
        lost = schedule(&memory, &mut Chance(seed), &hear, &turns, kills);
    });
    check_end(&memory, &added.into_inner().unwrap());
    lost
}

fn publish_all(
    memory: &Memory,
    number: usize,
    news: &Sender<News>,
    turns: Receiver<Turn>,
    added: &Mutex<BTreeSet<String>>,
) {
    let publisher = Publisher { name: format!("publisher {number}"), ..Publisher::new(test_key(), when()) };
    let wait = Mutex::new((turns, false));
    let before = |_: &str| {
        let mut wait = wait.lock().unwrap();
        if !wait.1 {
            news.send(News::Asks(number)).unwrap();
            wait.1 = matches!(wait.0.recv().unwrap(), Turn::Die);
        }
        let killed = || Error::State { path: "killed".to_owned(), source: "killed".into() };
        if wait.1 { Err(killed()) } else { Ok(()) }
    };
    let seen = memory.seen_by(&before);
    for package in 0..2 {
        let name = format!("p{number}-{package}");
        loop {
            match add(&seen, &publisher, &name) {
                Ok(()) => break,
                Err(Error::Raced { .. }) => {}
                Err(_) => return,
            }
        }
        added.lock().unwrap().insert(name);
    }
}

/// Gives turns until all have ended; gives the number of those that were killed.
fn schedule(memory: &Memory, chance: &mut Chance, hear: &Receiver<News>, turns: &[Sender<Turn>], kills: bool) -> usize {
    let (mut waiting, mut alive) = (BTreeSet::new(), turns.len());
    let mut readers: Vec<(usize, Reader)> = Vec::new();
    let mut killed = 0;
    for step in 0.. {
        while waiting.len() < alive {
            match hear.recv().unwrap() {
                News::Asks(number) => drop(waiting.insert(number)),
                News::Ended => alive -= 1,
            }
        }
        let Some(number) = waiting.iter().copied().nth(chance.below(waiting.len().max(1))) else { break };
        for entry in ["deb/suite/InRelease", "rpm/8/x86_64/repodata/repomd.xml"] {
            readers.extend(Reader::begin(memory, entry).map(|reader| (step + chance.below(60), reader)));
        }
        readers.retain(|(until, reader)| {
            if *until == step {
                reader.end(memory);
            }
            *until > step
        });
        memory.wait(Duration::from_millis(100));
        waiting.remove(&number);
        let dies = kills && killed + 1 < turns.len() && chance.below(120) == 0;
        killed += usize::from(dies);
        turns[number].send(if dies { Turn::Die } else { Turn::Go }).unwrap();
    }
    readers.iter().for_each(|(_, reader)| reader.end(memory));
    killed
}

/// No package is lost, and one more publisher finds nothing that is in its way.
fn check_end(memory: &Memory, added: &BTreeSet<String>) {
    let publisher = Publisher::new(test_key(), when());
    add(memory, &publisher, "last").unwrap();
    for entry in ["deb/suite/InRelease", "rpm/8/x86_64/repodata/repomd.xml"] {
        let reader = Reader::begin(memory, entry).unwrap();
        reader.end(memory);
        let there = reader.packages();
        assert!(added.is_subset(&there), "{added:?} were published, {there:?} are there");
    }
    let files = memory.files();
    let text = |name: &str| String::from_utf8(files[&path(name)].clone()).unwrap();
    assert_eq!(text("deb/suite/Release"), text("deb/suite/InRelease"));
    let (repomd, signature) = ("rpm/8/x86_64/repodata/repomd.xml", "rpm/8/x86_64/repodata/repomd.xml.asc");
    key().verify_detached(text(repomd).as_bytes(), text(signature).as_bytes(), when()).unwrap();
    let journal = journal(memory, Some(key()), SystemTime::now()).unwrap();
    assert_eq!(journal.faults, Vec::<String>::new());
    let entered: Vec<&String> = journal.entries.iter().flat_map(|entry| &entry.added).collect();
    for name in added {
        for end in [".deb", ".rpm"] {
            let count = entered.iter().filter(|one| **one == &format!("{name}{end}")).count();
            assert_eq!(count, 1, "{name}{end} in the journal");
        }
    }
}

#[test]
fn publishers_in_any_order_lose_no_package_and_break_no_reader() {
    for seed in 0..5 {
        run(seed, 3, false);
    }
}

#[test]
fn killed_publishers_leave_a_state_that_others_go_on_from() {
    let killed: usize = (100..112).map(|seed| run(seed, 4, true)).sum();
    assert!(killed > 8, "only {killed} publishers were killed");
}

#[test]
fn killed_at_each_single_request_a_publisher_leaves_the_old_state_or_the_new_one() {
    for step in 0.. {
        let memory = Memory::default();
        let publisher = Publisher::new(test_key(), when());
        add(&memory, &publisher, "first").unwrap();
        let count = std::sync::atomic::AtomicUsize::new(0);
        let before = |_: &str| {
            let killed = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= step;
            let error = || Error::State { path: "killed".to_owned(), source: "killed".into() };
            if killed { Err(error()) } else { Ok(()) }
        };
        let ended = add(&memory.seen_by(&before), &publisher, "second");
        for entry in ["deb/suite/InRelease", "rpm/8/x86_64/repodata/repomd.xml"] {
            let reader = Reader::begin(&memory, entry).unwrap();
            reader.end(&memory);
            assert!(reader.packages().contains("first"));
        }
        let added = if ended.is_ok() { ["first", "second"].as_slice() } else { &["first"] };
        check_end(&memory, &added.iter().map(|name| (*name).to_owned()).collect());
        if ended.is_ok() {
            assert!(step > 30, "only {step} requests");
            return;
        }
    }
}

#[test]
fn a_prune_leaves_what_a_publisher_is_about_to_use() {
    let (memory, publisher) = (Memory::default(), Publisher::new(test_key(), when()));
    let keep = Keep { generations: 1, younger_than: Duration::ZERO };
    let day = Duration::from_secs(90_000);
    add(&memory, &publisher, "one").unwrap();
    // A killed publisher has sent its package, long ago.
    let left_over = path("deb/suite/pool/two.deb");
    memory.put(&left_over, &Content::Bytes(b"content of two"), &crate::destination::Condition::Always).unwrap();
    memory.wait(day);
    // The prune has chosen that file when another publisher comes to use it, and is done before it is removed.
    let came = std::sync::atomic::AtomicBool::new(false);
    let before = |request: &str| {
        if request == "put .wallarm-repo/condemned.json" && !came.swap(true, std::sync::atomic::Ordering::SeqCst) {
            add(&memory, &publisher, "two")?;
        }
        Ok(())
    };
    prune(&memory.seen_by(&before), keep, Duration::ZERO, false, &Silent).unwrap();
    assert!(came.into_inner());
    check_end(&memory, &["one", "two"].map(str::to_owned).into());

    memory.wait(day);
    let gone = prune(&memory, keep, Duration::ZERO, false, &Silent).unwrap();
    assert!(!gone.generations.is_empty());
    assert!(gone.files.iter().all(|file| !file.as_str().contains("pool")), "{gone:?}");
    check_end(&memory, &["one", "two"].map(str::to_owned).into());
}
