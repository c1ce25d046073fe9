//! What detectors ask of text.
