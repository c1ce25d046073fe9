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
use crate::conf::{LocationConf, MainConf};
use crate::ngx::request::Request;
use crate::{module, status};
use module_logic::record::Blocked;
use record::Told;

pub use destination::Destination;
pub use worker::{end, readable, writable};

/// Queues the record of a request whose response is known. Returns its size in bytes; 0 if it is not sent.
pub fn report(request: &Request, analysis: &Analysis, blocked: Option<Blocked>) -> usize {
    let conf = (request.global::<MainConf>(module::this()), request.location::<LocationConf>(module::this()));
    let (Some(main), Some(block)) = (conf.0, conf.1.and_then(|location| location.holds.as_ref())) else { return 0 };
    let Some(destination) = &main.destination else { return 0 };
    let Some(id) = destination.request_id.of(request) else { return 0 };
    let node_uuid = &destination.node_uuid;
    let application = status::application(request, main, block);
    worker::push(destination, &Told { request, analysis, blocked, id, node_uuid, application, main, block })
}
