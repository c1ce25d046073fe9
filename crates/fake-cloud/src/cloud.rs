//! The server.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use cloud_api::hit::HitId;
use cloud_api::upload::{Accepted, Rejected};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::answer::{Cut, Reaction, Step};
use crate::endpoint::{Credentials, Endpoint, Refusal, json as json_of};
use crate::http::{HttpError, Request};
use crate::ledger::{Call, KEPT, Ledger, Outcome};
use crate::loopback::{Loopback, Then, locked};
use crate::script::{Answer, Player, Script};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("waited {PATIENCE:?} in vain for {wanted}; {calls} calls came, {hits} hits were accepted")]
pub struct InVain {
    wanted: String,
    calls: u64,
    hits: u64,
}

/// What a node API is to be before it starts.
#[derive(Default)]
pub struct Builder {
    credentials: Credentials,
    tls: Option<Arc<ServerConfig>>,
    script: Script,
    keep: Option<usize>,
}

impl Builder {
    /// The only node that may call; without this anybody may who says who they are.
    #[must_use]
    pub fn node(mut self, uuid: &str, secret: &str) -> Self {
        self.credentials = Credentials(Some((uuid.to_owned(), secret.to_owned())));
        self
    }

    /// It speaks TLS, as [`crate::certificate::Authority::server`] says.
    #[must_use]
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// What it answers when.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// How many calls it keeps whole; the fate of each hit is kept anyway.
    #[must_use]
    pub const fn keep(mut self, calls: usize) -> Self {
        self.keep = Some(calls);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the listener has no address.
    pub fn start(self, listener: TcpListener) -> io::Result<FakeCloud> {
        let state = State {
            player: Player::new(&self.script, Duration::ZERO),
            ledger: Ledger::keeping(self.keep.unwrap_or(KEPT)),
            verdicts: json!([]),
            markers: json!([]),
        };
        let shared = Arc::new(Shared {
            credentials: self.credentials,
            tls: self.tls,
            script: self.script,
            started: Instant::now(),
            state: Mutex::new(state),
            came: Condvar::new(),
        });
        let kept = Arc::clone(&shared);
        let server = Loopback::start(listener, move |stream| kept.serve(stream))?;
        Ok(FakeCloud { address: server.address, shared, _server: server })
    }
}

/// A node API that runs until it is dropped.
pub struct FakeCloud {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _server: Loopback,
}

impl FakeCloud {
    /// One that is still to be described.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What came so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        locked(&self.shared.state).ledger.clone()
    }

    /// The calls so far that are kept.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.shared.state).ledger.calls().cloned().collect()
    }

    /// Calls after the one of this number, as soon as there is one or `patience` is over.
    #[must_use]
    pub fn calls_after(&self, number: u64, patience: Duration) -> Vec<Call> {
        let state = self.shared.wait(patience, |ledger| ledger.count() > number);
        state.ledger.calls().filter(|call| call.number > number).cloned().collect()
    }

    /// Waits for the first `count` calls.
    ///
    /// # Errors
    ///
    /// If they do not come.
    pub fn wait_for(&self, count: u64) -> Result<Vec<Call>, InVain> {
        self.wait_until(&format!("{count} calls"), |ledger| ledger.count() >= count)?;
        Ok(self.calls())
    }

    /// Waits until this is so.
    ///
    /// # Errors
    ///
    /// If it never is; `wanted` says what was waited for.
    pub fn wait_until(&self, wanted: &str, is_so: impl Fn(&Ledger) -> bool) -> Result<(), InVain> {
        let state = self.shared.wait(PATIENCE, &is_so);
        let ledger = &state.ledger;
        if is_so(ledger) {
            return Ok(());
        }
        Err(InVain { wanted: wanted.to_owned(), calls: ledger.count(), hits: ledger.accepted_count() })
    }

    /// What calls of `behaviour` are answered from now on.
    pub fn set_verdicts(&self, verdicts: Value) {
        locked(&self.shared.state).verdicts = verdicts;
    }

    /// What calls of `markers` are answered from now on.
    pub fn set_markers(&self, markers: Value) {
        locked(&self.shared.state).markers = markers;
    }

    /// The phases of another script begin, now; the clocks stay as they are.
    pub fn play(&self, script: &Script) {
        locked(&self.shared.state).player = Player::new(script, self.shared.now());
    }
}

struct Shared {
    credentials: Credentials,
    tls: Option<Arc<ServerConfig>>,
    script: Script,
    started: Instant,
    state: Mutex<State>,
    came: Condvar,
}

struct State {
    player: Player,
    ledger: Ledger,
    verdicts: Value,
    markers: Value,
}

impl Shared {
    fn wait(&self, patience: Duration, is_so: impl Fn(&Ledger) -> bool) -> MutexGuard<'_, State> {
        let state = locked(&self.state);
        let waited = self.came.wait_timeout_while(state, patience, |state| !is_so(&state.ledger));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// What the script's clock shows.
    fn now(&self) -> Duration {
        self.started.elapsed().mul_f64(self.script.speed)
    }

