//! Paths, as the application behind NGINX will understand them: whoever writes `/log%69n` or `/x/..//login` asks for `/login`.

use std::borrow::Cow;

/// Bytes of a path that are looked at; NGINX's own limit is 8 KiB by default.
const LIMIT: usize = 16 * 1024;

/// The path with escapes decoded, and empty parts, `.` and `..` resolved (RFC 3986, sections 2.1 and 5.2.4, and NGINX's `merge_slashes`).
/// Ordinary paths are what they were.
pub(crate) fn plain(path: &[u8]) -> Cow<'_, [u8]> {
    let path = path.get(..LIMIT).unwrap_or(path);
    let path = without_origin(path);
    if is_plain(path) { Cow::Borrowed(path) } else { Cow::Owned(resolved(&decoded(path))) }
}

/// Takes the scheme and host off a target in absolute form (RFC 9112, section 3.2.2).
fn without_origin(target: &[u8]) -> &[u8] {
    if target.starts_with(b"/") {
        return target;
    }
    let Some(scheme) = target.windows(3).position(|bytes| bytes == b"://") else { return target };
    let authority = target.get(scheme + 3..).unwrap_or_default();
    let end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
    authority.get(end..).unwrap_or_default()
}

fn is_plain(path: &[u8]) -> bool {
    let odd = |pair: &[u8]| matches!(pair, b"//" | b"/.");
    path.first() == Some(&b'/') && !path.contains(&b'%') && !path.windows(2).any(odd)
}

pub(super) fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        let escape = if *first == b'%' { behind.split_first_chunk::<2>() } else { None };
        let byte = escape.and_then(|([high, low], after)| Some((digit(*high)? << 4 | digit(*low)?, after)));
        let (byte, after) = byte.unwrap_or((*first, behind));
        out.push(byte);
        rest = after;
    }
    out
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

fn resolved(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len() + 1);
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => out.truncate(out.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
            _ => {
                out.push(b'/');
                out.extend_from_slice(part);
            }
        }
    }
    let ends_open = [&b"/"[..], b"/.", b"/.."].iter().any(|end| path.ends_with(end));
    if ends_open || out.is_empty() {
        out.push(b'/');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn different_spellings_of_a_path_are_one_path() {
        for (written, meant) in [
            ("/login", "/login"),
            ("/log%69n", "/login"),
            ("//login", "/login"),
            ("/./x/../login", "/login"),
            ("/%2e%2E/login", "/login"),
            ("https://shop.example/login", "/login"),
            ("https://shop.example", "/"),
            ("/login/", "/login/"),
            ("/login/.", "/login/"),
            ("/login/x/..", "/login/"),
            ("/..", "/"),
            ("", "/"),
            ("*", "/*"),
            ("/100%", "/100%"),
            ("/%zz%4", "/%zz%4"),
            ("/.well-known/x", "/.well-known/x"),
        ] {
            assert_eq!(String::from_utf8_lossy(&plain(written.as_bytes())), meant, "{written}");
        }
    }

    #[test]
    fn an_ordinary_path_is_not_copied() {
        assert!(matches!(plain(b"/shop/items.html"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn any_bytes_become_a_path_without_dots_and_empty_parts(path in "[a./%2e]{0,40}") {
            let plain = plain(path.as_bytes());
            prop_assert_eq!(plain.first(), Some(&b'/'));
            prop_assert!(!plain.windows(2).any(|pair| pair == b"//"), "{:?}", plain);
            prop_assert!(!plain.split(|byte| *byte == b'/').any(|part| matches!(part, b"." | b"..")), "{:?}", plain);
        }
    }
}
