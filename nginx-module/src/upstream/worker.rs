//! The client of one worker, on NGINX's loop.

use super::destination::Destination;
use super::record::Told;
use crate::ngx::guard;
use crate::ngx::log::{Level, Log};
use crate::ngx::socket::Watched;
use crate::ngx::wakeup::{Wakeup, is_ending, now};
use module_logic::upstream::{ANSWER_TIMEOUT, Client, LogLimit, Moment, Slot, Stage, key_of};
use nginx_sys::ngx_event_t;
use socket2::{Domain, SockAddr, Socket, Type};
use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::ManuallyDrop;
use std::time::Duration;

/// How long records gather before they are sent together.
const GATHER: Duration = Duration::from_millis(5);
/// How often a worker with records on their way looks whether it should end, and how long one that ends waits for them.
const PATIENCE: Duration = Duration::from_secs(1);
/// Connections that are begun in one go; more would keep requests waiting.
const CONNECTS_AT_ONCE: usize = 16;
/// Bytes that are read at once.
const INPUT: usize = 32 * 1024;

thread_local! {
    /// The client of this worker. It is dropped by [`end`] or not at all: later, NGINX's memory would be gone.
    static WORKER: RefCell<Option<ManuallyDrop<Worker>>> = const { RefCell::new(None) };
}

/// The client and what it needs of the system.
struct Worker {
    client: Client,
    addresses: Vec<SockAddr>,
    /// The sockets of the client's slots.
    sockets: Vec<Option<Watched>>,
    gather: Wakeup,
    watch: Wakeup,
    /// When `watch` runs.
    watching: Option<Moment>,
    errors: LogLimit,
    input: Vec<u8>,
    ends_at: Option<Moment>,
    /// Identity of the configuration that this was made for.
    made_for: *const Destination,
}

/// Runs something with the client of this worker, if there is one and it is not at work.
fn with<T>(run: impl FnOnce(&mut Worker) -> T) -> Option<T> {
    WORKER.with(|worker| worker.try_borrow_mut().ok()?.as_deref_mut().map(run))
}

/// Queues the record of a request. Returns its size in bytes, 0 if there was no place for it.
pub fn push(destination: &Destination, told: &Told<'_>) -> usize {
    WORKER.with(|worker| {
        let Ok(mut worker) = worker.try_borrow_mut() else { return 0 };
        // Without a master process a reload happens within this one.
        if worker.as_ref().is_some_and(|worker| !std::ptr::eq(worker.made_for, destination)) {
            finish(worker.take());
        }
        worker.get_or_insert_with(|| ManuallyDrop::new(Worker::new(destination))).push(destination, told)
    })
}

/// There is something to read on the socket of a slot. Called by NGINX's loop.
pub fn readable(slot: usize) {
    with(|worker| worker.readable(slot));
}

/// The socket of a slot is connected, or takes more. Called by NGINX's loop.
pub fn writable(slot: usize) {
    with(|worker| worker.writable(slot));
}

/// The worker ends: what is left is counted and dropped.
pub fn end() {
    WORKER.with(|worker| finish(worker.try_borrow_mut().ok().and_then(|mut worker| worker.take())));
}

fn finish(worker: Option<ManuallyDrop<Worker>>) {
    if let Some(worker) = worker {
        let mut worker = ManuallyDrop::into_inner(worker);
        worker.give_up();
        worker.settle();
    }
}

/// Called by NGINX when records have gathered.
unsafe extern "C" fn on_gathered(_event: *mut ngx_event_t) {
    guard::run(Log::of_cycle(), (), || with(Worker::go_on).unwrap_or_default());
}

/// Called by NGINX when something is overdue, or may be tried again.
unsafe extern "C" fn on_watch(_event: *mut ngx_event_t) {
    guard::run(Log::of_cycle(), (), || with(Worker::look_after).unwrap_or_default());
}

impl Worker {
    fn new(destination: &Destination) -> Self {
        let client = Client::new(destination.settings());
        Self {
            addresses: destination.addresses(),
            sockets: (0..client.slots()).map(|_| None).collect(),
            client,
            gather: Wakeup::new(on_gathered),
            watch: Wakeup::new(on_watch),
            watching: None,
            errors: LogLimit::default(),
            input: vec![0; INPUT],
            ends_at: None,
            made_for: destination,
        }
    }

