//! Records as the module sends them: different requests of a shop, a few of them attacks.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use detection::attack::{Attack, AttackSet};
use iproto::frame::{Split, split};
use iproto::request::Request;
use module_logic::mode::Mode;
use module_logic::record::{Address, Attacks, Blocked, Body, Finding, Headers, NoMasking, Parts, Record};
use module_logic::verdict::BlockReason;

/// One in so many is an attack.
const ATTACKS: usize = 50;
/// How far records are from 1,000 bytes at most.
const SPREAD: usize = 400;
/// The same of an attack, which alone takes more than 600.
const SPREAD_OF_ATTACKS: usize = 200;

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "okhttp/4.12.0",
    "curl/8.8.0",
];
const PATHS: [&str; 6] = ["/", "/catalogue", "/api/v1/orders", "/account/login", "/search", "/static/app.css"];

/// One record: what a peer stores, and the frame by which the module pushes it.
#[derive(Debug)]
pub struct Made {
    /// The request, as the module writes it.
    pub frame: Vec<u8>,
    /// Where the record begins in it; it ends with the frame.
    pub record_at: usize,
    /// Where the digits of its id begin.
    pub id_at: usize,
}

impl Made {
    /// The record, a MessagePack map.
    pub fn record(&self) -> &[u8] {
        self.frame.get(self.record_at..).unwrap_or_default()
    }
}

/// What sizes the records have.
#[derive(Debug, Clone, Copy)]
pub enum Size {
    /// From 600 to 1,400 bytes, 1,000 on average.
    Varied,
    /// All of them the same.
    Exactly(usize),
}

/// Makes `count` records that came at `arrival`. The same arguments make the same records.
pub fn make(count: usize, size: Size, arrival: Duration) -> Result<Vec<Made>> {
    // xorshift64: the same numbers in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut chance = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let one = |number| {
        let draft = Draft::new(number, chance());
        let size = match size {
            Size::Varied => {
                let spread = if draft.attack.is_some() { SPREAD_OF_ATTACKS } else { SPREAD };
                1000 - spread + chance() as usize % (2 * spread + 1)
            }
            Size::Exactly(size) => size,
        };
        draft.fill(size, arrival)
    };
    (0..count).map(one).collect()
}

/// A request before its size is brought to what it shall be.
#[derive(Debug)]
struct Draft {
    attack: Option<Attack>,
    id: String,
    client: String,
    uri: String,
    headers: Vec<(&'static str, String)>,
    kept_headers: usize,
    body: Vec<u8>,
    value: &'static str,
}

impl Draft {
    fn new(number: usize, chance: u64) -> Self {
        let pick = |bits: u32, count: usize| (chance >> bits) as usize % count;
        let attack = number.is_multiple_of(ATTACKS).then_some([Attack::Sqli, Attack::Xss, Attack::Ptrav][pick(3, 3)]);
        let value = match attack {
            None => "winter+jacket",
            Some(Attack::Sqli) => "1%27+UNION+SELECT+password+FROM+users--+",
            Some(Attack::Xss) => "%3Cscript%3Ealert(document.cookie)%3C/script%3E",
            Some(_) => "../../../../etc/passwd",
        };
        let path = PATHS[pick(5, PATHS.len())];
        Self {
            attack,
            id: format!("{chance:016x}{number:016x}"),
            client: format!("{}.{}.{}.{}", 11 + pick(8, 40), pick(16, 16), pick(24, 4), 1 + pick(32, 254)),
            uri: format!("{path}?id={}&page={}&q={value}", pick(20, 10_000), pick(40, 30)),
            headers: vec![
                ("Host", format!("shop{}.example.org", pick(12, 8))),
                ("User-Agent", AGENTS[pick(48, AGENTS.len())].to_owned()),
                ("Accept", "text/html,application/json;q=0.9,*/*;q=0.8".to_owned()),
                ("Cookie", format!("session={:016x}; basket={}", chance.rotate_left(29), pick(7, 900))),
                ("Accept-Language", "en-GB,en;q=0.7,pl;q=0.3".to_owned()),
                ("Referer", format!("https://shop.example.org/catalogue/{}", pick(33, 5000))),
                ("X-Request-Start", format!("t={}", 1_700_000_000_000 + chance % 10_000_000_000)),
            ],
            kept_headers: 0,
            body: Vec::new(),
            value,
        }
    }

