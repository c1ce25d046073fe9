//! What differs between the kinds of NGINX.

use anyhow::{Context as _, Result};

use crate::install_test::documented::Nginx;
use crate::install_test::stage::Stage;

/// Names and places that come with an NGINX.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flavour {
    /// The package with the module for it.
    pub package: &'static str,
    /// One with modules for another NGINX.
    pub foreign: &'static str,
    /// User and group of its workers.
    pub workers: &'static str,
    /// Where the pages are that it serves as installed.
    pub pages: &'static str,
}

const DISTRIBUTION: Flavour = Flavour {
    package: "libnginx-mod-http-wallarm",
    foreign: "nginx-module-wallarm",
    workers: "www-data",
    pages: "/var/www/html",
};

const NGINX_ORG: Flavour = Flavour {
    package: "nginx-module-wallarm",
    foreign: "libnginx-mod-http-wallarm",
    workers: "nginx",
    pages: "/usr/share/nginx/html",
};

impl Flavour {
    /// Of the NGINX of this machine.
    pub fn of(stage: &Stage<'_>) -> Result<Self> {
        Ok(match stage.nginx.context("this machine is no filtering node")? {
            Nginx::Distribution => DISTRIBUTION,
            Nginx::NginxOrg => NGINX_ORG,
        })
    }
}
