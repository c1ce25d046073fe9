//! `cargo xtask repo build` and `cargo xtask repo verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use packaging::distro::{Distro, Format};
use repo_layout::{AptSuite, Event, Front, Listener, Site, Summary, TreePath, YumRepository};

use crate::cli::{KeyArgs, Repo};
use crate::install_test::Documented;
use crate::report::Step;
use crate::session::Session;
use crate::{guide, keys, report};

/// The package that stands in a yum repository's own folder, where the documentation fetches it.
const BOOTSTRAP: &str = "wallarm-node-repo-";

/// What a repository is built from.
pub struct Order {
    /// For which distros; all that have packages when empty.
    pub distros: Vec<String>,
    /// Packages, one folder a distro.
    pub packages: PathBuf,
    /// Where the tree goes.
    pub out: PathBuf,
    /// Where it will be published: scheme and host. The project's address if there is none.
    pub url: Option<String>,
    /// The key that signs.
    pub key: KeyArgs,
}

/// Runs one of the repository commands.
pub fn run(command: &Repo, session: &Session) -> Result<ExitCode> {
    match command {
        Repo::Build { distro, packages, out, url, dry_run, key } => {
            let order = Order {
                distros: distro.clone(),
                packages: session.folder(packages.as_deref(), "packages"),
                out: session.folder(out.as_deref(), "repo"),
                url: url.clone(),
                key: key.clone(),
            };
            if *dry_run {
                return plan(&order, session);
            }
            let summary = build(&order, session)?;
            show(&summary, &order.out, session)?;
            Ok(ExitCode::SUCCESS)
        }
        Repo::Verify { source, key } => super::verify::run(source.as_deref(), key.as_deref(), session),
    }
}

/// Lays out and signs.
pub fn build(order: &Order, session: &Session) -> Result<Summary> {
    let site = site(order, session)?;
    let key = keys::load(&order.key, session)?;
    let count = site.suites.iter().map(|suite| suite.packages.len()).sum::<usize>()
        + site.yum.iter().map(|one| one.packages.len()).sum::<usize>();
    let step = Reading(session.progress.counted("Reading packages, laying out and signing", count));
    let summary = repo_layout::build(&site, &order.out, &key, session.epoch_time()?, &step)?;
    step.0.done();
    Ok(summary)
}

/// Moves a bar for each package that was read.
struct Reading(Step);

impl Listener for Reading {
    fn event(&self, event: &Event<'_>) {
        if *event == Event::PackageRead {
            self.0.advance();
        }
    }
}

/// Who stands where, from the distro matrix and the folders of packages.
fn site(order: &Order, session: &Session) -> Result<Site> {
    let (matrix, project, line) = (session.matrix()?, session.project()?, session.version()?.line());
    let chosen: Vec<&Distro> = if order.distros.is_empty() {
        matrix.iter().filter(|distro| order.packages.join(distro.id.as_str()).is_dir()).collect()
    } else {
        order.distros.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?
    };
    if chosen.is_empty() {
        bail!("{} has no packages: run `cargo xtask package --all` first", session.shown(&order.packages));
    }
    let mut site = Site { front: Some(front(order, session)?), ..Site::default() };
    for distro in chosen {
        let packages = packages_of(distro, order, session)?;
        match distro.format() {
            Format::Deb => {
                let (root, suite) = distro.apt_suite(&line);
                site.suites.push(AptSuite {
                    root: TreePath::new(root)?,
                    suite: TreePath::new(suite)?,
                    origin: project.name.clone(),
                    label: project.name.clone(),
                    description: format!("Web-protection node {line} for {}", distro.title),
                    architectures: distro.architectures.iter().map(|arch| arch.debian().to_owned()).collect(),
                    packages,
                });
            }
            Format::Rpm => {
                for arch in &distro.architectures {
                    let fits = |path: &&PathBuf| {
                        [format!(".{arch}.rpm"), ".noarch.rpm".to_owned()].iter().any(|end| name(path).ends_with(end))
                    };
                    let packages: Vec<PathBuf> = packages.iter().filter(fits).cloned().collect();
                    let bootstrap = packages.iter().filter(|path| name(path).starts_with(BOOTSTRAP)).cloned().collect();
                    let path = TreePath::new(distro.yum_path(&line, *arch))?;
                    site.yum.push(YumRepository { path, architecture: arch.to_string(), packages, bootstrap });
                }
            }
        }
    }
    Ok(site)
}

/// What the pages for people say. A distro that is not laid out this time has its commands too: its repository may be there already.
pub fn front(order: &Order, session: &Session) -> Result<Front> {
    let (matrix, project, line) = (session.matrix()?, session.project()?, session.version()?.line());
    let url = order.url.clone().unwrap_or(project.repository_url);
    let names = |distro: &Distro| {
        let packages = packages_of(distro, order, session).ok()?;
        Some(packages.iter().filter_map(|path| package_name(&name(path), distro.format())).collect())
    };
    let systems = guide::systems(&Documented::read()?, &matrix, &line, url.trim_end_matches('/'), names)?;
    Ok(Front {
        name: project.name,
        homepage: project.homepage,
        url: url.trim_end_matches('/').to_owned(),
        commit: session.commit(),
        systems,
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

fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn packages_of(distro: &Distro, order: &Order, session: &Session) -> Result<Vec<PathBuf>> {
    let folder = order.packages.join(distro.id.as_str());
    let context =
        || format!("cannot read {}: run `cargo xtask package --distro {}` first", folder.display(), distro.id);
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.extension().is_some_and(|extension| extension == distro.format().extension()) {
            packages.push(path);
        }
    }
    packages.sort();
    if packages.is_empty() {
        bail!(
            "{} has no .{} file: run `cargo xtask package --distro {}`",
            session.shown(&folder),
            distro.format().extension(),
            distro.id
        );
    }
    Ok(packages)
}

fn show(summary: &Summary, out: &Path, session: &Session) -> Result<()> {
    if session.json {
        return report::json(summary);
    }
    let rows: Vec<_> = summary
        .suites
        .iter()
        .map(|suite| [suite.path.to_string(), suite.packages.to_string(), report::bytes(suite.bytes)])
        .collect();
    report::table(["Repository", "Packages", "Size"], &rows);
    report::line(&format!("{} files written to {}", summary.written, session.shown(out)));
    Ok(())
}

/// What would be laid out.
fn plan(order: &Order, session: &Session) -> Result<ExitCode> {
    let site = site(order, session)?;
    let mut rows = Vec::new();
    for suite in &site.suites {
        rows.extend(
            suite.packages.iter().map(|path| [format!("{}/{}", suite.root, suite.suite), name(path).into_owned()]),
        );
    }
    for repository in &site.yum {
        rows.extend(repository.packages.iter().map(|path| [repository.path.to_string(), name(path).into_owned()]));
    }
    if session.json {
        let rows: Vec<_> =
            rows.iter().map(|[path, package]| serde_json::json!({ "repository": path, "package": package })).collect();
        report::json(&rows)?;
    } else {
        report::table(["Repository", "Package"], &rows);
    }
    Ok(ExitCode::SUCCESS)
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
