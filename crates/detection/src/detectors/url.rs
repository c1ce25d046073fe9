//! Server-side request forgery: a value that is an address which only the server itself can reach.

use std::ops::Range;

use super::text::{find, is_one_of, range_of, starts_with, trimmed};
use crate::scan::Place;

/// The address.
pub fn confirm(value: &[u8], _place: Place) -> Option<Range<usize>> {
    let (start, url) = trimmed(value);
    let url = url.strip_prefix(b"url=").or_else(|| url.strip_prefix(b"URL=")).unwrap_or(url);
    is_inner(url).then(|| range_of(start, url))
}

/// Schemes that a web page has no use for, and whose clients speak to whatever they are pointed at.
const ODD_SCHEMES: &[&str] = &[
    "gopher",
    "dict",
    "tftp",
    "ldap",
    "ldaps",
    "sftp",
    "netdoc",
    "jar",
    "smb",
    "rmi",
    "iiop",
    "phar",
    "expect",
    "ogg",
    "glob",
    "ssh2",
    "compress.zlib",
    "ssrf",
];

fn is_inner(url: &[u8]) -> bool {
    if url.len() > 2048 || url.contains(&b' ') {
        return false;
    }
    let Some(colon) = url.iter().position(|byte| *byte == b':') else {
        return url.strip_prefix(b"//").is_some_and(|rest| is_inner_host(authority(rest)));
    };
    let (scheme, rest) = url.split_at_checked(colon).unwrap_or_default();
    let Some(rest) = rest.strip_prefix(b"://").or_else(|| rest.strip_prefix(b":/")) else { return false };
    if is_one_of(scheme, ODD_SCHEMES) {
        return rest.len() > 1;
    }
    let web = is_one_of(scheme, &["http", "https", "ftp", "ws", "wss"]) || starts_with(scheme, b"url");
    web && is_inner_host(authority(rest)) && !is_own_client(rest)
}

/// Native applications wait on the loopback for the answer of an OAuth server (RFC 8252, section 7.3).
fn is_own_client(rest: &[u8]) -> bool {
    let local = starts_with(rest, b"localhost") || starts_with(rest, b"127.0.0.1:");
    local && ["callback", "oauth", "signin", "auth/"].iter().any(|word| find(rest, word.as_bytes(), 0).is_some())
}

/// The part of an address that names a machine, with user and port.
fn authority(rest: &[u8]) -> &[u8] {
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest)
}

fn is_inner_host(authority: &[u8]) -> bool {
    let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or(authority);
    if let Some(rest) = host.strip_prefix(b"[") {
        let address = rest.split(|byte| *byte == b']').next().unwrap_or(rest);
        return std::str::from_utf8(address).ok().and_then(|text| text.parse().ok()).is_some_and(is_inner_v6);
    }
    let host = host.split(|byte| *byte == b':').next().unwrap_or(host);
    let host = host.strip_suffix(b".").unwrap_or(host);
    if let Some(address) = number_address(host) {
        return is_inner_v4(address) || !is_dotted_decimal(host);
    }
    let ends = |suffix: &[u8]| {
        host.len() > suffix.len()
            && host.get(host.len() - suffix.len()..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    let named = is_one_of(
        host,
        &["localhost", "metadata", "localtest.me", "kubernetes", "host.docker.internal", "instance-data", "0"],
    );
    let suffixed = [
        ".localhost",
        ".nip.io",
        ".xip.io",
        ".sslip.io",
        ".internal",
        ".localtest.me",
        ".lvh.me",
        ".burpcollaborator.net",
        ".svc.cluster.local",
    ];
    named || suffixed.iter().any(|suffix| ends(suffix.as_bytes()))
}

/// An IPv4 address in any of the forms of `inet_aton`: one to four numbers, each decimal, octal or hexadecimal.
fn number_address(host: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(host).ok()?;
    let mut address: u64 = 0;
    let count = text.split('.').count();
    if text.is_empty() || count > 4 {
        return None;
    }
    for (position, part) in text.split('.').enumerate() {
        let number = if let Some(digits) = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
            u64::from_str_radix(digits, 16).ok()?
        } else if part.len() > 1 && part.starts_with('0') {
            u64::from_str_radix(part, 8).ok()?
        } else if part.bytes().all(|byte| byte.is_ascii_digit()) {
            part.parse().ok()?
        } else {
            return None;
        };
        let last = position + 1 == count;
        if !last && number > 255 {
            return None;
        }
        address = if last { address << (8 * (5 - count)) | number } else { address << 8 | number };
        if address > u64::from(u32::MAX) {
            return None;
        }
    }
    u32::try_from(address).ok()
}

fn is_dotted_decimal(host: &[u8]) -> bool {
    let mut parts = host.split(|byte| *byte == b'.');
    let decimal = |part: &[u8]| {
        !part.is_empty() && part.iter().all(u8::is_ascii_digit) && (part.len() == 1 || !part.starts_with(b"0"))
    };
    host.iter().filter(|byte| **byte == b'.').count() == 3 && parts.all(decimal)
}

fn is_inner_v4(address: u32) -> bool {
    let address = std::net::Ipv4Addr::from(address);
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address == std::net::Ipv4Addr::new(100, 100, 100, 200)
}

fn is_inner_v6(address: std::net::Ipv6Addr) -> bool {
    let mapped = address.to_ipv4_mapped().is_some_and(|inner| is_inner_v4(inner.into()));
    let first = address.segments().first().copied().unwrap_or_default();
    address.is_loopback() || address.is_unspecified() || mapped || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_attack(value: &str) -> bool {
        confirm(value.as_bytes(), Place::QueryValue).is_some()
    }

    #[test]
    fn addresses_inside_are_attacks_in_every_form_of_writing() {
        for attack in [
            "http://127.0.0.1/",
            "http://localhost:8080/admin",
            "http://169.254.169.254/latest/meta-data/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]:80/",
            "http://[::ffff:127.0.0.1]/",
            "gopher://x.example:25/_HELO",
            "dict://127.0.0.1:11211/stat",
            "http://good.example@127.0.0.1/",
            "//10.0.0.1/x",
            "http://metadata.google.internal/computeMetadata/v1/",
        ] {
            assert!(is_attack(attack), "{attack}");
        }
    }

    #[test]
    fn addresses_of_the_world_are_clean() {
        for clean in [
            "https://example.com/a?b=http://x",
            "http://8.8.8.8/",
            "see http://localhost:3000 for more",
            "http://localhost:4200/callback?code=7",
            "10.0.0.1",
            "https://internal.example.com/",
            "mailto:a@example.com",
            "12:30",
        ] {
            assert!(!is_attack(clean), "{clean}");
        }
    }
}
