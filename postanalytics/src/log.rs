//! The log, in the line style of Tarantool: `2026-01-31 12:00:00.000 [123] main listener.rs:42 I> text`.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How much a line matters; its letter stands before `>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The server cannot go on.
    Fatal,
    /// Something failed.
    Error,
    /// Something that an administrator may want to change.
    Warning,
    /// What happens.
    Info,
}

impl Level {
    fn letter(self) -> char {
        match self {
            Self::Fatal => 'F',
            Self::Error => 'E',
            Self::Warning => 'W',
            Self::Info => 'I',
        }
    }
}

/// Which part of the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Start, stop, signals.
    Main,
    /// Port 3313.
    Iproto,
    /// The metrics endpoint.
    Metrics,
    /// Hits on their way to the disk.
    Spool,
    /// What is made of requests.
    Analysis,
    /// What is sent to the Cloud.
    Export,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Main => "main",
            Self::Iproto => "iproto",
            Self::Metrics => "metrics",
            Self::Spool => "spool",
            Self::Analysis => "analysis",
            Self::Export => "export",
        })
    }
}

/// The log file, shared by everything that speaks.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: Mutex<File>,
}

impl Log {
    /// Opens `path` for appending and creates it if needed.
    ///
    /// # Errors
    ///
    /// The file cannot be opened. The server then does not start: without the documented log nobody would find out why
    /// something else goes wrong.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: Mutex::new(append_to(path)?) })
    }

    /// Opens the file again after it was moved away, which is what log rotation asks for by SIGHUP.
    ///
    /// # Errors
    ///
    /// The file cannot be opened; lines go on into the old one.
    pub fn reopen(&self) -> io::Result<()> {
        let file = append_to(&self.path)?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }

    /// Writes a line at level `F`.
    #[track_caller]
    pub fn fatal(&self, part: Part, text: fmt::Arguments<'_>) {
        self.line(Level::Fatal, part, text);
    }

    /// Writes a line at level `E`.
    #[track_caller]
    pub fn error(&self, part: Part, text: fmt::Arguments<'_>) {
        self.line(Level::Error, part, text);
    }

    /// Writes a line at level `W`.
    #[track_caller]
    pub fn warning(&self, part: Part, text: fmt::Arguments<'_>) {
        self.line(Level::Warning, part, text);
    }

    /// Writes a line at level `I`.
    #[track_caller]
    pub fn info(&self, part: Part, text: fmt::Arguments<'_>) {
        self.line(Level::Info, part, text);
    }

    /// Writes a line.
    #[track_caller]
    pub fn line(&self, level: Level, part: Part, text: fmt::Arguments<'_>) {
        let line = format_line(level, part, Location::caller(), text);
        // A full disk must not stop the server, and there is no better place to complain.
        let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn format_line(level: Level, part: Part, place: &Location<'_>, text: fmt::Arguments<'_>) -> String {
    let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S.%3f").to_string();
    let file = place.file().rsplit('/').next().unwrap_or_default();
    let (pid, letter) = (std::process::id(), level.letter());
    // One event, one line: what a peer sent may not begin another one.
    let text = text.to_string().replace(['\n', '\r'], " ");
    format!("{now} [{pid}] {part} {file}:{} {letter}> {text}\n", place.line())
}

/// What the system says about an error, without the number that Rust adds: `Address already in use`.
#[must_use]
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_documented_shape() {
        let line = format_line(Level::Warning, Part::Iproto, Location::caller(), format_args!("a\nb"));
        let mut words = line.split(' ');
        let (date, time) = (words.next().unwrap(), words.next().unwrap());
        assert_eq!((date.len(), time.len()), ("2026-01-31".len(), "12:00:00.000".len()));
        assert_eq!(words.next().unwrap(), format!("[{}]", std::process::id()));
        assert_eq!(words.next(), Some("iproto"));
        assert!(words.next().unwrap().starts_with("log.rs:"));
        assert_eq!(words.collect::<Vec<_>>(), ["W>", "a", "b\n"]);
    }

    #[test]
    fn system_errors_read_as_the_c_library_says_them() {
        assert_eq!(system_text(&io::Error::from_raw_os_error(98)), "Address already in use");
        assert_eq!(system_text(&io::Error::from_raw_os_error(99)), "Cannot assign requested address");
    }
}
