//! Four publishers, each a process that is killed now and then, while apt and dnf update all the time.
//!
//! `cargo xtask soak publish` runs this with many rounds; the tests of the workspace with few.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use repo_layout::destination::{Destination, Folder};
use repo_layout::{
    AptSuite, Change, Keep, Publisher, Selection, Silent, Site, TreePath, YumRepository, journal, prune,
};
use signing::{SecretKey, Signer as _};

use crate::apt::Apt;
use crate::fixture::{both, commit_time, contents, deb, job, key, output, run, sign_rpm, suite};
use crate::http::Server;
use crate::s3::S3;
use crate::yum::Dnf;

const PUBLISHERS: usize = 4;
const YUM: &str = "centos/wallarm-node/8/4.8/x86_64";

/// How many packages each publisher adds, and what chance begins with: set by `cargo xtask soak publish`.
const ROUNDS: &str = "SOAK_ROUNDS";
const SEED: &str = "SOAK_SEED";

/// What a publisher's process is to do, as this program is called again with only one "test".
const DESTINATION: &str = "SOAK_DESTINATION";
const POOL: &str = "SOAK_POOL";
const NAME: &str = "SOAK_NAME";

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Chance that comes out the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn keep() -> Keep {
    Keep { generations: 5, younger_than: Duration::from_secs(60) }
}

fn deb_of(pool: &Path, name: &str) -> PathBuf {
    pool.join(format!("{name}_1.0-1_amd64.deb"))
}

fn rpm_of(pool: &Path, name: &str) -> PathBuf {
    pool.join(format!("{name}-1.0-1.x86_64.rpm"))
}

fn site(debs: Selection, rpms: Selection) -> Site {
    Site {
        suites: vec![AptSuite { packages: debs, ..suite(Vec::new()) }],
        yum: vec![YumRepository {
            path: TreePath::new(YUM).unwrap(),
            architecture: "x86_64".to_owned(),
            packages: rpms,
            bootstrap: Vec::new(),
        }],
        ..Site::default()
    }
}

/// Adds a deb and an rpm to what is there.
fn add(destination: &dyn Destination, key: &SecretKey, pool: &Path, name: &str) {
    let publisher = Publisher { keep: keep(), ..Publisher::new(key, commit_time()) };
    let change = |file: PathBuf| Selection::Change(Change { add: vec![file], ..Change::default() });
    let site = site(change(deb_of(pool, name)), change(rpm_of(pool, name)));
    repo_layout::publish(&site, destination, &publisher, &Silent).unwrap();
}

