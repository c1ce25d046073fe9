//! The scenario of systems with apt.

use anyhow::{Result, ensure};

use super::Step;
use super::apt_indexes;
use super::corrupt::Copy;
use super::documented::Part;
use super::monitoring;
use super::service;
use super::stage::Stage;

const PACKAGES: &str = "wallarm-node-tarantool wallarm-tarantool wallarm-common";

/// From the key to the purge, and then what must not be accepted.
pub(super) const STEPS: &[&[Step]] = &[
    INSTALL,
    apt_indexes::FACTS,
    service::INSTALLED,
    monitoring::STEPS,
    service::SETTINGS,
    UPGRADE,
    service::UPGRADED,
    REMOVAL,
    CORRUPTED,
];

const INSTALL: &[Step] = &[
    Step::essential("the documented commands add key and source", |stage| stage.documented(Part::AddRepository)),
    Step::fact("`apt update` among them warned of nothing", |stage| no_warning(stage, "apt update")),
    Step::essential("the documented command installs", |stage| stage.documented(Part::Install)),
    Step::fact("all three packages are configured", configured),
];

const UPGRADE: &[Step] = &[
    Step::fact("a stopped service stays stopped over an upgrade", stays_stopped),
    Step::essential("the documented commands upgrade, and nothing but the first yes is asked", upgrade),
    Step::fact("`apt update` among them warned of nothing", |stage| no_warning(stage, "apt update")),
    Step::fact("a newer revision is installed", newer),
];

const REMOVAL: &[Step] = &[
    Step::essential("the documented command removes", |stage| {
        stage.admin("sudo touch /etc/wallarm/node.yaml")?;
        stage.documented(Part::Remove)
    }),
    Step::fact("then the service is stopped and does not start with the system", service::stopped_and_disabled),
    Step::fact("settings, credentials, log and conffiles are still there", |stage| {
        let kept = "/etc/default/wallarm-tarantool /etc/wallarm/node.yaml /var/log/wallarm/tarantool.log \
                    /etc/cron.d/wallarm-node-tarantool";
        stage.root(&format!("ls -d {kept}")).map(drop)
    }),
    Step::essential("the documented command installs again", |stage| stage.documented(Part::Install)),
    Step::fact("then it runs with the old settings, and starts with the system", |stage| {
        stage.says("systemctl is-active wallarm-tarantool", "active")?;
        stage.says("systemctl is-enabled wallarm-tarantool", "enabled")?;
        service::reachable(stage)
    }),
    Step::essential("purge goes through", |stage| stage.admin(&format!("sudo apt -y purge {PACKAGES}")).map(drop)),
    Step::fact("then the service is gone and every file of ours with it", purged),
    Step::fact("the user wallarm is still there", |stage| stage.root("id wallarm").map(drop)),
];

/// apt has forgotten the lists before each of these, so that it must fetch.
const CORRUPTED: &[Step] = &[
    Step::fact("apt refuses a deb with a flipped bit", |stage| {
        let copy = flipped(stage, |path| path.ends_with(".deb"))?;
        stage.server.show(&copy.root)?;
        fetch_anew(stage)?;
        stage.admin("sudo apt update")?;
        stage.refused(
            "sudo apt -y install --no-install-recommends wallarm-node-tarantool",
            &["Hash Sum mismatch", "has unexpected size"],
        )
    }),
    Step::fact("apt refuses package lists with a flipped bit", |stage| {
        let copy = flipped(stage, |path| path.contains("/by-hash/") || file_name(path).starts_with("Packages"))?;
        stage.server.show(&copy.root)?;
        fetch_anew(stage)?;
        stage.refused("sudo apt update", &["Hash Sum mismatch", "has unexpected size", "Size mismatch"])
    }),
    Step::fact("apt refuses a release file with a flipped bit", |stage| {
        let copy = flipped(stage, |path| matches!(file_name(path), "InRelease" | "Release"))?;
        stage.server.show(&copy.root)?;
        fetch_anew(stage)?;
        stage.refused(
            "sudo apt update",
            &["BADSIG", "is not signed", "NODATA", "invalid signature", "Clearsigned file isn't valid"],
        )
    }),
    Step::fact("nothing of it was installed", |stage| {
        let found = stage.attempt(&format!("dpkg -L {PACKAGES}"))?;
        ensure!(!found.ok(), "dpkg knows files of the packages");
        Ok(())
    }),
];

