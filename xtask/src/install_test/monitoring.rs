//! Facts about the checks for Nagios and the values for collectd, which hold on every system.

use anyhow::{Result, ensure};

use super::Step;
use super::documented::Part;
use super::stage::Stage;

const PLUGINS: &str = "/usr/lib/nagios/plugins";

/// What a turn of collectd reads.
const VALUES: usize = 7;

/// The package comes beside a server that has just started, and goes again.
pub(super) const STEPS: &[Step] = &[
    Step::essential("the documented commands install the checks, and those of the export say OK", |stage| {
        stage.documented(Part::Monitor)?;
        let checks = stage.said().iter().filter(|(line, _)| line.starts_with(PLUGINS));
        let answers: Vec<&String> = checks.map(|(_, answer)| answer).collect();
        ensure!(answers.len() == 2 && answers.iter().all(|answer| answer.starts_with("OK - ")), "{answers:?}");
        Ok(())
    }),
    Step::fact("the window of a server that has just started is critical, and the check says why", |stage| {
        let check = format!("{PLUGINS}/check_wallarm_tarantool_timeframe -w 1800 -c 900");
        stage.refused(&check, &["CRITICAL - no request is stored, the server is up for"])
    }),
    Step::fact("collectd's fragment is where the documentation has it and runs what gives every value", fragment),
    Step::fact("checks go without the server, and leave nothing", |stage| {
        let remove = stage.remove_command("wallarm-monitoring");
        stage.admin(&remove)?;
        stage.root(&format!("! ls {PLUGINS}/check_wallarm_* 2>/dev/null"))?;
        stage.says("systemctl is-active wallarm-tarantool", "active")
    }),
];

fn fragment(stage: &mut Stage<'_>) -> Result<()> {
    let file = format!("{}/wallarm-tarantool.conf", stage.collectd());
    stage.says(&format!("stat -c '%U:%G %a' {file}"), "root:root 644")?;
    // collectd joins lines at a backslash, as the shell does, and takes off the quotes.
    let words = format!("sed -n '/Exec \"nobody\"/,/Port/p' {file} | sed 's/Exec \"nobody\"//'");
    let said = stage.root(&format!("{words} | sed '1s/^ */timeout 5 /' | sh; true"))?;
    let values = said.lines().filter(|line| line.starts_with("PUTVAL")).count();
    ensure!(values == VALUES, "{said}");
    Ok(())
}
