//! One analysis: what it keeps, and the way of a record through it.

use cloud_api::behaviour::Verdict;
use cloud_api::markers::Markers;
use iproto::msgpack::{MAX_DEPTH, Reader};

use crate::behaviour::{Behaviours, Marked, RefusedMarker, Scopes, UnreliableMarker};
use crate::blocked::BlockedSources;
use crate::budget::{Division, LEAST_BUDGET};
use crate::config::{Config, Limits};
use crate::counters::RequestCounters;
use crate::figures::{Figures, Tables};
use crate::groups::{Groups, name};
use crate::hash::{Hashing, Key, Purpose};
use crate::hits::{Hit, hit};
use crate::kind::Kind;
use crate::minute::{Minute, Taking};
use crate::moment::{Clocks, Moment, UnixMillis};
use crate::record::Record;
use crate::sampling::{Likeness, Sampler, Share};
use crate::signs::{Sign, Signs};

/// Bytes of the buffer for hits that are kept from one hit to the next.
const KEPT_BUFFER: usize = 16 * 1024;

/// Pages of a table that are gone through at once.
const PAGES_AT_ONCE: usize = 16;

/// All that is remembered of requests.
#[derive(Debug)]
pub struct Analysis {
    budget: usize,
    hashing: Hashing,
    clocks: Clocks,
    counters: RequestCounters,
    share: Share,
    behaviours: Behaviours,
    groups: Groups,
    sampler: Sampler,
    blocked: BlockedSources,
    figures: Figures,
    /// The last hit as JSON.
    json: Vec<u8>,
}

