//! Own rules, lintian and rpmlint over every package: each finding that remains is explained in one file, and each explanation meets one.

use anyhow::Result;

use super::stage::Count;
use super::tree;
use crate::commands::lint;
use crate::session::Session;

/// Looks at each package of the tree that an earlier stage has made.
pub fn run(session: &Session) -> Result<Count> {
    let packages = [tree::packages(session, "deb")?, tree::packages(session, "rpm")?].concat();
    let outcome = lint::look(&packages, &tree::key_of(session), true, session)?;
    let mut count = Count { passed: outcome.packages, failed: outcome.findings.len() };
    for said in &outcome.findings {
        session.say(&format!("{}: {}", said.tool.name(), said.text));
    }
    let exceptions = lint::exceptions(session)?.exception;
    for (number, exception) in exceptions.iter().enumerate().filter(|(number, _)| !outcome.used.contains(number)) {
        let (tool, tag) = (exception.tool.name(), &exception.tag);
        session.say(&format!("lint-exceptions.toml: exception {number} ({tool} {tag}) meets no finding: remove it"));
        count.failed += 1;
    }
    Ok(count)
}
