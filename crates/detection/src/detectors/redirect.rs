//! Open redirects: an address that is dressed up as a path or as another host, so that a careless check lets it through.
//!
//! A plain link to another site is what half of the web's parameters hold, and clean.

use std::ops::Range;

use super::text::{range_of, trimmed};
use crate::scan::Place;

/// The address.
pub fn confirm(value: &[u8], place: Place) -> Option<Range<usize>> {
    let (start, url) = trimmed(value);
    let disguised = match place {
        Place::Path => is_disguised(url) && !url.starts_with(b"//") || url.starts_with(b"///") && is_disguised(url),
        _ => is_disguised(url),
    };
    (disguised && url.len() < 2048).then(|| range_of(start, url))
}

fn is_disguised(url: &[u8]) -> bool {
    if url.contains(&b' ') {
        return false;
    }
    slashed(url) || schemed(url)
}

/// `//host`, `/\host`, `///host`, `/<TAB>/host`: browsers take each for the start of another host.
fn slashed(url: &[u8]) -> bool {
    let slashes = url.iter().take_while(|byte| matches!(byte, b'/' | b'\\' | b'\t' | b'\r' | b'\n')).count();
    let (start, rest) = url.split_at_checked(slashes).unwrap_or_default();
    let real = start.iter().filter(|byte| matches!(byte, b'/' | b'\\')).count();
    let host = host(rest);
    let plain = start == b"//";
    real >= 2 && !start.starts_with(b"\\\\") && is_host(host) && (!plain || is_bare(rest, host))
}

/// `//host` and nothing but a path behind it is what a protocol-relative link to a picture looks like; those name a file.
fn is_bare(rest: &[u8], host: &[u8]) -> bool {
    let path = rest.get(host.len()..).unwrap_or_default();
    path.len() <= 1 || path.starts_with(b"/%2f") || path.starts_with(b"/..") || path.starts_with(b"//")
}

/// `https:host`, `https:/host`, `https:\\host`, `https://good@evil`, `https://good\@evil`.
fn schemed(url: &[u8]) -> bool {
    let Some(rest) = behind(url, b"https:").or_else(|| behind(url, b"http:")) else { return false };
    let slashes = rest.iter().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
    let (start, rest) = rest.split_at_checked(slashes).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or(rest);
    if start != b"//" {
        return is_host(host(rest));
    }
    match authority.iter().rposition(|byte| *byte == b'@') {
        Some(at) => {
            let user = authority.get(..at).unwrap_or_default();
            let looks_like_host = user.contains(&b'.') || user.contains(&b'\\');
            looks_like_host
                && is_host(
                    authority.get(at + 1..).unwrap_or_default().split(|byte| *byte == b':').next().unwrap_or_default(),
                )
        }
        None => authority.contains(&b'\\') && authority.contains(&b'.'),
    }
}

fn behind<'a>(url: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    super::text::starts_with(url, scheme).then(|| url.get(scheme.len()..)).flatten()
}

fn host(rest: &[u8]) -> &[u8] {
    let end =
        rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\' | b':' | b'@')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest)
}

/// Whether a text is the name of a machine with a top-level domain, or four numbers.
fn is_host(host: &[u8]) -> bool {
    let named = host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | 0x80..));
    let last = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let domain = last.len() >= 2 && last.len() <= 12 && last.iter().all(u8::is_ascii_alphabetic) && !is_file(last);
    let address = host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') && host.len() > 6;
    named && host.contains(&b'.') && !host.starts_with(b".") && (domain || address)
}

/// Whether the end of a name is that of a file rather than of a domain.
fn is_file(extension: &[u8]) -> bool {
    super::text::is_one_of(
        extension,
        &[
            "php", "html", "htm", "js", "css", "png", "jpg", "jpeg", "gif", "svg", "json", "xml", "txt", "aspx", "jsp",
            "webp", "pdf",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_attack(value: &str) -> bool {
        confirm(value.as_bytes(), Place::QueryValue).is_some()
    }

    #[test]
    fn addresses_in_disguise_are_attacks() {
        for attack in [
            "//evil.example",
            "///evil.example/",
            "/\\evil.example",
            "https:evil.example",
            "https:/evil.example/x",
            "https://good.example@evil.example/",
            "/\t/evil.example",
            "//evil.example/%2f..",
            "https://good.example\\@evil.example",
        ] {
            assert!(is_attack(attack), "{attack}");
        }
    }

    #[test]
    fn links_and_paths_are_clean() {
        for clean in [
            "https://example.com/next?a=b",
            "/account/home",
            "//cdn.example.com/lib/app.js",
            "\\\\server.local\\share",
            "// a comment.here",
            "//img/a.png",
            "https://user@example.com/",
        ] {
            assert!(!is_attack(clean), "{clean}");
        }
    }
}
