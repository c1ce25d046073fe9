//! Tells a request as a record.

use crate::analysis::Analysis;
use crate::conf::MainConf;
use crate::ngx::body::Piece;
use crate::ngx::ends;
use crate::ngx::request::Request;
use module_logic::record::{Address, Attacks, Blocked, Body, Finding, Headers, NoMasking, Parts, Record, Tags};
use module_logic::settings::Block;
use module_logic::status::Application;
use module_logic::verdict::Action;
use std::cell::RefCell;
use std::io::Write;

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
    /// Its id.
    pub id: &'a [u8],
    /// Its tenant and application.
    pub application: Application,
    /// The configuration, for tags.
    pub main: &'a MainConf,
    /// What holds at the request's location.
    pub block: &'a Block,
}

impl Told<'_> {
    /// Appends the frame that pushes the record.
    pub fn write(&self, out: &mut Vec<u8>) {
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
            node_uuid: b"",
            app_id: self.application.id,
            client_uuid,
            remote: Address { ip: remote.ip(), port: remote.port },
            server: Address { ip: server.ip(), port: server.port },
            scheme: if ends::is_encrypted(self.request) { "https" } else { "http" },
            proto: self.request.protocol(),
            method: self.request.method(),
            uri: self.request.target(),
            host: ends::host(self.request),
            status: self.request.response_status(),
            response_size: self.request.sent().saturating_sub(ends::header_size(self.request)),
            response_time,
            attack_type: outcome.attacks,
            mode: outcome.mode,
            blocked: match outcome.action {
                Action::Pass => None,
                Action::Block(reason) => Some(Blocked::Verdict(reason)),
            },
            db_id: outcome.db_id,
            custom_ruleset_id: 0,
            cpu: outcome.cpu,
            mono: outcome.elapsed,
        };
        record.write_push(self, &NoMasking, out);
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
        for found in inspection.findings() {
            let finding = Finding {
                kind: found.attack.code(),
                value: found.value,
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
