//! dpkg's maintainer scripts (Debian policy §6).

use crate::lifecycle::{Lifecycle, Ownership, SystemUser, Unit};
use crate::names::PackageName;

use super::nginx_module;
use super::shell::Shell;

/// The four scripts; `None` where there is nothing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebScripts {
    /// Before unpacking.
    pub preinst: Option<String>,
    /// After unpacking: configure.
    pub postinst: Option<String>,
    /// Before removal.
    pub prerm: Option<String>,
    /// After removal, and on purge.
    pub postrm: Option<String>,
}

/// The scripts of the deb called `name`.
pub fn debian(name: &PackageName, life: &Lifecycle) -> DebScripts {
    let mark = Mark::of(name);
    let program = life.module.as_ref().map(|module| format!("{}/nginx-module", module.folder));
    // preinst runs before anything is there that could be called.
    let functions = life.module.as_ref().map(|module| nginx_module::checks(name.as_str(), module));
    DebScripts {
        preinst: with_functions(functions.as_deref(), |sh| {
            let has_module = program.is_some();
            sh.arm("install", |sh| {
                if has_module {
                    sh.line("check_unpacking");
                }
                mark.set(sh, life);
            });
            sh.arm("upgrade", |sh| {
                if has_module {
                    sh.line("check_unpacking").line("mark_rules");
                }
            });
        }),
        postinst: by_action(|sh| {
            sh.arm("configure", |sh| configure(sh, life, program.as_deref(), &mark));
            // Another package has brought another NGINX. It must not fail for what this one misses.
            sh.arm("triggered", |sh| {
                if let Some(program) = &program {
                    sh.line(format!("{program} link || true"));
                }
            });
        }),
        prerm: by_action(|sh| {
            sh.arm("remove", |sh| {
                life.units.iter().for_each(|unit| stop(sh, unit));
                if let Some(program) = &program {
                    sh.line(format!("{program} unlink"));
                }
            });
        }),
        postrm: by_action(|sh| {
            sh.arm("remove", |sh| reload(sh, &life.units)).arm("purge", |sh| purge(sh, life));
        }),
    }
}

/// A script that looks at its first argument; nothing when no arm has a body.
fn by_action(arms: impl FnOnce(&mut Shell)) -> Option<String> {
    with_functions(None, arms)
}

/// The same, with functions for the arms to call.
fn with_functions(functions: Option<&str>, arms: impl FnOnce(&mut Shell)) -> Option<String> {
    let mut cases = Shell::default();
    arms(&mut cases);
    let cases = cases.finish()?;
    let functions = functions.map(|functions| format!("{functions}\n")).unwrap_or_default();
    Some(format!("#!/bin/sh\nset -e\n\n{functions}case \"$1\" in\n{cases}esac\n"))
}

/// `postinst configure` is given an old version on an upgrade and on an install over the conffiles of a removed package alike. Only `preinst` can tell
/// both apart, so it leaves a mark, and `postinst` takes it away.
struct Mark(String);

impl Mark {
    fn of(name: &PackageName) -> Self {
        Self(format!("/run/{name}.installing"))
    }

    fn set(&self, sh: &mut Shell, life: &Lifecycle) {
        if !life.units.is_empty() || life.module.is_some() {
            sh.line(format!(": > {}", self.0));
        }
    }

    fn remove(&self, sh: &mut Shell) {
        sh.line(format!("rm -f {}", self.0));
    }

    fn is_set(&self) -> String {
        format!("[ -e {} ]", self.0)
    }
}

