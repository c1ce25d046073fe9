//! Child processes that end: each has a time limit, and its output is read while it runs.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Interrupt;

/// How often a running child is looked at.
const TICK: Duration = Duration::from_millis(20);

/// How long output is awaited after the child's end: a daemon that it left behind may hold the pipe open forever.
const DRAIN: Duration = Duration::from_secs(1);

/// Output beyond this many bytes loses its beginning.
const KEPT: usize = 1024 * 1024;

/// A process that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output and standard error, as they came.
    pub output: String,
}

impl Finished {
    /// Whether the exit code was 0.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// The last `lines` lines of the output.
    #[must_use]
    pub fn tail(&self, lines: usize) -> String {
        let all: Vec<&str> = self.output.trim_end().lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

/// Runs `command` to its end with `stdin` as its input.
///
/// # Errors
///
/// If the program cannot be started (the message names the Debian package when that is known), if it takes longer than
/// `limit`, or if `interrupt` was raised. In both cases it was killed.
pub fn run(command: &mut Command, stdin: &str, limit: Duration, interrupt: &Interrupt) -> Result<Finished> {
    let (mut reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = spawn(command)?;
    // The writing ends live on in `command`; while they are open, reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let (sender, chunks) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    if let Some(mut input) = child.stdin.take() {
        // A child that never reads its input closes the pipe: no error of ours.
        let _ = input.write_all(stdin.as_bytes());
    }
    let mut output = Vec::new();
    let status = wait(&mut child, &chunks, &mut output, limit, interrupt);
    match status {
        Ok(status) => {
            let until = Instant::now() + DRAIN;
            while let Ok(chunk) = chunks.recv_timeout(until.saturating_duration_since(Instant::now())) {
                keep(&mut output, &chunk);
            }
            Ok(Finished { code: status.code(), output: String::from_utf8_lossy(&output).into_owned() })
        }
        Err(error) => {
            end(&mut child);
            let output = Finished { code: None, output: String::from_utf8_lossy(&output).into_owned() };
            Err(error.context(format!("{}\n{}", describe(command), output.tail(20))))
        }
    }
}

/// Runs `command` and takes anything but success for an error.
///
/// # Errors
///
/// As [`run`], and if the exit code is not 0; then the message holds the end of the output.
pub fn check(command: &mut Command, limit: Duration, interrupt: &Interrupt) -> Result<String> {
    let finished = run(command, "", limit, interrupt)?;
    if finished.ok() {
        return Ok(finished.output);
    }
    let mut message = describe(command);
    match finished.code {
        Some(code) => write!(message, " ended with exit code {code}")?,
        None => write!(message, " was killed")?,
    }
    bail!("{message}:\n{}", finished.tail(20));
}

/// Starts `command`; a missing program is reported with the Debian package that holds it.
///
/// # Errors
///
/// If it cannot be started.
pub fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| {
        let program = command.get_program().to_string_lossy().into_owned();
        match package_of(&program) {
            Some(package) => {
                format!("cannot start {program}; it comes with Debian's package {package}: apt install {package}")
            }
            None => format!("cannot start {program}"),
        }
    })
}

/// Kills `child` and takes its exit status, so that no zombie stays.
pub fn end(child: &mut Child) {
    // Both fail only if it has ended and was waited for already.
    let _ = child.kill();
    let _ = child.wait();
}

/// A command that runs `program` as the first process of a name space of its own, with mounts of its own. When it ends, or is
/// killed, or we are (even by SIGKILL), the kernel ends every process below it and undoes every mount.
#[must_use]
pub fn sealed(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"]);
    command.args(["--pid", "--fork", "--kill-child=KILL", "--mount-proc", program]);
    // Ctrl-C in a terminal goes to a whole process group; what we started ends by our hand, in order.
    command.process_group(0);
    command
}

fn wait(
    child: &mut Child,
    chunks: &Receiver<Vec<u8>>,
    output: &mut Vec<u8>,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<ExitStatus> {
    let until = Instant::now() + limit;
    loop {
        match chunks.recv_timeout(TICK) {
            Ok(chunk) => keep(output, &chunk),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK),
        }
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        interrupt.check()?;
        if Instant::now() > until {
            bail!("not done after {} s, killed", limit.as_secs());
        }
    }
}

fn keep(output: &mut Vec<u8>, chunk: &[u8]) {
    output.extend_from_slice(chunk);
    if output.len() > 2 * KEPT {
        output.drain(..output.len() - KEPT);
    }
}

fn describe(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

fn package_of(program: &str) -> Option<&'static str> {
    Some(match program {
        "ip" => "iproute2",
        "mmdebstrap" => "mmdebstrap",
        "nsenter" | "setpriv" | "unshare" => "util-linux",
        "systemd-nspawn" => "systemd-container",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_of_both_streams_comes_in_order_with_the_exit_code() {
        let interrupt = Interrupt::watch().unwrap();
        let finished = run(
            &mut sh("read line; echo $line; echo two >&2; echo three; exit 7"),
            "one\n",
            Duration::from_secs(5),
            &interrupt,
        )
        .unwrap();
        assert_eq!(finished, Finished { code: Some(7), output: "one\ntwo\nthree\n".into() });
        assert_eq!(finished.tail(2), "two\nthree");
    }

    #[test]
    fn a_child_beyond_its_time_is_killed_and_named() {
        let interrupt = Interrupt::watch().unwrap();
        let error = run(&mut sh("echo begun; exec sleep 60"), "", Duration::from_millis(300), &interrupt).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("sh -c") && text.contains("begun") && text.contains("killed"), "{text}");
    }

    #[test]
    fn a_daemon_left_behind_does_not_hold_us() {
        let interrupt = Interrupt::watch().unwrap();
        let begun = Instant::now();
        let finished = run(&mut sh("sleep 20 & echo done $!"), "", Duration::from_secs(10), &interrupt).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5));
        let pid = finished.output.trim().strip_prefix("done ").unwrap().to_owned();
        Command::new("kill").arg(pid).status().unwrap();
    }

    #[test]
    fn a_missing_program_is_reported_with_its_debian_package() {
        let mut command = Command::new("mmdebstrap");
        command.env("PATH", "/nonexistent");
        let error = spawn(&mut command).unwrap_err();
        assert!(format!("{error:#}").contains("apt install mmdebstrap"), "{error:#}");
    }
}
