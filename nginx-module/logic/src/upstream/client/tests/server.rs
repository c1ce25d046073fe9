//! A postanalytics server as tests need it: it reads what a client writes, in any portions, and answers when it is told to.

use iproto::code::ErrorCode;
use iproto::frame::{Split, split};
use iproto::greeting;
use iproto::msgpack::Reader;
use iproto::request::Request;
use iproto::response;

use super::super::{Client, ConnectionError, Moment, Slot};

pub(super) struct Server {
    input: Vec<u8>,
    /// Syncs without an answer, and the records seen.
    open: Vec<u64>,
    seen: Vec<u64>,
    last: Option<u64>,
    /// The stream of answers is spoilt; nothing that follows means anything.
    broken: bool,
}

impl Server {
    /// Greets, and answers hello.
    pub(super) fn welcome(client: &mut Client, slot: Slot, now: Moment) -> Self {
        client.opened(slot);
        let hail = greeting::encode("2.11.0", "213c93a0-47c9-46b8-82d5-1e4179585ac1", &[7; greeting::SALT_LENGTH]);
        client.received(slot, &hail, now).unwrap();
        client.wrote(slot, client.output(slot).len());
        let mut answer = Vec::new();
        response::write_empty(&mut answer, 0);
        client.received(slot, &answer, now).unwrap();
        Self { input: Vec::new(), open: Vec::new(), seen: Vec::new(), last: None, broken: false }
    }

    /// Records that came in whole.
    pub(super) fn seen(&self) -> &[u64] {
        &self.seen
    }

    /// Reads at most `bytes`.
    pub(super) fn read(&mut self, client: &mut Client, slot: Slot, bytes: usize) {
        let output = client.output(slot);
        let count = bytes.min(output.len());
        self.input.extend_from_slice(&output[..count]);
        client.wrote(slot, count);
        while let Ok(Split::Frame { payload, size }) = split(&self.input) {
            let request = Request::decode(payload).unwrap();
            let mut arguments = Reader::new(request.arguments);
            arguments.array_len().unwrap();
            self.seen.push(arguments.uint().unwrap());
            self.open.push(request.sync);
            self.input.drain(..size);
        }
    }

    /// Answers at most `count` records, the latest first. Returns how many that were.
    pub(super) fn answer(&mut self, client: &mut Client, slot: Slot, count: usize, now: Moment) -> u64 {
        self.reply(client, slot, count, now, response::write_empty)
    }

    /// Refuses at most `count` records.
    pub(super) fn refuse(&mut self, client: &mut Client, slot: Slot, count: usize, now: Moment) -> u64 {
        self.reply(client, slot, count, now, |out, sync| {
            response::write_error(out, sync, ErrorCode::IllegalParams, "no")
        })
    }

    fn reply(
        &mut self,
        client: &mut Client,
        slot: Slot,
        count: usize,
        now: Moment,
        write: impl Fn(&mut Vec<u8>, u64),
    ) -> u64 {
        if self.broken {
            return 0;
        }
        let answered = self.open.split_off(self.open.len() - count.min(self.open.len()));
        let mut out = Vec::new();
        answered.iter().rev().for_each(|sync| write(&mut out, *sync));
        self.last = answered.first().copied().or(self.last);
        client.received(slot, &out, now).unwrap();
        answered.len() as u64
    }

    /// Answers a record for the second time, or one that was never sent.
    pub(super) fn repeat(&mut self, client: &mut Client, slot: Slot, now: Moment) -> Result<(), ConnectionError> {
        if self.broken {
            return Ok(());
        }
        let mut out = Vec::new();
        response::write_empty(&mut out, self.last.unwrap_or(u64::MAX));
        client.received(slot, &out, now).map(|_| ())
    }

    /// From now on what it says is garbage.
    pub(super) fn breaks(&mut self) {
        self.broken = true;
    }
}
