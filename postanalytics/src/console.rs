//! The console: a small client for the three statistics calls. It looks like the stock console and interprets nothing.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use iproto::frame::{self, FrameError, Split};
use iproto::greeting::{self, GreetingError};
use iproto::msgpack::{DecodeError, Scalar};
use iproto::request;
use iproto::response::{self, Outcome, Response};

use crate::statistics::{Statistic, yaml};

/// How long to wait for a server, at each step.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers are a few dozen bytes; more than this is another service.
const LONGEST_ANSWER: usize = 64 * 1024;

const HELP: &str = "\
Understood, with or without a leading `return `:
  require('console').connect('HOST:PORT')   talk to the server there
  wallarm.stat.export_delay()               age of the oldest attack not exported, in seconds
  wallarm.stat.timeframe_size()             age of the oldest stored request, in seconds
  wallarm.stat.dropped_before_export()      requests with attacks lost before export
  help
  exit
";

/// Why a line has no answer.
#[derive(Debug, thiserror::Error)]
enum ConsoleError {
    #[error("{address}: {source}")]
    Connection { address: String, source: io::Error },
    #[error("{address}: {source}")]
    Greeting { address: String, source: GreetingError },
    #[error("the server's answer cannot be read: {0}")]
    Answer(#[from] DecodeError),
    #[error("the server's answer cannot be read: {0}")]
    Frame(#[from] FrameError),
    #[error("the server's answer is too long: is it another service?")]
    Long,
    #[error("{message} (error {code})")]
    Refused { code: u32, message: String },
    #[error("not understood; `help` lists what is")]
    NotUnderstood,
}

/// The console and its connection.
pub struct Console {
    address: String,
    stream: Option<TcpStream>,
    sync: u64,
}

impl Console {
    /// A console that will talk to `address` unless a line says otherwise.
    #[must_use]
    pub fn new(address: String) -> Self {
        Self { address, stream: None, sync: 0 }
    }

    /// Carries out `lines` up to `exit`, printing to `out`. Returns whether all were answered.
    ///
    /// # Errors
    ///
    /// `out` cannot be written.
    pub fn run_lines<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>, out: &mut dyn Write) -> io::Result<bool> {
        let mut all_answered = true;
        for line in lines.into_iter().take_while(|line| !is_exit(line)).filter(|line| !line.trim().is_empty()) {
            all_answered &= self.run_line(line, out)?;
        }
        Ok(all_answered)
    }

    /// Carries out `line`, printing to `out`. Returns whether it was answered.
    fn run_line(&mut self, line: &str, out: &mut dyn Write) -> io::Result<bool> {
        match self.answer(line) {
            Ok(text) => out.write_all(text.as_bytes()).map(|()| true),
            Err(error) => out.write_all(error_document(&error).as_bytes()).map(|()| false),
        }
    }

    /// Carries out lines from standard input, with a prompt if it is a terminal. Returns whether all were answered.
    ///
    /// # Errors
    ///
    /// Input cannot be read, or `out` cannot be written.
    pub fn run(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        let input = io::stdin();
        let prompts = input.is_terminal();
        let mut all_answered = true;
        if prompts {
            out.write_all(b"`help` lists what is understood, `exit` leaves\n")?;
        }
        loop {
            if prompts {
                write!(out, "{}> ", if self.stream.is_some() { &self.address } else { "wtarantool" })?;
                out.flush()?;
            }
            // Bytes that are no UTF-8 are in a line that is not understood; the next one may be.
            let mut line = Vec::new();
            if input.lock().read_until(b'\n', &mut line)? == 0 {
                return Ok(all_answered);
            }
            let line = String::from_utf8_lossy(&line);
            if line.trim().is_empty() {
                continue;
            }
            if is_exit(&line) {
                return Ok(all_answered);
            }
            all_answered &= self.run_line(&line, out)?;
            out.flush()?;
        }
    }

    fn answer(&mut self, line: &str) -> Result<String, ConsoleError> {
        if matches!(line.trim(), "help" | "help()" | "?") {
            return Ok(HELP.to_owned());
        }
        if let Some(address) = connect_address(line) {
            self.address = address.to_owned();
            self.stream = None;
            self.stream = Some(self.connect()?);
            return Ok(yaml(true));
        }
        let statistic = Statistic::by_line(line.as_bytes()).ok_or(ConsoleError::NotUnderstood)?;
        let reused = self.stream.is_some();
        let asked = self.ask(statistic);
        // A server that was restarted meanwhile has closed the old connection.
        let asked =
            if reused && matches!(asked, Err(ConsoleError::Connection { .. })) { self.ask(statistic) } else { asked };
        if asked.is_err() {
            self.stream = None;
        }
        asked
    }

    fn ask(&mut self, statistic: Statistic) -> Result<String, ConsoleError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        self.sync += 1;
        let mut frame = Vec::new();
        request::write_call(&mut frame, self.sync, statistic.name(), |writer| {
            writer.array(0);
        });
        stream.write_all(&frame).map_err(|source| self.lost(source))?;
        let answer = self.read_answer(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }

    fn read_answer(&self, stream: &mut TcpStream) -> Result<String, ConsoleError> {
        let mut input = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            if let Split::Frame { payload, .. } = frame::split(&input)? {
                return shown(&Response::decode(payload)?);
            }
            if input.len() > LONGEST_ANSWER {
                return Err(ConsoleError::Long);
            }
            match stream.read(&mut chunk).map_err(|source| self.lost(source))? {
                0 => return Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
                count => input.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

impl Console {
    fn connect(&self) -> Result<TcpStream, ConsoleError> {
        let mut stream = self.open().map_err(|source| self.lost(source))?;
        let mut greeting = [0; greeting::LENGTH];
        stream.read_exact(&mut greeting).map_err(|source| self.lost(source))?;
        greeting::decode(&greeting)
            .map_err(|source| ConsoleError::Greeting { address: self.address.clone(), source })?;
        Ok(stream)
    }

    fn open(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn lost(&self, source: io::Error) -> ConsoleError {
        ConsoleError::Connection { address: self.address.clone(), source }
    }
}

fn is_exit(line: &str) -> bool {
    matches!(line.trim(), "exit" | "exit()" | "quit" | "os.exit()")
}

/// The address in `require('console').connect('HOST:PORT')`, with either kind of quotes.
fn connect_address(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("return ").unwrap_or(line).trim_start();
    let rest = ["require('console').connect(", "require(\"console\").connect("]
        .into_iter()
        .find_map(|call| line.strip_prefix(call))?;
    let quoted = rest.strip_suffix(')')?.trim();
    ['\'', '"'].into_iter().find_map(|quote| quoted.strip_prefix(quote)?.strip_suffix(quote))
}

fn shown(response: &Response<'_>) -> Result<String, ConsoleError> {
    match &response.outcome {
        Outcome::Error { code, message } => Err(ConsoleError::Refused { code: *code, message: (*message).to_owned() }),
        Outcome::Data(None) => Err(DecodeError::Missing("result").into()),
        Outcome::Data(Some(data)) => Ok(match response::first_result(data)? {
            Scalar::Uint(number) => yaml(number),
            Scalar::Int(number) => yaml(number),
            Scalar::Float(number) => yaml(number),
            Scalar::Bool(value) => yaml(value),
            Scalar::Nil => yaml("null"),
            Scalar::Str(text) | Scalar::Bin(text) => yaml(quoted(&String::from_utf8_lossy(text))),
        }),
    }
}

/// An error as the stock console prints one.
fn error_document(error: &ConsoleError) -> String {
    yaml(format_args!("error: {}", quoted(&error.to_string())))
}

/// A YAML scalar in single quotes; control characters, which it cannot hold, become blanks.
fn quoted(text: &str) -> String {
    let text: String = text.chars().map(|next| if next.is_control() { ' ' } else { next }).collect();
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_connect_line_names_an_address() {
        for line in [
            "require('console').connect('127.0.0.1:3313')",
            " return require(\"console\").connect(\"127.0.0.1:3313\")\n",
        ] {
            assert_eq!(connect_address(line), Some("127.0.0.1:3313"));
        }
        assert_eq!(connect_address("require('console').connect(address)"), None);
    }

    #[test]
    fn errors_are_yaml_even_with_quotes_inside() {
        let refused = ConsoleError::Refused { code: 33, message: "Procedure 'x' is not defined".into() };
        assert_eq!(error_document(&refused), "---\n- error: 'Procedure ''x'' is not defined (error 33)'\n...\n");
    }

    #[test]
    fn lines_that_mean_nothing_are_answered_with_an_error() {
        let mut out = Vec::new();
        assert!(!Console::new("127.0.0.1:1".into()).run_line("os.execute('id')", &mut out).unwrap());
        assert_eq!(String::from_utf8(out).unwrap(), "---\n- error: 'not understood; `help` lists what is'\n...\n");
    }
}
