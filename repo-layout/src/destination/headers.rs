//! What is said of a file when it is served: its type, and how long a cache may keep it.

use crate::TreePath;

/// Headers of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Cache-Control`.
    pub cache_control: &'static str,
}

/// A file under this name never changes: it is named by its digest, or by a version that is built once.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A cache asks each time whether it still holds the current one.
const REVALIDATE: &str = "no-cache";

/// The publisher's own records: no reader has any use for them.
const PRIVATE: &str = "no-store";

/// How a kind of file is told by its path, its type, its cache rule.
type Row = (fn(&str) -> bool, &'static str, &'static str);

/// The first row that fits counts.
const TABLE: &[Row] = &[
    (is_state, "application/json", PRIVATE),
    (is_by_hash, "application/octet-stream", IMMUTABLE),
    (|path| path.ends_with(".deb"), "application/vnd.debian.binary-package", IMMUTABLE),
    (|path| path.ends_with(".rpm"), "application/x-rpm", IMMUTABLE),
    (is_checksum_named, "application/gzip", IMMUTABLE),
    (|path| path.ends_with("/repomd.xml"), "text/xml", REVALIDATE),
    (is_signature, "application/pgp-signature", REVALIDATE),
    (|path| path.ends_with(".asc"), "application/pgp-keys", REVALIDATE),
    (|path| path.ends_with(".gpg"), "application/pgp-keys", REVALIDATE),
    (|path| path.ends_with(".gz"), "application/gzip", REVALIDATE),
    (|path| path.ends_with(".xz"), "application/x-xz", REVALIDATE),
    (|path| path.ends_with(".html"), "text/html; charset=utf-8", REVALIDATE),
    (|_| true, "text/plain; charset=utf-8", REVALIDATE),
];

/// The headers of the file at `path`.
#[must_use]
pub fn headers(path: &TreePath) -> Headers {
    let row = TABLE.iter().find(|(fits, ..)| fits(path.as_str()));
    row.map_or(Headers { content_type: "application/octet-stream", cache_control: REVALIDATE }, |row| Headers {
        content_type: row.1,
        cache_control: row.2,
    })
}

fn is_signature(path: &str) -> bool {
    path.ends_with("/Release.gpg") || path.ends_with("/repomd.xml.asc")
}

fn is_state(path: &str) -> bool {
    path.starts_with(crate::STATE_FOLDER)
}

fn is_by_hash(path: &str) -> bool {
    path.contains("/by-hash/")
}

/// `repodata/<64 digits>-primary.xml.gz`
fn is_checksum_named(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let digits = name.bytes().take_while(u8::is_ascii_hexdigit).count();
    path.contains("repodata/") && digits == 64 && name.as_bytes().get(64) == Some(&b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_change_is_asked_for_anew_and_what_cannot_is_kept() {
        let digest = "0".repeat(64);
        for (path, content_type, cache) in [
            ("d/b/4.8/InRelease", "text/plain; charset=utf-8", REVALIDATE),
            ("wallarm.gpg", "application/pgp-keys", REVALIDATE),
            ("d/b/4.8/Release.gpg", "application/pgp-signature", REVALIDATE),
            ("d/b/4.8/Packages.xz", "application/x-xz", REVALIDATE),
            ("d/b/4.8/Contents-amd64", "text/plain; charset=utf-8", REVALIDATE),
            ("d/b/4.8/Contents-amd64.gz", "application/gzip", REVALIDATE),
            ("d/b/4.8/en.xz", "application/x-xz", REVALIDATE),
            (&format!("d/b/4.8/by-hash/SHA256/{digest}"), "application/octet-stream", IMMUTABLE),
            ("d/b/4.8/pool/a_1_all.deb", "application/vnd.debian.binary-package", IMMUTABLE),
            ("c/8/repodata/repomd.xml", "text/xml", REVALIDATE),
            ("c/8/repodata/repomd.xml.asc", "application/pgp-signature", REVALIDATE),
            (&format!("c/8/repodata/{digest}-primary.xml.gz"), "application/gzip", IMMUTABLE),
            ("c/8/Packages/a-1-1.noarch.rpm", "application/x-rpm", IMMUTABLE),
            (".wallarm-repo/journal/1.json", "application/json", PRIVATE),
        ] {
            let expected = Headers { content_type, cache_control: cache };
            assert_eq!(headers(&TreePath::new(path).unwrap()), expected, "{path}");
        }
    }
}
