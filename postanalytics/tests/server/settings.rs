//! Broken settings, and the file that packages ship.

use std::fs;
use std::process::{Command, Output};

use crate::running::{BINARY, Place};

fn run(place: &Place, command: &str, text: &str) -> Output {
    let file = place.path("settings");
    fs::write(&file, text).unwrap();
    let mut run = Command::new(BINARY);
    run.arg(command).arg("--settings").arg(file).arg("--init-lua").arg(place.path("init.lua")).output().unwrap()
}

#[test]
fn a_broken_value_ends_the_start_with_78_and_one_line_naming_variable_value_and_file() {
    let place = Place::new();
    for (variable, value) in [
        ("SLAB_ALLOC_ARENA", "1,5"),
        ("SLAB_ALLOC_ARENA", "0"),
        ("SLAB_ALLOC_ARENA", "-1"),
        ("SLAB_ALLOC_ARENA", "1GB"),
        ("SLAB_ALLOC_ARENA", "0.01"),
        ("HOST", "not.an.address"),
        ("PORT", "70000"),
        ("PORT", "http"),
        ("SNAPSHOT_PERIOD", "often"),
        ("LOGFILE", "relative/path"),
        ("WORKDIR", ""),
        ("SPOOL_SIZE", "1,5"),
        ("SPOOL_SIZE", "0"),
        ("NODE_YAML", "node.yaml"),
        ("READAHEAD", "1MB"),
        ("NET_MSG_MAX", "0"),
        ("ALLOW_FROM", "10.0.0.0/33"),
        ("METRICS_LISTEN", "9313"),
    ] {
        for command in ["serve", "check-settings"] {
            let output = run(&place, command, &format!("# first line\n{variable}={value}\n"));
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(78), "{variable}={value}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
            let place = format!("{}, line 2: {variable}={value:?}: ", place.path("settings").display());
            assert!(error.contains(&place), "{error}");
        }
    }
}

#[test]
fn an_open_quote_and_a_file_that_is_no_text_are_errors() {
    let place = Place::new();
    assert_eq!(run(&place, "serve", "HOST='0.0.0.0\n").status.code(), Some(78));
    fs::write(place.path("binary"), [0xff, 0xfe]).unwrap();
    let output = Command::new(BINARY).args(["serve", "--settings"]).arg(place.path("binary")).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn a_log_that_cannot_be_opened_ends_the_start_with_78_and_names_it() {
    let place = Place::new();
    let output = run(&place, "serve", "LOGFILE=/nonexistent/folder/log\n");
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{error}");
    assert!(error.contains("LOGFILE=/nonexistent/folder/log: cannot open the log: No such file"), "{error}");
}

#[test]
fn check_settings_reports_the_values_in_force() {
    let place = Place::new();
    let output = run(&place, "check-settings", "HOST='0.0.0.0'\nPORT=3313\nSLAB_ALLOC_AREA=9\n");
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(report.contains("line 3: unknown variable SLAB_ALLOC_AREA is ignored\n"), "{report}");
    for line in [
        "SLAB_ALLOC_ARENA=1.0",
        "HOST=0.0.0.0",
        "PORT=3313",
        "READAHEAD=16320",
        "NET_MSG_MAX=768",
        "ALLOW_FROM=",
        "SPOOL_SIZE=1.0",
        "NODE_YAML=/etc/wallarm/node.yaml",
    ] {
        assert!(report.lines().any(|each| each == line), "{line} is missing in {report}");
    }
}

#[test]
fn a_missing_file_means_defaults_and_a_note() {
    let place = Place::new();
    let output =
        Command::new(BINARY).args(["check-settings", "--settings"]).arg(place.path("missing")).output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("does not exist: defaults are used"), "{report}");
    assert!(report.contains("HOST=127.0.0.1\nPORT=3313\n"), "{report}");
}

#[test]
fn the_shipped_file_is_the_one_that_the_table_of_variables_makes() {
    let folder = format!("{}/../packaging/packages/wallarm-tarantool/files", env!("CARGO_MANIFEST_DIR"));
    let shipped = fs::read_to_string(format!("{folder}/wallarm-tarantool.default")).unwrap();
    let made = Command::new(BINARY).arg("print-settings").output().unwrap().stdout;
    assert_eq!(
        shipped,
        String::from_utf8(made).unwrap(),
        "run: wtarantool print-settings > …/wallarm-tarantool.default"
    );
    assert!(shipped.contains("\nSLAB_ALLOC_ARENA=1.0\n"));
    assert!(shipped.contains("\n# address and port for bind\n#HOST='0.0.0.0'\n#PORT=3313\n"));
}

#[test]
fn the_shipped_init_lua_changes_nothing() {
    let folder = format!("{}/../packaging/packages/wallarm-tarantool/files", env!("CARGO_MANIFEST_DIR"));
    let place = Place::new();
    fs::copy(format!("{folder}/init.lua"), place.path("init.lua")).unwrap();
    let with = run(&place, "check-settings", "").stdout;
    fs::remove_file(place.path("init.lua")).unwrap();
    assert_eq!(with, run(&place, "check-settings", "").stdout);
    assert!(!with.is_empty());
}

#[test]
fn an_arena_beyond_the_machines_memory_is_a_warning() {
    let place = Place::new();
    let command = place.command("SLAB_ALLOC_ARENA=16384\n");
    let server = crate::running::Running::spawn(place, command);
    server.place.log_line("W> SLAB_ALLOC_ARENA=16384.0 is 17592186044416 bytes, this machine has ");
    assert!(server.client().ping().outcome.is_ok());
}