    /// What the clock in answers shows.
    fn date(&self) -> SystemTime {
        let ahead = Duration::from_secs(self.script.clock_ahead.unsigned_abs());
        let now = SystemTime::now();
        if self.script.clock_ahead < 0 { now - ahead } else { now + ahead }
    }

    fn serve(&self, stream: TcpStream) -> io::Result<Then> {
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
        let call = Call { number: 0, at, endpoint, head: request.head.clone(), json, outcome: reaction.outcome };
        state.ledger.keep(call);
        drop(state);
        self.came.notify_all();
        reaction
    }
}

impl State {
    fn react(
        &mut self,
        answer: Answer,
        endpoint: Endpoint,
        batch: Option<&str>,
        ids: &[HitId],
        date: SystemTime,
    ) -> Reaction {
        self.ledger.sent(batch, ids);
        let with = |part: &str| ids.iter().filter(|id| id.0.contains(part)).cloned().collect::<Vec<_>>();
        match answer {
            Answer::Takes => Reaction::taken(&self.take(endpoint, ids, &[], false), date),
            Answer::Says(said) => Reaction::says(&said, date),
            Answer::TooLarge { above } if ids.len() > above => Reaction::refusal(413, "too many hits", date),
            Answer::RefusesBatch { with: part } if !with(&part).is_empty() => {
                Reaction::refusal(422, "a hit has a field that is none", date)
            }
            Answer::TooLarge { .. } | Answer::RefusesBatch { .. } => {
                Reaction::taken(&self.take(endpoint, ids, &[], false), date)
            }
            Answer::RejectsHits { with: part } => {
                let rejected = with(&part);
                Reaction::taken(&self.take(endpoint, ids, &rejected, false), date)
            }
            Answer::RejectsFirst => {
                let first = ids.first().cloned();
                Reaction::taken(&self.take(endpoint, ids, first.as_slice(), false), date)
            }
            Answer::Slow { before, within } => {
                Reaction::slow(&self.take(endpoint, ids, &[], false), date, before, within)
            }
            Answer::CutHead => Reaction::cut(&self.take(endpoint, ids, &[], true), date, Cut::Head),
            Answer::CutBody => Reaction::cut(&self.take(endpoint, ids, &[], true), date, Cut::Body),
            Answer::Loses => Reaction::cut(&self.take(endpoint, ids, &[], true), date, Cut::Start),
            Answer::Never => Reaction::dropped(b"", Then::Hold),
            Answer::Closes | Answer::ClosesAtAccept => Reaction::dropped(b"", Then::Close),
            Answer::Garbage => Reaction::dropped(b"\x16\x03\x01 what is this\r\n\r\n", Then::Close),
            Answer::WrongEnvelope => Reaction::page(date),
            Answer::Redirects { to } => Reaction::redirect(&to, date),
        }
    }

    /// Takes what was sent but for `rejected`; the body of the answer.
    fn take(&mut self, endpoint: Endpoint, ids: &[HitId], rejected: &[HitId], in_silence: bool) -> Value {
        match endpoint {
            Endpoint::Hits => {
                let taken: Vec<HitId> = ids.iter().filter(|id| !rejected.contains(id)).cloned().collect();
                let verdict = self.ledger.take(&taken, in_silence);
                if !in_silence {
                    self.ledger.reject(rejected);
                }
                let rejected = rejected.iter().map(|id| Rejected { id: id.clone(), why: "too old".to_owned() });
                let Ok(body) = serde_json::to_value(Accepted {
                    accepted: verdict.accepted,
                    duplicates: verdict.duplicates,
                    rejected: rejected.collect(),
                }) else {
                    return Value::Null;
                };
                body
            }
            Endpoint::Behaviour => json!({ "verdicts": self.verdicts }),
            Endpoint::Markers => self.markers.clone(),
            Endpoint::Counters | Endpoint::AclStats => json!({}),
        }
    }
}

/// The names of the hits of a call, none for calls of another kind.
fn ids(endpoint: Endpoint, json: &Value) -> Result<Vec<HitId>, Refusal> {
    if endpoint != Endpoint::Hits {
        return Ok(Vec::new());
    }
    if !json["batch_id"].is_string() {
        return Err(Refusal(422, "\"batch_id\" is no text".to_owned()));
    }
    let hits = json["hits"].as_array().ok_or_else(|| Refusal(422, "\"hits\" is no list".to_owned()))?;
    let id = |hit: &Value| serde_json::from_value(hit["id"].clone());
    hits.iter().map(id).collect::<Result<_, _>>().map_err(|_| Refusal(422, "\"id\" is no pair of texts".to_owned()))
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken(status) => write!(f, "taken ({status})"),
            Self::TakenInSilence => f.write_str("taken, not answered"),
            Self::Refused(status) => write!(f, "refused ({status})"),
            Self::Dropped => f.write_str("dropped"),
        }
    }
}

#[cfg(test)]
mod tests;