    fn push(&mut self, destination: &Destination, told: &Told<'_>) -> usize {
        let key = destination.key.as_ref().and_then(|key| told.request.evaluate(key)).map_or(0, key_of);
        let mut size = 0;
        let kept = self.client.push(key, |out| {
            let before = out.len();
            told.write(out);
            size = out.len() - before;
        });
        if !kept {
            self.complain("queue", Level::Error, 0, || {
                "wallarm: the queue of records is full, new ones are lost".into()
            });
            self.settle();
            return 0;
        }
        if !self.gather.is_set() {
            self.gather.set(GATHER);
            self.gather.holds_worker(true);
        }
        size
    }

    /// Does everything that can be done without waiting.
    fn go_on(&mut self) {
        let now = now();
        let mut connects = 0;
        loop {
            while connects < CONNECTS_AT_ONCE
                && let Some(slot) = self.client.next_connection(now)
            {
                connects += 1;
                self.connect(slot);
            }
            self.client.flush(now);
            let wrote = self.write_all();
            if !wrote || !self.client.is_crowded() {
                break;
            }
        }
        self.settle();
        self.set_watch(now, connects == CONNECTS_AT_ONCE);
    }

    fn connect(&mut self, slot: Slot) {
        let address = self.client.peer(slot).and_then(|peer| self.addresses.get(peer.index()));
        let Some(address) = address else { return self.close(slot) };
        match begin(address) {
            Ok(socket) => match Watched::new(socket, slot.index()) {
                Ok(watched) => self.keep(slot, watched),
                Err(error) => {
                    self.complain_of(slot, "watch", Level::Error, 0, |name| format!("wallarm: {name}: {error}"));
                    self.close(slot);
                }
            },
            Err(error) => self.refused(slot, &error),
        }
    }

    fn keep(&mut self, slot: Slot, watched: Watched) {
        if let Some(place) = self.sockets.get_mut(slot.index()) {
            *place = Some(watched);
        }
    }

    fn refused(&mut self, slot: Slot, error: &io::Error) {
        let errno = error.raw_os_error().unwrap_or(0);
        self.complain_of(slot, "connect", Level::Error, errno, |name| format!("wallarm: {name} connect() failed"));
        self.close(slot);
    }

    fn close(&mut self, slot: Slot) {
        if let Some(place) = self.sockets.get_mut(slot.index()) {
            *place = None;
        }
        self.client.closed(slot, now());
    }

    fn slot(&self, number: usize) -> Option<Slot> {
        self.client.connections().find(|slot| slot.index() == number)
    }

    fn writable(&mut self, number: usize) {
        let Some(slot) = self.slot(number) else { return };
        self.establish(slot);
        self.go_on();
    }

    fn readable(&mut self, number: usize) {
        let Some(slot) = self.slot(number) else { return };
        // A failure to connect is told as something to read as well; and a greeting may be there as soon as the connection. It is told
        // once, so it must be read now.
        self.establish(slot);
        self.read(slot);
        self.go_on();
    }

    /// Finds out what became of the try to connect, if that is open.
    fn establish(&mut self, slot: Slot) {
        if self.client.stage(slot) != Some(Stage::Connecting) {
            return;
        }
        let socket = self.sockets.get(slot.index()).and_then(Option::as_ref).and_then(Watched::socket);
        match socket.map(Socket::take_error) {
            Some(Ok(None)) => self.client.opened(slot),
            Some(Ok(Some(error)) | Err(error)) => self.refused(slot, &error),
            None => self.close(slot),
        }
    }

