//! Publishing an older generation again: its packages and indexes, newly dated and signed, since clients ignore what is
//! older than what they have.

use std::collections::BTreeMap;
use std::path::Path;

use formats::deb822::Paragraph;
use serde::Serialize;
use signing::UtcTime;

use super::generation::{self, Generation};
use super::plan::is_immutable;
use super::{Phase, Publisher, Transaction, put_release, snapshots, until_won};
use crate::apt::{is_index, release};
use crate::destination::{Content, Destination};
use crate::page::{PAGE, PAGE_SIGNATURE};
use crate::{Error, Listener, TreePath};

/// Which generation to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one that the current one replaced.
    Previous,
    /// The one with this number.
    Number(u64),
    /// Those of a snapshot.
    Snapshot(String),
}

/// One repository that went back, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollback {
    /// Which one.
    pub repository: TreePath,
    /// The generation that readers saw.
    pub from: u64,
    /// The generation whose packages are published again.
    pub to: u64,
}

/// Goes back, in the repositories that are named or in all.
///
/// # Errors
/// [`Error::State`] when there is no such generation; those of the destination and of signing.
pub fn rollback(
    destination: &dyn Destination,
    publisher: &Publisher<'_>,
    repositories: &[TreePath],
    target: &Target,
    dry_run: bool,
    listener: &dyn Listener,
) -> Result<Vec<Rollback>, Error> {
    until_won(publisher, || {
        let mut transaction = Transaction::begin(destination, publisher, listener)?;
        let chosen: Vec<TreePath> = match repositories {
            [] => generation::repositories(destination)?.into_iter().collect(),
            named => named.to_vec(),
        };
        if chosen.is_empty() {
            return Err(Error::State { path: destination.name(), source: "nothing is published there".into() });
        }
        let mut done = Vec::new();
        for repository in chosen {
            let Some(current) = transaction.published(&repository)?.generation else {
                return Err(missing(&repository, "nothing is published there, or nothing is on record"));
            };
            let Some(number) = number(destination, &current, target)? else { continue };
            let to = generation::read(destination, &repository, number)?.ok_or_else(|| {
                missing(&repository, "there is no generation of that number; it may have been pruned")
            })?;
            if !dry_run {
                put_again(destination, &mut transaction, publisher, &to)?;
            }
            done.push(Rollback { repository, from: current.number, to: to.number });
        }
        if !dry_run {
            transaction.commit()?;
        }
        Ok(done)
    })
}

/// The number of the generation to go back to; `None` for a repository that a snapshot does not have.
fn number(destination: &dyn Destination, current: &Generation, target: &Target) -> Result<Option<u64>, Error> {
    match target {
        Target::Number(number) => Ok(Some(*number)),
        Target::Previous => match current.parent {
            Some(parent) => Ok(Some(parent)),
            None => Err(missing(&current.repository, "there is no generation before the current one")),
        },
        Target::Snapshot(name) => {
            let all = snapshots(destination)?;
            let found = all.iter().find(|one| one.name == *name);
            let found = found.ok_or_else(|| missing(&current.repository, "there is no snapshot of that name"))?;
            Ok(found.generations.get(&current.repository).copied())
        }
    }
}

fn missing(repository: &TreePath, why: &'static str) -> Error {
    Error::State { path: repository.to_string(), source: why.into() }
}

fn put_again(
    destination: &dyn Destination,
    transaction: &mut Transaction<'_>,
    publisher: &Publisher<'_>,
    old: &Generation,
) -> Result<(), Error> {
    let repodata = old.repository.join("repodata")?;
    for file in old.files(destination)? {
        let file = file?;
        if is_immutable(&file.path) && !file.path.is_below(&repodata) {
            transaction.retain(&file)?;
        }
    }
    // A page would go on showing what is no longer there. Whoever has the commands for it writes it anew.
    for page in [PAGE, PAGE_SIGNATURE] {
        transaction.remove(&old.repository.join(page)?)?;
    }
    if old.is_apt() {
        put_suite_again(destination, transaction, publisher, old)
    } else {
        put_repodata_again(destination, transaction, publisher, old, &repodata)
    }
}

fn put_suite_again(
    destination: &dyn Destination,
    transaction: &mut Transaction<'_>,
    publisher: &Publisher<'_>,
    old: &Generation,
) -> Result<(), Error> {
    let folder = &old.repository;
    let index_error = |source| Error::Index { suite: folder.clone(), source };
    let mut paragraph = Paragraph::parse(&old.statement).map_err(index_error)?;
    for entry in paragraph.get("SHA256").and_then(release::entries).unwrap_or_default() {
        let bytes = read(destination, &folder.join(&format!("by-hash/SHA256/{}", entry.digest))?)?;
        transaction.put(Phase::Indexes, &folder.join(entry.name)?, &Content::Bytes(&bytes))?;
    }
    // Those that the older one does not have.
    transaction.remove_others(folder, is_index)?;
    paragraph.set("Date", UtcTime::from(publisher.when).release_date()).map_err(index_error)?;
    put_release(transaction, folder, &paragraph.to_string(), publisher.key, publisher.when)
}

fn put_repodata_again(
    destination: &dyn Destination,
    transaction: &mut Transaction<'_>,
    publisher: &Publisher<'_>,
    old: &Generation,
    repodata: &TreePath,
) -> Result<(), Error> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for file in old.files(destination)? {
        let path = file?.path;
        if is_immutable(&path) && path.is_below(repodata) {
            files.insert(path.file_name().to_owned(), read(destination, &path)?);
        }
    }
    let seconds = UtcTime::from(publisher.when).seconds().to_string();
    let repomd = dated(&dated(&old.statement, "revision", &seconds), "timestamp", &seconds);
    let signature = publisher
        .key
        .sign_detached_armored(repomd.as_bytes(), publisher.when)
        .map_err(|source| Error::Sign { suite: old.repository.clone(), source })?;
    files.insert("repomd.xml".to_owned(), repomd.into_bytes());
    files.insert("repomd.xml.asc".to_owned(), signature.into_bytes());
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.clone(), Content::Bytes(bytes))).collect();
    transaction.put_folder(repodata, &files)
}

fn read(destination: &dyn Destination, path: &TreePath) -> Result<Vec<u8>, Error> {
    let found = destination.read(path)?.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound));
    found.map(|found| found.bytes).map_err(Error::io("read", Path::new(path.as_str())))
}

/// The document with another text in each element of this name, as [`crate::yum`] writes them: without attributes.
fn dated(xml: &str, element: &str, text: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut parts = xml.split(open.as_str());
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut done, part| {
        let rest = part.find(&close).and_then(|at| part.get(at..)).unwrap_or(part);
        done.push_str(&open);
        done.push_str(text);
        done.push_str(rest);
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_date_of_a_document_becomes_the_new_one() {
        let xml = "<a><timestamp>1</timestamp><b/><timestamp>22</timestamp><size>1</size></a>";
        let expected = "<a><timestamp>333</timestamp><b/><timestamp>333</timestamp><size>1</size></a>";
        assert_eq!(dated(xml, "timestamp", "333"), expected);
        assert_eq!(dated(xml, "revision", "333"), xml);
    }
}
