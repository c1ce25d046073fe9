//! Facts about the server that hold on every system.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::Step;
use super::client;
use super::documented::Part;
use super::stage::Stage;

/// The port that the test sets, to see that `PORT` matters.
const PORT: u16 = 3413;

/// The line that the documentation promises when the address is not one of the machine.
const BIND_FAILED: &str = "SystemError binary: failed to bind: Cannot assign requested address";

const LOG: &str = "/var/log/wallarm/tarantool.log";

/// The server as the bare install leaves it.
pub(super) const INSTALLED: &[Step] = &[
    Step::fact("the documented check shows the service active, and its log can be read", documented_check),
    Step::fact("it starts with the system", |stage| stage.says("systemctl is-enabled wallarm-tarantool", "enabled")),
    Step::fact("its process is wtarantool and belongs to user and group wallarm", |stage| {
        stage.says("ps -C wtarantool -o comm=,user=,group= | tr -s ' '", "wtarantool wallarm wallarm")
    }),
    Step::fact("it listens on 127.0.0.1:3313 and nowhere else", |stage| {
        let listening = stage.root("ss -Hltnp | grep wtarantool | tr -s ' ' | cut -d' ' -f4")?;
        ensure!(listening.trim() == "127.0.0.1:3313", "it listens on {:?}", listening.trim());
        Ok(())
    }),
    Step::fact("nobody outside can connect by default", |stage| match client::ping(stage.outside(3313)) {
        Ok(version) => bail!("{version} answered on {}", stage.outside(3313)),
        Err(_) => Ok(()),
    }),
    Step::fact("root sees its state, which adds up and needs nobody; a stranger does not see it", |stage| {
        let state = stage.root("wtarantool status --json")?;
        for part in ["\"degraded\": []", "\"registration\": \"unregistered\"", "\"requests\": true", "\"hits\": true"] {
            ensure!(state.contains(part), "the state has no {part}:\n{state}");
        }
        stage.says("stat -c '%U:%G %a' /var/lib/wallarm-tarantool/spool", "wallarm:wallarm 700")?;
        stage.root("! setpriv --reuid=nobody --clear-groups wtarantool status 2>/dev/null").map(drop)
    }),
    Step::fact("systemd has nothing to say against the unit file", |stage| {
        let said = stage.root("systemd-analyze verify --man=no wallarm-tarantool.service 2>&1")?;
        ensure!(!said.contains("wallarm"), "{said}");
        Ok(())
    }),
    Step::fact("files and folders have the documented owners and modes", modes),
    Step::fact("collect-info.sh prints the path of an archive with logs, versions and statistics", |stage| {
        let printed = stage.admin("sudo /usr/share/wallarm-common/collect-info.sh /tmp")?;
        let listed = stage.root(&format!("tar -tzf {}", printed.trim()))?;
        for file in ["log/tarantool.log", "packages.txt", "services.txt", "settings.txt", "statistics.txt"] {
            ensure!(listed.contains(file), "the archive has no {file}:\n{listed}");
        }
        let statistics = stage.root(&format!("tar -xzOf {} --wildcards '*/statistics.txt'", printed.trim()))?;
        ensure!(!statistics.contains("exit status"), "{statistics}");
        Ok(())
    }),
    Step::fact("wallarm has no login shell and is no ordinary user", |stage| {
        stage.root("getent passwd wallarm | grep -E ':(/usr)?/s?bin/(nologin|false)$'")?;
        stage.root("[ $(id -u wallarm) -lt 1000 ] && [ $(id -gn wallarm) = wallarm ]").map(drop)
    }),
];

