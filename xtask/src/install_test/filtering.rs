//! The scenario of the filtering side: NGINX with the module on one machine, two postanalytics servers on two others.

mod flavour;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Step;
use super::documented::Part;
use super::nginx_org::scenario as nginx_org;
use super::service;
use super::stage::Stage;
use flavour::Flavour;

/// Where the test puts the documented blocks, as an operator would.
const SETTINGS: &str = "/etc/nginx/conf.d/wallarm.conf";

const METRICS: &str = "127.0.0.1:9313";

/// Where NGINX finds the module: a link to the one that fits.
pub(super) const LINK: &str = "/usr/lib/nginx/modules/ngx_http_wallarm_module.so";

/// Prints the signature of a program or a module, as documented but with all of its digits: some builds have it more than once.
fn signature(of: &str) -> String {
    format!("{of} | LC_ALL=C grep -aoE '.,.,.,[01]{{33,}}' | sort -u")
}

/// Requests that are enough for both servers to get some.
const MANY: u64 = 40;

/// From two servers to the removal of the module, with the distribution's NGINX.
pub(super) const WITH_DISTRIBUTION: &[&[Step]] =
    &[SERVERS, INSTALL, CONFIGURE, BLOCK, MONITORING, FAILURE, UPGRADE, WOKEN, REMOVAL, SWITCHED_OFF, PURGE, REFUSAL];

/// The same with the NGINX of nginx.org, where an administrator loads the module, and which goes to its next version meanwhile.
pub(super) const WITH_NGINX_ORG: &[&[Step]] = &[
    SERVERS,
    nginx_org::INSTALL,
    INSTALL,
    nginx_org::LOAD,
    CONFIGURE,
    BLOCK,
    MONITORING,
    FAILURE,
    UPGRADE,
    nginx_org::UPDATE,
    REMOVAL,
    nginx_org::UNLOAD,
    PURGE,
    REFUSAL,
];

const SERVERS: &[Step] = &[Step::essential("the documented commands set up both postanalytics servers", |stage| {
    for peer in &mut stage.peers {
        let stage = &mut peer.stage;
        stage.documented(Part::AddRepository)?;
        stage.documented(Part::Install)?;
        service::set(stage, "HOST", "'0.0.0.0'")?;
        service::set(stage, "METRICS_LISTEN", METRICS)?;
        stage.documented(Part::Restart)?;
    }
    Ok(())
})];

const INSTALL: &[Step] = &[
    Step::essential("the documented commands add key and source beside NGINX", |stage| {
        stage.filtering(Part::AddRepository)
    }),
    Step::essential("the documented command installs the module for this NGINX", |stage| {
        stage.filtering(Part::Install)
    }),
    Step::fact("NGINX runs with it before anything is configured, and analyses nothing", |stage| {
        stage.admin("sudo nginx -t")?;
        restarted(stage)?;
        stage.says("systemctl is-active nginx", "active")?;
        answers(stage, "/%27%20or%201=1--", 404)
    }),
    Step::fact("files have the documented owners and modes", |stage| {
        let Flavour { package, workers, .. } = Flavour::of(stage)?;
        stage.says(&format!("cat /usr/share/wallarm-common/engine/{package}"), &format!("nginx_group={workers}"))?;
        let examples = format!("/usr/share/doc/{package}/examples/wallarm.conf");
        for (path, expected) in [
            (LINK, "root:root 755"),
            ("/usr/share/nginx/html/wallarm_blocked.html", "root:root 644"),
            (examples.as_str(), "root:root 644"),
            ("/etc/cron.d/wallarm-node-nginx", "root:root 644"),
            ("/etc/wallarm/proton.db", &format!("root:{workers} 640")),
            ("/var/lib/nginx/wallarm", &format!("{workers}:{workers} 750")),
        ] {
            stage.says(&format!("stat -L -c '%U:%G %a' {path}"), expected)?;
        }
        Ok(())
    }),
];

