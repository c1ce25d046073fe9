//! Fetching a pinned file: from Debian's mirrors as apt is set up to reach them, or from nginx.org.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::pip::last_words;

/// apt's own downloader: it knows the machine's proxies, mirrors and certificates.
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";
/// Where NGINX is published.
const NGINX_ORG: &str = "https://nginx.org/download";
/// An archive has 1.3 MB; nothing that is larger is one.
const LIMIT: u64 = 16 << 20;
/// For the whole of a download.
const PATIENCE: Duration = Duration::from_secs(60);
/// A network without a way to nginx.org should say so soon.
const CONNECT: Duration = Duration::from_secs(10);

/// What a run has learnt about the network.
#[derive(Debug, Default)]
pub(super) struct Network {
    mirrors: OnceLock<Vec<String>>,
    /// Why nginx.org could not be reached: it is not asked again for the next version.
    unreachable: OnceLock<String>,
}

impl Network {
    /// Fetches Debian's copy of an archive.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn fetch_from_debian(&self, version: &str, to: &Path) -> Result<(), String> {
        let mirrors = self.mirrors.get_or_init(debian_mirrors);
        if mirrors.is_empty() {
            return Err("this machine's apt has no Debian archive among its sources".to_owned());
        }
        let mut complaint = String::new();
        for mirror in mirrors {
            let url = format!("{mirror}pool/main/n/nginx/nginx_{version}.orig.tar.gz");
            let output = Command::new(APT_HELPER).arg("download-file").arg(&url).arg(to).output();
            match output {
                Ok(output) if output.status.success() => return Ok(()),
                Ok(output) => complaint = format!("cannot fetch {url}: {}", last_words(&output)),
                Err(error) => complaint = format!("cannot run {APT_HELPER}: {error}"),
            }
        }
        Err(complaint)
    }

    /// Fetches nginx.org's archive.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn fetch_from_nginx_org(&self, archive: &str, to: &Path) -> Result<(), String> {
        let url = format!("{NGINX_ORG}/{archive}");
        if let Some(why) = self.unreachable.get() {
            return Err(format!("cannot fetch {url}: {why}, as before"));
        }
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(PATIENCE))
            .https_only(true)
            .build()
            .into();
        let response = agent.get(&url).call().map_err(|error| {
            let why = error.to_string();
            if !matches!(error, ureq::Error::StatusCode(_)) {
                // The first reason is as good as any other.
                let _ = self.unreachable.set(why.clone());
            }
            format!("cannot fetch {url}: {why}")
        })?;
        let mut bytes = Vec::new();
        let read = response.into_body().into_reader().take(LIMIT).read_to_end(&mut bytes);
        read.and_then(|_| std::fs::write(to, &bytes)).map_err(|error| format!("cannot fetch {url}: {error}"))
    }
}

/// The addresses of Debian's archive that apt on this machine is set up with; none where there is no apt.
fn debian_mirrors() -> Vec<String> {
    let output = Command::new("apt-get").args(["indextargets", "--format", "$(REPO_URI)"]).output();
    let Ok(output) = output else { return Vec::new() };
    mirrors_among(&String::from_utf8_lossy(&output.stdout))
}

/// Mirrors keep Debian's archive in a folder `debian`; `debian-security` and archives of others have other names.
fn mirrors_among(uris: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for uri in uris.lines().map(|line| line.trim().trim_end_matches('/')) {
        let uri = format!("{uri}/");
        if uri.ends_with("/debian/") && uri.starts_with("http") && !found.contains(&uri) {
            found.push(uri);
        }
    }
    found
}

/// A path beside `path` for a file that is not checked yet.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".partial-{}", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mirrors_of_debian_itself_are_asked_and_each_once() {
        let uris = "http://a/debian-security/\nhttp://a/debian/\nhttp://a/debian\nhttps://b/x\nfile:/srv/debian\n\n";
        assert_eq!(mirrors_among(uris), ["http://a/debian/"]);
    }

    #[test]
    fn what_is_not_checked_yet_has_another_name_in_the_same_folder() {
        let path = beside(Path::new("/cache/nginx-1.tar.gz"));
        assert_eq!(path.parent(), Some(Path::new("/cache")));
        assert_ne!(path, Path::new("/cache/nginx-1.tar.gz"));
    }
}
