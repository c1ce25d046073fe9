//! A real S3 server, and trees that are published to it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use repo_layout::destination::{Condition, Content, Destination, ObjectStorage, Settings};
use repo_layout::{
    Change, Error, Event, Listener, Publisher, Selection, Silent, Site, Summary, TreePath, YumRepository,
};

use crate::apt::Apt;
use crate::fixture::{Fixture, commit_time, deb, key, output, run, sign_rpm, unsigned_rpm};
use crate::http;
use crate::yum::Dnf;

/// moto in a process of its own, with one bucket; it ends with this value.
pub struct S3 {
    pub address: SocketAddr,
    process: Child,
}

impl S3 {
    pub fn start() -> Self {
        let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s3-server/serve.py");
        let mut process = Command::new(python())
            .arg(server)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port.trim().parse().unwrap()));
        let this = Self { address, process };
        let bucket = format!("http://{address}/bucket");
        run(Command::new("curl").args(["-fsS", "-X", "PUT", &bucket]), "curl");
        // Anybody may read: apt and dnf have no credentials.
        let everybody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
            "Resource":"arn:aws:s3:::bucket/*"}]}"#;
        let mut policy = Command::new("curl");
        policy.args(["-fsS", "-X", "PUT", "-H", "Content-Type: application/json", "-d", everybody]);
        run(policy.arg(format!("{bucket}?policy")), "curl");
        this
    }

    /// The tree in the bucket.
    pub fn tree(&self) -> ObjectStorage {
        tree_at(self.address, "s3://bucket/tree", Duration::from_secs(20), 3)
    }

    /// What a process needs in its environment to publish there.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        variables(self.address)
    }

    /// Where readers find it.
    pub fn url(&self) -> String {
        format!("http://{}/bucket/tree", self.address)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn variables(address: SocketAddr) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
    ]
}

/// A tree at a server, with so much patience for a request.
fn tree_at(address: SocketAddr, tree: &str, request: Duration, retries: usize) -> ObjectStorage {
    let variables: BTreeMap<_, _> =
        variables(address).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    ObjectStorage::open(tree, &Settings { variables, request, retries }).unwrap()
}

/// A Python with the pinned packages, made once and kept beside the build.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s3-server/requirements.txt");
        let pinned = fs::read_to_string(&requirements).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("s3-server");
        let (python, made_from) = (folder.join("bin/python"), folder.join("made-from.txt"));
        if fs::read_to_string(&made_from).is_ok_and(|made| made == pinned) {
            return python;
        }
        // A half-made one has no made-from.txt and is made anew.
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), "python3-venv");
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
        run(&mut pip, "python3-venv");
        fs::write(made_from, pinned).unwrap();
        python
    })
}

fn publisher() -> Publisher<'static> {
    Publisher { wait: Duration::from_secs(120), ..Publisher::new(key(), commit_time()) }
}

fn publish(fixture: &Fixture, tree: &dyn Destination, listener: &dyn Listener) -> Result<Summary, Error> {
    repo_layout::publish(&fixture.site, tree, &publisher(), listener)
}

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

#[test]
fn conditions_hold_on_a_real_server() {
    let s3 = S3::start();
    let tree = s3.tree();
    let put = |text: &'static str, condition: &Condition| {
        tree.put(&path("a/b+c~d"), &Content::Bytes(text.as_bytes()), condition).unwrap()
    };
    let first = put("1", &Condition::Absent).unwrap();
    assert_eq!(put("2", &Condition::Absent), None);
    let second = put("2", &Condition::Unchanged(first.clone())).unwrap();
    assert_eq!(put("3", &Condition::Unchanged(first)), None);
    let found = tree.read(&path("a/b+c~d")).unwrap().unwrap();
    assert_eq!((found.bytes.as_slice(), &found.tag), (b"2".as_slice(), &second));
    assert_eq!(tree.list(&path("a")).unwrap().len(), 1);
    assert_eq!(tree.list(&path("b")).unwrap(), []);
    tree.copy(&path("a/b+c~d"), &path("b/copy")).unwrap();
    let mut text = String::new();
    tree.open(&path("b/copy")).unwrap().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "2");
    assert!(tree.stat(&path("b/copy")).unwrap().unwrap().sha256.is_some(), "the note goes with the copy");
    tree.remove(&path("b/copy")).unwrap();
    tree.remove(&path("b/copy")).unwrap();
    assert!(tree.stat(&path("b/copy")).unwrap().is_none());
    assert!(tree.open(&path("b/copy")).unwrap().is_none());
}