const CONFIGURE: &[Step] = &[
    Step::essential("the documented commands copy the examples, and NGINX takes them without a warning", |stage| {
        stage.filtering(Part::Register)?;
        stage.filtering(Part::Configure)?;
        let said = stage.admin("sudo nginx -t 2>&1")?;
        ensure!(!said.contains("[warn]"), "{said}");
        Ok(())
    }),
    Step::essential("the documented block with both addresses, and mode block; the documented restart", |stage| {
        let [first, second] = &stage.peers[..] else { anyhow::bail!("the scenario wants two servers") };
        let block = stage.list.upstream(first.address.into(), second.address.into());
        stage.admin(&format!("sudo tee -a {SETTINGS} <<'end'\n{block}\nwallarm_mode block;\nend"))?;
        let said = stage.admin("sudo nginx -t 2>&1")?;
        ensure!(!said.contains("[warn]"), "{said}");
        restarted(stage)
    }),
];

const BLOCK: &[Step] = &[
    Step::essential("mode block: 403 for /etc/passwd, 200 for /", |stage| {
        let pages = Flavour::of(stage)?.pages;
        stage.admin(&format!("sudo install -D -m 644 /etc/hostname {pages}/etc/passwd"))?;
        answers(stage, "/etc/passwd", 403)?;
        answers(stage, "/", 200)
    }),
    Step::fact("an injection in a parameter is blocked, a sentence about SQL is not", |stage| {
        answers(stage, "/?id=1%27%20union%20select%20login,password%20from%20users--%20", 403)?;
        answers(stage, "/?q=please+select+one+of+the+options+from+the+list", 200)
    }),
    Step::fact("the documented check shows no lost record, and the counts of these requests", |stage| {
        stage.filtering(Part::Check)?;
        stage.soon("curl -fsS http://127.0.0.8/wallarm-status | grep '\"tnt_errors\":0,'")?;
        let status = status(stage)?;
        // The check itself asked for /etc/passwd once more.
        counts(&status, &[("requests", 5), ("attacks", 3), ("blocked", 3), ("tnt_errors", 0), ("requests_lost", 0)])
    }),
];

const MONITORING: &[Step] = &[
    Step::essential("mode monitoring: 200 for /etc/passwd as well", |stage| {
        stage.admin(&format!("sudo sed -i 's/^wallarm_mode block;/wallarm_mode monitoring;/' {SETTINGS}"))?;
        restarted(stage)?;
        answers(stage, "/etc/passwd", 200)
    }),
    Step::fact("the attack is stored in postanalytics, with type ptrav", |stage| {
        // Three were blocked before: two ptrav and one sqli. Which server has them is NGINX's choice.
        stored(stage, "attacks_total{type=\"ptrav\"}", 3)?;
        stored(stage, "attacks_total{type=\"sqli\"}", 1)
    }),
    Step::fact("requests are spread over both servers, and none is lost", |stage| {
        stage.root(&format!("for i in $(seq {MANY}); do curl -fsS -o /dev/null http://localhost/?n=$i; done"))?;
        stored(stage, "requests_total", 5 + 1 + MANY)?;
        for peer in &mut stage.peers {
            peer.stage.root(&format!(
                "curl -fsS http://{METRICS}/metrics | grep -E '^wallarm_tarantool_requests_total [1-9]'"
            ))?;
        }
        counts(&status(stage)?, &[("requests", 1 + MANY), ("blocked", 0), ("tnt_errors", 0)])
    }),
    Step::fact("counters survive a reload of NGINX", |stage| {
        stage.admin("sudo systemctl reload nginx")?;
        counts(&status(stage)?, &[("requests", 1 + MANY), ("tnt_errors", 0)])
    }),
];

