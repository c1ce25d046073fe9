//! From sources to binaries: zig, targets, cargo.
