//! The metrics endpoint: Prometheus' text format 0.0.4 over HTTP.
//!
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::convert::Infallible;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::attack_counters::AttackCounters;
use crate::log::Part;
use crate::server::Server;
use crate::state::State;

/// Scrapers that may be connected at a time; further ones wait.
const MAX_SCRAPERS: usize = 16;
/// How long a scraper may take to send a request.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long a scraper may stay.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// Bytes that the head of a request may take. Sixteen scrapers with hyper's own limit would take 6 MB.
const BUFFER: usize = 16 * 1024;
/// How long to wait after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Answers scrapers until `stop` says so.
pub async fn serve(server: Arc<Server>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    if let Ok(address) = listener.local_addr() {
        server.log.info(Part::Metrics, format_args!("metrics on http://{address}/metrics"));
    }
    tokio::select! {
        () = accept(&server, &listener) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn accept(server: &Arc<Server>, listener: &TcpListener) {
    let seats = Arc::new(Semaphore::new(MAX_SCRAPERS));
    // The semaphore is never closed, so this goes on.
    while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let server = Arc::clone(server);
                tokio::spawn(async move {
                    // Errors are those of the scraper: it went away, or it does not speak HTTP.
                    let _ = tokio::time::timeout(CONNECTION_TIME, answer_all(server, stream)).await;
                    drop(seat);
                });
            }
            Err(error) => {
                server.log_failed_accept(Part::Metrics, listener, &error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer_all(server: Arc<Server>, stream: TcpStream) -> Result<(), hyper::Error> {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(&server, request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIME).max_buf_size(BUFFER);
    http.serve_connection(TokioIo::new(stream), service).await
}

fn answer(server: &Server, method: &Method, path: &str) -> Response<String> {
    let (status, body) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, page(&server.state(), &server.attacks)),
        (&Method::GET | &Method::HEAD, _) => (StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "only GET is served\n".to_owned()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, FORMAT);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

/// All metrics of one moment.
fn page(state: &State, attacks: &AttackCounters) -> String {
    let mut page = String::with_capacity(4096);
    let mut metric = |name: &str, kind: &str, help: &str, value: &dyn Display| {
        let name = format!("wallarm_tarantool_{name}");
        // Writing into a String cannot fail.
        let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    let State { requests, hits, export, .. } = state;
    let last = requests.stored + requests.evicted;
    metric("last_request_id", "counter", "Number of the last stored request.", &last);
    let flag = u8::from(export.drops_flag);
    metric("export_drops_flag", "gauge", "1 while attacks are being lost before export.", &flag);
    metric("export_drops_total", "counter", "Requests with attacks lost before export.", &export.drops);
    metric("export_delay_seconds", "gauge", "Age of the oldest attack that is not exported.", &export.delay_seconds);
    metric("timeframe_seconds", "gauge", "Age of the oldest stored request.", &requests.timeframe_seconds);
    metric("arena_bytes", "gauge", "Bytes that stored requests may take.", &requests.arena_bytes);
    metric("used_bytes", "gauge", "Bytes that stored requests take.", &requests.used_bytes);
    metric("connections", "gauge", "Open connections.", &state.connections);
    metric("requests_total", "counter", "Requests stored.", &last);
    metric("received_total", "counter", "Requests received, stored or refused.", &requests.received);
    metric("refused_total", "counter", "Requests refused.", &requests.refused);
    metric("evicted_total", "counter", "Stored requests that gave way to newer ones.", &requests.evicted);
    metric("hits_total", "counter", "Hits made of requests, one for each kind of attack.", &hits.made);
    metric("hits_sampled_total", "counter", "Hits that were only counted.", &hits.sampled);
    metric("hits_exported_total", "counter", "Hits that the Cloud has.", &hits.exported);
    metric("hits_rejected_total", "counter", "Hits that the Cloud refused.", &hits.rejected);
    metric("hits_dropped_total", "counter", "Hits lost for want of room.", &hits.dropped);
    metric("hits_waiting", "gauge", "Hits in memory.", &(hits.waiting + hits.in_flight));
    metric("hits_spooled", "gauge", "Hits on disk.", &hits.spooled);
    metric("spool_bytes", "gauge", "Bytes of the spool.", &state.spool.bytes);
    let degraded = u8::from(!state.degraded.is_empty());
    metric("degraded", "gauge", "1 while something needs an operator, see `wtarantool status`.", &degraded);
    let name = "wallarm_tarantool_attacks_total";
    let _ = write!(page, "# HELP {name} Stored requests that carried an attack, by its type.\n# TYPE {name} counter\n");
    for (attack, count) in attacks.counts() {
        let _ = writeln!(page, "{name}{{type=\"{}\"}} {count}", attack.code());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{ExportState, Hits, Requests};
    use attacks::{Attack, AttackSet};

    #[test]
    fn the_page_has_the_documented_names_and_the_format_of_prometheus() {
        let requests = Requests {
            received: 9,
            stored: 1,
            evicted: 6,
            refused: 2,
            timeframe_seconds: 900.5,
            arena_bytes: 1 << 30,
            used_bytes: 1012,
        };
        let hits = Hits { made: 8, sampled: 1, exported: 2, waiting: 1, spooled: 1, dropped: 3, ..Hits::default() };
        let export = ExportState { delay_seconds: 1.25, drops: 3, drops_flag: true, ..ExportState::default() };
        let state = State { connections: 2, requests, hits, export, ..State::default() };
        let attacks = AttackCounters::default();
        attacks.count(AttackSet::from_iter([Attack::Ptrav]));
        assert_eq!(page(&state, &attacks), include_str!("../tests/golden/metrics.txt"));
    }
}
