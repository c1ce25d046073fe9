//! Real collectd with the fragment of the module packages. That of the server is tested beside the server.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed fact")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A page on which every key has another value than 0.
const PAGE: &str = include_str!("../../nginx-module/logic/src/status/golden/eventful.json");

/// Serves [`PAGE`] to whoever asks for anything.
fn status_page() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{PAGE}", PAGE.len()).as_bytes()).unwrap();
        }
    });
    address
}

/// Ended with the test, whatever comes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The names of the files that collectd has made, without the day.
fn values(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("values/node/curl_json-wallarm_nginx")) else {
        return BTreeSet::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| name[..name.len() - "-2026-01-01".len()].to_owned()).collect()
}

#[test]
fn the_fragment_reads_every_number_of_the_status_page() {
    let folder = tempfile::Builder::new().prefix("collectd-").tempdir().unwrap();
    let place = folder.path().display();
    let fragment = std::fs::read_to_string(Path::new(ROOT).join("shared/nginx-module/collectd.conf")).unwrap();
    let address = "http://127.0.0.8/";
    assert_eq!(fragment.matches(address).count(), 1, "{fragment}");
    let fragment = fragment.replace(address, &format!("http://{}/", status_page()));
    let settings = format!(
        "Hostname \"node\"\nFQDNLookup false\nInterval 1\nBaseDir \"{place}\"\nPIDFile \"{place}/pid\"\n\
         LoadPlugin logfile\n<Plugin logfile>\n  LogLevel info\n  File \"{place}/log\"\n</Plugin>\n\
         LoadPlugin csv\n<Plugin csv>\n  DataDir \"{place}/values\"\n</Plugin>\n{fragment}"
    );
    let file = folder.path().join("collectd.conf");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new("collectd");
    command.arg("-f").arg("-C").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run collectd ({error}); install it: apt-get install collectd-core"));
    let _running = Running(child);
    let keys = fragment.lines().filter_map(|line| line.trim().strip_prefix("<Key \"")?.strip_suffix("\">"));
    let expected: BTreeSet<String> = keys.map(|key| format!("gauge-{key}")).collect();
    assert!(expected.len() > 20, "{fragment}");
    let until = Instant::now() + Duration::from_secs(60);
    while values(folder.path()) != expected {
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        assert!(Instant::now() < until, "{:?} instead of {expected:?}\n{log}", values(folder.path()));
        std::thread::sleep(Duration::from_millis(50));
    }
}
