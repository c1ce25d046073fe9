//! How the state is taken.
//!
//! Hits are made under the lock of the analysis, and move from there on under that of the queue in front of the spool. Whoever
//! holds the first while reading the second sees each hit in one place. Requests have a lock of their own.

use std::sync::atomic::Ordering;

use super::{AnalysisState, Balance, ExportState, Hits, Requests, SpoolState, State};
use crate::export::{self, ExportStatistics, Exporter, Registration};
use crate::server::Server;
use crate::spooling;
use crate::store;
use crate::system::unix_now;

/// Drops are told of for this long, in milliseconds.
const DROPS_SHOWN: u64 = 600_000;

impl Server {
    /// The state of this moment.
    #[must_use]
    pub fn state(&self) -> State {
        let (seen, withheld, stumbles, spool) = {
            let work = self.analyst.lock();
            (work.analysis.figures(), work.withheld, work.stumbles, self.spooler.figures())
        };
        let store = self.store.statistics();
        let export = self.exporter.get().map(Exporter::figures);
        let statistics = export_statistics(&spool);
        let requests = requests(&store);
        let rejected = export.as_ref().map_or(0, |export| export.rejected);
        let hits = hits(&seen, withheld, &spool, rejected);
        State {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: self.store.clock().now() as f64 / 1000.0,
            connections: self.connections.load(Ordering::Relaxed),
            degraded: degraded(&spool, export.as_ref(), stumbles),
            balance: Balance::of(&requests, &hits),
            spool: SpoolState {
                bytes: spool.spooled.bytes,
                limit_bytes: self.settings.spool_size.bytes(),
                damaged: spool.damage.lost.max(u64::from(spool.damage.places > 0)),
            },
            export: export_state(export, &statistics),
            analysis: AnalysisState { stumbles, ..analysis_state(&seen) },
            requests,
            hits,
        }
    }

    /// How far the export lags behind.
    #[must_use]
    pub fn export_statistics(&self) -> ExportStatistics {
        export_statistics(&self.spooler.figures())
    }
}

fn export_statistics(spool: &spooling::Figures) -> ExportStatistics {
    let now = unix_now();
    ExportStatistics {
        delay: spool.oldest.map_or(0.0, |oldest| now.saturating_sub(oldest) as f64 / 1000.0),
        dropped: spool.dropped_requests + spool.lost,
        dropping: spool.last_drop.is_some_and(|last| now.saturating_sub(last) < DROPS_SHOWN),
    }
}

fn requests(store: &store::Statistics) -> Requests {
    Requests {
        received: store.received,
        stored: store.stored,
        evicted: store.evicted,
        refused: store.refused,
        timeframe_seconds: store.timeframe,
        arena_bytes: store.arena,
        used_bytes: store.used,
    }
}

/// The export counts what the Cloud rejected a moment before or after the queue counts it as dealt with.
fn hits(seen: &analysis::Figures, withheld: u64, spool: &spooling::Figures, rejected: u64) -> Hits {
    let total = seen.hits.total();
    let rejected = rejected.min(spool.done);
    Hits {
        made: total.made,
        recovered: spool.recovered,
        sampled: total.sampled,
        withheld,
        waiting: spool.waiting.count,
        spooled: spool.spooled.count,
        in_flight: spool.in_flight,
        exported: spool.done - rejected,
        rejected,
        dropped: spool.dropped,
        lost: spool.lost,
    }
}

fn export_state(export: Option<export::Figures>, statistics: &ExportStatistics) -> ExportState {
    let ExportStatistics { delay, dropped, dropping } = *statistics;
    let Some(export) = export else { return ExportState::default() };
    ExportState {
        registration: export.registration.to_string(),
        host: match export.registration {
            Registration::Registered { host } => Some(host),
            _ => None,
        },
        delay_seconds: delay,
        drops: dropped,
        drops_flag: dropping,
        paused_seconds: export.paused.map(|paused| paused.as_secs_f64()),
        last_failure: export.last_failure.map(|failure| failure.reason),
        duplicates: export.duplicates,
    }
}

fn analysis_state(seen: &analysis::Figures) -> AnalysisState {
    let tables = seen.tables.named();
    AnalysisState {
        seen: seen.records,
        malformed: seen.malformed,
        sampling: seen.share.is_high,
        groups: seen.tables.targets.entries,
        counters: seen.tables.counted.entries,
        forgotten: tables.iter().map(|(_, table)| table.pushed_out).sum(),
        bytes: seen.memory,
        ..AnalysisState::default()
    }
}

/// What somebody should do something about.
fn degraded(spool: &spooling::Figures, export: Option<&export::Figures>, stumbles: u64) -> Vec<String> {
    let disk = spool.degraded.as_ref().map(|degraded| degraded.why.clone());
    let broken = export.and_then(|export| match &export.registration {
        Registration::Broken(why) => Some(why.clone()),
        _ => None,
    });
    let fault = (stumbles > 0)
        .then(|| format!("the analysis stumbled over {stumbles} requests: please report it with the log"));
    disk.into_iter().chain(broken).chain(fault).collect()
}
