//! Sends the records of analysed requests to postanalytics, each worker for itself.
//!
//! What to do when is decided in `module_logic::upstream`; here are the sockets and timers, on NGINX's loop. A record is put in
//! a queue when the response is known and leaves some milliseconds later together with others: nothing of this is waited for by a client.
//!
//! | File | Does |
//! |---|---|
//! | `destination` | reads from the configuration where records go |
//! | `record` | tells a request as a record |
//! | `worker` | connects, writes, reads, wakes up |

mod destination;
mod record;
mod worker;

use crate::analysis::Analysis;
use crate::conf::MainConf;
use crate::module;
use crate::ngx::request::Request;
use module_logic::record::Blocked;

pub use destination::Destination;
pub use record::Told;
pub use worker::{end, readable, writable};

/// Queues the record of a request whose response is known. Returns its size in bytes; 0 if it is not sent.
pub fn report(request: &Request, analysis: &Analysis, blocked: Option<Blocked>) -> usize {
    let Some(destination) = request.global::<MainConf>(module::this()).and_then(|main| main.destination.as_ref())
    else {
        return 0;
    };
    let told = Told::of(request, analysis, blocked, &destination.request_id, &destination.node_uuid);
    told.map_or(0, |told| worker::push(destination, &told))
}