    /// Keeps as many headers as fit into `size`, and makes the body as long as is then missing.
    fn fill(mut self, size: usize, arrival: Duration) -> Result<Made> {
        for kept in 1..=self.headers.len() {
            self.kept_headers = kept;
            if self.write(arrival)?.record().len() > size {
                self.kept_headers = kept - 1;
                break;
            }
        }
        let bare = self.write(arrival)?.record().len();
        let missing = size.checked_sub(bare).with_context(|| format!("a record takes {bare} bytes, not {size}"))?;
        let words = b"name=Maria+Kowalska&street=Lipowa+12&city=Krakow&comment=leave+it+with+the+neighbour&";
        self.body = words.iter().copied().cycle().skip(bare % words.len()).take(missing).collect();
        let made = self.write(arrival)?;
        ensure!(made.record().len() == size, "a record took {} bytes, not {size}", made.record().len());
        Ok(made)
    }

    fn write(&self, arrival: Duration) -> Result<Made> {
        let mut frame = Vec::new();
        self.record(arrival).write_push(self, &NoMasking, &mut frame);
        let Ok(Split::Frame { payload, .. }) = split(&frame) else { anyhow::bail!("the module writes no frame") };
        // One byte says that two arguments follow, one is the schema.
        let record = Request::decode(payload)?.arguments.len().saturating_sub(2);
        let id = frame.windows(self.id.len()).position(|window| window == self.id.as_bytes());
        let id_at = id.context("the id of a record is not in it")?;
        Ok(Made { record_at: frame.len() - record, frame, id_at })
    }

    fn record(&self, arrival: Duration) -> Record<'_> {
        Record {
            request_id: self.id.as_bytes(),
            arrival,
            node_uuid: b"8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11",
            app_id: 1,
            client_uuid: None,
            remote: Address { ip: self.client.as_bytes(), port: 40_000 },
            server: Address { ip: b"198.51.100.1", port: 443 },
            scheme: "https",
            proto: b"HTTP/1.1",
            method: b"POST",
            uri: self.uri.as_bytes(),
            host: Some(b"shop.example.org"),
            status: if self.attack.is_some() { 403 } else { 200 },
            response_size: 14_600,
            response_time: Duration::from_millis(12),
            attack_type: self.attack.map_or(AttackSet::EMPTY, |attack| AttackSet::from_iter([attack])),
            mode: Mode::Block,
            blocked: self.attack.map(|_| Blocked::Verdict(BlockReason::Attack)),
            db_id: 7,
            custom_ruleset_id: 12,
            cpu: Duration::from_micros(4),
            mono: Duration::from_micros(5),
        }
    }
}

impl Parts for Draft {
    fn headers(&self, headers: &mut Headers<'_, '_>) {
        for (name, value) in self.headers.iter().take(self.kept_headers) {
            headers.push(name.as_bytes(), value.as_bytes());
        }
    }

    fn body(&self, body: &mut Body<'_, '_>) {
        body.push(&self.body);
    }

    fn response_headers(&self, headers: &mut Headers<'_, '_>) {
        headers.push(b"Content-Type", b"text/html");
    }

    fn attacks(&self, attacks: &mut Attacks<'_, '_>) {
        let Some(attack) = self.attack else { return };
        let finding = Finding {
            sign: 0,
            kind: attack.code(),
            value: self.value.as_bytes(),
            stamps: &[1234, 88],
            rule_id: None,
            experimental: false,
        };
        attacks.push(finding, |point| {
            point.text(b"get");
            point.text(b"q");
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iproto::msgpack::{MAX_DEPTH, Reader};
    use std::collections::BTreeSet;

    const NOON: Duration = Duration::from_secs(1_800_000_000);

    #[test]
    fn records_differ_in_id_and_size_and_are_1000_bytes_on_average() {
        let made = make(2000, Size::Varied, NOON).unwrap();
        let sizes: Vec<usize> = made.iter().map(|made| made.record().len()).collect();
        assert!(sizes.iter().all(|size| (600..=1400).contains(size)), "{sizes:?}");
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((980..=1020).contains(&mean), "{mean}");
        let ids: BTreeSet<&[u8]> = made.iter().map(|made| &made.frame[made.id_at..made.id_at + 32]).collect();
        assert_eq!(ids.len(), made.len());
        assert!(made.iter().all(|made| Reader::new(made.record()).raw(MAX_DEPTH) == Ok(made.record())));
    }

    #[test]
    fn one_in_fifty_is_an_attack() {
        let made = make(1000, Size::Varied, NOON).unwrap();
        let attack = |made: &&Made| made.frame.windows(9).any(|window| window == b"\xa6stamps\x92\xcd");
        assert_eq!(made.iter().filter(attack).count(), 20);
    }

    #[test]
    fn an_exact_size_is_exact_and_one_that_cannot_be_is_an_error() {
        assert!(make(200, Size::Exactly(1000), NOON).unwrap().iter().all(|made| made.record().len() == 1000));
        let error = make(1, Size::Exactly(100), NOON).unwrap_err().to_string();
        assert!(error.contains("not 100"), "{error}");
    }
}
