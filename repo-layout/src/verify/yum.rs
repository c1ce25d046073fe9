//! repomd → primary, filelists, other → every rpm.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use formats::rpm_header::{Tag, verify_digests};
use signing::Keyring;

use super::apt::unpack;
use super::{Checker, PUBLISH_AGAIN};
use crate::digest::HashingReader;
use crate::yum::repodata::{self, Data, Listed};
use crate::yum::{YumPackage, documents, file_name_of};
use crate::{Checksum, Event, Sha256Hex, TreePath, pool};

/// Checks one repository; gives the number of packages and their bytes.
pub(super) fn check(checker: &mut Checker<'_>, folder: &TreePath) -> (usize, u64) {
    let repomd_path = format!("{folder}/repodata/repomd.xml");
    let signature_path = format!("{repomd_path}.asc");
    let signature = checker.read(&signature_path);
    let Some(repomd) = checker.read(&repomd_path) else { return (0, 0) };
    if let (Some(signature), Some(keys)) = (signature, checker.keys.clone()) {
        let verified = keys.all.verify_detached(&repomd, &signature, checker.options.now);
        checker.signature(&signature_path, verified);
    }
    let listed = match repodata::repomd(&String::from_utf8_lossy(&repomd)) {
        Ok(listed) => listed,
        Err(error) => {
            checker.error(repomd_path, format!("is not valid XML: {error}"), PUBLISH_AGAIN);
            return (0, 0);
        }
    };
    let mut documents = BTreeMap::new();
    for data in &listed {
        if let Some(xml) = check_index(checker, folder, data) {
            documents.insert(data.kind.clone(), xml);
        }
    }
    for kind in ["primary", "filelists", "other"] {
        if !listed.iter().any(|data| data.kind == kind) {
            checker.error(repomd_path.as_str(), format!("lists no {kind}"), PUBLISH_AGAIN);
        }
    }
    let Some(primary) = documents.get("primary") else { return (0, 0) };
    match repodata::primary(&String::from_utf8_lossy(primary)) {
        Ok(packages) => check_packages(checker, folder, &packages, &documents),
        Err(error) => {
            checker.error(format!("{folder}/repodata"), format!("primary is not valid XML: {error}"), PUBLISH_AGAIN);
            (0, 0)
        }
    }
}

/// One index: sizes and digests, packed and unpacked. Gives the XML.
fn check_index(checker: &mut Checker<'_>, folder: &TreePath, data: &Data) -> Option<Vec<u8>> {
    let path = format!("{folder}/{}", data.location);
    let bytes = checker.read(&path)?;
    let found = Checksum::of(&bytes);
    if found.sha256.as_str() != data.checksum || data.size.is_some_and(|size| size != found.size) {
        checker.changed(&path, &found.sha256, "is not what repomd.xml lists: size or digest differ");
        return None;
    }
    if !data.location.starts_with(&format!("repodata/{}-", data.checksum)) {
        checker.error(
            path.as_str(),
            "its name does not begin with its digest: readers may meet a newer one",
            PUBLISH_AGAIN,
        );
    }
    match unpack(MultiGzDecoder::new(bytes.as_slice())) {
        Ok(xml) if Sha256Hex::of(&xml).as_str() == data.open_checksum && data.open_size == Some(xml.len() as u64) => {
            Some(xml)
        }
        Ok(_) => {
            checker.error(path, "unpacks to something else than repomd.xml lists", PUBLISH_AGAIN);
            None
        }
        Err(error) => {
            checker.error(path, format!("cannot be unpacked: {error}"), PUBLISH_AGAIN);
            None
        }
    }
}

fn check_packages(
    checker: &mut Checker<'_>,
    folder: &TreePath,
    listed: &[Listed],
    documents: &BTreeMap<String, Vec<u8>>,
) -> (usize, u64) {
    let (tree, listener) = (checker.tree, checker.listener);
    listener.event(&Event::Packages { count: listed.len() });
    let (keys, now) = (checker.keys.clone().map(|keys| keys.trusted), checker.options.now);
    let results = pool::on_all_cores(listed, |one| {
        let path = format!("{folder}/{}", one.location);
        let seen =
            tree.open_file(&path).map(|file| file.map(|file| check_package(file, &path, one, keys.as_ref(), now)));
        listener.event(&Event::PackageRead);
        Ok::<_, std::convert::Infallible>((path, seen))
    });
    let Ok(results) = results;
    checker.listed.extend(listed.iter().map(|one| one.checksum.clone()));
    let mut packages = Vec::new();
    for (path, result) in results {
        if !checker.seen.insert(path.clone()) {
            checker.error(format!("{folder}/repodata"), format!("primary lists {path} twice"), PUBLISH_AGAIN);
        }
        match result {
            Ok(Some(Ok(package))) => packages.push(package),
            Ok(Some(Err(Wrong::Other { sha256, what }))) => checker.changed(&path, &sha256, what),
            Ok(Some(Err(Wrong::Within(what)))) => checker.error(path, what, PUBLISH_AGAIN),
            Ok(None) => checker.error(path, "is missing", PUBLISH_AGAIN),
            Err(error) => checker.error(path, format!("cannot be read: {error}"), "see that it can be read"),
        }
    }
    check_bootstrap(checker, folder, &packages);
    if packages.len() == listed.len() {
        check_documents(checker, folder, packages, documents);
    }
    (listed.len(), listed.iter().filter_map(|one| one.size).sum())
}

