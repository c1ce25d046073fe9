//! Tells a request as a record.

use crate::analysis::Analysis;
use crate::conf::{LocationConf, MainConf};
use crate::ngx::body::Piece;
use crate::ngx::ends;
use crate::ngx::request::Request;
use crate::ngx::request_id::RequestId;
use crate::{module, status};
use cloud_api::hit::Hit;
use detection::{AttackSet, Inspection};
use module_logic::cloud::{self, Found};
use module_logic::record::{Address, Attacks, Blocked, Body, Finding, Headers, NoMasking, Parts, Record, Tags};
use module_logic::settings::{Block, Forced};
use module_logic::status::Application;
use std::cell::RefCell;
use std::io::Write;
use std::str::FromStr;
use std::time::Duration;

/// Bytes that are read at once from a body that NGINX spooled to a file.
const PIECE: usize = 16 * 1024;

/// Characters of a UUID.
const UUID: usize = 36;

thread_local! {
    /// Room for a piece of a spooled body.
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A request and what was found in it.
pub struct Told<'a> {
    /// The request.
    pub request: &'a Request,
    /// Its analysis.
    pub analysis: &'a Analysis,
    /// Why it was blocked, if it was.
    pub blocked: Option<Blocked>,
    /// Its id.
    pub id: &'a [u8],
    /// The id of this node.
    pub node_uuid: &'a str,
    /// Its tenant and application.
    pub application: Application,
    /// The configuration, for tags.
    pub main: &'a MainConf,
    /// What holds at the request's location.
    pub block: &'a Block,
}

impl<'a> Told<'a> {
    /// A request whose response is known, at its location. `None` where there is none, or when memory is exhausted.
    #[must_use]
    pub fn of(
        request: &'a Request,
        analysis: &'a Analysis,
        blocked: Option<Blocked>,
        request_id: &RequestId,
        node_uuid: &'a str,
    ) -> Option<Self> {
        let main = request.global::<MainConf>(module::this())?;
        let block = request.location::<LocationConf>(module::this())?.holds.as_ref()?;
        let id = request_id.of(request)?;
        let application = status::application(request, main, block);
        Some(Self { request, analysis, blocked, id, node_uuid, application, main, block })
    }
}

impl Told<'_> {
    /// Appends the frame that pushes the record.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.tell(|record| record.write_push(self, &NoMasking, out));
    }

    /// The hits that it makes, one for each kind of attack.
    #[must_use]
    pub fn hits(&self) -> Vec<Hit> {
        let findings = self.analysis.inspection().into_iter().flat_map(Inspection::findings);
        let found: Vec<Found<'_>> = findings
            .map(|found| Found {
                attack: found.attack,
                point: found.point.as_str(),
                value: found.value,
                sign: found.sign,
                stamps: found.stamps,
            })
            .collect();
        self.tell(|record| cloud::hits(record, &found, &NoMasking))
    }

    /// Gives it, but for its lists, to `then`.
    fn tell<T>(&self, then: impl FnOnce(&Record<'_>) -> T) -> T {
        let (remote, server) = (ends::remote(self.request), ends::local(self.request));
        let (arrival, response_time) = ends::times(self.request);
        let outcome = &self.analysis.outcome;
        let mut tenant = [0; UUID];
        let client_uuid = self.application.client.map(|client| {
            // A UUID fills its text exactly.
            let _ = write!(&mut tenant[..], "{client}");
            &tenant[..]
        });
        let record = Record {
            request_id: self.id,
            arrival,
            node_uuid: self.node_uuid.as_bytes(),
            app_id: self.application.id,
            client_uuid,
            remote: Address { ip: remote.ip(), port: remote.port },
            server: Address {
                ip: self.forced(Forced::ServerAddress).unwrap_or(server.ip()),
                port: self.forced_number(Forced::ServerPort).unwrap_or(server.port),
            },
            scheme: if ends::is_encrypted(self.request) { "https" } else { "http" },
            proto: self.request.protocol(),
            method: self.request.method(),
            uri: self.request.target(),
            host: ends::host(self.request),
            status: self.forced_number(Forced::ResponseStatus).unwrap_or_else(|| self.request.response_status()),
            response_size: self
                .forced_number(Forced::ResponseSize)
                .unwrap_or_else(|| self.request.sent().saturating_sub(ends::header_size(self.request))),
            response_time: self.forced_seconds(Forced::ResponseTime).unwrap_or(response_time),
            attack_type: outcome.attacks,
            mode: outcome.mode,
            blocked: self.blocked,
            db_id: outcome.db_id,
            custom_ruleset_id: outcome.custom_ruleset_id,
            cpu: outcome.cpu,
            mono: outcome.elapsed,
        };
        then(&record)
    }

    /// What `wallarm_force` says of something; none where it says nothing.
    fn forced(&self, what: Forced) -> Option<&[u8]> {
        let force = self.block.force.iter().find(|force| force.what == what)?;
        let value = self.main.template(force.value).and_then(|template| self.request.evaluate(template))?;
        (!value.is_empty()).then_some(value)
    }

    fn forced_number<N: FromStr>(&self, what: Forced) -> Option<N> {
        std::str::from_utf8(self.forced(what)?).ok()?.parse().ok()
    }

    /// A time as `$request_time` shows it.
    fn forced_seconds(&self, what: Forced) -> Option<Duration> {
        Duration::try_from_secs_f64(self.forced_number(what)?).ok()
    }
}

impl Parts for Told<'_> {
    fn headers(&self, headers: &mut Headers<'_, '_>) {
        self.request.headers().for_each(|(name, value)| headers.push(name, value));
    }

    fn body(&self, body: &mut Body<'_, '_>) {
        let Some(mut cursor) = self.request.body() else { return };
        ROOM.with_borrow_mut(|room| {
            room.resize(PIECE, 0);
            loop {
                match cursor.next(room) {
                    // The piece that finds no room says that there is more.
                    Piece::Bytes(bytes) if body.room() > 0 => body.push(bytes),
                    Piece::Bytes(_) | Piece::Failed => return body.cut_off(),
                    Piece::End => return,
                }
            }
        });
    }

    fn response_headers(&self, headers: &mut Headers<'_, '_>) {
        self.request.response_headers().for_each(|(name, value)| headers.push(name, value));
    }

    fn attacks(&self, attacks: &mut Attacks<'_, '_>) {
        let Some(inspection) = self.analysis.inspection() else { return };
        // A limit that was met has no place in the request. It comes first, so that a flood of findings does not push it out.
        let located: AttackSet = inspection.findings().map(|found| found.attack).collect();
        for attack in self.analysis.outcome.attacks.iter().filter(|attack| !located.contains(*attack)) {
            let finding =
                Finding { kind: attack.code(), value: b"", sign: 0, stamps: &[], rule_id: None, experimental: false };
            attacks.push(finding, |_| {});
        }
        for found in inspection.findings() {
            let finding = Finding {
                kind: found.attack.code(),
                value: found.value,
                sign: found.sign,
                stamps: found.stamps,
                rule_id: None,
                experimental: false,
            };
            attacks.push(finding, |point| point.json(found.point.as_str()));
        }
    }

    fn tags(&self, tags: &mut Tags<'_, '_>) {
        for tag in &self.block.tags {
            let value = self.main.template(tag.value).and_then(|template| self.request.evaluate(template));
            tags.push(tag.name.as_bytes(), value.unwrap_or_default());
        }
    }
}
