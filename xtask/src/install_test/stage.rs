//! What a step works with: the machine, the repository that it sees, and the documented commands.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::InstallTest;
use super::documented::{Command, Documented, Family, Nginx, Part, System};
use crate::container::{Finished, Interrupt, Login, Machine};
use crate::http::Server;

/// No command of a scenario takes longer on a machine that works.
const LIMIT: Duration = Duration::from_secs(180);

/// How long a fact may take to become true after the command that brings it about.
const SOON: Duration = Duration::from_secs(20);

/// How often it is looked at meanwhile.
const TICK: Duration = Duration::from_millis(50);

/// Folders of a run.
#[derive(Debug)]
pub(super) struct Paths {
    pub roots: PathBuf,
    pub machines: PathBuf,
}

impl Paths {
    pub fn below(work: &Path) -> Result<Self> {
        std::fs::create_dir_all(work).with_context(|| format!("cannot make {}", work.display()))?;
        let work = work.canonicalize()?;
        Ok(Self { roots: work.join("roots"), machines: work.join("machines") })
    }
}

/// The machine and all around it.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The folders under test.
    pub test: &'a InstallTest<'a>,
    /// The machine's repository server.
    pub server: &'a Server,
    pub(super) interrupt: &'a Interrupt,
    pub(super) list: &'a Documented,
    system: &'a System,
    pub(super) machine: &'a Machine,
    /// Whose NGINX the machine has; `None` if it is no filtering node.
    pub(super) nginx: Option<Nginx>,
    /// The server of nginx.org's repository, if the machine has the NGINX of nginx.org.
    pub(super) nginx_org: Option<&'a Server>,
    /// The postanalytics servers that this machine reports to, if it is a filtering node.
    pub peers: Vec<Peer<'a>>,
    typed: Vec<String>,
    left_out: Vec<(String, String)>,
    /// What the last documented part wrote, command by command.
    said: Vec<(String, String)>,
    /// What one step leaves for a later one to compare with.
    pub remembered: String,
}

