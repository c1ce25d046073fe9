//! Stock clients, unchanged: each connects, pings and reads `wallarm.stat.timeframe_size()`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::client::record;
use crate::running::{Running, fixture, program, wait_for};

/// A server with a record that has an age.
fn server_with_a_record() -> Running {
    let server = Running::start("");
    let mut client = server.client();
    client.push(&record(1, 1000, "body"));
    wait_for(|| (client.call("wallarm.stat.timeframe_size").number() > 0.0).then_some(())).unwrap();
    server
}

#[test]
fn the_console_of_tarantool_2_6_connects_and_reads_the_timeframe() {
    let server = server_with_a_record();
    for line in ["wallarm.stat.timeframe_size()", "return wallarm.stat.timeframe_size()\n"] {
        let mut command = program("tarantoolctl", "tarantool");
        command.args(["connect", &server.local().to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let (text, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        let number = text.trim().strip_prefix("---\n- ").and_then(|rest| rest.strip_suffix("\n..."));
        let age: f64 = number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{text}\n{error}"));
        assert!(age > 0.0);
    }
}

#[test]
fn net_box_of_tarantool_2_6_pings_and_calls() {
    let server = server_with_a_record();
    let script = format!(
        "local c = require('net.box').connect('{}') print(c:ping(), c:call('wallarm.stat.timeframe_size') > 0) os.exit(0)",
        server.local()
    );
    let output = program("tarantool", "tarantool").args(["-e", &script]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "true\ttrue\n");
}

#[test]
fn tarantool_and_asynctnt_of_pypi_connect_ping_and_call() {
    let server = server_with_a_record();
    let output = Command::new(python())
        .arg(fixture("clients/stock_clients.py"))
        .arg(server.address.port().to_string())
        .output()
        .unwrap();
    let (text, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(text, "tarantool ok\nasynctnt ok\n", "{error}");
}

#[tokio::test]
async fn the_crate_tarantool_rs_connects_pings_and_calls() {
    use tarantool_rs::{Connection, ExecutorExt};
    let server = server_with_a_record();
    let connection = Connection::builder().build(server.local()).await.unwrap();
    connection.ping().await.unwrap();
    let age: f64 = connection.call("wallarm.stat.timeframe_size", ()).await.unwrap().decode_first().unwrap();
    assert!(age > 0.0);
}

/// A Python with the pinned packages, made once and kept beside the build.
fn python() -> PathBuf {
    let requirements = fixture("clients/requirements.txt");
    let pinned = fs::read_to_string(&requirements).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stock-clients");
    let (python, made_from) = (folder.join("bin/python"), folder.join("made-from.txt"));
    if fs::read_to_string(&made_from).is_ok_and(|made| made == pinned) {
        return python;
    }
    // A half-made one has no made-from.txt and is made anew.
    let venv = program("python3", "python3-venv").args(["-m", "venv", "--clear"]).arg(&folder).output().unwrap();
    assert!(
        venv.status.success(),
        "python3 -m venv failed: apt install python3-venv\n{}",
        String::from_utf8_lossy(&venv.stdout)
    );
    let pip = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(requirements)
        .output()
        .unwrap();
    assert!(pip.status.success(), "pip failed:\n{}", String::from_utf8_lossy(&pip.stderr));
    fs::write(made_from, pinned).unwrap();
    python
}
