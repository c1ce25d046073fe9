//! How much work one request may cause.

/// Decoders that may lie inside each other; what lies deeper is examined as it is.
pub const MAX_DEPTH: u8 = 16;

/// Longest value, in bytes, that is examined in one piece. A longer one is examined in windows of this length.
pub const WINDOW: usize = 64 * 1024;

/// Bytes that a window shares with the one before it, so that a sign on the border is whole in one of the two.
pub const WINDOW_OVERLAP: usize = 4 * 1024;

/// How much work one request may cause. What a request holds beyond a limit is not examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Decoders that may lie inside each other.
    pub depth: u8,
    /// Values that are examined; one more is [`Overlimit::Values`].
    pub values: usize,
    /// Bytes of a body, or of what a decompressor puts out, that are held to be taken apart. A longer one is examined in
    /// windows as they pass by, and its structure is not looked at.
    pub structured: usize,
    /// Bytes that decompression may put out for one request; more is [`Overlimit::Decompressed`].
    pub decompressed: u64,
    /// Output in bytes from which on the ratio of decompression is judged.
    pub ratio_from: u64,
    /// Bytes out for each byte in above which compressed data is a bomb.
    pub ratio: u64,
    /// Compressed streams inside each other above which they are a bomb.
    pub compressed_in_compressed: u8,
    /// Bytes that the entities of an XML document may grow to; more is a bomb.
    pub entity_output: u64,
    /// Entities that may refer to each other in a chain; a longer one is a bomb.
    pub entity_depth: u8,
    /// Bytes that one inspection may hold (`wallarm_request_memory_limit`); 0 means no limit. More is [`Overlimit::Memory`].
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: MAX_DEPTH,
            values: 10_000,
            structured: 16 << 20,
            decompressed: 512 << 20,
            ratio_from: 10_000_000,
            ratio: 100,
            compressed_in_compressed: 4,
            entity_output: 1_000_000,
            entity_depth: 8,
            memory: 0,
        }
    }
}

/// The limit that ended an inspection before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overlimit {
    /// The caller's clock ran out.
    Time,
    /// More values than [`Limits::values`].
    Values,
    /// More output of decompression than [`Limits::decompressed`].
    Decompressed,
    /// More memory than [`Limits::memory`]. This is not an attack: the caller answers with an error of its own.
    Memory,
}

impl Overlimit {
    /// Whether it counts as the attack [`crate::Attack::OverlimitRes`].
    #[must_use]
    pub const fn is_attack(self) -> bool {
        !matches!(self, Self::Memory)
    }
}
