//! Facts about the program that links the module which fits, run against a stand-in for NGINX in a folder of the test's own.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed fact")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use packaging::lifecycle::{NginxModule, Stanza};
use packaging::scripts::nginx_module;

const OLD: &str = "8,4,8,0011111111010111001111111111111111";
const NEW: &str = "8,4,8,0011111111010111011111111111111111";

/// A machine with a package that has modules for 1.24.0 and 1.28.3.
struct Machine {
    root: tempfile::TempDir,
    program: PathBuf,
    first_script: PathBuf,
}

/// What the program said and whether it was content.
struct Said {
    ok: bool,
    text: String,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path).to_str().unwrap().parse().unwrap();
        let module = NginxModule {
            builds: [("1.24.0", OLD), ("1.28.3", NEW)].map(|(v, s)| (v.parse().unwrap(), s.parse().unwrap())).into(),
            folder: at("lib/wallarm"),
            modules: at("lib/modules"),
            stanza: Some(Stanza { available: at("available/mod.conf"), enabled: at("enabled/50-mod.conf") }),
            group: "nginx".to_owned(),
        };
        let program = root.path().join("nginx-module");
        fs::write(&program, nginx_module::program("wallarm-test", &module)).unwrap();
        let first_script = root.path().join("preinst");
        fs::write(&first_script, nginx_module::checks("wallarm-test", &module) + "\ncheck_unpacking\n").unwrap();
        Self { root, program, first_script }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Installs an NGINX: a script that tells its version, with the signature in its text.
    fn nginx(&self, version: &str, signature: &str) {
        let path = self.path("nginx");
        fs::write(&path, format!("#!/bin/sh\n# {signature}\necho 'nginx version: nginx/{version} (Ubuntu)' >&2\n"))
            .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, words: &[&str]) -> Said {
        let output =
            Command::new("sh").arg(&self.program).args(words).env("NGINX", self.path("nginx")).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Said { ok: output.status.success(), text: String::from_utf8(text).unwrap() }
    }

    fn link(&self) -> Option<PathBuf> {
        fs::read_link(self.path("lib/modules/ngx_http_wallarm_module.so")).ok()
    }

    fn is_enabled(&self) -> bool {
        fs::read_link(self.path("enabled/50-mod.conf")).is_ok()
    }
}

fn module(version: &str) -> PathBuf {
    Path::new("../wallarm").join(format!("nginx-{version}")).join("ngx_http_wallarm_module.so")
}

#[test]
fn the_module_for_the_nginx_of_the_machine_is_linked_and_switched_on() {
    let machine = Machine::new();
    machine.nginx("1.24.0", OLD);
    assert!(machine.run(&["check"]).ok);
    let said = machine.run(&["link", "fresh"]);
    assert!(said.ok && said.text.is_empty(), "{}", said.text);
    assert_eq!(machine.link(), Some(module("1.24.0")));
    assert_eq!(fs::read_link(machine.path("enabled/50-mod.conf")).unwrap(), machine.path("available/mod.conf"));
}

#[test]
fn after_an_upgrade_of_nginx_the_other_module_is_linked_and_a_restart_asked_for() {
    let machine = Machine::new();
    machine.nginx("1.24.0", OLD);
    machine.run(&["link", "fresh"]);
    machine.nginx("1.28.3", NEW);
    let said = machine.run(&["link"]);
    assert!(said.ok && said.text.contains("the module for NGINX 1.28.3 is linked now. Restart NGINX"), "{}", said.text);
    assert_eq!(machine.link(), Some(module("1.28.3")));
    assert_eq!(machine.run(&["link"]).text, "");
}

#[test]
fn an_nginx_of_another_version_or_another_signature_is_refused_with_both_signatures() {
    let machine = Machine::new();
    let other = NEW.replace("8,4,8,00111", "8,4,8,00110");
    for (version, signature) in [("1.26.3", NEW), ("1.28.3", other.as_str()), ("1.28.3", OLD)] {
        machine.nginx(version, signature);
        let said = machine.run(&["check"]);
        assert!(!said.ok, "{version} {signature}");
        for expected in [
            format!("NGINX   {version}  {signature}"),
            format!("module  1.24.0  {OLD}"),
            format!("module  1.28.3  {NEW}"),
        ] {
            assert!(said.text.contains(&expected), "expected `{expected}` in:\n{}", said.text);
        }
        assert!(!machine.run(&["link", "fresh"]).ok);
        assert_eq!((machine.link(), machine.is_enabled()), (None, false));
    }
}

#[test]
fn apt_may_bring_another_version_in_the_same_run_but_not_another_build_of_this_one() {
    let machine = Machine::new();
    let unpack = |front_end: &str| {
        let mut command = Command::new("sh");
        command.arg(&machine.first_script).env("NGINX", machine.path("nginx")).env("DPKG_FRONTEND_LOCKED", front_end);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    machine.nginx("1.26.3", NEW);
    assert_eq!(unpack("true"), (true, String::new()));
    let (ok, text) = unpack("");
    assert!(!ok && text.contains(&format!("NGINX   1.26.3  {NEW}")), "{text}");
    machine.nginx("1.28.3", OLD);
    assert!(!unpack("true").0);
    machine.nginx("1.28.3", NEW);
    assert!(unpack("true").0 && unpack("").0);
}

#[test]
fn an_nginx_that_nothing_fits_can_start_without_the_module_until_one_fits_again() {
    let machine = Machine::new();
    machine.nginx("1.24.0", OLD);
    machine.run(&["link", "fresh"]);
    machine.nginx("1.26.3", NEW);
    let said = machine.run(&["link"]);
    assert!(!said.ok && said.text.contains("Requests are NOT"), "{}", said.text);
    assert!(!machine.is_enabled());
    machine.nginx("1.28.3", NEW);
    assert!(machine.run(&["link"]).ok && machine.is_enabled());
}

#[test]
fn a_module_that_the_administrator_switched_off_stays_off_over_an_upgrade() {
    let machine = Machine::new();
    machine.nginx("1.24.0", OLD);
    machine.run(&["link", "fresh"]);
    fs::remove_file(machine.path("enabled/50-mod.conf")).unwrap();
    assert!(machine.run(&["link"]).ok);
    assert!(!machine.is_enabled());
}

#[test]
fn removal_takes_the_links_away_and_nothing_else() {
    let machine = Machine::new();
    machine.nginx("1.24.0", OLD);
    machine.run(&["link", "fresh"]);
    symlink("other.so", machine.path("lib/modules/other.so")).unwrap();
    assert!(machine.run(&["unlink"]).ok);
    assert_eq!((machine.link(), machine.is_enabled()), (None, false));
    assert!(fs::read_link(machine.path("lib/modules/other.so")).is_ok());
}

#[test]
fn an_unknown_word_shows_the_usage() {
    let said = Machine::new().run(&["restart"]);
    assert!(!said.ok && said.text.contains("check | link"), "{}", said.text);
}
