//! The console that comes with the server.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::running::{BINARY, Running};

fn console(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn the_documented_session_works_line_by_line() {
    let server = Running::start("");
    let lines = format!(
        "require('console').connect('{}')\nwallarm.stat.export_delay()\nwallarm.stat.timeframe_size()\n\
         wallarm.stat.dropped_before_export()\nexit\nnever reached\n",
        server.local()
    );
    let output = console(&[], &lines);
    assert_eq!(text(&output), "---\n- true\n...\n---\n- 0\n...\n---\n- 0\n...\n---\n- 0\n...\n");
    assert!(output.status.success());
}

#[test]
fn single_lines_come_from_the_command_line() {
    let server = Running::start("");
    let port = server.address.port().to_string();
    let line = "return wallarm.stat.timeframe_size()";
    let output =
        console(&["--host", "127.0.0.1", "--port", &port, "-e", line, "-e", "wallarm.stat.export_delay()"], "");
    assert_eq!(text(&output), "---\n- 0\n...\n---\n- 0\n...\n");
    assert!(output.status.success());
}

#[test]
fn an_option_with_several_lines_was_not_understood() {
    let server = Running::start("");
    let port = server.address.port().to_string();
    let lines = "wallarm.stat.timeframe_size()\n\nreturn wallarm.stat.export_delay()\n";
    let output = console(&["--port", &port, "-e", lines], "");
    assert_eq!(text(&output), "---\n- 0\n...\n---\n- 0\n...\n");
    assert!(output.status.success());
}

#[test]
fn exit_among_the_options_did_not_leave() {
    let output = console(&["-e", "exit", "-e", "never reached"], "");
    assert_eq!(text(&output), "");
    assert!(output.status.success());
}

#[test]
fn bytes_that_are_no_text_ended_the_session() {
    let server = Running::start("");
    let port = server.address.port().to_string();
    let mut command = Command::new(BINARY);
    command.args(["--port", &port]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"\xff\nwallarm.stat.timeframe_size()").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output), "---\n- error: 'not understood; `help` lists what is'\n...\n---\n- 0\n...\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn ipv6_addresses_are_understood_in_both_forms() {
    let server = Running::start("HOST='::1'\n");
    let port = server.address.port().to_string();
    let output = console(&["--host", "::1", "--port", &port, "-e", "wallarm.stat.export_delay()"], "");
    assert_eq!(text(&output), "---\n- 0\n...\n");
    let output = console(&[], &format!("require('console').connect('[::1]:{port}')\n"));
    assert_eq!(text(&output), "---\n- true\n...\n");
}

#[test]
fn a_line_without_answer_is_an_error_document_and_exit_code_1() {
    let server = Running::start("");
    let port = server.address.port().to_string();
    let output = console(&["--port", &port], "os.execute('id')\nwallarm.stat.timeframe_size()\n");
    assert_eq!(text(&output), "---\n- error: 'not understood; `help` lists what is'\n...\n---\n- 0\n...\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = console(&["--port", &free.port().to_string(), "-e", "wallarm.stat.timeframe_size()"], "");
    assert_eq!(text(&output), format!("---\n- error: '{free}: Connection refused (os error 111)'\n...\n"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_server_that_is_something_else_is_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let web = std::thread::spawn(move || listener.accept().unwrap().0.write_all(&[b'H'; 200]).unwrap());
    let output = console(&["--port", &address.port().to_string(), "-e", "wallarm.stat.timeframe_size()"], "");
    web.join().unwrap();
    assert!(text(&output).contains("does not begin with ''Tarantool''"), "{}", text(&output));
}

#[test]
fn a_restarted_server_is_found_again() {
    let mut first = Running::start("");
    let address = first.local();
    let mut command = Command::new(BINARY);
    command.args(["--port", &address.port().to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut console = command.spawn().unwrap();
    let mut input = console.stdin.take().unwrap();
    let mut output = console.stdout.take().unwrap();
    let mut ask = || {
        input.write_all(b"wallarm.stat.timeframe_size()\n").unwrap();
        let mut answer = [0; 12];
        std::io::Read::read_exact(&mut output, &mut answer).unwrap();
        assert_eq!(&answer, b"---\n- 0\n...\n");
    };
    ask();
    first.signal("TERM");
    first.wait();
    let place = crate::running::Place::new();
    let settings = format!("LOGFILE={}\nPORT={}\n", place.path("log").display(), address.port());
    std::fs::write(place.path("settings"), settings).unwrap();
    let mut command = Command::new(BINARY);
    command.args(["serve", "--settings"]).arg(place.path("settings"));
    let _second = Running::spawn(place, command);
    ask();
    drop(input);
    assert!(console.wait().unwrap().success());
}

#[test]
fn help_and_version_exist() {
    let help = console(&["--help"], "");
    assert!(text(&help).contains("78  the settings"), "{}", text(&help));
    let version = console(&["--version"], "");
    assert_eq!(text(&version), format!("wtarantool {}\n", env!("CARGO_PKG_VERSION")));
    assert!(text(&console(&["-e", "help"], "")).contains("wallarm.stat.timeframe_size()"));
}
