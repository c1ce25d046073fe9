//! The Debian mirror that this host itself uses.

use std::path::Path;

use anyhow::{Context, Result};

/// Debian's own address, for hosts whose apt sources name no Debian archive.
pub const DEFAULT: &str = "http://deb.debian.org/debian";

/// Reads the address of the Debian archive from the apt sources below `etc_apt` (`/etc/apt`).
///
/// # Errors
///
/// If a source file exists and cannot be read.
pub fn find(etc_apt: &Path) -> Result<String> {
    let mut files = vec![etc_apt.join("sources.list")];
    if let Ok(entries) = std::fs::read_dir(etc_apt.join("sources.list.d")) {
        let mut more: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        more.sort();
        files.extend(more);
    }
    for file in files {
        let uris: fn(&str) -> Vec<&str> = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => one_line_uris,
            Some("sources") => deb822_uris,
            _ => continue,
        };
        if !file.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        if let Some(uri) = uris(&text).into_iter().find(|uri| is_debian_archive(uri)) {
            return Ok(uri.to_owned());
        }
    }
    Ok(DEFAULT.to_owned())
}

/// Mirrors keep Debian's archive in a folder `debian`; `debian-security` and archives of others have other names.
fn is_debian_archive(uri: &str) -> bool {
    uri.trim_end_matches('/').ends_with("/debian")
}

/// `deb [options] URI suite component…`, see sources.list(5) "One-line-style format".
fn one_line_uris(text: &str) -> Vec<&str> {
    text.lines().filter_map(one_line_uri).collect()
}

fn one_line_uri(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("deb ")?.trim_start();
    let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
    rest.split_whitespace().next()
}

/// `URIs:` of every enabled paragraph, see sources.list(5) "deb822-style format".
fn deb822_uris(text: &str) -> Vec<&str> {
    text.split("\n\n")
        .filter(|paragraph| !paragraph.lines().any(|line| line.trim().eq_ignore_ascii_case("enabled: no")))
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("URIs:"))
        .flat_map(str::split_whitespace)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        find(folder.path()).unwrap()
    }

    #[test]
    fn a_host_without_sources_uses_debians_own_address() {
        assert_eq!(sources(&[]), DEFAULT);
    }

    #[test]
    fn one_line_sources_are_read_with_and_without_options() {
        assert_eq!(
            sources(&[("sources.list", "# deb http://no/debian x main\ndeb http://one/debian bookworm main\n")]),
            "http://one/debian"
        );
        assert_eq!(
            sources(&[(
                "sources.list.d/a.list",
                "deb [ arch=amd64 signed-by=/k.gpg ] http://two/debian/ bookworm main\n"
            )]),
            "http://two/debian/"
        );
    }

    #[test]
    fn deb822_sources_are_read_and_disabled_or_foreign_ones_passed_by() {
        let text = "Types: deb\nURIs: http://off/debian\nEnabled: no\n\nTypes: deb\nURIs: http://x/debian-security http://on/debian\n";
        assert_eq!(sources(&[("sources.list.d/debian.sources", text)]), "http://on/debian");
    }
}