const FAILURE: &[Step] = &[
    Step::fact("with one server down every request is answered, and the log names it", |stage| {
        let address = {
            let peer = stage.peers.first_mut().context("there is a first server")?;
            peer.stage.admin("sudo systemctl stop wallarm-tarantool")?;
            peer.address
        };
        stage.root(&format!("for i in $(seq {MANY}); do curl -fsS -o /dev/null http://localhost/?m=$i; done"))?;
        stage.soon(&format!("grep -F 'wallarm: {address}:3313 connect() failed' /var/log/nginx/error.log"))
    }),
    Step::fact("when it is back and the other one goes, records arrive there", |stage| {
        // A broken connection is not made anew while others live.
        let [first, second] = &mut stage.peers[..] else { anyhow::bail!("the scenario wants two servers") };
        first.stage.admin("sudo systemctl start wallarm-tarantool")?;
        second.stage.admin("sudo systemctl stop wallarm-tarantool")?;
        stage.root(&format!("for i in $(seq {MANY}); do curl -fsS -o /dev/null http://localhost/?k=$i; done"))?;
        let first = stage.peers.first_mut().context("there is a first server")?;
        first
            .stage
            .soon(&format!("curl -fsS http://{METRICS}/metrics | grep -E '^wallarm_tarantool_requests_total [1-9]'"))
    }),
];

const UPGRADE: &[Step] = &[
    Step::essential("the documented commands upgrade the filtering side", |stage| {
        stage.server.show(stage.test.upgraded)?;
        stage.filtering(Part::Upgrade)
    }),
    Step::fact("NGINX restarts with it, with the operator's settings in force", |stage| {
        restarted(stage)?;
        stage.admin(&format!("grep -q '^wallarm_mode monitoring;' {SETTINGS}"))?;
        answers(stage, "/etc/passwd", 200)?;
        counts(&status(stage)?, &[("requests", 1), ("attacks", 1)])
    }),
];

/// What an update of NGINX comes to on this side: the same version, and dpkg wakes our package.
const WOKEN: &[Step] =
    &[Step::fact("an update of NGINX wakes the package, which links the module that fits", |stage| {
        let fitting = stage.root(&format!("readlink {LINK}"))?;
        stage.admin(&format!("sudo ln -sfn ../wallarm/nginx-0.0.0/ngx_http_wallarm_module.so {LINK}"))?;
        stage.admin("sudo dpkg-trigger --by-package=nginx /usr/sbin/nginx && sudo dpkg --configure --pending")?;
        stage.says(&format!("readlink {LINK}"), fitting.trim())?;
        stage.admin("sudo nginx -t").map(drop)
    })];

const REMOVAL: &[Step] =
    &[Step::essential("the operator takes the settings out, the documented command removes", |stage| {
        stage.admin("sudo rm /etc/nginx/conf.d/wallarm.conf /etc/nginx/conf.d/wallarm-status.conf")?;
        stage.filtering(Part::Remove)
    })];

const SWITCHED_OFF: &[Step] = &[Step::fact("NGINX starts without the module, and serves", |stage| {
    restarted(stage)?;
    stage.root("! ls /etc/nginx/modules-enabled | grep wallarm")?;
    answers(stage, "/etc/passwd", 200)
})];

const PURGE: &[Step] = &[Step::fact("purge leaves no file of ours", |stage| {
    let package = Flavour::of(stage)?.package;
    stage.admin(&format!("sudo apt -y purge wallarm-node-nginx {package} wallarm-common wallarm-archive-keyring"))?;
    stage.says(
        "find / -xdev -name '*wallarm*' -not -path '/proc/*' -not -path '/sys/*' -not -path '/var/cache/*' \
         -not -path '/var/lib/apt/*' -not -path '/var/log/*' -not -path '/etc/apt/*' -not -path '/var/lib/dpkg/*'",
        "",
    )
})];

