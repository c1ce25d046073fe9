//! `docs/commands.toml`: the commands that the documentation tells users to type.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("../../../docs/commands.toml");
const PATH: &str = "docs/commands.toml";

/// The whole list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documented {
    /// Scheme and name of the repository's host in the documentation.
    pub host: String,
    upstream: String,
    /// The line of `nginx.conf` that loads the module.
    #[serde(rename = "load-module")]
    pub load_module: String,
    families: BTreeMap<Family, Common>,
    systems: BTreeMap<String, System>,
}

/// The package formats, by which systems share their commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// apt.
    Deb,
    /// yum and dnf.
    Rpm,
}

/// Whose NGINX a system has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nginx {
    /// The system's own.
    Distribution,
    /// That of nginx.org.
    NginxOrg,
}

/// Where in the documentation a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Make the package manager know the repository and its key.
    AddRepository,
    /// Install the packages.
    Install,
    /// Register with a Cloud.
    Register,
    /// Edit the settings.
    Configure,
    /// Make the settings effective.
    Restart,
    /// See whether it works.
    Check,
    /// Install the checks, and run them.
    Monitor,
    /// Before an upgrade: forget the repository, to add it anew. Empty where that is not needed.
    RenewRepository,
    /// Go to a newer version.
    Upgrade,
    /// Remove the packages.
    Remove,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Command {
    /// As the documentation has it.
    pub run: String,
    /// What the user types when it asks.
    #[serde(default)]
    pub answer: Option<String>,
    /// Why a test does not run it.
    #[serde(default)]
    pub not_run: Option<String>,
}