/// How a message of apt begins that is more than progress: with a letter up to apt 2, with a word from apt 3 on. "Warning:" is apt-key's word, too.
const MARKS: [&str; 6] = ["W:", "E:", "N:", "Warning:", "Error:", "Notice:"];

fn no_warning(stage: &mut Stage<'_>, command: &str) -> Result<()> {
    let mut seen = false;
    for (line, output) in stage.said().iter().filter(|(line, _)| line.contains(command)) {
        seen = true;
        let marked = |line: &&str| MARKS.iter().any(|mark| line.starts_with(mark));
        let said: Vec<&str> = output.lines().filter(marked).collect();
        ensure!(said.is_empty(), "{line}\n{}", said.join("\n"));
    }
    ensure!(seen, "`{command}` was not run");
    Ok(())
}

fn configured(stage: &mut Stage<'_>) -> Result<()> {
    stage.says(
        &format!("dpkg-query -W -f '${{db:Status-Status}}\\n' {PACKAGES} | sort | uniq -c | tr -s ' '"),
        "3 installed",
    )
}

fn version(stage: &mut Stage<'_>) -> Result<String> {
    Ok(stage.root("dpkg-query -W -f '${Version}' wallarm-tarantool")?.trim().to_owned())
}

fn upgrade(stage: &mut Stage<'_>) -> Result<()> {
    let before = version(stage)?;
    stage.root(&format!("echo {before} >/root/version-before"))?;
    service::remember_process(stage)?;
    stage.server.show(stage.test.upgraded)?;
    stage.documented(Part::Upgrade)
}

fn newer(stage: &mut Stage<'_>) -> Result<()> {
    let now = version(stage)?;
    stage.root(&format!("dpkg --compare-versions $(cat /root/version-before) lt {now}"))?;
    configured(stage)
}

fn stays_stopped(stage: &mut Stage<'_>) -> Result<()> {
    stage.admin("sudo systemctl stop wallarm-tarantool")?;
    // dpkg takes the same way through the scripts as for a newer version.
    stage.admin(&format!("sudo apt -y install --reinstall --no-install-recommends {PACKAGES}"))?;
    service::stopped(stage)?;
    stage.says("systemctl is-enabled wallarm-tarantool", "enabled")?;
    stage.admin("sudo systemctl start wallarm-tarantool").map(drop)
}

fn purged(stage: &mut Stage<'_>) -> Result<()> {
    service::stopped(stage)?;
    let paths = "/etc/wallarm /var/log/wallarm /var/lib/wallarm-tarantool /etc/default/wallarm-tarantool \
                 /etc/cron.d/wallarm-node-tarantool /etc/logrotate.d/wallarm-common /etc/logrotate.d/wallarm-tarantool \
                 /etc/collectd/wallarm-collectd.conf.d \
                 /usr/share/wallarm-common /usr/share/wallarm-tarantool /usr/bin/wtarantool \
                 /etc/systemd/system/multi-user.target.wants/wallarm-tarantool.service";
    let found = stage.attempt(&format!("ls -d {paths} 2>/dev/null"))?;
    ensure!(found.output.trim().is_empty(), "left behind:\n{}", found.output.trim());
    stage.says("systemctl show --value -p LoadState wallarm-tarantool", "not-found")
}

fn flipped(stage: &Stage<'_>, chosen: impl Fn(&str) -> bool) -> Result<Copy> {
    Copy::flipped(stage.test.base, &stage.place_of_copies(), chosen)
}

fn fetch_anew(stage: &mut Stage<'_>) -> Result<()> {
    stage.root("rm -rf /var/lib/apt/lists/* && apt-get clean").map(drop)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