const REFUSAL: &[Step] = &[
    Step::fact("apt installs no module package for another NGINX", |stage| {
        let foreign = Flavour::of(stage)?.foreign;
        // In the words of apt up to 2, and of apt 3.
        let words = ["unmet dependencies", "Unsatisfied dependencies"];
        stage.refused(&format!("sudo apt -y install --no-install-recommends {foreign}"), &words)
    }),
    Step::fact("dpkg -i of one is refused, with both signatures and versions, and leaves nothing", |stage| {
        let foreign = Flavour::of(stage)?.foreign;
        stage.root(&format!("cd /tmp && apt-get download {foreign}"))?;
        let builds = builds_in(stage, &format!("/tmp/{foreign}_*.deb"))?;
        let version = stage.root("nginx -v 2>&1 | cut -d/ -f2")?;
        let machine = stage.root(&signature("cat /usr/sbin/nginx"))?;
        let machine = format!("{}  {}", version.trim(), machine.trim());
        ensure!(!builds.contains(&machine), "{foreign} has a module for the NGINX of this machine: {machine}");
        let finished = stage.attempt(&format!("sudo dpkg -i /tmp/{foreign}_*.deb"))?;
        ensure!(!finished.ok(), "it was installed:\n{}", finished.tail(15));
        let modules = builds.iter().map(|build| format!("module  {build}"));
        for line in modules.chain([format!("NGINX   {machine}")]) {
            ensure!(finished.output.contains(&line), "it does not say `{line}`:\n{}", finished.tail(20));
        }
        stage.root(&format!("! dpkg-query --listfiles {foreign}"))?;
        stage.root("! ls -d /usr/lib/nginx/wallarm").map(drop)
    }),
];

/// The builds that a package has modules for, each as a version and a signature.
fn builds_in(stage: &mut Stage<'_>, package: &str) -> Result<Vec<String>> {
    let signature = signature("cat $folder/*.so");
    let listed = stage.root(&format!(
        "rm -rf /tmp/foreign && dpkg-deb --extract {package} /tmp/foreign && cd /tmp/foreign/usr/lib/nginx/wallarm && \
         for folder in nginx-*/; do version=${{folder#nginx-}}; echo \"${{version%/}}  $({signature})\"; done"
    ))?;
    ensure!(!listed.trim().is_empty(), "{package} has no module");
    Ok(listed.lines().map(str::to_owned).collect())
}

/// The documented restart of NGINX. systemd must have forgotten the ones before: it refuses the sixth start within ten seconds, and no operator is
/// as quick as this test.
pub(super) fn restarted(stage: &mut Stage<'_>) -> Result<()> {
    stage.admin("sudo systemctl reset-failed nginx.service")?;
    stage.filtering(Part::Restart)
}

/// What NGINX answers to a request for `target` on this machine.
pub(super) fn answers(stage: &mut Stage<'_>, target: &str, status: u16) -> Result<()> {
    stage.says(&format!("curl -sS -o /dev/null -w '%{{http_code}}' 'http://localhost{target}'"), &status.to_string())
}

/// What `/wallarm-status` says.
pub(super) fn status(stage: &mut Stage<'_>) -> Result<Value> {
    let text = stage.root("curl -fsS http://127.0.0.8/wallarm-status")?;
    serde_json::from_str(&text).with_context(|| format!("/wallarm-status is no JSON:\n{text}"))
}

/// Some counters of `/wallarm-status`.
pub(super) fn counts(status: &Value, expected: &[(&str, u64)]) -> Result<()> {
    let wrong: Vec<String> = expected
        .iter()
        .filter(|(key, value)| status[key].as_u64() != Some(*value))
        .map(|(key, value)| format!("{key} is {}, should be {value}", status[key]))
        .collect();
    ensure!(wrong.is_empty(), "/wallarm-status: {}", wrong.join("; "));
    Ok(())
}

/// Waits until both servers together have stored this many; they take records when NGINX sends its next batch.
fn stored(stage: &mut Stage<'_>, metric: &str, expected: u64) -> Result<()> {
    let line = format!(
        "curl -fsS http://{METRICS}/metrics | awk -v name='wallarm_tarantool_{metric}' '$1 == name {{ print $2 }}'"
    );
    stage.until(&format!("{metric} is {expected}"), |stage| {
        let mut total = 0;
        for peer in &mut stage.peers {
            total += peer.stage.root(&line)?.trim().parse::<u64>().unwrap_or(0);
        }
        Ok((total == expected, total.to_string()))
    })
}
