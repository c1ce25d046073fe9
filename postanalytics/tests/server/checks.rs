//! The plugins of package `wallarm-monitoring`, as Nagios runs them.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::client::record;
use crate::impostor::{answering, listening, nobody};
use crate::running::{BINARY, Running, fixture};

const TIMEFRAME: &str = "check_wallarm_tarantool_timeframe";
const DELAY: &str = "check_wallarm_export_delay";
const DROPS: &str = "check_wallarm_export_drops";

/// Runs the packaged script and gives its output and exit code.
fn plugin(name: &str, path: &OsString, arguments: &[&str]) -> (String, i32) {
    let script = fixture("../../packaging/packages/wallarm-monitoring/files").join(name);
    let mut command = Command::new("/bin/sh");
    command.arg(script).args(arguments).env("PATH", path).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// The plugin against the server at `address`.
fn check(name: &str, address: SocketAddr, arguments: &[&str]) -> (String, i32) {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let path = Path::new(BINARY).parent().unwrap().as_os_str().to_owned();
    plugin(name, &path, &[&["-H", &host, "-p", &port], arguments].concat())
}

/// The line must be one, in the form that the guidelines give.
fn state_of((line, code): &(String, i32)) -> &'static str {
    let state = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::try_from(*code).unwrap()];
    assert!(line.starts_with(&format!("{state} - ")), "{line}");
    assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
    assert_eq!(line.matches('|').count(), usize::from(state != "UNKNOWN"), "{line}");
    state
}

fn data((line, _): &(String, i32)) -> &str {
    line.split_once(" | ").unwrap().1.trim_end()
}

#[test]
fn a_server_without_requests_is_critical_and_says_how_long_it_has_been_up() {
    let server = Running::start("");
    let said = check(TIMEFRAME, server.local(), &["-w", "1800", "-c", "900"]);
    assert_eq!(state_of(&said), "CRITICAL");
    assert!(said.0.starts_with("CRITICAL - no request is stored, the server is up for "), "{}", said.0);
    assert_eq!(data(&said), "timeframe=0s;1800:;900:;0");
}

#[test]
fn a_young_server_is_held_to_the_limits_as_any_other() {
    let server = Running::start("");
    server.client().push(&record(1, 1000, "body"));
    assert_eq!(state_of(&check(TIMEFRAME, server.local(), &[])), "CRITICAL");
    assert_eq!(state_of(&check(TIMEFRAME, server.local(), &["-c", "0"])), "WARNING");
    assert_eq!(state_of(&check(TIMEFRAME, server.local(), &["-w", "0", "-c", "0"])), "OK");
}

#[test]
fn a_server_of_ours_delays_nothing_and_loses_nothing() {
    let server = Running::start("");
    let delay = check(DELAY, server.local(), &["-w", "120", "-c", "300"]);
    assert_eq!((state_of(&delay), data(&delay)), ("OK", "export_delay=0s;120;300;0"));
    let drops = check(DROPS, server.local(), &[]);
    assert_eq!((state_of(&drops), data(&drops)), ("OK", "export_drops=0c;;;0 export_drops_flag=0;;;0"));
}

/// A server with this figure, and nothing else to tell.
fn with_figure(figure: &'static str, value: f64) -> SocketAddr {
    answering(move |name, writer| {
        writer.float(if name == format!("wallarm.stat.{figure}") { value } else { 12345.0 });
    })
}

#[test]
fn ages_below_the_limits_are_warning_and_critical() {
    for (age, expected) in [(1800.0, "OK"), (1799.9, "WARNING"), (900.0, "WARNING"), (899.9, "CRITICAL")] {
        let said = check(TIMEFRAME, with_figure("timeframe_size", age), &[]);
        assert_eq!(state_of(&said), expected, "{}", said.0);
        assert!(said.0.contains(&format!("the oldest stored request is {age} s old")), "{}", said.0);
        assert_eq!(data(&said), format!("timeframe={age}s;1800:;900:;0"));
    }
}

#[test]
fn delays_above_the_limits_are_warning_and_critical() {
    for (delay, expected) in [(120.0, "OK"), (120.5, "WARNING"), (300.0, "WARNING"), (300.5, "CRITICAL")] {
        let said = check(DELAY, with_figure("export_delay", delay), &[]);
        assert_eq!(state_of(&said), expected, "{}", said.0);
        assert_eq!(data(&said), format!("export_delay={delay}s;120;300;0"));
    }
}

#[test]
fn ranges_of_the_guidelines_are_understood() {
    let late = with_figure("export_delay", 50.0);
    for (range, expected) in [("@40:60", "CRITICAL"), ("~:60", "OK"), ("60:", "CRITICAL"), ("40:60", "OK")] {
        let said = check(DELAY, late, &["--critical", range]);
        assert_eq!(state_of(&said), expected, "{range}");
        assert_eq!(data(&said), format!("export_delay=50s;120;{range};0"));
    }
}