/// Another machine, and the address by which this one reaches it.
#[derive(Debug)]
pub struct Peer<'a> {
    /// The address, on a link between the two.
    pub address: Ipv4Addr,
    /// The machine.
    pub stage: Stage<'a>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        test: &'a InstallTest<'a>,
        list: &'a Documented,
        system: &'a System,
        machine: &'a Machine,
        server: &'a Server,
        interrupt: &'a Interrupt,
    ) -> Self {
        let (typed, left_out, said) = (Vec::new(), Vec::new(), Vec::new());
        let (peers, remembered) = (Vec::new(), String::new());
        let (nginx, nginx_org) = (None, None);
        Self {
            test,
            server,
            interrupt,
            list,
            system,
            machine,
            nginx,
            nginx_org,
            peers,
            typed,
            left_out,
            said,
            remembered,
        }
    }

    /// Types the documented commands of `part`, as the administrator of the machine would.
    ///
    /// # Errors
    ///
    /// If one fails.
    pub fn documented(&mut self, part: Part) -> Result<()> {
        self.type_commands(self.list.commands(self.system, part))
    }

    /// The same for the filtering side, with the NGINX of the machine.
    ///
    /// # Errors
    ///
    /// If one fails.
    pub fn filtering(&mut self, part: Part) -> Result<()> {
        let nginx = self.nginx.context("this machine is no filtering node")?;
        self.type_commands(self.list.filtering(self.system, nginx, part))
    }

    fn type_commands(&mut self, commands: &[Command]) -> Result<()> {
        self.said.clear();
        let list = self.list;
        for command in commands {
            let line = list.at(command, &self.server.url());
            if let Some(reason) = &command.not_run {
                self.left_out.push((line, reason.clone()));
                continue;
            }
            let answer = command.answer.as_ref().map(|answer| format!("{answer}\n")).unwrap_or_default();
            let finished = self.type_in(Login::Administrator, &line, &answer)?;
            succeeded(&line, &finished)?;
            self.said.push((line, finished.output));
        }
        Ok(())
    }

    /// What the commands of the last documented part wrote: command and output.
    #[must_use]
    pub fn said(&self) -> &[(String, String)] {
        &self.said
    }

    /// Types a line as the administrator.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn admin(&mut self, line: &str) -> Result<String> {
        let finished = self.type_in(Login::Administrator, line, "")?;
        succeeded(line, &finished)?;
        Ok(finished.output)
    }

    /// Runs a line as root, to see what is the case.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn root(&mut self, line: &str) -> Result<String> {
        let finished = self.type_in(Login::Root, line, "")?;
        succeeded(line, &finished)?;
        Ok(finished.output)
    }

    /// Types a line as the administrator, which may fail.
    ///
    /// # Errors
    ///
    /// If it does not end.
    pub fn attempt(&mut self, line: &str) -> Result<Finished> {
        self.type_in(Login::Administrator, line, "")
    }

    /// Types a line as the administrator that must fail, and whose output must have one of `words`.
    ///
    /// # Errors
    ///
    /// If it succeeds, or fails for another reason.
    pub fn refused(&mut self, line: &str, words: &[&str]) -> Result<()> {
        let finished = self.attempt(line)?;
        ensure!(!finished.ok(), "this should have been refused: {line}\n{}", finished.tail(15));
        let named = words.iter().any(|word| finished.output.contains(word));
        ensure!(named, "failed, but not for one of {words:?}: {line}\n{}", finished.tail(15));
        Ok(())
    }

    /// Runs a line as root whose whole output, trimmed, must be `expected`.
    ///
    /// # Errors
    ///
    /// If it fails or says something else.
    pub fn says(&mut self, line: &str, expected: &str) -> Result<()> {
        let output = self.root(line)?;
        ensure!(output.trim() == expected, "{line}\nshould say {expected:?}, says {:?}", output.trim());
        Ok(())
    }

    /// Waits until a line succeeds as root.
    ///
    /// # Errors
    ///
    /// If it does not within a time that is ample.
    pub fn soon(&mut self, line: &str) -> Result<()> {
        self.typed.push(line.to_owned());
        let until = Instant::now() + SOON;
        loop {
            let finished = self.machine.run(Login::Root, line, "", LIMIT, self.interrupt)?;
            if finished.ok() {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("{line}\nstill fails after {} s:\n{}", SOON.as_secs(), finished.tail(15));
            }
            std::thread::sleep(TICK);
        }
    }

    /// Waits until `look` says that `fact` holds.
    ///
    /// # Errors
    ///
    /// If it does not within a time that is ample; the error has what `look` saw last.
    pub fn until(&mut self, fact: &str, look: impl Fn(&mut Self) -> Result<(bool, String)>) -> Result<()> {
        let until = Instant::now() + SOON;
        let (mut typed, left_out) = self.take_typed();
        let result = loop {
            // What is typed again and again is shown once.
            self.take_typed();
            match look(self) {
                Ok((true, _)) => break Ok(()),
                Ok((false, seen)) if Instant::now() > until => {
                    break Err(anyhow::anyhow!("{fact}: not so after {} s, it is {seen}", SOON.as_secs()));
                }
                Ok((false, _)) => std::thread::sleep(TICK),
                Err(error) => break Err(error),
            }
        };
        let (last, _) = self.take_typed();
        typed.extend(last);
        (self.typed, self.left_out) = (typed, left_out);
        result
    }

    /// Where the settings file is.
    #[must_use]
    pub fn settings(&self) -> &'static str {
        match self.system.family {
            Family::Deb => "/etc/default/wallarm-tarantool",
            Family::Rpm => "/etc/sysconfig/wallarm-tarantool",
        }
    }

    /// The folder of collectd's fragments.
    #[must_use]
    pub fn collectd(&self) -> &'static str {
        match self.system.family {
            Family::Deb => "/etc/collectd/wallarm-collectd.conf.d",
            Family::Rpm => "/etc/wallarm-collectd.d",
        }
    }

    /// What removes a package with all that it has installed.
    #[must_use]
    pub fn remove_command(&self, package: &str) -> String {
        match self.system.family {
            Family::Deb => format!("sudo apt -y purge {package}"),
            Family::Rpm => format!("sudo yum remove -y {package}"),
        }
    }

    /// Where copies of the repository go, each in the place of the one before: not that of another system's test.
    pub(super) fn place_of_copies(&self) -> PathBuf {
        self.test.work.join(format!("copies/{}", self.test.distro))
    }

    /// A port of the machine, as others on its network see it.
    #[must_use]
    pub fn outside(&self, port: u16) -> SocketAddr {
        (self.machine.address(), port).into()
    }

    fn type_in(&mut self, login: Login, line: &str, stdin: &str) -> Result<Finished> {
        self.typed.push(line.to_owned());
        self.machine.run(login, line, stdin, LIMIT, self.interrupt)
    }

    /// What was typed since the last call, and what was left out and why.
    pub(super) fn take_typed(&mut self) -> (Vec<String>, Vec<(String, String)>) {
        let mut taken = (std::mem::take(&mut self.typed), std::mem::take(&mut self.left_out));
        for peer in &mut self.peers {
            let (typed, left_out) = peer.stage.take_typed();
            taken.0.extend(typed);
            taken.1.extend(left_out);
        }
        taken
    }
}

fn succeeded(line: &str, finished: &Finished) -> Result<()> {
    let Some(code) = finished.code else { bail!("{line}\nwas killed:\n{}", finished.tail(15)) };
    // timeout(1)
    ensure!(code != 124, "{line}\nwas not done after {} s:\n{}", LIMIT.as_secs(), finished.tail(15));
    ensure!(code == 0, "{line}\nended with exit code {code}:\n{}", finished.tail(15));
    Ok(())
}
