//! How far the export of attacks lags behind, as the console and the metrics tell it.
//!
//! An unregistered server stores and drops and never exports: no attack ever waits, so nothing is late and nothing is lost
//! *before export*. Until this server can register, that is its only state, and the figures below say so.

/// Figures of the export queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExportStatistics {
    /// Age of the oldest attack that waits, in seconds; 0 when none waits.
    pub delay: f64,
    /// Requests with attacks that gave way before they were exported.
    pub dropped: u64,
    /// Whether such a loss happened within the last ten minutes.
    pub dropping: bool,
}

/// The figures of a server that is not registered.
pub const UNREGISTERED: ExportStatistics = ExportStatistics { delay: 0.0, dropped: 0, dropping: false };