/// A fact by itself, and the body of the publishers' processes, which have the variables set.
#[test]
fn a_package_is_added_to_what_is_there() {
    if let Ok(destination) = std::env::var(DESTINATION) {
        let pool = PathBuf::from(std::env::var(POOL).unwrap());
        let key = SecretKey::from_file(&pool.join("key.asc"), None, SystemTime::now()).unwrap();
        let destination = repo_layout::destination::open(&destination).unwrap();
        return add(&*destination, &key, &pool, &std::env::var(NAME).unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let (pool, tree) = (folder.path().join("pool"), Folder::new(folder.path().join("tree")));
    make_packages(&pool, &["one".to_owned(), "two".to_owned()]);
    add(&tree, key(), &pool, "one");
    add(&tree, key(), &pool, "two");
    let there = repo_layout::published(&tree, &TreePath::new(YUM).unwrap()).unwrap();
    let files = there.unwrap().files(&tree).unwrap().map(Result::unwrap);
    assert_eq!(files.filter(repo_layout::FileRecord::is_package).count(), 2);
}

/// A deb and a signed rpm of each name; all rpms in one run of rpmbuild.
fn make_packages(pool: &Path, names: &[String]) {
    fs::create_dir_all(pool).unwrap();
    let top = tempfile::tempdir().unwrap();
    let mut spec =
        "Name: soak\nVersion: 1.0\nRelease: 1\nSummary: soak\nLicense: Apache-2.0\n%description\nx\n".to_owned();
    for name in names {
        deb(pool, name, "1.0-1", "amd64");
        spec.push_str(&format!("%package -n {name}\nSummary: x\n%description -n {name}\nx\n%files -n {name}\n"));
    }
    fs::write(top.path().join("soak.spec"), spec).unwrap();
    let mut build = Command::new("rpmbuild");
    build.args(["-bb", "--quiet", "--target", "x86_64-linux", "--define", "_binary_payload w1.gzdio"]);
    build.args(["--define", &format!("_topdir {}", top.path().display())]);
    build.args(["--define", &format!("_rpmdir {}", top.path().join("rpms").display())]);
    build.args(["--define", "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"]);
    run(build.arg(top.path().join("soak.spec")), "rpm");
    for name in names {
        sign_rpm(&rpm_of(&top.path().join("rpms"), name), pool, key());
    }
}

/// What happened on the way.
#[derive(Debug, Default)]
struct Tally {
    published: AtomicUsize,
    killed: AtomicUsize,
    apt: AtomicUsize,
    dnf: AtomicUsize,
    /// dnf read `repomd.xml` and its signature from two sides of a commit: two files, two requests.
    straddled: AtomicUsize,
}

/// One soak: where publishers write, and where readers read.
struct Soak {
    address: String,
    variables: Vec<(&'static str, String)>,
    url: String,
    folder: tempfile::TempDir,
    packages: Vec<String>,
    tally: Tally,
    done: AtomicBool,
}

impl Soak {
    fn new(address: impl FnOnce(&Path) -> String, url: impl FnOnce(&Path) -> String) -> Self {
        let rounds = variable(ROUNDS, 4);
        let folder = tempfile::tempdir().unwrap();
        let of = |publisher| (0..rounds).map(move |round| format!("p{publisher}r{round}"));
        let packages: Vec<String> = (0..PUBLISHERS).flat_map(of).chain(["first".to_owned()]).collect();
        let pool = folder.path().join("pool");
        make_packages(&pool, &packages);
        key().write_new(&pool.join("key.asc")).unwrap();
        let tree = folder.path().join("tree");
        Self {
            address: address(&tree),
            variables: Vec::new(),
            url: url(&tree),
            folder,
            packages,
            tally: Tally::default(),
            done: AtomicBool::new(false),
        }
    }

    fn pool(&self) -> PathBuf {
        self.folder.path().join("pool")
    }

    fn run(&self) {
        assert!(self.publish("first", None), "the first publish");
        let keys = self.folder.path().join("keys");
        fs::create_dir(&keys).unwrap();
        fs::write(keys.join("wallarm.gpg"), key().keyring().to_binary().unwrap()).unwrap();
        fs::write(keys.join("wallarm.asc"), key().keyring().to_armored().unwrap()).unwrap();
        thread::scope(|scope| {
            let clients = [scope.spawn(|| self.apt(&keys)), scope.spawn(|| self.dnf(&keys))];
            let publishers: Vec<_> =
                (0..PUBLISHERS).map(|number| scope.spawn(move || self.publisher(number))).collect();
            let ended: Vec<_> = publishers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            self.done.store(true, Ordering::SeqCst);
            ended.into_iter().chain(clients.map(thread::ScopedJoinHandle::join)).for_each(Result::unwrap);
        });
    }

    /// Publishes its packages one after the other, each until it is there.
    fn publisher(&self, number: usize) {
        let mut chance = Chance(variable(SEED, 4809) * 31 + number as u64);
        let prefix = format!("p{number}r");
        for name in self.packages.iter().filter(|name| name.starts_with(&prefix)) {
            // One in three is killed on the way, some of them more than once.
            while !self.publish(name, (chance.below(3) == 0).then(|| Duration::from_millis(chance.below(1500)))) {}
            self.tally.published.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives whether the publisher came to its end.
    fn publish(&self, name: &str, killed_after: Option<Duration>) -> bool {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command
            .args(["--exact", "soak::a_package_is_added_to_what_is_there", "--nocapture"])
            .envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())))
            .env(DESTINATION, &self.address)
            .env(POOL, self.pool())
            .env(NAME, name)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(time) = killed_after {
            let begun = Instant::now();
            while begun.elapsed() < time {
                if let Some(status) = child.try_wait().unwrap() {
                    return status.success();
                }
                thread::sleep(Duration::from_millis(5));
            }
            child.kill().unwrap();
            self.tally.killed.fetch_add(1, Ordering::Relaxed);
        }
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success() || killed_after.is_some(), "{name}: {}", both(&ended));
        ended.status.success()
    }

    fn apt(&self, keys: &Path) {
        let apt = Apt::new(keys, &self.url);
        while !self.done.load(Ordering::SeqCst) {
            let seen = run(&mut apt.command(&["update"]), "apt");
            assert!(!seen.contains("W:") && !seen.contains("E:"), "{seen}");
            run(&mut apt.command(&["download", "first"]), "apt");
            self.tally.apt.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn dnf(&self, keys: &Path) {
        let dnf = Dnf::new(keys, &self.url);
        while !self.done.load(Ordering::SeqCst) {
            let seen = output(&mut dnf.command(&["--refresh", "makecache"]), "dnf");
            if both(&seen).contains("repomd.xml GPG signature verification error") {
                self.tally.straddled.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            assert!(seen.status.success(), "{}", both(&seen));
            self.tally.dnf.fetch_add(1, Ordering::Relaxed);
        }
        // When nobody publishes any more, both files are of one state.
        run(&mut dnf.command(&["--refresh", "makecache"]), "dnf");
        let seen = run(&mut dnf.command(&["repoquery", "--qf", "%{name}"]), "dnf");
        self.packages.iter().for_each(|name| assert!(seen.contains(name), "{name} is missing:\n{seen}"));
    }

    /// The state of one publisher who has published everything at once.
    fn serial(&self) -> std::collections::BTreeMap<String, Vec<u8>> {
        let all = |file: &dyn Fn(&Path, &str) -> PathBuf| {
            Selection::Exactly(self.packages.iter().map(|name| file(&self.pool(), name)).collect())
        };
        let tree = self.folder.path().join("serial");
        repo_layout::build(&site(all(&deb_of), all(&rpm_of)), &tree, &job(key())).unwrap();
        contents(&tree)
    }

    fn check(&self, destination: &dyn Destination) {
        let tally = &self.tally;
        assert_eq!(tally.published.load(Ordering::Relaxed), self.packages.len() - 1);
        assert!(tally.killed.load(Ordering::Relaxed) > 0, "nobody was killed");
        let (apt, dnf) = (tally.apt.load(Ordering::Relaxed), tally.dnf.load(Ordering::Relaxed));
        assert!(apt > 0 && dnf > 0, "apt updated {apt} times, dnf {dnf}");
        assert!(tally.straddled.load(Ordering::Relaxed) * 4 <= dnf, "dnf failed too often: {tally:?}");
        for (path, bytes) in self.serial() {
            let there = destination.read(&TreePath::new(path.as_str()).unwrap()).unwrap();
            assert!(there.is_some_and(|there| there.bytes == bytes), "{path} is not as one publisher alone writes it");
        }
        let log = journal(destination, Some(key().keyring()), SystemTime::now()).unwrap();
        assert_eq!(log.faults, Vec::<String>::new());
        let added: Vec<&String> = log.entries.iter().flat_map(|entry| &entry.added).collect();
        assert_eq!(added.len(), self.packages.len() * 2, "each package is entered once");
    }
}

#[test]
fn publishers_that_are_killed_lose_no_package_in_a_folder() {
    let mut server = None;
    let soak = Soak::new(
        |tree| tree.display().to_string(),
        |tree| {
            fs::create_dir(tree).unwrap();
            server.insert(Server::start(tree)).url()
        },
    );
    soak.run();
    println!("{:?}", soak.tally);
    let tree = Folder::new(soak.folder.path().join("tree"));
    soak.check(&tree);
    prune(&tree, Keep::CURRENT, Duration::ZERO, false, &Silent).unwrap();
    assert_eq!(contents(tree.root()), soak.serial(), "to the last file");
}

#[test]
fn publishers_that_are_killed_lose_no_package_in_object_storage() {
    let s3 = S3::start();
    let mut soak = Soak::new(|_| "s3://bucket/tree".to_owned(), |_| s3.url());
    soak.variables = s3.variables();
    soak.run();
    println!("{:?}", soak.tally);
    soak.check(&s3.tree());
}