#[test]
fn a_large_file_goes_up_in_parts() {
    let s3 = S3::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.deb");
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|number| (number >> 8) as u8).collect();
    fs::write(&file, &bytes).unwrap();
    let checksum = repo_layout::Checksum::of(&bytes);
    let content = Content::Copy { source: &file, checksum: &checksum };
    let tree = s3.tree();
    tree.put(&path("pool/large.deb"), &content, &Condition::Always).unwrap();
    let mut there = Vec::new();
    tree.open(&path("pool/large.deb")).unwrap().unwrap().read_to_end(&mut there).unwrap();
    assert!(there == bytes);
    assert_eq!(tree.stat(&path("pool/large.deb")).unwrap().unwrap().sha256, Some(checksum.sha256.clone()));

    fs::write(&file, [&bytes[..], b"more"].concat()).unwrap();
    let changed = tree.put(&path("pool/other.deb"), &content, &Condition::Always).unwrap_err();
    assert!(matches!(changed, Error::Changed { .. }), "{changed}");
    assert!(tree.stat(&path("pool/other.deb")).unwrap().is_none());
}

#[test]
fn apt_and_dnf_read_a_tree_from_object_storage_before_and_after_a_release() {
    let s3 = S3::start();
    let (tree, mut fixture) = (s3.tree(), Fixture::new());
    // The key is what a reader has from elsewhere.
    fixture.build().unwrap();
    publish(&fixture, &tree, &Silent).unwrap();
    let apt = Apt::new(&fixture.tree(), &s3.url());
    let dnf = Dnf::new(&fixture.tree(), &s3.url());
    let check = || {
        let seen = run(&mut apt.command(&["update"]), "apt");
        assert!(!seen.contains("W:") && !seen.contains("E:"), "{seen}");
        run(&mut apt.command(&["download", "alpha", "beta"]), "apt");
        run(&mut dnf.command(&["--refresh", "makecache"]), "dnf");
    };
    check();
    deb(&fixture.pool(), "beta", "2.0-2", "all");
    let debs = ["alpha_1.0-1_amd64.deb", "beta_2.0-2_all.deb"].map(|name| fixture.pool().join(name));
    fixture.site.suites[0].packages = debs.to_vec().into();
    fixture.site.yum[0].bootstrap.clear();
    publish(&fixture, &tree, &Silent).unwrap();
    check();
    let seen = run(&mut dnf.command(&["install", "gamma"]), "dnf");
    assert!(seen.contains("Complete!"), "{seen}");
}

#[test]
fn caches_are_told_what_changes_and_what_does_not() {
    let s3 = S3::start();
    let fixture = Fixture::new();
    publish(&fixture, &s3.tree(), &Silent).unwrap();
    let head = |path: &str| {
        run(Command::new("curl").args(["-fsS", "-D", "-", "-o", "/dev/null", &format!("{}/{path}", s3.url())]), "curl")
    };
    let release = head("debian/wallarm-node/bookworm/4.8/InRelease");
    assert!(release.contains("no-cache") && release.contains("text/plain"), "{release}");
    let package = head("debian/wallarm-node/bookworm/4.8/pool/alpha_1.0-1_amd64.deb");
    assert!(package.contains("immutable") && package.contains("application/vnd.debian.binary-package"), "{package}");
}

/// A change of one package, by a publisher with little patience.
fn add(fixture: &Fixture, package: &Path, tree: &dyn Destination) -> Result<Summary, Error> {
    let change = Change { add: vec![package.to_path_buf()], ..Change::default() };
    let repository = YumRepository { packages: Selection::Change(change), ..fixture.site.yum[0].clone() };
    let site = Site { yum: vec![repository], ..Site::default() };
    repo_layout::publish(&site, tree, &Publisher { wait: Duration::ZERO, ..publisher() }, &Silent)
}

#[test]
fn a_publisher_that_was_killed_before_the_signature_of_repomd_stops_nobody() {
    let s3 = S3::start();
    let (tree, mut fixture) = (s3.tree(), Fixture::new());
    fixture.site.yum[0].bootstrap.clear();
    fixture.build().unwrap();
    let signature = path("centos/wallarm-node/8/4.8/x86_64/repodata/repomd.xml.asc");
    publish(&fixture, &tree, &Silent).unwrap();
    let older = tree.read(&signature).unwrap().unwrap().bytes;
    // At the first publication there is no signature yet, at any other one it is that of the state before.
    tree.remove(&signature).unwrap();
    let unsigned = tempfile::tempdir().unwrap();
    let new = |name| sign_rpm(&unsigned_rpm(unsigned.path(), name, "1.0", "1.el8", "x86_64"), &fixture.pool(), key());
    add(&fixture, &new("delta"), &tree).unwrap();
    tree.put(&signature, &Content::Bytes(&older), &Condition::Always).unwrap();
    add(&fixture, &new("epsilon"), &tree).unwrap();
    let dnf = Dnf::new(&fixture.tree(), &s3.url());
    let seen = run(&mut dnf.command(&["--refresh", "install", "gamma", "delta", "epsilon"]), "dnf");
    assert!(seen.contains("Complete!"), "{seen}");
    // Whoever tries again what was published but for the signature brings that, too.
    tree.put(&signature, &Content::Bytes(&older), &Condition::Always).unwrap();
    add(&fixture, &fixture.pool().join("epsilon-1.0-1.el8.x86_64.rpm"), &tree).unwrap();
    run(&mut dnf.command(&["--refresh", "makecache"]), "dnf");
}

