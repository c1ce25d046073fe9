//! From a [`Package`] to the `rpm` crate's builder.

use std::collections::{BTreeMap, BTreeSet};

use rpm::{
    BuildConfig, CompressionWithLevel, Dependency, DependencyFlags, FileOptions, PackageBuilder, Scriptlet, Timestamp,
};

use crate::distro::Compression;
use crate::model::{Entry, EntryKind, Package, Role};
use crate::names::InstallPath;
use crate::relation::{Comparison, Relation, Target};
use crate::resolve::is_documentation;
use crate::scripts::{self, RpmScriptlets};

use super::Error;

/// Neither a real name, which would differ from build to build, nor none, which rpmlint asks about.
const BUILD_HOST: &str = "localhost";
/// Lines of the description.
const DESCRIPTION_WIDTH: usize = 76;

/// Lays the package out: lead and headers, with one time for all files, as if they were empty. `payload.rs` brings what they hold; the signature header
/// is preliminary.
pub fn build(package: &Package, epoch: Timestamp) -> Result<Vec<u8>, Error> {
    let layout = |source| Error::Layout { package: package.name.to_string(), source: Box::new(source) };
    let (name, arch) = (package.name.as_str(), package.arch.rpm());
    let summary = capitalised(&package.summary);
    let mut builder = PackageBuilder::new(name, &package.version.upstream, &package.licence, arch, &summary);
    builder
        .using_config(BuildConfig::v4().source_date(epoch).compression(CompressionWithLevel::None))
        .release(package.version.revision.to_string())
        .description(description(&package.description))
        .group(group(&package.section))
        .url(package.homepage.as_str())
        .packager(package.maintainer.as_str())
        .build_host(BUILD_HOST);
    relations(&mut builder, package);
    if package.compression == Compression::Xz {
        // The crate says so of zstd alone.
        builder.requires(Dependency::rpmlib("PayloadIsXz", "5.2-1"));
    }
    scriptlets(&mut builder, package);
    changelog(&mut builder, package)?;
    let (folders, folder) = (own_folders(package), Entry::folder());
    let mut contents: BTreeMap<&InstallPath, &Entry> = package.contents.iter().collect();
    contents.extend(folders.iter().map(|path| (path, &folder)));
    for (path, entry) in contents {
        install(&mut builder, path, entry, epoch).map_err(layout)?;
    }
    let mut bytes = Vec::new();
    builder.build().and_then(|built| built.write(&mut bytes)).map_err(layout)?;
    Ok(bytes)
}

/// rpm's 32-bit time.
pub fn time(what: &'static str, seconds: u64) -> Result<Timestamp, Error> {
    u32::try_from(seconds).map(Timestamp::from).map_err(|_| Error::Time { what, seconds })
}

/// rpm's summaries begin with a capital letter, Debian's synopses do not.
fn capitalised(summary: &str) -> String {
    let mut letters = summary.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// rpm's old classification, which rpmlint still asks for, from Debian's sections.
fn group(section: &str) -> &'static str {
    match section {
        "debug" => "Development/Debug",
        "net" | "web" | "httpd" => "System Environment/Daemons",
        _ => "System Environment/Base",
    }
}

fn description(paragraphs: &[String]) -> String {
    let folded = paragraphs.iter().map(|paragraph| crate::text::fold(paragraph, DESCRIPTION_WIDTH).join("\n"));
    folded.collect::<Vec<_>>().join("\n\n")
}

fn relations(builder: &mut PackageBuilder, package: &Package) {
    let relations = &package.relations;
    // rpm 4.11 knows no alternatives: the first target is the one.
    let firsts = |relations: &[Relation]| relations.iter().map(|r| dependency(&r.first)).collect::<Vec<_>>();
    for need in firsts(&relations.depends) {
        builder.requires(need);
    }
    for mut need in firsts(&relations.scripts_need) {
        // Beside the plain relation: this one orders installation, that one holds afterwards.
        need.flags |= DependencyFlags::SCRIPT_PRE | DependencyFlags::SCRIPT_POST;
        builder.requires(need);
    }
    for rich in &relations.rpm_rich {
        builder.requires(Dependency::any(rich.as_str()));
        let mut need = Dependency::any(rich.as_str());
        need.flags |= DependencyFlags::SCRIPT_PRE | DependencyFlags::SCRIPT_POST;
        builder.requires(need);
    }
    if !package.lifecycle.units.is_empty() {
        builder.requires(service_manager());
    }
    for symbol in &relations.rpm_libraries {
        let mut need = Dependency::any(symbol.as_str());
        need.flags |= DependencyFlags::FIND_REQUIRES;
        builder.requires(need);
    }
    for other in firsts(&relations.recommends) {
        builder.recommends(other);
    }
    for other in firsts(&relations.suggests) {
        builder.suggests(other);
    }
    for other in firsts(&relations.conflicts) {
        builder.conflicts(other);
    }
    for other in firsts(&relations.provides) {
        builder.provides(other);
    }
    for build_id in &package.build_ids {
        // As rpmbuild says it; `dnf debuginfo-install` asks for it.
        builder.provides(Dependency::eq("debuginfo(build-id)", build_id.as_str()));
    }
    for other in firsts(&relations.replaces) {
        builder.obsoletes(other);
    }
}

