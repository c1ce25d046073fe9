//! gzip (RFC 1952): a file may have several members, and unpacks to what they unpack to, one after the other.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};

/// One member, without name and time, so that equal input gives equal bytes.
pub(crate) fn member(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
