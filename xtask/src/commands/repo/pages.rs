//! What the pages of a repository say to people.

use std::path::PathBuf;

use anyhow::Result;
use packaging::distro::{Distro, Format};
use repo_layout::{Front, Selection};

use super::name;
use super::site::{packages_of, site_of};
use super::target::Target;
use crate::channel::Channel;
use crate::guide;
use crate::install_test::Documented;
use crate::session::Session;

/// The front of a tree that is published at `url`, or at the project's address. `packages` gives the files that a distro's
/// repository has, if they are known: what would install others is left out.
pub fn front(
    url: Option<&str>,
    session: &Session,
    packages: impl Fn(&Distro) -> Option<Vec<PathBuf>>,
) -> Result<Front> {
    let (matrix, project, line) = (session.matrix()?, session.project()?, session.version()?.line());
    let url = url.unwrap_or(&project.repository_url).trim_end_matches('/');
    let names = |distro: &Distro| {
        let packages = packages(distro)?;
        Some(packages.iter().filter_map(|path| package_name(&name(path), distro.format())).collect())
    };
    let systems = guide::systems(&Documented::read()?, &matrix, &line, url, names)?;
    Ok(Front {
        name: project.name.clone(),
        homepage: project.homepage.clone(),
        url: url.to_owned(),
        commit: session.commit(),
        systems,
    })
}

/// The front of a place whose repositories change: what they offer is what lies in them, and what is added.
pub fn front_of(target: &Target, added: &[PathBuf], url: Option<&str>, session: &Session) -> Result<Front> {
    front(url, session, |distro| {
        let site = site_of([distro], &Channel::default(), session, |_, _| Ok(Selection::InPlace)).ok()?;
        let mut files = added.to_vec();
        for folder in packages_of(&site) {
            files.extend(target.destination.list(&folder).ok()?.iter().map(|file| PathBuf::from(file.path.as_str())));
        }
        Some(files)
    })
}

/// The package that a file is named after.
fn package_name(file: &str, format: Format) -> Option<String> {
    let name = match format {
        Format::Deb => file.split_once('_')?.0,
        // Neither version nor release has a hyphen.
        Format::Rpm => file.rsplitn(3, '-').nth(2)?,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_tells_its_package() {
        let of = |file, format| package_name(file, format).unwrap();
        assert_eq!(of("wallarm-node-nginx_4.8.9-1_all.deb", Format::Deb), "wallarm-node-nginx");
        assert_eq!(of("wallarm-node-repo-4.8-0.el8.noarch.rpm", Format::Rpm), "wallarm-node-repo");
        assert_eq!(package_name("strange", Format::Rpm), None);
    }
}
