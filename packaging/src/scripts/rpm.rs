//! rpm's scriptlets. Each gets the number of instances that will be installed when it is done: 1 on a first install, 2
//! on an upgrade, 0 on an erase.

use crate::lifecycle::{Lifecycle, SystemUser, Unit};

use crate::names::PackageName;

use super::nginx_module;
use super::shell::Shell;

/// The scriptlets, for `/bin/sh`; `None` where there is nothing to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RpmScriptlets {
    /// `%pre`.
    pub pre: Option<String>,
    /// `%post`.
    pub post: Option<String>,
    /// `%preun`.
    pub preun: Option<String>,
    /// `%postun`.
    pub postun: Option<String>,
    /// `%triggerin` on the packages that bring NGINX.
    pub trigger_in: Option<String>,
}

/// The scriptlets of the rpm called `name`.
pub fn rpm(name: &PackageName, life: &Lifecycle) -> RpmScriptlets {
    let program = life.module.as_ref().map(|module| format!("{}/nginx-module", module.folder));
    RpmScriptlets {
        pre: scriptlet(|sh| {
            if let Some(user) = &life.user {
                make_user(sh, user);
            }
            if let Some(module) = &life.module {
                // Nothing is installed yet that could be called.
                sh.text(&nginx_module::checks(name.as_str(), module));
                sh.line("check || exit 1").line("mark_rules");
            }
        }),
        post: scriptlet(|sh| {
            after_install(sh, &life.units);
            if let Some(program) = &program {
                let link = |how: &'static str| move |sh: &mut Shell| _ = sh.line(format!("{program} link{how}"));
                sh.either("[ \"$1\" -eq 1 ]", link(" fresh"), link(""));
                sh.line(format!("{program} install_rules"));
            }
        }),
        preun: scriptlet(|sh| {
            before_erase(sh, &life.units);
            if let Some(program) = &program {
                sh.when("[ \"$1\" -eq 0 ]", |sh| _ = sh.line(format!("{program} unlink")));
            }
        }),
        postun: scriptlet(|sh| {
            if life.units.iter().any(|unit| unit.shipped) {
                reload(sh);
            }
        }),
        trigger_in: scriptlet(|sh| {
            if let Some(program) = &program {
                sh.line(format!("{program} link"));
            }
        }),
    }
}

/// rpm runs a scriptlet without `set -e` and looks at its last status only: a failing `%pre` would stop the
/// installation, so each ends in success on purpose.
fn scriptlet(body: impl FnOnce(&mut Shell)) -> Option<String> {
    let mut sh = Shell::default();
    body(&mut sh);
    sh.finish().map(|text| text + "exit 0\n")
}

fn make_user(sh: &mut Shell, user: &SystemUser) {
    let SystemUser { name, home, comment } = user;
    sh.line(format!("getent group {name} >/dev/null || groupadd -r {name} || exit 1"));
    sh.when(format!("! getent passwd {name} >/dev/null"), |sh| {
        sh.line(format!("useradd -r -g {name} -d {home} -M -s /sbin/nologin -c '{comment}' {name} || exit 1"));
    });
}

fn after_install(sh: &mut Shell, units: &[Unit]) {
    if units.is_empty() {
        return;
    }
    if units.iter().any(|unit| unit.shipped) {
        reload(sh);
    }
    let fresh = |sh: &mut Shell| {
        for Unit { name, .. } in units {
            sh.line(format!("systemctl --quiet enable {name} >/dev/null 2>&1"));
            sh.when("[ -d /run/systemd/system ]", |sh| _ = sh.line(format!("systemctl start {name}")));
        }
    };
    if units.iter().any(|unit| unit.shipped) {
        sh.either("[ \"$1\" -eq 1 ]", fresh, |sh| {
            for unit in units.iter().filter(|unit| unit.shipped) {
                sh.when("[ -d /run/systemd/system ]", |sh| _ = sh.line(format!("systemctl try-restart {}", unit.name)));
            }
        });
    } else {
        sh.when("[ \"$1\" -eq 1 ]", fresh);
    }
}

/// `disable` and `stop` apart: `disable --now` came with systemd 220, and el7 has 219.
fn before_erase(sh: &mut Shell, units: &[Unit]) {
    if units.is_empty() {
        return;
    }
    sh.when("[ \"$1\" -eq 0 ]", |sh| {
        for Unit { name, .. } in units {
            sh.line(format!("systemctl --quiet disable {name} >/dev/null 2>&1"));
            sh.when("[ -d /run/systemd/system ]", |sh| _ = sh.line(format!("systemctl stop {name}")));
        }
    });
}

fn reload(sh: &mut Shell) {
    sh.when("[ -d /run/systemd/system ]", |sh| _ = sh.line("systemctl daemon-reload >/dev/null 2>&1"));
}
