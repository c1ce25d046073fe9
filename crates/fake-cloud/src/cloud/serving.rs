//! Connections, and the calls on them.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cloud_api::headers::IDEMPOTENCY_KEY;
use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;

use super::Shared;
use crate::answer::{Reaction, Step};
use crate::endpoint::{Endpoint, Refusal, ids, json as json_of};
use crate::http::{HttpError, Request};
use crate::ledger::Call;
use crate::loopback::{Then, locked};

impl Shared {
    /// What the script's clock shows.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed().mul_f64(self.script.speed)
    }

    /// What the clock in answers shows.
    fn date(&self) -> SystemTime {
        let ahead = Duration::from_secs(self.script.clock_ahead.unsigned_abs());
        let now = SystemTime::now();
        if self.script.clock_ahead < 0 { now - ahead } else { now + ahead }
    }

    pub(super) fn serve(&self, stream: TcpStream) -> io::Result<Then> {
        if locked(&self.state).player.turns_away(self.now()) {
            self.came.notify_all();
            return Ok(Then::Close);
        }
        stream.set_nodelay(true)?;
        match &self.tls {
            None => self.talk(stream),
            Some(config) => {
                let greeting = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                self.talk(StreamOwned::new(greeting, stream))
            }
        }
    }

    fn talk(&self, stream: impl Read + Write) -> io::Result<Then> {
        let mut reader = BufReader::new(stream);
        loop {
            let reaction = match Request::read(&mut reader) {
                Ok(None) => return Ok(Then::Close),
                Ok(Some(request)) => self.receive(&request),
                Err(HttpError::Connection(error)) => return Err(error),
                Err(HttpError::Malformed(reason)) => {
                    let mut reaction = Reaction::refusal(400, &reason, self.date());
                    reaction.steps.push(Step::End(Then::Close));
                    reaction
                }
            };
            let stream = reader.get_mut();
            for step in reaction.steps {
                match step {
                    Step::Write(bytes) => stream.write_all(&bytes)?,
                    Step::Wait(time) => std::thread::sleep(self.script.real(time)),
                    Step::End(then) => {
                        stream.flush()?;
                        return Ok(then);
                    }
                }
                stream.flush()?;
            }
        }
    }

    /// Looks at a call, keeps it, and says what is done about it. It is kept before it is answered: whoever has the answer may look for it.
    fn receive(&self, request: &Request) -> Reaction {
        let mut state = locked(&self.state);
        let (at, date) = (self.now(), self.date());
        let checked = self.credentials.check(request).and_then(|()| Endpoint::of(request));
        let parsed = checked.and_then(|endpoint| Ok((endpoint, json_of(endpoint, request)?)));
        let (endpoint, json, reaction) = match parsed {
            Ok((endpoint, json)) => {
                let answer = state.player.answer(endpoint, at);
                let reaction = match ids(endpoint, &json) {
                    Ok(ids) => state.react(answer, endpoint, json["batch_id"].as_str(), &ids, date),
                    Err(Refusal(status, reason)) => Reaction::refusal(status, &reason, date),
                };
                (Some(endpoint), json, reaction)
            }
            Err(Refusal(status, reason)) => {
                (Endpoint::of(request).ok(), Value::Null, Reaction::refusal(status, &reason, date))
            }
        };
        let outcome = reaction.outcome;
        let repeats = match (endpoint, request.header(IDEMPOTENCY_KEY)) {
            (Some(endpoint), Some(name)) => state.ledger.came(endpoint, name, &json, outcome.is_taken()),
            _ => false,
        };
        let call = Call { number: 0, at, endpoint, head: request.head.clone(), json, outcome, repeats };
        state.ledger.keep(call);
        drop(state);
        self.came.notify_all();
        reaction
    }
}
