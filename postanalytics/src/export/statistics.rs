//! How far the export of attacks lags behind, as the console and the metrics tell it.
//!
//! A server that nobody registered never exports: no attack waits, so nothing is late and nothing is lost *before export*.

/// Figures of the export queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExportStatistics {
    /// Age of the oldest attack that waits, in seconds; 0 when none waits.
    pub delay: f64,
    /// Requests of which attacks gave way before they were exported, and attacks that could not be read again: nobody knows of
    /// how many requests these were.
    pub dropped: u64,
    /// Whether such a loss happened within the last ten minutes.
    pub dropping: bool,
}