#[test]
fn attacks_lost_lately_are_critical_and_those_of_old_are_not() {
    for (flag, expected) in [(1, "CRITICAL"), (0, "OK")] {
        let server = answering(move |name, writer| {
            writer.uint(if name == "wallarm.stat.export_drops_flag" { flag } else { 7 });
        });
        let said = check(DROPS, server, &[]);
        assert_eq!(state_of(&said), expected);
        assert_eq!(data(&said), format!("export_drops=7c;;;0 export_drops_flag={flag};;;0"));
    }
}

#[test]
fn nobody_there_is_unknown() {
    for name in [TIMEFRAME, DELAY, DROPS] {
        let said = check(name, nobody(), &[]);
        assert_eq!(state_of(&said), "UNKNOWN");
        assert!(said.0.contains("Connection refused"), "{}", said.0);
    }
}

#[test]
fn nonsense_is_unknown() {
    let float = |value: f64| [&[0xcb][..], &value.to_be_bytes()].concat();
    let text = b"\xb91900 | timeframe=1900s\nOK".to_vec();
    assert_eq!(text.len(), 1 + usize::from(text[0] & 0x1f));
    for lie in [float(f64::NAN), float(f64::INFINITY), float(-1.0), text, vec![0xff], vec![0x90], vec![0xc1]] {
        let server = answering(move |_, writer| {
            writer.raw(&lie);
        });
        for name in [TIMEFRAME, DELAY, DROPS] {
            let said = check(name, server, &[]);
            assert_eq!(state_of(&said), "UNKNOWN");
            assert!(said.0.contains("is no figure") || said.0.contains("cannot be read"), "{}", said.0);
        }
    }
}

#[test]
fn an_answer_to_another_question_is_unknown() {
    let server = listening(|mut stream| {
        let greeting = iproto::greeting::encode("2.11.0", "", &[7; 32]);
        let mut answer = Vec::new();
        iproto::response::write_data(&mut answer, 99, |writer| {
            writer.array(1).float(1900.0);
        });
        // It may have heard enough before all is said.
        let _ = stream.write_all(&[&greeting[..], &answer].concat());
        let _ = stream.read(&mut [0; 64]);
    });
    let said = check(TIMEFRAME, server, &[]);
    assert_eq!(state_of(&said), "UNKNOWN");
    assert!(said.0.contains("answers request 99 instead of 1"), "{}", said.0);
}

#[test]
fn other_services_are_unknown() {
    let web = listening(|mut stream| drop(stream.write_all(&b"HTTP/1.1 400 Bad Request\r\n".repeat(100))));
    let mute = listening(drop);
    for address in [web, mute] {
        assert_eq!(state_of(&check(TIMEFRAME, address, &[])), "UNKNOWN");
    }
}

/// Time is what these are about: the answer must come when it was promised, give or take a busy machine.
fn unknown_in_a_second(address: SocketAddr) {
    let begun = Instant::now();
    let said = check(TIMEFRAME, address, &["-t", "1"]);
    assert_eq!(state_of(&said), "UNKNOWN");
    assert!(said.0.contains("no answer"), "{}", said.0);
    assert!((1..10).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_unknown_in_time() {
    unknown_in_a_second(listening(|stream| {
        let _ = (&stream).read_to_end(&mut Vec::new());
    }));
}

#[test]
fn a_server_that_talks_a_letter_at_a_time_is_unknown_in_time() {
    unknown_in_a_second(listening(|mut stream| {
        while stream.write_all(b"T").is_ok() {
            sleep(Duration::from_millis(100));
        }
    }));
}

#[test]
fn wrong_command_lines_are_unknown_and_one_line() {
    for arguments in [
        &["--nonsense"][..],
        &["-w"],
        &["-w", "1,5"],
        &["-c", "20:10"],
        &["-w", ""],
        &["-t", "0"],
        &["-t", "soon"],
        &["-p", "65536"],
        &["extra"],
    ] {
        let said = check(TIMEFRAME, nobody(), arguments);
        assert_eq!(state_of(&said), "UNKNOWN", "{arguments:?}");
        assert!(said.0.contains("see --help"), "{}", said.0);
    }
}

#[test]
fn help_and_version_name_the_plugin_and_are_unknown() {
    for name in [TIMEFRAME, DELAY, DROPS] {
        let (help, code) = check(name, nobody(), &["--help"]);
        assert!(help.contains(&format!("Usage: {name} ")) && code == 3, "{help}");
        assert!(["-H, --hostname", "-p, --port", "-t, --timeout"].iter().all(|option| help.contains(option)), "{help}");
        for option in ["-V", "--version"] {
            let version = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
            assert_eq!(check(name, nobody(), &[option]), (version, 3));
        }
    }
}

#[test]
fn without_wtarantool_the_plugin_says_what_to_install() {
    for name in [TIMEFRAME, DELAY, DROPS] {
        let said = plugin(name, &OsString::from("/nowhere"), &[]);
        assert_eq!(state_of(&said), "UNKNOWN");
        assert!(said.0.contains("wtarantool is not here: install wallarm-tarantool"), "{}", said.0);
    }
}
