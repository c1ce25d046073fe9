//! Sends requests with attacks, and only those, to the API of the Cloud, each worker for itself: the backend `api`.
//!
//! What to do when is decided in `module_logic::cloud`. A request becomes hits when its response is known and its hits wait in
//! memory; threads of the worker send them, so that no client waits for the Cloud.
//!
//! | File | Does |
//! |---|---|
//! | `destination` | reads from `node.yaml` where hits go |
//! | `worker` | keeps the outbox and the threads of one worker, counts and logs |
//! | `sender` | what such a thread does |

mod destination;
mod sender;
mod worker;

use crate::analysis::Analysis;
use crate::conf::MainConf;
use crate::module;
use crate::ngx::request::Request;
use crate::upstream::Told;
use module_logic::record::Blocked;

pub use destination::Destination;
pub use worker::end;

/// Takes the hits of a request whose response is known. Returns their size in bytes; 0 if none are sent.
pub fn report(request: &Request, analysis: &Analysis, blocked: Option<Blocked>) -> usize {
    if analysis.outcome.attacks.is_empty() {
        return 0;
    }
    let Some(destination) = request.global::<MainConf>(module::this()).and_then(|main| main.cloud.as_ref()) else {
        return 0;
    };
    let told = Told::of(request, analysis, blocked, &destination.request_id, destination.node_uuid());
    told.map_or(0, |told| worker::push(destination, &told.hits()))
}
