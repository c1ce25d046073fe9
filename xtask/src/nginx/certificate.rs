//! Certificates for servers of the tests' own.

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Makes an authority and a certificate of it for a server at `address`, as `ca.pem`, `cert.pem` and `key.pem` in `folder`.
///
/// # Errors
///
/// If openssl cannot be run, or refuses.
pub fn make(folder: &Path, address: IpAddr) -> Result<()> {
    let openssl = |arguments: &[&str]| -> Result<()> {
        let output =
            Command::new("openssl").current_dir(folder).args(arguments).output().context("cannot run openssl")?;
        ensure!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let authority = ["req", "-x509", "-subj", "/CN=Authority of a test", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(&[&authority[..], &key[..]].concat())?;
    let request = ["req", "-new", "-subj", "/CN=api", "-keyout", "key.pem", "-out", "cert.csr"];
    openssl(&[&request[..], &key[..5]].concat())?;
    std::fs::write(folder.join("extensions"), format!("subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\n"))?;
    openssl(&[
        "x509",
        "-req",
        "-in",
        "cert.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "extensions",
        "-out",
        "cert.pem",
    ])
}
