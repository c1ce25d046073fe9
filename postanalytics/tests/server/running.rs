//! Starts the real binary and waits for it the way systemd does.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;

pub const BINARY: &str = env!("CARGO_BIN_EXE_wtarantool");

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with settings, log and notification socket of one server.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits for a line in the log that contains `text`, and gives it.
    pub fn log_line(&self, text: &str) -> String {
        wait_for(|| self.log().lines().find(|line| line.contains(text)).map(str::to_owned))
            .unwrap_or_else(|| panic!("no {text:?} in the log:\n{}", self.log()))
    }

    /// A command that serves with `settings`, with log, work folder and credentials in this place, and a port of the system's choice.
    pub fn command(&self, settings: &str) -> Command {
        let file = self.path("settings");
        let (log, work, node) = (self.path("log"), self.path("work"), self.path("node.yaml"));
        fs::create_dir_all(&work).unwrap();
        let places = format!("LOGFILE={}\nWORKDIR={}\nNODE_YAML={}\n", log.display(), work.display(), node.display());
        fs::write(&file, places + settings).unwrap();
        let mut command = Command::new(BINARY);
        command.arg("serve").arg("--settings").arg(file);
        command.arg("--init-lua").arg(self.path("init.lua")).arg("--any-port");
        command.env_remove("NOTIFY_SOCKET").stdin(Stdio::null());
        command
    }
}

/// Tries until `attempt` gives something.
pub fn wait_for<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return Some(found);
        }
        if start.elapsed() > PATIENCE {
            return None;
        }
        sleep(Duration::from_millis(20));
    }
}

/// Sends a signal by the program that everybody has.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap();
    assert!(status.success());
}

/// A server that said it is ready.
pub struct Running {
    pub place: Place,
    pub child: Child,
    pub address: SocketAddr,
    socket: UnixDatagram,
}

impl Running {
    pub fn start(settings: &str) -> Self {
        let place = Place::new();
        let command = place.command(settings);
        Self::spawn(place, command)
    }

    pub fn spawn(place: Place, mut command: Command) -> Self {
        // What an earlier server of this place left would be taken for this one's.
        for left in ["notify", "log"] {
            let _ = fs::remove_file(place.path(left));
        }
        let socket = UnixDatagram::bind(place.path("notify")).unwrap();
        command.env("NOTIFY_SOCKET", place.path("notify"));
        let child = command.spawn().unwrap();
        let mut running = Self { place, child, address: SocketAddr::from(([0; 4], 0)), socket };
        assert_eq!(running.notification(), "READY=1", "log:\n{}", running.place.log());
        let line = running.place.log_line("ready to accept requests on ");
        let address = line.split(" on ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
        running.address = address.parse().unwrap();
        running
    }

    /// The next thing that the server tells its service manager.
    pub fn notification(&self) -> String {
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 64];
        let length =
            self.socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{error}; log:\n{}", self.place.log()));
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// Where a local client reaches the server.
    pub fn local(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.address.port()))
    }

    pub fn client(&self) -> Client<TcpStream> {
        Client::connect(self.local())
    }

    /// The place, for the next server; this one is ended if it has not.
    pub fn into_place(mut self) -> Place {
        std::mem::replace(&mut self.place, Place::new())
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    pub fn wait(&mut self) -> ExitStatus {
        wait_for(|| self.child.try_wait().unwrap()).expect("the server does not end")
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// Address space in bytes.
    pub fn address_space(&self) -> u64 {
        self.memory("VmSize:")
    }

    fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// The page of the metrics endpoint.
    pub fn get(&self, request: &str) -> String {
        let line = self.place.log_line("metrics on http://");
        let address = line.split("http://").nth(1).unwrap().trim_end_matches("/metrics");
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The state, as `wtarantool status --json` prints it.
    pub fn state(&self) -> Value {
        let socket = self.place.path("work").join("status.sock");
        let output = Command::new(BINARY).args(["status", "--json", "--socket"]).arg(socket).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A number of the state, such as `/hits/made`.
    pub fn count(&self, pointer: &str) -> u64 {
        let state = self.state();
        state.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {state}"))
    }

    /// One metric.
    pub fn metric(&self, name: &str) -> f64 {
        let page = self.get("GET /metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("wallarm_tarantool_{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended on its own, which is what some tests are about.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of the system; without it the test fails and names the Debian package.
pub fn program(name: &str, package: &str) -> Command {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).exists()));
    assert!(found, "{name} is missing: apt install {package}");
    Command::new(name)
}

/// A file of this package's tests.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}
