//! Tells the Cloud once a minute what was counted, and asks what is to be counted.
//!
//! Each of the four calls is a job of its own: one that fails is tried again a minute later or more, and stops no other. What was
//! sent and not answered goes again as it was, under the same name; meanwhile newer counts are added up where they are counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use analysis::Minute;
use cloud_api::backoff::Backoff;
use cloud_api::client::Client;
use cloud_api::markers::{self, Markers};
use cloud_api::reaction::Reaction;
use cloud_api::reply::{Reply, Silent};

use super::figures::Registration;
use super::parcel::{InDoubt, Names, Parcel};
use super::part::Part;
use super::shared::Shared;

/// What the log calls the question which requests are to be counted.
const MARKERS: &str = "markers";

/// What the thread does until the export ends.
pub(super) fn run(shared: &Arc<Shared>) {
    let (mut jobs, mut names, mut in_doubt) = (Jobs::default(), Names::new(), InDoubt::default());
    loop {
        let next = shared.now() + shared.context.pace.minute;
        let mut state = shared.lock();
        while !state.ending && shared.now() < next {
            state = shared.wait_until(state, next);
        }
        if state.ending {
            return;
        }
        let client = state.link.as_ref().map(|link| Arc::clone(&link.client));
        let is_unregistered = state.registration == Registration::Unregistered;
        drop(state);
        match client {
            Some(client) => {
                Round { shared, client: &client, jobs: jobs.of(&client), names: &mut names }.run(&mut in_doubt);
            }
            // What was counted before a registration is no business of the Cloud.
            None if is_unregistered => {
                in_doubt = InDoubt::default();
                drop(shared.context.minutes.take());
            }
            None => {}
        }
    }
}

/// What is known of each job, with the client that it failed with: with another one, all are tried anew.
#[derive(Default)]
struct Jobs {
    client: Option<Arc<Client>>,
    pauses: HashMap<&'static str, Pause>,
}

struct Pause {
    backoff: Backoff,
    stopped: Duration,
}

impl Jobs {
    fn of(&mut self, client: &Arc<Client>) -> &mut HashMap<&'static str, Pause> {
        if self.client.as_ref().is_none_or(|known| !Arc::ptr_eq(known, client)) {
            self.pauses.clear();
            self.client = Some(Arc::clone(client));
        }
        &mut self.pauses
    }
}

/// One minute's calls.
struct Round<'a> {
    shared: &'a Shared,
    client: &'a Arc<Client>,
    jobs: &'a mut HashMap<&'static str, Pause>,
    names: &'a mut Names,
}

/// What becomes of what was sent.
enum Verdict<T> {
    /// It was taken, and this was said.
    Done(T),
    /// It is sent in smaller pieces.
    Smaller,
    /// It is sent again later: nobody knows for certain whether it was taken.
    Later,
    /// It would be refused again.
    Never,
}

impl Round<'_> {
    fn run(&mut self, in_doubt: &mut InDoubt) {
        let minutes = Arc::clone(&self.shared.context.minutes);
        if self.may(MARKERS) {
            let asked = self.client.get_json::<Markers>(markers::PATH);
            if let Verdict::Done(markers) = self.judge(MARKERS, asked) {
                minutes.set_markers(markers);
            }
        }
        let Minute { counters, behaviour, acl } = minutes.take();
        self.tell(&mut in_doubt.counters, counters);
        self.tell(&mut in_doubt.behaviour, behaviour);
        self.tell(&mut in_doubt.acl, acl);
    }

    /// Tells what is in doubt, then what is new. What is not even sent goes back.
    fn tell<P: Part>(&mut self, in_doubt: &mut Option<Parcel<P>>, new: P) {
        let minutes = Arc::clone(&self.shared.context.minutes);
        let mut unsent = Vec::from_iter((!new.is_empty()).then_some(new));
        while self.may(P::NAME)
            && let Some(parcel) = in_doubt.take().or_else(|| unsent.pop().map(|part| self.names.name(part)))
        {
            let json = serde_json::to_vec(&parcel.part).unwrap_or_default();
            let sent = self.client.post_named::<P::Answer>(P::PATH, &parcel.name, &json);
            match self.judge(P::NAME, sent) {
                Verdict::Done(answer) => P::answered(answer, &*minutes),
                Verdict::Smaller => match parcel.part.halved() {
                    Ok(halves) => unsent.extend(halves),
                    Err(_) => self.lose(P::NAME, "it is too large (413)"),
                },
                Verdict::Later => *in_doubt = Some(parcel),
                Verdict::Never => {}
            }
        }
        unsent.into_iter().for_each(|part| minutes.merge_back(part.into_minute()));
    }

    /// Whether a job does not wait for a better time.
    fn may(&self, job: &str) -> bool {
        let now = self.shared.now();
        self.jobs.get(job).is_none_or(|pause| now >= pause.stopped && pause.backoff.pause(now).is_none())
    }

    fn pause(&mut self, job: &'static str) -> &mut Pause {
        let pace = self.shared.context.pace.dispatch.backoff;
        self.jobs.entry(job).or_insert_with(|| Pause { backoff: Backoff::new(pace), stopped: Duration::ZERO })
    }

    fn judge<T>(&mut self, job: &'static str, result: Result<Reply<T>, Silent>) -> Verdict<T> {
        let reply = match result {
            Ok(reply) => reply,
            Err(Silent(reason)) => return self.later(job, reason, None),
        };
        self.look_at_clock(reply.clock_ahead);
        let Reply { status, reason, body, retry_after, .. } = reply;
        match Reaction::to(status) {
            Reaction::Done => {
                self.pause(job).backoff.succeeded();
                self.shared.lock().succeeded();
                Verdict::Done(body)
            }
            Reaction::Stop => {
                let (now, stopped) = (self.shared.now(), self.shared.context.pace.dispatch.stopped);
                self.pause(job).stopped = now.saturating_add(stopped);
                let line = self.shared.journal.stopped(job, self.client.host(), status, &reason, now);
                self.shared.lock().failed(line);
                Verdict::Later
            }
            Reaction::Halve => Verdict::Smaller,
            Reaction::Later => self.later(job, format!("it answers {status} {reason}"), retry_after),
            Reaction::SetAside => {
                self.lose(job, &format!("it refuses them for good ({status}) {reason}"));
                Verdict::Never
            }
        }
    }

    fn later<T>(&mut self, job: &'static str, reason: String, asked: Option<Duration>) -> Verdict<T> {
        let now = self.shared.now();
        self.pause(job).backoff.failed(now, asked);
        self.shared.journal.lost(job, self.client.host(), &format!("{}; they are told later", reason.trim_end()), now);
        self.shared.lock().failed(reason);
        Verdict::Later
    }

    fn lose(&self, job: &str, reason: &str) {
        let reason = reason.trim_end();
        self.shared.journal.lost(job, self.client.host(), &format!("{reason}; they are lost"), self.shared.now());
        self.shared.lock().failed(reason.to_owned());
    }

    fn look_at_clock(&self, ahead: Option<i64>) {
        let mut state = self.shared.lock();
        state.clock_ahead = ahead.or(state.clock_ahead);
        if let Some(ahead) = state.skew.news(ahead, self.shared.now()) {
            self.shared.journal.clock(ahead);
        }
    }
}