    /// Reads what is there.
    fn read(&mut self, slot: Slot) {
        let mut input = std::mem::take(&mut self.input);
        while let Some(watched) = self.sockets.get(slot.index()).and_then(Option::as_ref)
            && let Some(mut socket) = watched.socket()
        {
            match socket.read(&mut input) {
                Ok(0) => self.ended(slot, None),
                Ok(count) => self.received(slot, input.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    watched.read_all();
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.ended(slot, Some(&error)),
            }
        }
        self.input = input;
    }

    fn received(&mut self, slot: Slot, bytes: &[u8]) {
        match self.client.received(slot, bytes, now()) {
            Ok(None) => {}
            Ok(Some(refusal)) => self.complain_of(slot, "refused", Level::Error, 0, |name| {
                format!("wallarm: {name} refused a record: {refusal}")
            }),
            Err(error) => {
                self.complain_of(slot, "garbage", Level::Error, 0, |name| format!("wallarm: {name}: {error}"));
                self.close(slot);
            }
        }
    }

    /// The server closed a connection, or it broke.
    fn ended(&mut self, slot: Slot, error: Option<&io::Error>) {
        let quiet = error.is_none() && self.client.stage(slot) == Some(Stage::Ready) && self.client.open(slot) == 0;
        let level = if quiet { Level::Info } else { Level::Error };
        let errno = error.and_then(io::Error::raw_os_error).unwrap_or(0);
        self.complain_of(slot, "closed", level, errno, |name| format!("wallarm: {name} closed the connection"));
        self.close(slot);
    }

    /// Writes what waits. Returns whether anything was written.
    fn write_all(&mut self) -> bool {
        let mut wrote = false;
        for number in 0..self.sockets.len() {
            while let Some(slot) = self.slot(number)
                && !self.client.output(slot).is_empty()
                && let Some(watched) = self.sockets.get(number).and_then(Option::as_ref)
                && let Some(mut socket) = watched.socket()
            {
                match socket.write(self.client.output(slot)) {
                    Ok(count) => {
                        self.client.wrote(slot, count);
                        wrote = true;
                        if self.client.output(slot).is_empty() {
                            watched.wrote_all();
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        watched.write_blocked();
                        break;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => self.ended(slot, Some(&error)),
                }
            }
        }
        wrote
    }

    /// Ends what is overdue, and tries again what may be tried again.
    fn look_after(&mut self) {
        self.watching = None;
        let now = now();
        if is_ending() && now >= *self.ends_at.get_or_insert(now.plus(PATIENCE)) {
            self.give_up();
        }
        while let Some(slot) = self.client.expired(now) {
            self.overdue(slot);
        }
        self.go_on();
    }

    fn overdue(&mut self, slot: Slot) {
        match self.client.stage(slot) {
            Some(Stage::Connecting) => self.refused(slot, &io::Error::from_raw_os_error(TIMED_OUT)),
            Some(Stage::Ready) => {
                let seconds = ANSWER_TIMEOUT.as_secs();
                self.complain_of(slot, "silent", Level::Error, 0, |name| {
                    format!("wallarm: {name} has not answered for {seconds} s; the records on their way there are lost")
                });
                self.close(slot);
            }
            _ => {
                self.complain_of(slot, "mute", Level::Error, 0, |name| {
                    format!("wallarm: {name} accepted the connection but does not answer")
                });
                self.close(slot);
            }
        }
    }

    /// Sets the timer, if it would run too late.
    fn set_watch(&mut self, now: Moment, at_once: bool) {
        let busy = self.client.is_busy();
        let due = if at_once { Some(now) } else { self.client.wakeup(now) };
        let due = due.into_iter().chain(busy.then(|| now.plus(PATIENCE))).min();
        if let Some(due) = due
            && self.watching.is_none_or(|set| due < set)
        {
            self.watch.set(due.since(now).max(Duration::from_millis(1)));
            self.watching = Some(due);
        }
        self.watch.holds_worker(busy);
    }

    /// Closes everything; what is left is lost.
    fn give_up(&mut self) {
        self.sockets.iter_mut().for_each(|socket| *socket = None);
        self.client.abandon();
    }

    /// Counts what records came to.
    fn settle(&mut self) {
        let tally = self.client.take_tally();
        if tally.errors() > 0 {
            crate::report::records_lost(tally.errors());
        }
    }

    /// Logs an error of the server of a slot, unless the same was logged just now.
    fn complain_of(&mut self, slot: Slot, kind: &str, level: Level, errno: i32, text: impl FnOnce(&str) -> String) {
        let name = self.client.peer(slot).map_or("", |peer| self.client.peer_name(peer));
        if self.errors.permits(&format!("{name} {kind} {errno}"), now()) {
            Log::of_cycle().write_with(level, errno, &text(name));
        }
    }

    fn complain(&mut self, kind: &str, level: Level, errno: i32, text: impl FnOnce() -> String) {
        if self.errors.permits(kind, now()) {
            Log::of_cycle().write_with(level, errno, &text());
        }
    }
}

/// `ETIMEDOUT`, what the kernel says when nobody answers.
const TIMED_OUT: i32 = 110;
/// `EINPROGRESS`: a connection has begun.
const IN_PROGRESS: i32 = 115;

/// Begins a connection.
fn begin(address: &SockAddr) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if address.domain() != Domain::UNIX {
        // Records are gathered here, not in the kernel.
        socket.set_tcp_nodelay(true)?;
    }
    match socket.connect(address) {
        Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => Err(error),
        _ => Ok(socket),
    }
}