/// Settings, edited as an administrator would, and what comes of it.
pub(super) const SETTINGS: &[Step] = &[
    Step::essential("HOST, PORT and SLAB_ALLOC_ARENA edited, the documented restart goes through", |stage| {
        set(stage, "HOST", "'0.0.0.0'")?;
        set(stage, "PORT", &PORT.to_string())?;
        set(stage, "SLAB_ALLOC_ARENA", "0.25")?;
        stage.documented(Part::Register)?;
        stage.documented(Part::Configure)?;
        stage.documented(Part::Restart)
    }),
    Step::fact("a client on another host gets greeting and pong", reachable),
    Step::fact("the log names the new address and the new arena", |stage| {
        stage
            .root(&format!("tail -n 5 {LOG} | grep 'ready to accept requests' | grep ':{PORT}' | grep -w 0.25"))
            .map(drop)
    }),
    Step::fact("an address of another machine: the unit is not active and the log has the documented line", bind_fails),
    Step::fact("a broken value ends the service for good, with exit code 78 and a line that names it", broken_value),
    Step::essential("restored, it is reachable again", |stage| {
        set(stage, "HOST", "'0.0.0.0'")?;
        stage.documented(Part::Restart)?;
        reachable(stage)
    }),
    Step::fact("logrotate turns the log and the server goes on in the new file", |stage| {
        stage.root("logrotate --force --state /tmp/logrotate.state /etc/logrotate.d/wallarm-tarantool")?;
        stage.root(&format!("test -s {LOG}.1"))?;
        stage.says(&format!("stat -c '%U:%G %a' {LOG}"), "wallarm:adm 640")?;
        stage.soon(&format!("readlink /proc/$(pgrep -x wtarantool)/fd/* | grep -x {LOG}"))
    }),
];

/// After an upgrade.
pub(super) const UPGRADED: &[Step] = &[
    Step::fact("the service runs again, in a new process", |stage| {
        let before = std::mem::take(&mut stage.remembered);
        let now = stage.root("systemctl show --value -p MainPID wallarm-tarantool")?;
        ensure!(now.trim() != "0" && now.trim() != before, "main process {before} before, {} after", now.trim());
        stage.says("systemctl is-active wallarm-tarantool", "active")
    }),
    Step::fact("the documented restart after it goes through", |stage| stage.documented(Part::Restart)),
    Step::fact("the edited settings survived and are in force", |stage| {
        stage.root(&format!("grep -x PORT={PORT} {}", stage.settings()))?;
        reachable(stage)
    }),
];

/// Keeps the number of the main process for [`UPGRADED`].
pub(super) fn remember_process(stage: &mut Stage<'_>) -> Result<()> {
    stage.remembered = stage.root("systemctl show --value -p MainPID wallarm-tarantool")?.trim().to_owned();
    Ok(())
}

/// Greeting and pong come from the port that the test set.
pub(super) fn reachable(stage: &mut Stage<'_>) -> Result<()> {
    client::ping(stage.outside(PORT)).map(drop)
}

/// [`stopped`], and the next boot does not start it.
pub(super) fn stopped_and_disabled(stage: &mut Stage<'_>) -> Result<()> {
    stopped(stage)?;
    let enabled = stage.attempt("systemctl is-enabled wallarm-tarantool")?;
    ensure!(enabled.output.trim() != "enabled", "it is still enabled");
    Ok(())
}

/// The service is stopped and nothing of it runs.
pub(super) fn stopped(stage: &mut Stage<'_>) -> Result<()> {
    let active = stage.attempt("systemctl is-active wallarm-tarantool")?;
    ensure!(active.output.trim() != "active" && active.output.trim() != "activating", "it is {}", active.output.trim());
    let running = stage.attempt("pgrep -x wtarantool")?;
    ensure!(!running.ok(), "process {} runs still", running.output.trim());
    Ok(())
}

fn documented_check(stage: &mut Stage<'_>) -> Result<()> {
    stage.documented(Part::Check)?;
    let said = |word: &str| stage.said().iter().any(|(_, output)| output.contains(word));
    ensure!(said("Active: active (running)"), "the status does not say active");
    ensure!(said("ready to accept requests"), "the log does not say ready");
    Ok(())
}

