//! Running the command: octets in, output and exit status out, within a time.

use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::CommandProblem;

/// Most that is kept of either output; a signature by RSA-16384 has 3 kB with its armour.
const OUTPUT_MAX: usize = 64 * 1024;

/// Most of standard error that an error repeats.
const MESSAGE_MAX: usize = 2_000;

/// How often a command that has closed its output is looked at until it has ended.
const PATIENCE: Duration = Duration::from_millis(2);

/// Runs the command in a shell, which it replaces, so that ending it ends no shell around it. Gives its standard output.
pub(super) fn run(
    command: &str,
    arguments: &[&str],
    variable: (&str, OsString),
    octets: &[u8],
    timeout: Duration,
) -> Result<Vec<u8>, CommandProblem> {
    let begun = Instant::now();
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec {command} \"$@\""))
        .arg("sign-with")
        .args(arguments)
        .env(variable.0, variable.1)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(CommandProblem::NotStarted)?;
    feed(&mut child, octets.to_vec());
    let (output, errors) = (collect(child.stdout.take(), Rest::Left), collect(child.stderr.take(), Rest::Forgotten));
    let left = || timeout.saturating_sub(begun.elapsed());
    let Ok(output) = output.recv_timeout(left()) else {
        end(&mut child);
        return Err(CommandProblem::TooSlow { timeout });
    };
    // Before its status, which may be that of a pipe closed on it.
    if output.len() > OUTPUT_MAX {
        end(&mut child);
        return Err(CommandProblem::NoSignature(format!("it wrote more than {} kB", OUTPUT_MAX / 1024)));
    }
    let ended = errors.recv_timeout(left()).ok().and_then(|errors| Some((errors, wait(&mut child, left)?)));
    let Some((errors, status)) = ended else {
        end(&mut child);
        return Err(CommandProblem::TooSlow { timeout });
    };
    if status.success() {
        Ok(output)
    } else {
        Err(CommandProblem::Failed { status: status.to_string(), message: message(&errors) })
    }
}

/// It may have ended at this very moment; either way nothing of it is left behind.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Writes from a thread of its own: a command may write before it has read everything. One that ends without reading is no
/// fault here, its status tells.
fn feed(child: &mut Child, octets: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        thread::spawn(move || stdin.write_all(&octets));
    }
}

/// What becomes of output beyond [`OUTPUT_MAX`].
#[derive(Clone, Copy, PartialEq)]
enum Rest {
    /// Nothing: one octet more than the most is given, and the pipe closed.
    Left,
    /// It is read and dropped, so that a command may say as much as it likes.
    Forgotten,
}

/// Reads from a thread of its own: a process that the command left behind may keep the pipe open for ever.
fn collect(pipe: Option<impl Read + Send + 'static>, rest: Rest) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is judged as it is.
            let _ = pipe.by_ref().take(OUTPUT_MAX as u64 + 1).read_to_end(&mut bytes);
            if rest == Rest::Forgotten {
                let _ = io::copy(&mut pipe, &mut io::sink());
            }
        }
        let _ = sender.send(bytes);
    });
    receiver
}

fn wait(child: &mut Child, left: impl Fn() -> Duration) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if !left().is_zero() => thread::sleep(PATIENCE),
            _ => return None,
        }
    }
}

/// The end of what the command said, on one line and without control characters.
fn message(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let words = text.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    let skipped = line.chars().count().saturating_sub(MESSAGE_MAX);
    line.chars().skip(skipped).collect()
}
