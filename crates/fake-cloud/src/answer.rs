//! An answer of the script as bytes, pauses and cuts.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::ledger::Outcome;
use crate::loopback::Then;
use crate::script::{RetryAfter, Said};

/// What is done to whoever called, one after another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Write(Vec<u8>),
    /// On the script's clock.
    Wait(Duration),
    /// Nothing more comes on this connection.
    End(Then),
}

/// What is done, and what it means.
#[derive(Debug)]
pub(crate) struct Reaction {
    pub outcome: Outcome,
    pub steps: Vec<Step>,
}

impl Reaction {
    /// Nothing was taken, with a status that says why.
    pub(crate) fn refusal(status: u16, reason: &str, date: SystemTime) -> Self {
        Self::says(&Said { status, reason: reason.to_owned(), ..Said::default() }, date)
    }

    /// The same with all that a script may say.
    pub(crate) fn says(said: &Said, date: SystemTime) -> Self {
        let mut headers = said.headers.clone();
        let retry_after = said.retry_after.map(|retry_after| match retry_after {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(ahead) => httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(ahead)),
        });
        headers.extend(retry_after.map(|value| ("Retry-After".to_owned(), value)));
        let message = Message::of(said.status, &json!(said.reason), &headers, date);
        Self { outcome: Outcome::Refused(said.status), steps: vec![Step::Write(message.bytes())] }
    }

    /// It was taken, and the answer arrives whole.
    pub(crate) fn taken(body: &Value, date: SystemTime) -> Self {
        Self { outcome: Outcome::Taken(200), steps: vec![Step::Write(Message::of(200, body, &[], date).bytes())] }
    }

    /// It was taken, and the answer takes its time.
    pub(crate) fn slow(body: &Value, date: SystemTime, before: Duration, within: Duration) -> Self {
        let mut first = Message::of(200, body, &[], date).bytes();
        let rest = first.split_off(first.len() / 2);
        let steps = vec![Step::Wait(before), Step::Write(first), Step::Wait(within), Step::Write(rest)];
        Self { outcome: Outcome::Taken(200), steps }
    }

    /// It was taken, and the answer is cut off: in the head, in the body, or before it begins.
    pub(crate) fn cut(body: &Value, date: SystemTime, at: Cut) -> Self {
        let message = Message::of(200, body, &[], date);
        let bytes = match at {
            Cut::Head => message.head.as_bytes()[..message.head.len() / 2].to_vec(),
            Cut::Body => [message.head.as_bytes(), &message.body[..message.body.len() / 2]].concat(),
            Cut::Start => Vec::new(),
        };
        Self { outcome: Outcome::TakenInSilence, steps: vec![Step::Write(bytes), Step::End(Then::Close)] }
    }

    /// It was not taken, and nothing that could be read is said of it.
    pub(crate) fn dropped(bytes: &[u8], then: Then) -> Self {
        Self { outcome: Outcome::Dropped, steps: vec![Step::Write(bytes.to_vec()), Step::End(then)] }
    }

    /// It was not taken, but something on the way says that all is well.
    pub(crate) fn page(date: SystemTime) -> Self {
        let mut message = Message::of(200, &Value::Null, &[("Content-Type".to_owned(), "text/html".to_owned())], date);
        message.set_body(b"<html><body>Please log in.</body></html>".to_vec());
        Self { outcome: Outcome::Dropped, steps: vec![Step::Write(message.bytes())] }
    }

    /// It was not taken, and is sent elsewhere.
    pub(crate) fn redirect(to: &str, date: SystemTime) -> Self {
        let headers = vec![("Location".to_owned(), to.to_owned())];
        Self::says(&Said { status: 302, reason: "elsewhere".to_owned(), headers, retry_after: None }, date)
    }
}

/// Where an answer is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Start,
    Head,
    Body,
}

struct Message {
    /// Without the length, then with it.
    lines: String,
    head: String,
    body: Vec<u8>,
}

impl Message {
    fn of(status: u16, body: &Value, headers: &[(String, String)], date: SystemTime) -> Self {
        let mut lines = format!("HTTP/1.1 {status} Said\r\nDate: {}\r\n", httpdate::fmt_http_date(date));
        for (name, value) in headers {
            lines += &format!("{name}: {value}\r\n");
        }
        let mut message = Self { lines, head: String::new(), body: Vec::new() };
        message.set_body(json!({ "status": status, "body": body }).to_string().into_bytes());
        message
    }

    fn set_body(&mut self, body: Vec<u8>) {
        self.head = format!("{}Content-Length: {}\r\n\r\n", self.lines, body.len());
        self.body = body;
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}