/// Counts what is sent.
#[derive(Default)]
struct Sent(std::sync::Mutex<Vec<String>>);

impl Listener for Sent {
    fn event(&self, event: &Event<'_>) {
        if let Event::Publishing(path) = event {
            self.0.lock().unwrap().push(path.to_string());
        }
    }
}

#[test]
fn what_is_there_is_not_sent_again() {
    let s3 = S3::start();
    let (tree, fixture) = (s3.tree(), Fixture::new());
    // An interrupted run has sent a package, and no more.
    let package = fixture.pool().join("alpha_1.0-1_amd64.deb");
    let checksum = repo_layout::Checksum::of(&fs::read(&package).unwrap());
    let name = path("debian/wallarm-node/bookworm/4.8/pool/alpha_1.0-1_amd64.deb");
    tree.put(&name, &Content::Copy { source: &package, checksum: &checksum }, &Condition::Always).unwrap();
    let sent = Sent::default();
    assert!(publish(&fixture, &tree, &sent).unwrap().written > 10);
    assert!(!sent.0.lock().unwrap().contains(&name.to_string()), "{:?}", sent.0.lock().unwrap());

    let sent = Sent::default();
    assert_eq!(publish(&fixture, &tree, &sent).unwrap().written, 0);
    assert_eq!(*sent.0.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn another_package_of_a_published_name_is_refused() {
    let s3 = S3::start();
    let (tree, fixture) = (s3.tree(), Fixture::apt_only());
    publish(&fixture, &tree, &Silent).unwrap();
    let before = tree.read(&path("debian/wallarm-node/bookworm/4.8/InRelease")).unwrap();
    crate::fixture::deb_with(&fixture.pool(), "alpha", "1.0-1", "amd64", "something else\n");
    let refused = publish(&fixture, &tree, &Silent).unwrap_err();
    assert!(matches!(refused, Error::Replaced { .. }), "{refused}");
    assert_eq!(tree.read(&path("debian/wallarm-node/bookworm/4.8/InRelease")).unwrap(), before);
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    let s3 = S3::start();
    let tree = tree_at(s3.address, "s3://nowhere/tree", Duration::from_secs(10), 0);
    let refused = publish(&Fixture::apt_only(), &tree, &Silent).unwrap_err();
    assert!(refused.to_string().contains("s3://nowhere/tree"), "{refused}");
}

#[test]
fn a_destination_that_fails_cuts_off_or_stalls_leaves_the_old_state_whole() {
    let s3 = S3::start();
    let mut fixture = Fixture::apt_only();
    publish(&fixture, &s3.tree(), &Silent).unwrap();
    deb(&fixture.pool(), "beta", "2.0-2", "all");
    let debs = ["alpha_1.0-1_amd64.deb", "beta_2.0-2_all.deb"].map(|name| fixture.pool().join(name));
    fixture.site.suites[0].packages = debs.to_vec().into();
    let entry = path("debian/wallarm-node/bookworm/4.8/InRelease");
    let before = s3.tree().read(&entry).unwrap();
    for fault in [http::Fault::Error, http::Fault::CutOff, http::Fault::Stall] {
        for part in ["pool/beta_2.0-2_all.deb", "by-hash", "InRelease", ".wallarm-repo/generations"] {
            let proxy = http::Faulty::start(s3.address, part, fault);
            let tree = tree_at(proxy.address, "s3://bucket/tree", Duration::from_millis(1500), 0);
            let impatient = Publisher { wait: Duration::ZERO, ..publisher() };
            let failed = repo_layout::publish(&fixture.site, &tree, &impatient, &Silent).unwrap_err();
            assert!(matches!(failed, Error::Destination { .. }), "{fault:?} of {part}: {failed}");
            assert!(failed.to_string().contains("s3://bucket/tree/"), "{failed}");
            assert_eq!(s3.tree().read(&entry).unwrap(), before, "{fault:?} of {part}");
        }
    }
    // What has come through all the same is used by the next run.
    publish(&fixture, &s3.tree(), &Silent).unwrap();
    fixture.build().unwrap();
    let apt = Apt::new(&fixture.tree(), &s3.url());
    run(&mut apt.command(&["update"]), "apt");
    assert!(output(&mut apt.command(&["download", "beta=2.0-2"]), "apt").status.success());
}