/// A system that the documentation has commands for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct System {
    /// How people call it.
    pub title: String,
    /// Its package format.
    pub family: Family,
    add_repository: Vec<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Common {
    install: Vec<Command>,
    register: Vec<Command>,
    configure: Vec<Command>,
    restart: Vec<Command>,
    check: Vec<Command>,
    monitor: Vec<Command>,
    #[serde(default)]
    renew_repository: Vec<Command>,
    upgrade: Vec<Command>,
    remove: Vec<Command>,
    filtering: BTreeMap<Nginx, Filtering>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filtering {
    install: Vec<Command>,
    configure: Vec<Command>,
    restart: Vec<Command>,
    check: Vec<Command>,
    remove: Vec<Command>,
}

impl Documented {
    /// The list of this repository.
    ///
    /// # Errors
    ///
    /// If it is broken; the message names line and column.
    pub fn read() -> Result<Self> {
        Self::parse(TEXT).context(PATH)
    }

    fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text)?;
        for (name, system) in &list.systems {
            if !list.families.contains_key(&system.family) {
                bail!("[systems.{name}] family: there is no [families] table of that name");
            }
        }
        Ok(list)
    }

    /// Every system with its name.
    pub fn systems(&self) -> impl Iterator<Item = (&str, &System)> {
        self.systems.iter().map(|(name, system)| (name.as_str(), system))
    }

    /// The system called `name`.
    ///
    /// # Errors
    ///
    /// If there is none; the message lists those that there are.
    pub fn system(&self, name: &str) -> Result<&System> {
        self.systems.get(name).with_context(|| {
            let known: Vec<&str> = self.systems.keys().map(String::as_str).collect();
            format!("{PATH} has no system `{name}`; it has {}", known.join(", "))
        })
    }

    /// The commands of one part for `system`.
    #[must_use]
    pub fn commands<'a>(&'a self, system: &'a System, part: Part) -> &'a [Command] {
        let Some(common) = self.families.get(&system.family) else { return &[] };
        match part {
            Part::AddRepository => &system.add_repository,
            Part::Install => &common.install,
            Part::Register => &common.register,
            Part::Configure => &common.configure,
            Part::Restart => &common.restart,
            Part::Check => &common.check,
            Part::Monitor => &common.monitor,
            Part::RenewRepository => &common.renew_repository,
            Part::Upgrade => &common.upgrade,
            Part::Remove => &common.remove,
        }
    }

    /// The commands of one part for the filtering side on `system`; where it has none of its own, those of
    /// [`Documented::commands`].
    #[must_use]
    pub fn filtering<'a>(&'a self, system: &'a System, nginx: Nginx, part: Part) -> &'a [Command] {
        let own = self.families.get(&system.family).and_then(|common| common.filtering.get(&nginx));
        match (own, part) {
            (None, _) => &[],
            (Some(own), Part::Install) => &own.install,
            (Some(own), Part::Configure) => &own.configure,
            (Some(own), Part::Restart) => &own.restart,
            (Some(own), Part::Check) => &own.check,
            (Some(own), Part::Remove) => &own.remove,
            (Some(_), _) => self.commands(system, part),
        }
    }

    /// The block that names two postanalytics servers, with their addresses.
    #[must_use]
    pub fn upstream(&self, first: IpAddr, second: IpAddr) -> String {
        self.upstream.replace("<ip1>", &first.to_string()).replace("<ip2>", &second.to_string())
    }

    /// A command with another host in place of the documentation's: `url` has a scheme and no slash at its end.
    #[must_use]
    pub fn at(&self, command: &Command, url: &str) -> String {
        command.run.replace(&self.host, url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [Part; 10] = [
        Part::AddRepository,
        Part::Install,
        Part::Register,
        Part::Configure,
        Part::Restart,
        Part::Check,
        Part::Monitor,
        Part::RenewRepository,
        Part::Upgrade,
        Part::Remove,
    ];

    #[test]
    fn every_system_has_every_part_but_the_renewal_that_apt_does_not_need() {
        let list = Documented::read().unwrap();
        for (name, system) in list.systems() {
            for part in PARTS {
                let needless = part == Part::RenewRepository && system.family == Family::Deb;
                assert_eq!(list.commands(system, part).is_empty(), needless, "{name} {part:?}");
                for nginx in [Nginx::Distribution, Nginx::NginxOrg] {
                    assert_eq!(list.filtering(system, nginx, part).is_empty(), needless, "{name} {nginx:?} {part:?}");
                }
            }
        }
    }

    #[test]
    fn repositories_are_where_the_specification_has_them() {
        let list = Documented::read().unwrap();
        let places = [
            ("buster", "/debian/wallarm-node buster/4.8/"),
            ("bullseye", "/debian/wallarm-node bullseye/4.8/"),
            ("bionic", "/ubuntu/wallarm-node bionic/4.8/"),
            ("focal", "/ubuntu/wallarm-node focal/4.8/"),
            ("bookworm", "/debian/wallarm-node bookworm/4.8/"),
            ("trixie", "/debian/wallarm-node trixie/4.8/"),
            ("jammy", "/ubuntu/wallarm-node jammy/4.8/"),
            ("noble", "/ubuntu/wallarm-node noble/4.8/"),
            ("el7", "/centos/wallarm-node/7/4.8/x86_64/wallarm-node-repo-4.8-0.el7.noarch.rpm"),
            ("amazon-linux-2", "/centos/wallarm-node/7/4.8/x86_64/wallarm-node-repo-4.8-0.el7.noarch.rpm"),
            ("el8", "/centos/wallarm-node/8/4.8/x86_64/wallarm-node-repo-4.8-0.el8.noarch.rpm"),
            ("rhel8", "/centos/wallarm-node/8/4.8/x86_64/wallarm-node-repo-4.8-0.el8.noarch.rpm"),
            ("el9", "/centos/wallarm-node/9/4.8/x86_64/wallarm-node-repo-4.8-0.el9.noarch.rpm"),
        ];
        for (name, place) in places {
            let system = list.system(name).unwrap();
            let whole = format!("https://repo.wallarm.com{place}");
            let commands = list.commands(system, Part::AddRepository);
            assert!(commands.iter().any(|command| command.run.contains(&whole)), "{name}");
        }
    }

    #[test]
    fn a_test_changes_nothing_of_a_command_but_scheme_and_host() {
        let list = Documented::read().unwrap();
        let system = list.system("bullseye").unwrap();
        let [_, key, ..] = list.commands(system, Part::AddRepository) else { panic!("no key command") };
        assert_eq!(
            list.at(key, "http://198.18.0.1:80"),
            "curl -fSsL http://198.18.0.1:80/wallarm.gpg | sudo gpg --no-default-keyring --keyring \
             gnupg-ring:/etc/apt/trusted.gpg.d/wallarm.gpg --import"
        );
    }

    #[test]
    fn the_upstream_block_is_the_one_of_the_specification() {
        let block = Documented::read().unwrap().upstream([192, 0, 2, 2].into(), [192, 0, 2, 6].into());
        let lines: Vec<&str> = block.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "upstream wallarm_tarantool {",
                "server 192.0.2.2:3313 max_fails=0 fail_timeout=0 max_conns=1;",
                "server 192.0.2.6:3313 max_fails=0 fail_timeout=0 max_conns=1;",
                "keepalive 2;",
                "}",
                "wallarm_tarantool_upstream wallarm_tarantool;",
            ]
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = Documented::parse(&TEXT.replacen("answer = \"y\"", "anser = \"y\"", 1)).unwrap_err();
        let line = TEXT.lines().position(|line| line.contains("answer = \"y\"")).unwrap() + 1;
        let text = format!("{error:#}");
        assert!(text.contains("anser") && text.contains(&format!("line {line}")), "{text}");
    }

    #[test]
    fn an_unknown_system_is_refused_with_the_known_ones() {
        let error = Documented::read().unwrap().system("sarge").unwrap_err().to_string();
        assert!(error.contains("`sarge`") && error.contains("bullseye"), "{error}");
    }

    #[test]
    fn the_operators_guide_shows_the_documented_commands_and_no_others() {
        let list = Documented::read().unwrap();
        let system = list.system("bullseye").unwrap();
        let guide = include_str!("../../../docs/operating.md");
        let sections = [("## Install", vec![Part::AddRepository, Part::Install]), ("## Monitor", vec![Part::Monitor])];
        for (section, parts) in sections {
            let documented: Vec<&str> =
                parts.into_iter().flat_map(|part| list.commands(system, part)).map(|c| c.run.as_str()).collect();
            let (_, section) = guide.split_once(&format!("{section}\n")).unwrap();
            let (_, block) = section.split_once("```bash\n").unwrap();
            let (block, _) = block.split_once("```").unwrap();
            assert_eq!(block.lines().collect::<Vec<_>>(), documented);
        }
    }

    #[test]
    fn the_guide_to_filtering_shows_the_documented_commands_and_blocks_and_no_others() {
        let list = Documented::read().unwrap();
        let system = list.system("bullseye").unwrap();
        let parts = [Part::Install, Part::Configure, Part::Restart];
        let commands = parts.into_iter().flat_map(|part| list.filtering(system, Nginx::Distribution, part));
        let guide = include_str!("../../../docs/filtering.md");
        let block = |language: &str| {
            let (_, block) = guide.split_once(&format!("```{language}\n")).unwrap();
            block.split_once("```").unwrap().0.lines().collect::<Vec<_>>()
        };
        assert_eq!(block("bash"), commands.map(|command| command.run.as_str()).collect::<Vec<_>>());
        assert_eq!(block("nginx"), list.upstream.lines().collect::<Vec<_>>());
        assert!(guide.contains(&list.load_module));
    }
}
