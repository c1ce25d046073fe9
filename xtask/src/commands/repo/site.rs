//! Who stands where, from the distro matrix.

use std::path::Path;

use anyhow::Result;
use packaging::distro::{Distro, Format};
use packaging::names::Arch;
use repo_layout::{AptSuite, Bootstrap, Selection, Site, TreePath, YumRepository};

use super::name;
use crate::channel::Channel;
use crate::session::Session;

/// The package that stands in a yum repository's own folder, where the documentation fetches it.
const BOOTSTRAP: &str = "wallarm-node-repo";

/// One repository of a distro: an apt repository holds all its architectures, a yum repository one of them.
#[derive(Clone, Copy)]
pub enum Share {
    /// Packages for whatever machine.
    All,
    /// Packages for one architecture, and those for all.
    Of(Arch),
}

impl Share {
    /// Whether a package belongs there, by its file name. What is wrong with one is found when it is read.
    pub fn has(self, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::Of(arch) => {
                [format!(".{arch}.rpm"), ".noarch.rpm".to_owned()].iter().any(|end| name(path).ends_with(end))
            }
        }
    }
}

/// The repositories of some distros, each with what `select` gives for it.
pub fn site_of<'a>(
    distros: impl IntoIterator<Item = &'a Distro>,
    channel: &Channel,
    session: &Session,
    mut select: impl FnMut(&Distro, Share) -> Result<Selection>,
) -> Result<Site> {
    let (project, release_line) = (session.project()?, session.version()?.line());
    let line = channel.line(&release_line);
    let mut site = Site::default();
    for distro in distros {
        match distro.format() {
            Format::Deb => {
                let (root, suite) = distro.apt_suite(&line);
                site.suites.push(AptSuite {
                    root: TreePath::new(root)?,
                    suite: TreePath::new(suite)?,
                    origin: project.name.clone(),
                    label: project.name.clone(),
                    description: format!("Web-protection node {release_line} for {}", distro.title),
                    architectures: distro.architectures.iter().map(|arch| arch.debian().to_owned()).collect(),
                    contents: true,
                    packages: select(distro, Share::All)?,
                });
            }
            Format::Rpm => {
                for arch in &distro.architectures {
                    site.yum.push(YumRepository {
                        path: TreePath::new(distro.yum_path(&line, *arch))?,
                        architecture: arch.to_string(),
                        packages: select(distro, Share::Of(*arch))?,
                        bootstrap: vec![bootstrap(distro, &release_line)],
                    });
                }
            }
        }
    }
    Ok(site)
}

/// The repositories of every distro, of one channel.
pub fn whole_site(
    channel: &Channel,
    session: &Session,
    mut select: impl FnMut(&Distro) -> Result<Selection>,
) -> Result<Site> {
    let matrix = session.matrix()?;
    site_of(matrix.iter(), channel, session, |distro, _| select(distro))
}

/// The folders of packages of a site.
pub fn packages_of(site: &Site) -> Vec<TreePath> {
    let apt = site.suites.iter().filter_map(|suite| suite.folder().ok()?.join("pool").ok());
    let yum = site.yum.iter().filter_map(|one| one.path.join("Packages").ok());
    apt.chain(yum).collect()
}

/// The newest of the packages that bring the repository, under the name of its first revision: documentation and scripts have
/// that name in their URL, and a newer one, with the keys of a rotation, must reach them all the same.
fn bootstrap(distro: &Distro, line: &str) -> Bootstrap {
    let file_name = format!("{BOOTSTRAP}-{line}-0{}.noarch.rpm", distro.release_suffix());
    Bootstrap { package: BOOTSTRAP.to_owned(), file_name }
}
