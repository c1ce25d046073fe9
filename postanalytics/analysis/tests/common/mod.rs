//! What facts about an analysis need: records, a clock, and the hits that came of them.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

use analysis::{Analysis, Config, Figures, Limits, Moment, UnixMillis};
use attacks::Attack;
use cloud_api::hit::Hit;
use iproto::msgpack::Writer;

/// Unix time at the start of each test, in seconds.
pub const START: u64 = 1_700_000_000;

/// A request, as far as tests care.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: u64,
    pub ip: String,
    pub app: i64,
    pub host: &'static str,
    pub uri: String,
    pub method: &'static str,
    pub status: u64,
    /// Kind, parameter and value of each sign.
    pub signs: Vec<(Attack, &'static str, String)>,
    /// Kinds that stand nowhere.
    pub nowhere: Vec<Attack>,
    pub block_reason: Option<&'static str>,
    pub mode: &'static str,
    /// Whether the signs are of a rule on trial, and the kinds of attack therefore none.
    pub on_trial: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            id: 0,
            ip: "192.0.2.7".to_owned(),
            app: -1,
            host: "shop.example",
            uri: "/shop?q=1".to_owned(),
            method: "GET",
            status: 200,
            signs: Vec::new(),
            nowhere: Vec::new(),
            block_reason: None,
            mode: "monitoring",
            on_trial: false,
        }
    }
}

/// A request to a path.
pub fn to(uri: &str) -> Request {
    Request { uri: uri.to_owned(), ..Request::default() }
}

/// A request with one sign of an attack.
pub fn with(attack: Attack, parameter: &'static str, value: &str) -> Request {
    Request { signs: vec![(attack, parameter, value.to_owned())], ..Request::default() }
}

impl Request {
    pub fn from(self, ip: &str) -> Self {
        Self { ip: ip.to_owned(), ..self }
    }

    /// The record that the module would send.
    pub fn record(&self, time: u64) -> Vec<u8> {
        let kinds = self.signs.iter().map(|(attack, ..)| *attack).filter(|_| !self.on_trial);
        let bits = kinds.chain(self.nowhere.iter().copied()).fold(0, |bits, attack| bits | attack as u32);
        let mut out = Vec::new();
        Writer::new(&mut out).map_counted(|writer| {
            let id = format!("{:032x}", self.id);
            writer.str(b"request_id").str(id.as_bytes()).str(b"time").uint(time).str(b"time_us").uint(250_000);
            writer.str(b"app_id").int(self.app).str(b"remote_addr").str(self.ip.as_bytes());
            writer.str(b"host").str(self.host.as_bytes()).str(b"uri").str(self.uri.as_bytes());
            writer.str(b"method").str(self.method.as_bytes()).str(b"status").uint(self.status);
            writer.str(b"mode").str(self.mode.as_bytes()).str(b"blocked").bool(self.block_reason.is_some());
            writer.str(b"attack_type").uint(bits.into()).str(b"novelty").array(1).nil();
            writer.str(b"attacks");
            self.write_signs(writer);
            match self.block_reason {
                Some(reason) => writer.str(b"block_reason").str(reason.as_bytes()),
                None => writer.str(b"block_reason").nil(),
            };
            15
        });
        out
    }

    fn write_signs(&self, writer: &mut Writer<'_>) {
        writer.array(self.signs.len() as u32);
        for (attack, parameter, value) in &self.signs {
            writer.map(5).str(b"type").str(attack.code().as_bytes()).str(b"value").str(value.as_bytes());
            writer.str(b"point").array(2).str(b"query").str(parameter.as_bytes());
            writer.str(b"stamps").array(1).uint(7).str(b"experimental").bool(self.on_trial);
        }
    }
}

/// An analysis with a clock that the test moves.
pub struct Bench {
    pub analysis: Analysis,
    /// Seconds since the start.
    pub now: u64,
    ids: u64,
}

impl Bench {
    pub fn new() -> Self {
        Self::with_budget(4 << 20)
    }

    pub fn with_budget(budget: usize) -> Self {
        let config = Config { budget, key: [9; 16], limits: Limits::default() };
        Self { analysis: Analysis::new(config), now: 1, ids: 0 }
    }

    pub fn moment(&self) -> (Moment, UnixMillis) {
        (Moment(self.now * 1000), UnixMillis((START + self.now) * 1000 + 500))
    }

    /// The hits that a request makes and that are kept.
    pub fn look(&mut self, request: &Request) -> Vec<Hit> {
        self.ids += 1;
        let record = Request { id: self.ids, ..request.clone() }.record(START + self.now);
        let hits = self.look_at(&record);
        assert_eq!(self.figures().malformed, 0);
        hits
    }

    pub fn look_at(&mut self, record: &[u8]) -> Vec<Hit> {
        let (now, wall) = self.moment();
        let mut hits = Vec::new();
        self.analysis.look(record, now, wall, &mut |hit| {
            let told: Hit = serde_json::from_slice(hit.json).unwrap();
            assert_eq!(told.kind, hit.kind.code());
            hits.push(told);
        });
        hits
    }

    pub fn figures(&self) -> Figures {
        self.analysis.figures()
    }

    pub fn take(&mut self) -> analysis::Minute {
        let (now, wall) = self.moment();
        self.analysis.take_minute(now, wall)
    }
}