impl Analysis {
    /// An analysis that has seen nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let division = Division::of(config.budget);
        Self {
            budget: config.budget.max(LEAST_BUDGET),
            hashing: Hashing::new(&config.key),
            clocks: Clocks::default(),
            counters: RequestCounters::default(),
            share: Share::new(config.limits.share),
            behaviours: Behaviours::new(&division),
            groups: Groups::new(division.targets, division.sources),
            sampler: Sampler::new(division.alike, division.payloads),
            blocked: BlockedSources::new(division.blocked, division.events),
            figures: Figures::default(),
            json: Vec::new(),
        }
    }

    /// Takes limits that the Cloud has set.
    pub fn set_limits(&mut self, limits: Limits) {
        self.share.set_limits(limits.share);
    }

    /// Takes counting scopes in place of those before. The counts of scopes that stay stay too.
    pub fn set_scopes(&mut self, scopes: Scopes) {
        self.behaviours.set_scopes(scopes);
    }

    /// The same with markers that are not compiled yet; says which of them cannot be used.
    pub fn set_markers(&mut self, markers: &Markers) -> Vec<RefusedMarker> {
        let (scopes, refused) = Scopes::compile(markers);
        self.set_scopes(scopes);
        refused
    }

    /// The counting scopes with windows longer than `timeframe` seconds, for which requests are kept.
    pub fn unreliable_markers(&self, timeframe: u64) -> impl Iterator<Item = UnreliableMarker> {
        self.behaviours.longer_than(timeframe)
    }

    /// Takes verdicts of the Cloud. Each holds until its end, or until another one about the same source and counter comes.
    pub fn set_marks(&mut self, verdicts: &[Verdict], now: Moment, wall: UnixMillis) {
        self.clocks = Clocks { now, wall };
        self.behaviours.set_marks(&self.hashing, verdicts, self.clocks);
    }

    /// Looks at one stored record, and calls `hit` for each hit that is to be exported.
    pub fn look(&mut self, record: &[u8], now: Moment, wall: UnixMillis, hit: &mut dyn FnMut(Hit<'_>)) {
        let mut reader = Reader::new(record);
        let read = Record::read(&mut reader, MAX_DEPTH).and_then(|record| reader.finish().map(|()| record));
        self.look_at(read.ok().as_ref(), now, wall, hit);
    }

    /// The same for a record that was read before, or could not be read.
    pub fn look_at(
        &mut self,
        record: Option<&Record<'_>>,
        now: Moment,
        wall: UnixMillis,
        hit: &mut dyn FnMut(Hit<'_>),
    ) {
        self.clocks = Clocks { now, wall };
        self.figures.records += 1;
        let signs = record.map(|record| (record, Signs::read_if_any(record.attacks, record.attack_type)));
        match signs {
            Some((record, Ok(signs))) => self.judge(record, signs.as_ref(), hit),
            _ => self.figures.malformed += 1,
        }
    }

    fn judge(&mut self, record: &Record<'_>, signs: Option<&Signs<'_>>, tell: &mut dyn FnMut(Hit<'_>)) {
        let Clocks { now, wall } = self.clocks;
        let marked = if record.has_signs() {
            Marked::default()
        } else {
            self.behaviours.count(&self.hashing, record, now.seconds())
        };
        let attacked = signs.is_some() || !marked.is_empty();
        self.counters.count(record.app, attacked, record.blocked, wall.seconds());
        self.share.count(attacked, now.seconds());
        self.blocked.look(&self.hashing, record, now.seconds(), record.arrival(wall));
        if !attacked {
            self.figures.clean += 1;
            return;
        }
        self.figures.attacked += 1;
        let target = self.hashing.begin(Purpose::Target).bytes(record.host).bytes(record.path()).end();
        for attack in record.attack_type.iter() {
            let sign = signs.and_then(|signs| signs.first(attack));
            self.weigh(&Candidate { record, kind: Kind::Sign(attack), sign: sign.as_ref(), target }, tell);
        }
        for behaviour in marked.iter() {
            self.weigh(&Candidate { record, kind: Kind::Behaviour(behaviour), sign: None, target }, tell);
        }
    }

    /// Puts a hit into its groups, and hands it out unless it is sampled out.
    fn weigh(&mut self, candidate: &Candidate<'_>, tell: &mut dyn FnMut(Hit<'_>)) {
        let Candidate { record, kind, sign, .. } = *candidate;
        let group = candidate.group(&self.hashing);
        let source = self.hashing.begin(Purpose::SourceGroup).bytes(record.remote_addr).end();
        let groups = self.groups.join(kind, group, source, self.clocks);
        let likeness = Alike { candidate, group, hashing: &self.hashing };
        let now = self.clocks.now.seconds();
        let kept = self.sampler.keeps(kind, &likeness, self.share.is_high(), now);
        self.figures.hits.count(kind, kept);
        if !kept {
            return;
        }
        let names = groups.into_iter().flatten().map(|(key, began)| name(&self.hashing, key, began)).collect();
        let made = hit(record, kind, sign, names, self.clocks.wall);
        self.json.clear();
        self.json.shrink_to(KEPT_BUFFER);
        // Writing to memory cannot fail.
        if serde_json::to_writer(&mut self.json, &made).is_ok() {
            tell(Hit { json: &self.json, kind, arrival: record.arrival(self.clocks.wall) });
        }
    }

    /// Figures of this moment.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let tables = self.tables();
        let in_tables: u64 = tables.named().iter().map(|(_, table)| table.memory).sum();
        Figures {
            share: self.share.figures(),
            groups: self.groups.figures(),
            behaviour: self.behaviours.figures(),
            blocked: self.blocked.figures(),
            tables,
            budget: self.budget as u64,
            memory: in_tables + (self.blocked.memory() + self.json.capacity()) as u64,
            ..self.figures
        }
    }

    fn tables(&self) -> Tables {
        let [counted, marks] = self.behaviours.tables();
        let [alike, payloads] = self.sampler.tables();
        let [targets, sources] = self.groups.tables();
        Tables { counted, marks, alike, payloads, targets, sources, blocked: self.blocked.table() }
    }

    /// What was counted since the last time. It also lets time pass where no record comes.
    #[must_use]
    pub fn take_minute(&mut self, now: Moment, wall: UnixMillis) -> Minute {
        let mut taking = self.begin_minute(now, wall);
        while self.go_on(&mut taking) {}
        taking.minute()
    }

    /// Begins [`Analysis::take_minute`]. What is counted for each source takes a while to go through, so it is done in pieces, between
    /// which others can look at records.
    #[must_use]
    pub fn begin_minute(&mut self, now: Moment, wall: UnixMillis) -> Taking {
        self.clocks = Clocks { now, wall };
        self.share.pass(now.seconds());
        Taking {
            clocks: self.clocks,
            counters: self.counters.take(wall.seconds()),
            telling: self.behaviours.begin(),
            acl: self.blocked.take(),
        }
    }

    /// Goes on with a piece, of a fraction of a millisecond; says whether there are more.
    #[must_use]
    pub fn go_on(&mut self, taking: &mut Taking) -> bool {
        self.behaviours.go_on(&mut taking.telling, PAGES_AT_ONCE, taking.clocks)
    }

    /// Takes back what did not arrive: it is part of what is taken next.
    pub fn merge_back(&mut self, minute: Minute) {
        self.counters.give_back(&minute.counters);
        self.behaviours.give_back(&self.hashing, &minute.behaviour, self.clocks);
        self.blocked.give_back(minute.acl);
    }
}

/// A hit before it is known whether it is told.
#[derive(Clone, Copy, Debug)]
struct Candidate<'a> {
    record: &'a Record<'a>,
    kind: Kind,
    sign: Option<&'a Sign<'a>>,
    /// Host and path.
    target: Key,
}

impl Candidate<'_> {
    /// The kind, parameter and address.
    fn group(&self, hashing: &Hashing) -> Key {
        let hash = hashing.begin(Purpose::Group).number(self.kind.place() as u64).key(self.target);
        hash.point(self.sign).end()
    }
}

/// What a hit may have in common with others.
struct Alike<'a> {
    candidate: &'a Candidate<'a>,
    group: Key,
    hashing: &'a Hashing,
}

impl Likeness for Alike<'_> {
    fn alike(&self) -> Key {
        let Record { method, status, remote_addr, .. } = *self.candidate.record;
        let hash = self.hashing.begin(Purpose::Identical).key(self.group).number(status.into());
        hash.bytes(method).bytes(remote_addr).end()
    }

    fn payload(&self) -> Key {
        let value = self.candidate.sign.map(|sign| sign.value).unwrap_or_default();
        let hash = self.hashing.begin(Purpose::Payload).number(self.candidate.kind.place() as u64);
        hash.bytes(value).end()
    }
}
