//! What a user types to make of a machine what they want: shared by `serve` and the pages of a repository.

use std::collections::BTreeSet;

use anyhow::Result;
use packaging::distro::{Distro, Format, Matrix};
use repo_layout::{Step, TreePath};

use crate::install_test::{Command, Documented, Nginx, Part, System};

/// What a machine can be made with the packages of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A server of its own for postanalytics.
    Postanalytics,
    /// NGINX with the module, by whose NGINX it is.
    Filtering(Nginx),
}

impl Purpose {
    /// In the order in which guides show them.
    pub const ALL: [Self; 3] =
        [Self::Postanalytics, Self::Filtering(Nginx::Distribution), Self::Filtering(Nginx::NginxOrg)];

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Postanalytics => "a postanalytics server",
            Self::Filtering(Nginx::Distribution) => "a filtering node, with the system's NGINX",
            Self::Filtering(Nginx::NginxOrg) => "a filtering node, with nginx.org's NGINX",
        }
    }

    /// For JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Postanalytics => "postanalytics",
            Self::Filtering(Nginx::Distribution) => "filtering-distribution",
            Self::Filtering(Nginx::NginxOrg) => "filtering-nginx-org",
        }
    }

    /// What installs it.
    pub fn install<'a>(self, documented: &'a Documented, system: &'a System) -> &'a [Command] {
        match self {
            Self::Postanalytics => documented.commands(system, Part::Install),
            Self::Filtering(nginx) => documented.filtering(system, nginx, Part::Install),
        }
    }
}

/// The suites and repositories of a distro, as paths of the tree.
pub fn repositories(distro: &Distro, line: &str) -> Result<Vec<TreePath>> {
    let paths = match distro.format() {
        Format::Deb => {
            let (root, suite) = distro.apt_suite(line);
            vec![format!("{root}/{suite}")]
        }
        Format::Rpm => distro.architectures.iter().map(|arch| distro.yum_path(line, *arch)).collect(),
    };
    Ok(paths.into_iter().map(TreePath::new).collect::<Result<_, _>>()?)
}

/// The commands of every documented system, with `url` in place of the documentation's host. `names` gives the packages of a
/// repository, if it is known: what would install others is left out.
pub fn systems(
    documented: &Documented,
    matrix: &Matrix,
    line: &str,
    url: &str,
    names: impl Fn(&Distro) -> Option<BTreeSet<String>>,
) -> Result<Vec<repo_layout::System>> {
    let mut systems = Vec::new();
    for distro in matrix.iter() {
        let there = names(distro);
        for (_, system) in documented.systems().filter(|(_, system)| is_of(distro, line, system, documented)) {
            for repository in repositories(distro, line)? {
                let steps = steps(documented, system, url, there.as_ref());
                systems.push(repo_layout::System { title: system.title.clone(), repository, steps });
            }
        }
    }
    // As people look for theirs.
    systems.sort_by(|a, b| a.title.cmp(&b.title));
    Ok(systems)
}

/// A system is of the distro whose repository its commands add.
fn is_of(distro: &Distro, line: &str, system: &System, documented: &Documented) -> bool {
    let places = match distro.format() {
        Format::Deb => {
            let (root, suite) = distro.apt_suite(line);
            vec![format!("{}/{root} {suite}/", documented.host)]
        }
        Format::Rpm => {
            let path = |arch| format!("{}/{}/", documented.host, distro.yum_path(line, arch));
            distro.architectures.iter().copied().map(path).collect()
        }
    };
    let commands = documented.commands(system, Part::AddRepository);
    commands.iter().any(|command| places.iter().any(|place| command.run.contains(place)))
}

fn steps(documented: &Documented, system: &System, url: &str, names: Option<&BTreeSet<String>>) -> Vec<Step> {
    let step = |title: String, commands: &[Command]| Step {
        title,
        commands: commands.iter().map(|command| documented.at(command, url)).collect(),
    };
    let mut steps = vec![step("Add the repository".to_owned(), documented.commands(system, Part::AddRepository))];
    for purpose in Purpose::ALL {
        let commands = purpose.install(documented, system);
        let can = |names: &BTreeSet<String>| {
            commands.iter().all(|command| ours(&command.run).all(|name| names.contains(name)))
        };
        if names.is_none_or(can) {
            steps.push(step(format!("Install {}", purpose.title()), commands));
        }
    }
    steps
}

/// The packages of this project that a command names.
fn ours(command: &str) -> impl Iterator<Item = &str> {
    command.split_whitespace().filter(|word| word.contains("wallarm") && !word.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Session;

    const URL: &str = "https://repo.example.org";

    fn all(names: impl Fn(&Distro) -> Option<BTreeSet<String>>) -> Vec<repo_layout::System> {
        let session = Session::open(false, true).unwrap();
        let (documented, matrix) = (Documented::read().unwrap(), session.matrix().unwrap());
        systems(&documented, &matrix, &session.version().unwrap().line(), URL, names).unwrap()
    }

    #[test]
    fn every_documented_system_has_one_repository_and_every_distro_a_system() {
        let found = all(|_| None);
        let documented = Documented::read().unwrap();
        for (name, system) in documented.systems() {
            assert_eq!(found.iter().filter(|one| one.title == system.title).count(), 1, "{name}");
        }
        let session = Session::open(false, true).unwrap();
        for distro in session.matrix().unwrap().iter() {
            for path in repositories(distro, &session.version().unwrap().line()).unwrap() {
                assert!(found.iter().any(|one| one.repository == path), "docs/commands.toml has no system for {path}");
            }
        }
    }

    #[test]
    fn commands_are_the_documented_ones_but_for_the_host() {
        let documented = Documented::read().unwrap();
        for (_, system) in documented.systems() {
            let found = all(|_| None).into_iter().find(|one| one.title == system.title).unwrap();
            let typed: Vec<String> = found.steps.into_iter().flat_map(|step| step.commands).collect();
            let mut expected = documented.commands(system, Part::AddRepository).to_vec();
            expected.extend(Purpose::ALL.iter().flat_map(|purpose| purpose.install(&documented, system)).cloned());
            let expected: Vec<_> = expected.iter().map(|one| one.run.replace(&documented.host, URL)).collect();
            assert_eq!(typed, expected);
        }
    }

    #[test]
    fn what_the_repository_does_not_have_is_not_offered() {
        let names = BTreeSet::from(["wallarm-node-tarantool".to_owned()]);
        for system in all(|_| Some(names.clone())) {
            let titles: Vec<&str> = system.steps.iter().map(|step| step.title.as_str()).collect();
            assert_eq!(titles, ["Add the repository", "Install a postanalytics server"], "{}", system.title);
        }
    }
}
