//! Looks again and again whether the credentials have changed.

use std::sync::Arc;

use super::credentials::{Looked, client};
use super::figures::Registration;
use super::sender;
use super::shared::{Link, Shared};
use crate::log::Part;

/// Threads that send, whatever `export_attacks.threads` says.
const MOST_THREADS: u16 = 16;
/// Hits under way at a time, whatever `export_attacks` says. As many wait to be the next ones, and all of them are outside the arena.
const MOST_HITS: usize = 1000;

/// What the thread does until the export ends.
pub(super) fn run(shared: &Arc<Shared>) {
    loop {
        let next = shared.now() + shared.context.pace.look;
        let mut state = shared.lock();
        while !state.ending && !state.told && shared.now() < next {
            state = shared.wait_until(state, next);
        }
        if state.ending {
            return;
        }
        let told = std::mem::take(&mut state.told);
        drop(state);
        look(shared, told);
    }
}

/// Looks at the files. If they have changed, or if somebody asks, everything is tried anew.
pub(super) fn look(shared: &Arc<Shared>, told: bool) {
    let context = &shared.context;
    let looked = Looked::at(&context.node_yaml, &context.environment);
    {
        let state = shared.lock();
        // What a broken registration lacks may have come: the authorities, say.
        let is_broken = matches!(state.registration, Registration::Broken(_));
        if !told && !is_broken && state.looked.as_ref() == Some(&looked) {
            return;
        }
    }
    let (registration, link) = link(&looked);
    let senders = link.as_ref().map_or(0, |link| link.threads);
    let mut state = shared.lock();
    let is_news = state.looked.is_none() || state.registration != registration;
    state.looked = Some(looked);
    state.registration = registration.clone();
    state.set_link(link);
    state.dispatch.try_now();
    let started = state.senders;
    state.senders = started.max(senders);
    drop(state);
    if is_news {
        tell(shared, &registration, senders);
    }
    if told {
        shared.journal.forget();
    }
    for number in started..senders {
        shared.spawn("export-sender", move |shared| sender::run(shared, number));
    }
    shared.wake();
}

/// The way to the Cloud that the files describe.
fn link(looked: &Looked) -> (Registration, Option<Link>) {
    match looked {
        Looked::Unregistered => (Registration::Unregistered, None),
        Looked::Broken(why) => (Registration::Broken(why.clone()), None),
        Looked::Node(node, proxies) => match client(node, proxies) {
            Err(error) => (Registration::Broken(error.to_string()), None),
            Ok(client) => {
                let host = client.host().to_owned();
                let threads = usize::from(node.export_attacks.threads.clamp(1, MOST_THREADS));
                let chunk = usize::from(node.export_attacks.api_chunk).clamp(1, MOST_HITS / threads);
                (Registration::Registered { host }, Some(Link { client: Arc::new(client), threads, chunk }))
            }
        },
    }
}

fn tell(shared: &Shared, registration: &Registration, senders: usize) {
    let (log, path) = (&shared.context.log, shared.context.node_yaml.display());
    match registration {
        Registration::Unregistered => {
            log.info(Part::Export, format_args!("not registered, {path} names no node: nothing is exported"));
        }
        Registration::Broken(why) => log.error(Part::Export, format_args!("nothing can be exported: {why}")),
        Registration::Registered { host } => {
            log.info(Part::Export, format_args!("attacks are exported to {host} by {senders} threads"));
        }
    }
}