fn modes(stage: &mut Stage<'_>) -> Result<()> {
    let mut expected = vec![
        ("/etc/wallarm", "root:wallarm 755"),
        ("/etc/wallarm/triggers.d", "root:root 755"),
        ("/usr/bin/wtarantool", "root:root 755"),
        ("/usr/share/wallarm-tarantool/init.lua", "root:root 644"),
        ("/usr/share/wallarm-common/collect-info.sh", "root:root 755"),
        ("/var/lib/wallarm-tarantool", "wallarm:wallarm 750"),
        ("/var/log/wallarm", "wallarm:wallarm 750"),
        ("/etc/cron.d/wallarm-node-tarantool", "root:root 644"),
        ("/etc/logrotate.d/wallarm-common", "root:root 644"),
        ("/etc/logrotate.d/wallarm-tarantool", "root:root 644"),
        ("/lib/systemd/system/wallarm-tarantool.service", "root:root 644"),
    ];
    expected.push((stage.settings(), "root:root 644"));
    let wrong: Vec<String> = expected
        .into_iter()
        .filter_map(|(path, expected)| match stage.root(&format!("stat -c '%U:%G %a' {path}")) {
            Ok(found) if found.trim() == expected => None,
            Ok(found) => Some(format!("{path} is {}, should be {expected}", found.trim())),
            Err(_) => Some(format!("{path} is not there")),
        })
        .collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn bind_fails(stage: &mut Stage<'_>) -> Result<()> {
    let before = log_lines(stage)?;
    let restarts = restarts(stage)?;
    set(stage, "HOST", "'203.0.113.1'")?;
    // It waits for readiness, which does not come: that it fails is right.
    stage.attempt("sudo systemctl restart wallarm-tarantool")?;
    not_active(stage)?;
    stage.root(&format!("tail -n +{} {LOG} | grep -F '{BIND_FAILED}'", before + 1))?;
    // systemd tries again, and again without success.
    let until = Instant::now() + Duration::from_secs(15);
    while self::restarts(stage)? <= restarts {
        ensure!(Instant::now() < until, "systemd did not try again within 15 s");
        std::thread::sleep(Duration::from_millis(200));
    }
    not_active(stage)
}

fn broken_value(stage: &mut Stage<'_>) -> Result<()> {
    set(stage, "SLAB_ALLOC_ARENA", "1,5")?;
    let restart = stage.attempt("sudo systemctl restart wallarm-tarantool")?;
    ensure!(!restart.ok(), "the restart should fail");
    stage.says("systemctl show --value -p ActiveState wallarm-tarantool", "failed")?;
    stage.says("systemctl show --value -p ExecMainStatus wallarm-tarantool", "78")?;
    let line = format!(
        "journalctl -u wallarm-tarantool | cat - {LOG} | grep SLAB_ALLOC_ARENA | grep -F 1,5 | grep {}",
        stage.settings()
    );
    stage.root(&line)?;
    set(stage, "SLAB_ALLOC_ARENA", "0.25")
}

fn not_active(stage: &mut Stage<'_>) -> Result<()> {
    let state = stage.attempt("systemctl is-active wallarm-tarantool")?;
    ensure!(state.output.trim() != "active", "the unit is active");
    Ok(())
}

fn restarts(stage: &mut Stage<'_>) -> Result<u64> {
    Ok(stage.root("systemctl show --value -p NRestarts wallarm-tarantool")?.trim().parse()?)
}

fn log_lines(stage: &mut Stage<'_>) -> Result<u64> {
    Ok(stage.root(&format!("wc -l <{LOG}"))?.trim().parse()?)
}

/// Edits the settings file: the line of `name`, commented out or not, gets `value`.
pub(super) fn set(stage: &mut Stage<'_>, name: &str, value: &str) -> Result<()> {
    let file = stage.settings();
    stage.admin(&format!("sudo sed -i \"s/^#\\?{name}=.*/{name}={value}/\" {file}"))?;
    // sed says nothing when no line matches.
    stage.root(&format!("grep -Fx \"{name}={value}\" {file}")).map(drop)
}
