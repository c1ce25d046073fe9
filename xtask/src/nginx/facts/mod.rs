//! What must hold of the module in a real NGINX: one fact a check, each with an NGINX of its own.
//!
//! | Module | Holds facts about |
//! |---|---|
//! | [`modes`] | what is blocked, passed and reported |
//! | [`ip_lists`] | lists of addresses, and what they mean in each mode |
//! | [`list_files`] | the file of the lists: at start, replaced, broken, large |
//! | [`keys`] | custom rulesets and the key of the node |
//! | [`bodies`] | bodies in every form in which clients send them |
//! | [`handling`] | requests that NGINX itself treats specially |
//! | [`answers`] | block pages and variables |
//! | [`responses`] | what responses give away |
//! | [`status`] | the status page and rate limits |
//! | [`configuration`] | what `nginx -t` says |
//! | [`bad_input`] | requests that are broken or too much |
//! | [`reporting`] | postanalytics, well-behaved and hostile |
//! | [`cloud`] | the API of the Cloud in place of postanalytics |
//! | [`full_disk`] | what needs a disk that has no room |
//! | [`faults`] | panics inside the module |
//! | [`lifetime`] | reloads, crashes, rule sets that change or break |
//!
//! [`scene`] is what a fact works with.

mod answers;
mod bad_input;
mod bodies;
mod cloud;
mod configuration;
mod faults;
mod full_disk;
mod handling;
mod ip_lists;
mod keys;
mod lifetime;
mod list_files;
mod modes;
mod reporting;
mod responses;
mod scene;
mod status;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::program::Program;
use super::valgrind::Memcheck;

/// One fact.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    /// A sentence.
    pub name: &'static str,
    /// Fails if it does not hold.
    check: fn(&Subject) -> Result<()>,
    /// Whether it is also looked at under valgrind.
    memory: bool,
}

impl Fact {
    const fn new(name: &'static str, check: fn(&Subject) -> Result<()>) -> Self {
        Self { name, check, memory: false }
    }

    /// A fact that takes the module through code of its own and depends on no time, so that its memory is checked too.
    const fn under_valgrind(self) -> Self {
        Self { memory: true, ..self }
    }
}

/// What the facts are about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// NGINX.
    pub program: Program,
    /// The module for it.
    pub module: PathBuf,
    /// The module for another version, which this NGINX must refuse.
    pub foreign: PathBuf,
    /// A module that panics when it is asked to.
    pub with_faults: Option<PathBuf>,
    /// The compiled rule set.
    pub rules: PathBuf,
    /// The real postanalytics server.
    pub postanalytics: PathBuf,
}

/// How a fact came out.
#[derive(Debug)]
pub struct Row {
    /// The fact.
    pub name: &'static str,
    /// Why it does not hold, if it does not.
    pub failure: Option<anyhow::Error>,
    /// How long it took.
    pub took: Duration,
}

/// Every fact about the module as it is packed.
#[must_use]
pub fn all() -> Vec<Fact> {
    [
        modes::FACTS,
        ip_lists::FACTS,
        list_files::FACTS,
        keys::FACTS,
        bodies::FACTS,
        handling::FACTS,
        answers::FACTS,
        responses::FACTS,
        status::FACTS,
        configuration::FACTS,
        bad_input::FACTS,
        full_disk::FACTS,
        reporting::FACTS,
        cloud::FACTS,
        lifetime::FACTS,
    ]
    .concat()
}

/// Checks those of the facts whose name has `filter` in it; `tell` hears of each.
pub fn check(subject: &Subject, filter: &str, tell: &mut dyn FnMut(&Row)) -> Vec<Row> {
    let faulty = subject.with_faults.clone().map(|module| Subject { module, ..subject.clone() });
    let own = all().into_iter().map(|fact| (fact, Some(subject)));
    let checks = own.chain(faults::FACTS.iter().map(|fact| (*fact, faulty.as_ref())));
    let checks = checks.filter_map(|(fact, subject)| Some((fact, subject?)));
    rows(checks.filter(|(fact, _)| fact.name.contains(filter)), |fact, subject| (fact.check)(subject), tell)
}

/// Checks those of the facts with `filter` in their name that are fit for it, with an eye on the memory of NGINX.
pub fn check_memory(subject: &Subject, memcheck: &Memcheck, filter: &str, tell: &mut dyn FnMut(&Row)) -> Vec<Row> {
    let watched = Subject { program: subject.program.under(memcheck.words()), ..subject.clone() };
    let fit = all().into_iter().filter(|fact| fact.memory && fact.name.contains(filter));
    let check = |fact: Fact, subject: &Subject| {
        let held = (fact.check)(subject);
        // Memory that was misused may well be why a fact does not hold.
        match (memcheck.verdict(), held) {
            (Ok(()), held) => held,
            (Err(error), Ok(())) => Err(error),
            (Err(error), Err(failure)) => Err(failure.context(error)),
        }
    };
    rows(fit.map(|fact| (fact, &watched)), check, tell)
}

/// A row for each check.
fn rows<'a>(
    checks: impl Iterator<Item = (Fact, &'a Subject)>,
    check: impl Fn(Fact, &Subject) -> Result<()>,
    tell: &mut dyn FnMut(&Row),
) -> Vec<Row> {
    let made = checks.map(|(fact, subject)| {
        let begun = Instant::now();
        let failure = check(fact, subject).err();
        let row = Row { name: fact.name, failure, took: begun.elapsed() };
        tell(&row);
        row
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_facts_have_one_name() {
        let mut names: Vec<&str> = all().iter().map(|fact| fact.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