/// The scriptlets of a package with units call `systemctl`. Where a whole system is installed in one transaction (an image, an
/// installation root), only this keeps rpm from running them before systemd is there, and the unit from staying disabled. In
/// Debian the tools come with `init-system-helpers`, which is essential.
fn service_manager() -> Dependency {
    let mut need = Dependency::any("systemd");
    need.flags |= DependencyFlags::SCRIPT_POST | DependencyFlags::SCRIPT_PREUN | DependencyFlags::SCRIPT_POSTUN;
    need
}

fn dependency(target: &Target) -> Dependency {
    let name = target.name.as_str();
    match &target.constraint {
        None => Dependency::any(name),
        Some((comparison, version)) => match comparison {
            Comparison::Earlier => Dependency::less(name, version),
            Comparison::EarlierOrEqual => Dependency::less_eq(name, version),
            Comparison::Equal => Dependency::eq(name, version),
            Comparison::LaterOrEqual => Dependency::greater_eq(name, version),
            Comparison::Later => Dependency::greater(name, version),
        },
    }
}

fn scriptlets(builder: &mut PackageBuilder, package: &Package) {
    let RpmScriptlets { pre, post, preun, postun, trigger_in: _ } = scripts::rpm(&package.name, &package.lifecycle);
    let shell = |text: String| Scriptlet::new(text).prog(vec!["/bin/sh"]);
    if let Some(text) = pre {
        builder.pre_install_script(shell(text));
    }
    if let Some(text) = post {
        builder.post_install_script(shell(text));
    }
    if let Some(text) = preun {
        builder.pre_uninstall_script(shell(text));
    }
    if let Some(text) = postun {
        builder.post_uninstall_script(shell(text));
    }
}

/// `%changelog` as rpmbuild stores it: `Name <address> - version-release`, and one text with a dash before each change.
fn changelog(builder: &mut PackageBuilder, package: &Package) -> Result<(), Error> {
    for (index, release) in package.changelog.0.iter().enumerate() {
        // The newest entry is about this package, which may count its versions apart from the releases.
        let version = match index {
            0 => package.version.to_string(),
            _ => format!("{}-{}", release.version, package.version.revision),
        };
        let author = format!("{} - {version}", package.maintainer);
        let changes: Vec<_> = release.changes.iter().map(|change| format!("- {change}")).collect();
        builder.add_changelog_entry(author, changes.join("\n"), time("a changelog entry", release.date.noon())?);
    }
    Ok(())
}

/// Folders that bear the package's name and that it does not list: `/usr/share/doc/<name>`. dpkg removes a folder with the
/// last file in it, rpm only what a package lists.
fn own_folders(package: &Package) -> BTreeSet<InstallPath> {
    let suffix = format!("/{}", package.name);
    let ancestors = |path: &InstallPath| -> Vec<InstallPath> {
        let path = path.as_str();
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.filter(|folder| folder.ends_with(&suffix)).filter_map(|folder| folder.parse().ok()).collect()
    };
    let all = package.contents.keys().flat_map(ancestors);
    all.filter(|folder| !package.contents.contains_key(folder)).collect()
}

fn install(
    builder: &mut PackageBuilder,
    path: &InstallPath,
    entry: &Entry,
    epoch: Timestamp,
) -> Result<(), rpm::Error> {
    // The four bits above are the file's type, which the options know.
    let permissions = u16::try_from(entry.mode & 0o7777).unwrap_or_default();
    let options = match &entry.kind {
        EntryKind::Directory => FileOptions::dir(path.as_str()).permissions(permissions),
        EntryKind::File(_) => FileOptions::new(path.as_str()).permissions(permissions),
        EntryKind::Symlink(target) => FileOptions::symlink(path.as_str(), target.as_str()),
    };
    let options = options.user(entry.owner.as_str()).group(entry.group.as_str()).modified_at(epoch);
    let options = match entry.role {
        Role::Plain => options,
        Role::Config => options.config().noreplace(),
        Role::Doc => options.doc(),
        Role::Licence => options.license(),
    };
    // rpmbuild marks everything in its documentation folder so, licences included; examples are an exception of ours.
    let options = if is_documentation(path) { options.doc() } else { options };
    match &entry.kind {
        EntryKind::Directory => builder.with_dir_entry(options)?,
        EntryKind::Symlink(_) => builder.with_symlink(options)?,
        EntryKind::File(_) => builder.with_file_contents(Vec::new(), options)?,
    };
    Ok(())
}