fn configure(sh: &mut Shell, life: &Lifecycle, program: Option<&str>, mark: &Mark) {
    if let Some(user) = &life.user {
        make_user(sh, user);
    }
    life.ownership.iter().for_each(|entry| own(sh, entry));
    if let Some(program) = program {
        // An administrator who took the link away wants it away after an upgrade, too.
        let link = |how: &'static str| move |sh: &mut Shell| _ = sh.line(format!("{program} link{how} || true"));
        sh.either(&mark.is_set(), link(" fresh"), link(""));
        sh.line(format!("{program} install_rules"));
    }
    if life.units.is_empty() {
        if program.is_some() {
            mark.remove(sh);
        }
        return;
    }
    life.units.iter().for_each(|unit| enable(sh, unit, mark));
    sh.when("[ -d /run/systemd/system ]", |sh| {
        sh.line("systemctl --system daemon-reload >/dev/null || true");
        let start = |sh: &mut Shell| {
            for unit in &life.units {
                sh.line(format!("deb-systemd-invoke start {} || true", unit.name));
            }
        };
        if life.units.iter().any(|unit| unit.shipped) {
            sh.either(&mark.is_set(), start, |sh| restart_running(sh, &life.units));
        } else {
            sh.when(mark.is_set(), start);
        }
    });
    mark.remove(sh);
}

/// Asked with `is-active` first: `deb-systemd-invoke` of older systems does not know `try-restart`.
fn restart_running(sh: &mut Shell, units: &[Unit]) {
    for unit in units.iter().filter(|unit| unit.shipped) {
        sh.when(format!("systemctl --quiet is-active {}", unit.name), |sh| {
            sh.line(format!("deb-systemd-invoke restart {} || true", unit.name));
        });
    }
}

/// Group and user apart: an administrator may have made either before.
fn make_user(sh: &mut Shell, user: &SystemUser) {
    let SystemUser { name, home, comment } = user;
    sh.when(format!("! getent group {name} >/dev/null"), |sh| _ = sh.line(format!("addgroup --quiet --system {name}")));
    sh.when(format!("! getent passwd {name} >/dev/null"), |sh| {
        sh.line(format!("adduser --quiet --system --ingroup {name} --no-create-home --home {home} \\"));
        sh.line(format!("    --shell /usr/sbin/nologin --gecos '{comment}' {name}"));
    });
}

/// An administrator's `dpkg-statoverride` wins.
fn own(sh: &mut Shell, entry: &Ownership) {
    let Ownership { path, owner, group, mode } = entry;
    sh.when(format!("! dpkg-statoverride --list {path} >/dev/null"), |sh| {
        sh.line(format!("chown {owner}:{group} {path}"));
        sh.line(format!("chmod {mode:04o} {path}"));
    });
}

/// The package that ships a unit respects an administrator who disabled it; an umbrella disables the unit when it goes,
/// so it enables it when it comes. `deb-systemd-helper enable` does nothing the second time, hence `systemctl`.
fn enable(sh: &mut Shell, unit: &Unit, mark: &Mark) {
    let name = &unit.name;
    if unit.shipped {
        sh.line(format!("deb-systemd-helper unmask {name} >/dev/null || true"));
        sh.either(
            &format!("deb-systemd-helper --quiet was-enabled {name}"),
            |sh| _ = sh.line(format!("deb-systemd-helper enable {name} >/dev/null || true")),
            |sh| _ = sh.line(format!("deb-systemd-helper update-state {name} >/dev/null || true")),
        );
    } else {
        sh.when(mark.is_set(), |sh| _ = sh.line(format!("systemctl --quiet --no-reload enable {name} || true")));
    }
}

fn stop(sh: &mut Shell, unit: &Unit) {
    let name = &unit.name;
    sh.when("[ -d /run/systemd/system ]", |sh| _ = sh.line(format!("deb-systemd-invoke stop {name} || true")));
    if !unit.shipped {
        sh.line(format!("systemctl --quiet --no-reload disable {name} || true"));
    }
}

fn reload(sh: &mut Shell, units: &[Unit]) {
    if units.iter().any(|unit| unit.shipped) {
        sh.when("[ -d /run/systemd/system ]", |sh| _ = sh.line("systemctl --system daemon-reload >/dev/null || true"));
    }
}

fn purge(sh: &mut Shell, life: &Lifecycle) {
    for unit in life.units.iter().filter(|unit| unit.shipped) {
        sh.when("command -v deb-systemd-helper >/dev/null", |sh| {
            sh.line(format!("deb-systemd-helper purge {} >/dev/null || true", unit.name));
        });
    }
    for path in &life.purge {
        sh.line(format!("rm -rf {path}"));
    }
}
