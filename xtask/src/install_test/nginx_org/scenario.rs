//! The steps that only the NGINX of nginx.org has: it comes from a repository of its own, an administrator loads the module,
//! and its next version is another one to the module.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::{FIRST, NEXT, PLACE, Repositories, UNKNOWN};
use crate::http::Server;
use crate::install_test::Step;
use crate::install_test::documented::Part;
use crate::install_test::filtering::{LINK, answers, counts, restarted, status};
use crate::install_test::stage::Stage;
use crate::nginx::program::Version;

const SETTINGS: &str = "/etc/nginx/nginx.conf";

pub(in crate::install_test) const INSTALL: &[Step] =
    &[Step::essential("NGINX is installed from what stands in for nginx.org's repository, and serves", |stage| {
        let url = server(stage)?.url();
        stage
            .admin(&format!("echo 'deb [trusted=yes] {url} {PLACE}' | sudo tee /etc/apt/sources.list.d/nginx.list"))?;
        stage.admin("sudo apt update && sudo apt -y install nginx")?;
        stage.says("systemctl is-active nginx", "active")?;
        is_running(stage, FIRST)?;
        answers(stage, "/", 200)
    })];

pub(in crate::install_test) const LOAD: &[Step] =
    &[Step::essential("the documented line loads the module for this version", |stage| {
        let line = stage.list.load_module.clone();
        stage.admin(&format!("sudo sed -i '/^worker_processes/a {line}' {SETTINGS}"))?;
        stage.root(&format!("grep -A 1 '^worker_processes' {SETTINGS} | grep -Fx '{line}'"))?;
        is_linked(stage, FIRST)?;
        stage.admin("sudo nginx -t").map(drop)
    })];

pub(in crate::install_test) const UPDATE: &[Step] = &[
    Step::fact("an NGINX that no module is for is kept back by the documented upgrade", |stage| {
        shows(stage, |repositories| &repositories.unknown)?;
        stage.admin("sudo apt update")?;
        stage.root(&format!("apt-cache policy nginx | grep -F 'Candidate: {UNKNOWN}-'"))?;
        stage.filtering(Part::Upgrade)?;
        is_linked(stage, FIRST)?;
        stage.root(&format!("dpkg-query -W -f '${{Version}}' nginx | grep '^{FIRST}-'"))?;
        is_running(stage, FIRST)
    }),
    Step::essential("the documented upgrade brings the next NGINX, and the module for it is linked", |stage| {
        shows(stage, |repositories| &repositories.next)?;
        stage.filtering(Part::Upgrade)?;
        let said: String = stage.said().iter().map(|(_, output)| output.as_str()).collect();
        let message = format!("the module for NGINX {NEXT} is linked now. Restart NGINX to load it");
        ensure!(said.contains(&message), "the upgrade does not say `{message}`:\n{said}");
        is_linked(stage, NEXT)?;
        stage.says("nginx -v 2>&1", &format!("nginx version: nginx/{NEXT}"))
    }),
    Step::fact("until the restart the old NGINX serves and inspects", |stage| {
        is_running(stage, FIRST)?;
        let before = status(stage)?;
        let [requests, attacks] = ["requests", "attacks"].map(|key| before[key].as_u64().unwrap_or_default());
        answers(stage, "/etc/passwd", 200)?;
        counts(&status(stage)?, &[("requests", requests + 1), ("attacks", attacks + 1)])
    }),
    Step::essential("the documented restart runs the new one, with the module and the settings", |stage| {
        restarted(stage)?;
        is_running(stage, NEXT)?;
        answers(stage, "/etc/passwd", 200)?;
        // With the look at what runs.
        counts(&status(stage)?, &[("requests", 2), ("attacks", 1), ("tnt_errors", 0)])
    }),
];

pub(in crate::install_test) const UNLOAD: &[Step] = &[
    Step::fact("the removal reminds of the line that loads the module", |stage| {
        let said: String = stage.said().iter().map(|(_, output)| output.as_str()).collect();
        ensure!(said.contains("NGINX will not start") && said.contains(SETTINGS), "it says:\n{said}");
        Ok(())
    }),
    Step::fact("without that line NGINX starts without the module, and serves", |stage| {
        stage.admin(&format!("sudo sed -i '/^load_module .*wallarm/d' {SETTINGS}"))?;
        restarted(stage)?;
        answers(stage, "/etc/passwd", 200)
    }),
];

fn server<'a>(stage: &Stage<'a>) -> Result<&'a Server> {
    stage.nginx_org.context("nothing stands in for nginx.org's repository")
}

/// From now on nginx.org's repository is this one. apt must have forgotten the one before: it asks for what is newer by the second, and all were made
/// in the same.
fn shows(stage: &mut Stage<'_>, chosen: fn(&Repositories) -> &Path) -> Result<()> {
    let repositories = stage.test.nginx_org.context("nothing stands in for nginx.org's repository")?;
    server(stage)?.show(chosen(repositories))?;
    stage.root("rm -rf /var/lib/apt/lists/*").map(drop)
}

/// Which version answers: what is installed may be newer than what runs.
fn is_running(stage: &mut Stage<'_>, version: Version) -> Result<()> {
    stage.says(
        "curl -sS -o /dev/null -D - http://localhost/ | tr -d '\\r' | grep -i '^server:'",
        &format!("Server: nginx/{version}"),
    )
}

fn is_linked(stage: &mut Stage<'_>, version: Version) -> Result<()> {
    stage.says(&format!("readlink {LINK}"), &format!("../wallarm/nginx-{version}/ngx_http_wallarm_module.so"))
}
