//! Real collectd with the fragment that packages ship.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::client::record;
use crate::impostor::nobody;
use crate::running::{BINARY, Running, fixture, program, signal, wait_for};

/// A collectd that keeps what it reads as CSV in a folder of its own.
struct Collectd {
    folder: tempfile::TempDir,
    child: Child,
}

impl Collectd {
    /// Starts it with the shipped fragment, in which `edits` are made as an administrator would.
    fn start(edits: &[(&str, &str)]) -> Self {
        // It writes to no folder whose name begins with a dot.
        let folder = tempfile::Builder::new().prefix("collectd-").tempdir().unwrap();
        let place = folder.path().display();
        // collectd runs the program as nobody, who may not look into a checkout.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let binary = folder.path().join("wtarantool");
        fs::copy(BINARY, &binary).unwrap();
        let mut fragment =
            fs::read_to_string(fixture("../../packaging/packages/wallarm-tarantool/files/collectd.conf")).unwrap();
        let binary = binary.display().to_string();
        let user = user();
        for (from, to) in [("/usr/bin/wtarantool", binary.as_str()), ("\"nobody\"", &user)].iter().chain(edits) {
            assert_eq!(fragment.matches(from).count(), 1, "{from} in\n{fragment}");
            fragment = fragment.replace(from, to);
        }
        let included = folder.path().join("wallarm-collectd.conf.d");
        fs::create_dir(&included).unwrap();
        fs::write(included.join("wallarm-tarantool.conf"), fragment).unwrap();
        let settings = format!(
            "Hostname \"node\"\nFQDNLookup false\nInterval 1\nBaseDir \"{place}\"\nPIDFile \"{place}/pid\"\n\
             LoadPlugin logfile\n<Plugin logfile>\n  LogLevel info\n  File \"{place}/log\"\n</Plugin>\n\
             LoadPlugin csv\n<Plugin csv>\n  DataDir \"{place}/values\"\n</Plugin>\n\
             Include \"{place}/wallarm-collectd.conf.d/*.conf\"\n"
        );
        fs::write(folder.path().join("collectd.conf"), settings).unwrap();
        let mut command = program("collectd", "collectd-core");
        command.arg("-f").arg("-C").arg(folder.path().join("collectd.conf"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { folder, child }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn file(&self, identifier: &str) -> Option<PathBuf> {
        let folder = fs::read_dir(self.folder.path().join("values/node/wallarm-tarantool")).ok()?;
        // The file is called after the day, too.
        let is_it = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.strip_prefix(identifier).is_some_and(|day| day.starts_with('-') && day.len() == "-2026-01-01".len())
        };
        folder.map(|entry| entry.unwrap().path()).find(is_it)
    }

    /// The last whole line: time and value.
    fn value(&self, identifier: &str) -> Option<f64> {
        let text = fs::read_to_string(self.file(identifier)?).ok()?;
        let whole = &text[..=text.rfind('\n')?];
        whole.lines().last()?.split_once(',')?.1.parse().ok()
    }

    fn soon(&self, fact: &str, holds: impl Fn(&Self) -> bool) {
        wait_for(|| holds(self).then_some(())).unwrap_or_else(|| panic!("not so: {fact}\n{}", self.log()));
    }
}

impl Drop for Collectd {
    fn drop(&mut self) {
        // It ends the program that it runs only when it is asked to end.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// collectd changes to another user only as root, and runs nothing as root.
fn user() -> String {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let name = if is_root { b"nobody".to_vec() } else { Command::new("id").arg("-un").output().unwrap().stdout };
    format!("\"{}\"", String::from_utf8(name).unwrap().trim())
}

#[test]
fn the_fragment_gives_every_documented_value_of_the_server_it_names() {
    let server = Running::start("");
    for number in 0..3 {
        server.client().push(&record(number, 1000, "body"));
    }
    let port = format!("Port \"{}\"", server.address.port());
    let collectd = Collectd::start(&[("Port \"3313\"", &port), ("Host \"127.0.0.1\"", "Host \"localhost\"")]);
    for (identifier, expected) in [
        ("counter-last_request_id", 3.0),
        ("gauge-last_request_id", 3.0),
        ("gauge-export_drops_flag", 0.0),
        ("gauge-export_drops", 0.0),
        ("derive-export_drops", 0.0),
        ("gauge-export_delay", 0.0),
    ] {
        collectd.soon(identifier, |collectd| collectd.value(identifier) == Some(expected));
    }
    collectd.soon("the timeframe grows", |collectd| collectd.value("gauge-timeframe_size") > Some(0.0));
    let log = collectd.log();
    assert!(!log.to_lowercase().contains("error") && !log.contains("warn"), "{log}");
}

#[test]
fn words_without_quotes_do_as_well() {
    let server = Running::start("");
    let port = format!("Port {}", server.address.port());
    let collectd = Collectd::start(&[("Port \"3313\"", &port), ("Host \"127.0.0.1\"", "Host 127.0.0.1")]);
    collectd.soon("values", |collectd| collectd.value("gauge-export_delay") == Some(0.0));
}

#[test]
fn a_server_that_is_away_is_named_once_and_its_values_go_on_when_it_is_back() {
    let address = nobody();
    let port = format!("Port \"{}\"", address.port());
    let collectd = Collectd::start(&[("Port \"3313\"", &port)]);
    let complaint = format!("{address}: Connection refused");
    collectd.soon("a complaint", |collectd| collectd.log().contains(&complaint));
    assert!(collectd.file("gauge-export_delay").is_none());
    let place = crate::running::Place::new();
    let settings = format!("LOGFILE={}\nPORT={}\n", place.path("log").display(), address.port());
    fs::write(place.path("settings"), settings).unwrap();
    let mut command = Command::new(BINARY);
    command.args(["serve", "--settings"]).arg(place.path("settings"));
    let _server = Running::spawn(place, command);
    collectd.soon("values", |collectd| collectd.value("gauge-export_delay") == Some(0.0));
    let log = collectd.log();
    assert!(log.contains("the server answers again"), "{log}");
    assert_eq!(log.matches(&complaint).count(), 1, "{log}");
}

#[test]
fn the_program_ends_with_collectd() {
    let port = format!("Port \"{}\"", nobody().port());
    let mut collectd = Collectd::start(&[("Port \"3313\"", &port)]);
    collectd.soon("the program runs", |collectd| collectd.log().contains("Connection refused"));
    let binary = collectd.folder.path().join("wtarantool");
    let running = || fs::read_dir("/proc").unwrap().any(|entry| runs(&entry.unwrap().path(), &binary));
    assert!(running());
    signal(collectd.child.id(), "TERM");
    collectd.child.wait().unwrap();
    wait_for(|| (!running()).then_some(())).expect("the program runs on");
}

fn runs(process: &Path, binary: &Path) -> bool {
    fs::read_link(process.join("exe")).is_ok_and(|exe| exe == binary)
}

#[test]
fn a_wrong_key_of_the_fragment_is_named_in_the_log() {
    let collectd = Collectd::start(&[("Port \"3313\"", "Prot \"3313\"")]);
    collectd.soon("it is named", |collectd| collectd.log().contains("unknown key `Prot`; known: Host, Port"));
}
