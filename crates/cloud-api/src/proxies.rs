//! The proxies of `/etc/environment`. cron and systemd do not read that file for what they start, and neither does NGINX: whoever
//! speaks to the Cloud reads it.

use std::path::Path;

/// The file.
pub const PATH: &str = "/etc/environment";

/// Proxies, and hosts that are reached without. A proxy may hold a password, so this is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `https_proxy`: for connections with TLS.
    pub https: Option<String>,
    /// `http_proxy`: for connections without.
    pub http: Option<String>,
    /// `no_proxy`: names, parts of names behind a dot, and addresses.
    pub without: Vec<String>,
}

impl Proxies {
    /// Reads a file; one that is not there, or cannot be read, names no proxies.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        std::fs::read(path).map(|bytes| Self::parse(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
    }

    /// Reads lines `NAME=value`, with or without `export` and quotes, as `pam_env` does. The last line of a name holds; the
    /// lower-case name is the documented one and wins over the other.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let value = |wanted: &str| {
            text.lines().rev().filter_map(assignment).find(|(name, _)| *name == wanted).map(|(_, value)| value)
        };
        let of = |name: &str| {
            let value = value(name).or_else(|| value(&name.to_ascii_uppercase()))?;
            (!value.is_empty()).then(|| value.to_owned())
        };
        let without = of("no_proxy").unwrap_or_default();
        let without = without.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Self { https: of("https_proxy"), http: of("http_proxy"), without: without.map(str::to_owned).collect() }
    }

    /// The proxy for a connection to `host`, if it takes one.
    #[must_use]
    pub fn to(&self, host: &str, tls: bool) -> Option<&str> {
        let proxy = if tls { self.https.as_deref() } else { self.http.as_deref() };
        proxy.filter(|_| !self.without.iter().any(|entry| covers(entry, host)))
    }
}

/// Whether an entry of `no_proxy` means a host.
fn covers(entry: &str, host: &str) -> bool {
    let (entry, host) = (entry.to_ascii_lowercase(), host.trim_matches(['[', ']']).to_ascii_lowercase());
    if entry == "*" || entry == host {
        return true;
    }
    // `.example.com`, `*.example.com` and `example.com` mean what lies below, too.
    let below = entry.trim_start_matches('*').trim_start_matches('.');
    !below.is_empty() && host.strip_suffix(below).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Name and value of a line, if it is an assignment.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let value = value.trim();
    let unquoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some((name.trim(), unquoted.unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "# proxies\nPATH=\"/usr/bin:/bin\"\nexport https_proxy=\"http://user:pass@10.0.0.1:3128\"\nhttp_proxy='http://10.0.0.2:80'\n\
                        no_proxy=\"127.0.0.1, 127.0.0.8, 127.0.0.9, localhost,.internal.example\"\nHTTPS_PROXY=http://other:1\n";

    #[test]
    fn proxies_are_found_with_and_without_quotes_and_export() {
        let proxies = Proxies::parse(FILE);
        assert_eq!(proxies.https.as_deref(), Some("http://user:pass@10.0.0.1:3128"));
        assert_eq!(proxies.http.as_deref(), Some("http://10.0.0.2:80"));
        assert_eq!(proxies.without, ["127.0.0.1", "127.0.0.8", "127.0.0.9", "localhost", ".internal.example"]);
    }

    #[test]
    fn each_kind_of_connection_has_its_proxy_unless_the_host_is_left_out() {
        let proxies = Proxies::parse(FILE);
        assert_eq!(proxies.to("api.example", true), Some("http://user:pass@10.0.0.1:3128"));
        assert_eq!(proxies.to("api.example", false), Some("http://10.0.0.2:80"));
        for host in ["127.0.0.8", "LOCALHOST", "api.internal.example", "internal.example"] {
            assert_eq!(proxies.to(host, true), None, "{host}");
        }
        assert!(proxies.to("notinternal.example", true).is_some());
        assert_eq!(Proxies { without: vec!["*".to_owned()], ..proxies }.to("api.example", true), None);
    }

    #[test]
    fn the_last_line_holds_and_an_empty_one_switches_off() {
        assert_eq!(
            Proxies::parse("https_proxy=http://a:1\nhttps_proxy=http://b:2\n").https.as_deref(),
            Some("http://b:2")
        );
        assert_eq!(Proxies::parse("https_proxy=http://a:1\nhttps_proxy=\n").https, None);
        assert_eq!(Proxies::parse("HTTP_PROXY=http://a:1\n").http.as_deref(), Some("http://a:1"));
    }

    #[test]
    fn a_file_that_is_not_there_names_none() {
        assert!(Proxies::read(Path::new("/nowhere")) == Proxies::default());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,300}", host in ".{0,20}") {
            let _ = Proxies::parse(&text).to(&host, true);
        }
    }
}