/// What is wrong with a package.
enum Wrong {
    /// It is another file than the one listed.
    Other { sha256: Sha256Hex, what: String },
    /// It is the one listed, but no reader would install it.
    Within(String),
}

fn check_package(
    file: Box<dyn Read>,
    path: &str,
    listed: &Listed,
    keys: Option<&Keyring>,
    now: std::time::SystemTime,
) -> Result<YumPackage, Wrong> {
    let mut reader = HashingReader::sha256(file);
    let read = verify_digests(&mut reader);
    let checksum = reader.finish().map_err(|error| Wrong::Within(format!("cannot be read to its end: {error}")))?;
    if checksum.sha256.as_str() != listed.checksum || listed.size != Some(checksum.size) {
        let what = match read {
            Ok(_) => "is not the file that primary lists: size or digest differ".to_owned(),
            Err(error) => format!("is not the file that primary lists, and broken: {error}"),
        };
        return Err(Wrong::Other { sha256: checksum.sha256, what });
    }
    let within = |what: &dyn std::fmt::Display| Wrong::Within(what.to_string());
    let (rpm, _) = read.map_err(|error| within(&error))?;
    let signature = rpm.signature.bin(Tag::SIG_RSA).map_err(|error| within(&error))?;
    let Some(signature) = signature else { return Err(within(&"has no signature in its header")) };
    if let Some(keys) = keys {
        keys.verify_detached(rpm.header.as_bytes(), signature, now).map_err(|error| within(&error))?;
    }
    let name = file_name_of(&rpm.header).map_err(|error| within(&error))?.unwrap_or_default();
    if path.rsplit('/').next() != Some(name.as_str()) {
        return Err(Wrong::Within(format!("should be called {name}")));
    }
    YumPackage::from_rpm(Path::new(path), rpm, checksum).map_err(|error| within(&error))
}

/// Packages in the repository's own folder, where `rpm -i` fetches them, are copies of indexed ones.
fn check_bootstrap(checker: &mut Checker<'_>, folder: &TreePath, packages: &[YumPackage]) {
    let known: BTreeSet<&Sha256Hex> = packages.iter().map(|package| &package.checksum.sha256).collect();
    let prefix = format!("{folder}/");
    let is_copy =
        |path: &&String| path.strip_prefix(&prefix).is_some_and(|name| !name.contains('/') && name.ends_with(".rpm"));
    let copies: Vec<String> = checker.tree.files().filter(is_copy).cloned().collect();
    for path in copies {
        checker.seen.insert(path.clone());
        let read = checker.tree.open_file(&path).and_then(|file| file.map(Checksum::read).transpose());
        let Ok(Some(found)) = read else {
            checker.error(path, "cannot be read", "see that it can be read");
            continue;
        };
        if !known.contains(&found.sha256) {
            checker.changed(&path, &found.sha256, "is not the same as a package in Packages/");
        }
    }
}

/// The indexes say what the packages' headers say: written anew from those, they come out the same.
fn check_documents(
    checker: &mut Checker<'_>,
    folder: &TreePath,
    mut packages: Vec<YumPackage>,
    documents_found: &BTreeMap<String, Vec<u8>>,
) {
    packages.sort_by(|a, b| a.file_name.cmp(&b.file_name));
    let Ok(expected) = documents(&packages) else { return };
    for (kind, text) in expected {
        if documents_found.get(kind).is_some_and(|xml| xml != text.as_bytes()) {
            let what = format!("{kind} does not say what the packages' headers say");
            checker.error(format!("{folder}/repodata/repomd.xml"), what, PUBLISH_AGAIN);
        }
    }
}
