//! The export with a Cloud that fails in every way that the script of `fake-cloud` knows.

mod day;
mod faults;
mod lifetime;
mod minutes;
mod queue;
mod refusals;
mod registration;
mod way;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloud_api::{backoff, dispatch};
use fake_cloud::{Answer, Builder, FakeCloud, Script};
use tempfile::TempDir;

use super::context::{Pace, Queue};
use super::{Context, Exporter, Figures};
use crate::log::Log;
use minutes::Counted;
use queue::MemoryQueue;

const UUID: &str = "8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11";
const SECRET: &str = "s3cret-of-the-node";

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine with a queue, a log, and an export that finds its Cloud in `node.yaml`.
struct Scene {
    folder: TempDir,
    queue: Arc<MemoryQueue>,
    counted: Arc<Counted>,
    pace: Pace,
}

impl Scene {
    fn new() -> Self {
        let scene = Self {
            folder: tempfile::tempdir().unwrap(),
            queue: Arc::new(MemoryQueue::default()),
            counted: Arc::new(Counted::default()),
            pace: quick(),
        };
        std::fs::create_dir(scene.folder.path().join("spool")).unwrap();
        scene
    }

    /// A registered machine, whose Cloud answers its calls so.
    fn with(answers: &[Answer]) -> (Self, FakeCloud) {
        let cloud = cloud(&Script::in_turn(answers));
        let scene = Self::new();
        scene.register(&cloud, "");
        (scene, cloud)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Registration wrote its file.
    fn register(&self, cloud: &FakeCloud, more: &str) {
        self.write("node.yaml", &node_yaml(SECRET, &cloud.address.ip().to_string(), cloud.address.port(), more));
    }

    fn start(&self) -> Exporter {
        self.start_with(self.queue.clone())
    }

    fn start_with(&self, queue: Arc<dyn Queue>) -> Exporter {
        Exporter::start(Context {
            queue,
            minutes: self.counted.clone(),
            log: Arc::new(Log::open(&self.path("tarantool.log")).unwrap()),
            node_yaml: self.path("node.yaml"),
            environment: self.path("environment"),
            set_aside: self.path("spool/set-aside.jsonl"),
            pace: self.pace,
        })
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("tarantool.log")).unwrap_or_default()
    }

    /// Lines of the log in which all of `words` are.
    fn lines(&self, words: &[&str]) -> Vec<String> {
        let log = self.log();
        log.lines().filter(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned).collect()
    }
}

fn node_yaml(secret: &str, host: &str, port: u16, more: &str) -> String {
    let tls = if more.contains("ca_") { "" } else { "  use_ssl: false\n" };
    format!("uuid: {UUID}\nsecret: {secret}\napi:\n  host: {host}\n  port: {port}\n{tls}{more}")
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn builder() -> Builder {
    FakeCloud::builder().node(UUID, SECRET)
}

/// A Cloud that answers calls with hits so, and takes all others.
fn cloud(script: &Script) -> FakeCloud {
    builder().script(script.clone().only(fake_cloud::Endpoint::Hits)).start(listener()).unwrap()
}

/// Times a hundred or more times shorter than those of a server, but for the hour after a refusal.
fn quick() -> Pace {
    let millis = Duration::from_millis;
    Pace {
        dispatch: dispatch::Pace {
            backoff: backoff::Pace { shortest: millis(5), longest: millis(100), longest_asked: millis(200) },
            ..dispatch::Pace::default()
        },
        look: millis(20),
        minute: Duration::from_secs(3600),
    }
}

/// Waits until this is so.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until every hit has come to its end; returns the figures.
#[track_caller]
fn finished(scene: &Scene, exporter: &Exporter) -> Figures {
    let ended = |figures: &Figures| figures.exported + figures.rejected;
    until("all hits have come to their end", || ended(&exporter.figures()) >= scene.queue.pushed());
    let figures = exporter.figures();
    assert_eq!(scene.queue.open(), 0);
    assert_eq!(figures.in_flight, 0);
    assert_eq!(ended(&figures), scene.queue.pushed(), "{figures:?}");
    figures
}
