//! The authorities whose certificates are trusted.

use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::node_yaml::CA_FILE;

/// Where systems keep those that they trust: Debian and Ubuntu, Enterprise Linux, SUSE.
const OF_SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// Why the certificates of authorities cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// A file cannot be read.
    #[error("\"api.ca_file\" {path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file has none.
    #[error("\"api.ca_file\" {path} holds no certificate in PEM form", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There is no file.
    #[error(
        "this system has no certificates of authorities: install ca-certificates, or name a file with \"api.ca_file\""
    )]
    None,
}

/// Those of `file`; without it those of the package, without them those of the system.
pub(super) fn read(file: Option<&Path>) -> Result<RootCerts, AuthoritiesError> {
    let usual = || [CA_FILE].into_iter().chain(OF_SYSTEM).map(Path::new).find(|path| path.is_file());
    let path = file.or_else(usual).ok_or(AuthoritiesError::None)?;
    let unreadable = |source| AuthoritiesError::Unreadable { path: path.to_owned(), source };
    let pem = std::fs::read(path).map_err(unreadable)?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(AuthoritiesError::Empty { path: path.to_owned() });
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
