//! The console: a small client for the calls of statistics. It looks like the stock console and interprets nothing.

use std::io::{self, BufRead, IsTerminal, Write};

use iproto::msgpack::Scalar;

use crate::client::{Client, ClientError, PATIENCE};
use crate::statistics::{Statistic, yaml};

const HELP: &str = "\
Understood, with or without a leading `return `:
  require('console').connect('HOST:PORT')   talk to the server there
  wallarm.stat.export_delay()               age of the oldest attack not exported, in seconds
  wallarm.stat.timeframe_size()             age of the oldest stored request, in seconds
  wallarm.stat.dropped_before_export()      requests whose attacks were lost before export
  wallarm.stat.export_drops_flag()          1 while attacks are being lost before export, else 0
  wallarm.stat.last_request_id()            number of the last stored request
  wallarm.stat.uptime()                     age of the server itself, in seconds
  help
  exit
";

/// Why a line has no answer.
#[derive(Debug, thiserror::Error)]
enum ConsoleError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("not understood; `help` lists what is")]
    NotUnderstood,
}

/// The console and its connection.
pub struct Console {
    client: Client,
}

impl Console {
    /// A console that will talk to `address` unless a line says otherwise.
    #[must_use]
    pub fn new(address: String) -> Self {
        Self { client: Client::new(address, PATIENCE) }
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
                write!(out, "{}> ", if self.client.is_connected() { self.client.address() } else { "wtarantool" })?;
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
            self.client = Client::new(address.to_owned(), PATIENCE);
            self.client.connect()?;
            return Ok(yaml(true));
        }
        let statistic = Statistic::by_line(line.as_bytes()).ok_or(ConsoleError::NotUnderstood)?;
        Ok(self.client.ask(statistic, shown)?)
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

fn shown(result: Scalar<'_>) -> String {
    match result {
        Scalar::Uint(number) => yaml(number),
        Scalar::Int(number) => yaml(number),
        Scalar::Float(number) => yaml(number),
        Scalar::Bool(value) => yaml(value),
        Scalar::Nil => yaml("null"),
        Scalar::Str(text) | Scalar::Bin(text) => yaml(quoted(&String::from_utf8_lossy(text))),
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
        let refused = ClientError::Refused { code: 33, message: "Procedure 'x' is not defined".into() }.into();
        assert_eq!(error_document(&refused), "---\n- error: 'Procedure ''x'' is not defined (error 33)'\n...\n");
    }

    #[test]
    fn lines_that_mean_nothing_are_answered_with_an_error() {
        let mut out = Vec::new();
        assert!(!Console::new("127.0.0.1:1".into()).run_line("os.execute('id')", &mut out).unwrap());
        assert_eq!(String::from_utf8(out).unwrap(), "---\n- error: 'not understood; `help` lists what is'\n...\n");
    }
}
