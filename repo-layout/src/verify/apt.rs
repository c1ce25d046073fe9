//! InRelease → Packages → every deb → Contents and descriptions.

mod files;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use formats::deb::{Checked, ContentFault, Deb};
use formats::deb822::{self, Paragraph};
use formats::xz;
use signing::UtcTime;

use super::{Checker, PUBLISH_AGAIN};
use crate::apt::{ADDED, file_name_of, release};
use crate::digest::HashingReader;
use crate::{Digests, Event, Sha256Hex, TreePath, pool};

/// Checks one suite; gives the number of packages and their bytes.
pub(super) fn check(checker: &mut Checker<'_>, folder: &TreePath) -> (usize, u64) {
    let Some(text) = check_release(checker, folder) else { return (0, 0) };
    let in_release = format!("{folder}/InRelease");
    let release = match Paragraph::parse(&text) {
        Ok(release) => release,
        Err(error) => {
            checker.error(in_release, error.to_string(), PUBLISH_AGAIN);
            return (0, 0);
        }
    };
    let suite = release.get("Suite").unwrap_or_default().to_owned();
    let Some(root) = folder.as_str().strip_suffix(&suite).and_then(|root| root.strip_suffix('/')) else {
        let what = format!("Suite is `{suite}`, which does not end the path {folder}: apt would warn of a conflict");
        checker.error(in_release, what, "correct the suite's name");
        return (0, 0);
    };
    check_fields(checker, &in_release, &release);
    let indexes = check_indexes(checker, folder, &release);
    let Some(plain) = check_same(checker, folder, &indexes, "Packages") else { return (0, 0) };
    let seen = check_packages(checker, root, folder, &plain);
    // What a package that cannot be read should have there, nobody knows; it is a finding of its own.
    if seen.packages.len() == seen.count {
        files::check(checker, folder, &release, &indexes, &seen.packages);
    }
    (seen.count, seen.bytes)
}

/// `InRelease`, `Release` and `Release.gpg` say the same and are signed; gives what they say.
fn check_release(checker: &mut Checker<'_>, folder: &TreePath) -> Option<String> {
    let (now, keys) = (checker.options.now, checker.keys.clone().map(|keys| keys.all));
    let at = |name: &str| format!("{folder}/{name}");
    let clear = checker.read(&at("InRelease"));
    let release = checker.read(&at("Release"));
    let detached = checker.read(&at("Release.gpg"));
    let mut text = None;
    if let (Some(keys), Some(clear)) = (&keys, clear) {
        match String::from_utf8(clear).map(|clear| keys.verify_cleartext(&clear, now)) {
            Ok(Ok(message)) => {
                checker.signature(&at("InRelease"), Ok(message.signature));
                text = Some(message.text);
            }
            Ok(Err(error)) => checker.signature(&at("InRelease"), Err(error)),
            Err(_) => checker.error(at("InRelease"), "is not UTF-8", PUBLISH_AGAIN),
        }
    }
    let release = release?;
    if text.as_ref().is_some_and(|text| text.as_bytes() != release) {
        checker.changed(&at("Release"), &Sha256Hex::of(&release), "does not say what InRelease says");
    }
    if let (Some(keys), Some(detached)) = (&keys, detached) {
        let verified = keys.verify_detached(&release, &detached, now);
        // Renamed one after the other: between the two, only readers without InRelease would notice.
        let torn = checker.tree.is_half_published(&at("Release.gpg"));
        if verified.is_err() && torn {
            checker.warning(at("Release.gpg"), "a publisher was interrupted before this was in place", "publish again");
        } else {
            checker.signature(&at("Release.gpg"), verified);
        }
    }
    text.or_else(|| String::from_utf8(release).ok())
}

fn check_fields(checker: &mut Checker<'_>, path: &str, release: &Paragraph) {
    if release.get("Codename") != release.get("Suite") {
        checker.error(path, "Codename and Suite differ", "give both the suite's path");
    }
    if release.get("Acquire-By-Hash") != Some("yes") {
        checker.error(path, "Acquire-By-Hash is not `yes`: readers may meet a half-published index", PUBLISH_AGAIN);
    }
    let made = release.get("Date").and_then(parse_release_date);
    match made {
        None => checker.error(path, "has no valid Date", PUBLISH_AGAIN),
        Some(made) if made > UtcTime::from(checker.options.now) => {
            checker.error(path, "its Date lies in the future: apt refuses it", "correct the clock, publish again");
        }
        Some(_) => {}
    }
}

/// Reads the one form that [`UtcTime::release_date`] writes, by trying the days around a guess.
fn parse_release_date(text: &str) -> Option<UtcTime> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, clock, "UTC"] = words.as_slice() else { return None };
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months.find(month).filter(|at| at % 3 == 0 && month.len() == 3)? as u64 / 3;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let mut clock = clock.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    let years = year.checked_sub(1970).filter(|years| *years < 1000)?;
    let of_day = hour.checked_mul(3600)? + minute.checked_mul(60)? + second;
    // The guess is at most some days off, and only the right day prints the same text.
    let guess = years * 365 + years / 4 + month * 30 + day;
    (guess.saturating_sub(10)..guess + 10)
        .map(|days| UtcTime::from(std::time::UNIX_EPOCH + std::time::Duration::from_secs(days * 86_400 + of_day)))
        .find(|time| time.release_date() == text)
}

/// Every file that `Release` lists, under its name and under its digests; gives those which are right, by name.
fn check_indexes(checker: &mut Checker<'_>, folder: &TreePath, release: &Paragraph) -> BTreeMap<String, Vec<u8>> {
    let mut right = BTreeMap::new();
    for field in ["SHA256", "SHA512"] {
        let Some(entries) = release.get(field).and_then(release::entries) else {
            checker.error(format!("{folder}/Release"), format!("has no valid list {field}"), PUBLISH_AGAIN);
            continue;
        };
        for entry in entries {
            let named = format!("{folder}/{}", entry.name);
            let by_hash = format!("{folder}/by-hash/{field}/{}", entry.digest);
            for path in [named, by_hash] {
                let Some(bytes) = checker.read(&path) else { continue };
                let digests = Digests::of(&bytes);
                let digest = if field == "SHA256" { digests.sha256.as_str() } else { digests.sha512.as_str() };
                if digest != entry.digest || digests.size != entry.size {
                    checker.changed(&path, &digests.sha256, format!("is not what Release lists under {field}"));
                } else {
                    right.insert(entry.name.to_owned(), bytes);
                }
            }
        }
    }
    right
}

/// The compressed forms of an index unpack to the plain one; gives that.
fn check_same(
    checker: &mut Checker<'_>,
    folder: &TreePath,
    indexes: &BTreeMap<String, Vec<u8>>,
    index: &str,
) -> Option<String> {
    let mut plain = None;
    for (name, bytes) in indexes {
        let unpacked = match name.strip_prefix(index) {
            Some("") => Ok(bytes.clone()),
            Some(".gz") => unpack(MultiGzDecoder::new(bytes.as_slice())),
            Some(".xz") => xz::reader(bytes.as_slice()).and_then(unpack),
            _ => continue,
        };
        match unpacked {
            Ok(unpacked) if plain.as_ref().is_none_or(|plain| *plain == unpacked) => plain = Some(unpacked),
            Ok(_) => {
                checker.error(format!("{folder}/{name}"), format!("says other things than {index}"), PUBLISH_AGAIN)
            }
            Err(error) => {
                checker.error(format!("{folder}/{name}"), format!("cannot be unpacked: {error}"), PUBLISH_AGAIN)
            }
        }
    }
    let path = format!("{folder}/{index}");
    let Some(plain) = plain else {
        checker.error(path, "no index is left to go by", PUBLISH_AGAIN);
        return None;
    };
    String::from_utf8(plain).map_err(|_| checker.error(path, "is not UTF-8", PUBLISH_AGAIN)).ok()
}

/// Unpacks an index within bounds.
pub(super) fn unpack(from: impl Read) -> io::Result<Vec<u8>> {
    const MOST: u64 = 1 << 30;
    let mut bytes = Vec::new();
    from.take(MOST).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == MOST {
        return Err(io::Error::other("it unpacks to 1 GiB or more"));
    }
    Ok(bytes)
}

/// What the index lists.
#[derive(Default)]
struct Listed {
    count: usize,
    bytes: u64,
    /// Those that are as listed.
    packages: Vec<Package>,
}

/// A package that is as the index lists it.
struct Package {
    control: Paragraph,
    /// Paths of its files, a line each.
    files: String,
}

fn check_packages(checker: &mut Checker<'_>, root: &str, folder: &TreePath, plain: &str) -> Listed {
    let index = format!("{folder}/Packages");
    let mut stanzas = Vec::new();
    for stanza in deb822::paragraphs(plain) {
        match stanza {
            Ok(stanza) => stanzas.push(stanza),
            Err(error) => checker.error(index.as_str(), error.to_string(), PUBLISH_AGAIN),
        }
    }
    let mut listed = Vec::new();
    let mut total = 0;
    for stanza in stanzas {
        let path = format!("{root}/{}", stanza.get("Filename").unwrap_or_default());
        if !path.starts_with(&format!("{folder}/pool/")) {
            checker.error(index.as_str(), format!("lists `{path}`, outside of the suite's pool"), PUBLISH_AGAIN);
            continue;
        }
        if !checker.seen.insert(path.clone()) {
            checker.error(index.as_str(), format!("lists {path} twice"), PUBLISH_AGAIN);
        }
        checker.listed.extend(stanza.get("SHA256").map(str::to_owned));
        total += stanza.get("Size").and_then(|size| size.parse::<u64>().ok()).unwrap_or(0);
        listed.push((path, stanza));
    }
    let (tree, listener) = (checker.tree, checker.listener);
    listener.event(&Event::Packages { count: listed.len() });
    let results = pool::on_all_cores(&listed, |(path, stanza)| {
        let seen = tree.open_file(path).map(|file| file.map(|file| check_package(file, path, stanza)));
        listener.event(&Event::PackageRead);
        Ok::<_, std::convert::Infallible>(seen)
    });
    let Ok(results) = results;
    let mut packages = Vec::new();
    for ((path, _), result) in listed.iter().zip(results) {
        match result {
            Ok(Some(Ok(seen))) => {
                seen.faults.into_iter().for_each(|what| checker.error(path, what, PUBLISH_AGAIN));
                packages.extend(seen.package);
            }
            Ok(Some(Err(Changed { sha256, what }))) => checker.changed(path, &sha256, what),
            Ok(None) => checker.error(path, "is missing", PUBLISH_AGAIN),
            Err(error) => checker.error(path, format!("cannot be read: {error}"), "see that it can be read"),
        }
    }
    Listed { count: listed.len(), bytes: total, packages }
}

/// A package that is not the one which the index lists.
struct Changed {
    sha256: Sha256Hex,
    what: String,
}

/// A package that is the file listed.
struct Seen {
    /// What is wrong within it.
    faults: Vec<String>,
    /// What it is, when it could be read.
    package: Option<Package>,
}

impl Seen {
    fn broken(what: String) -> Self {
        Self { faults: vec![what], package: None }
    }
}

/// Looks into a package, unless it is another file than the one listed.
fn check_package(file: Box<dyn Read>, path: &str, stanza: &Paragraph) -> Result<Seen, Changed> {
    let mut reader = HashingReader::new(file);
    let read = Deb::read_and_check(&mut reader);
    let digests = match reader.finish() {
        Ok(digests) => digests,
        Err(error) => return Ok(Seen::broken(format!("cannot be read to its end: {error}"))),
    };
    let promised = |name| stanza.get(name).unwrap_or_default();
    if promised("Size") != digests.size.to_string()
        || promised("SHA256") != digests.sha256.as_str()
        || promised("SHA512") != digests.sha512.as_str()
    {
        let what = match read {
            Ok(_) => "is not the file that Packages lists: size or digest differ".to_owned(),
            Err(error) => format!("is not the file that Packages lists, and broken: {error}"),
        };
        return Err(Changed { sha256: digests.sha256, what });
    }
    let Checked { deb, faults, files } = match read {
        Ok(read) => read,
        Err(error) => return Ok(Seen::broken(error.to_string())),
    };
    let mut wrong: Vec<String> = faults
        .into_iter()
        .map(|fault| match fault {
            ContentFault::Changed(file) => format!("its file {file} differs from its md5sums"),
            ContentFault::Missing(file) => format!("its md5sums lists {file}, which it does not have"),
        })
        .collect();
    let mut control = stanza.clone();
    for field in ADDED {
        control.remove(field);
    }
    if control != deb.control {
        wrong.push("its control data differ from its stanza in Packages".to_owned());
    }
    let name = file_name_of(&deb).unwrap_or_default();
    if path.rsplit('/').next() != Some(name.as_str()) {
        wrong.push(format!("should be called {name}"));
    }
    let package = match crate::apt::files::list(&files, Path::new(path)) {
        Ok(files) => Some(Package { control: deb.control, files }),
        Err(error) => {
            wrong.push(error.to_string());
            None
        }
    };
    Ok(Seen { faults: wrong, package })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_date_is_read_back() {
        for text in ["Sun, 22 Nov 2026 16:23:18 UTC", "Tue, 29 Feb 2028 00:00:00 UTC", "Thu, 01 Jan 1970 00:00:00 UTC"]
        {
            assert_eq!(parse_release_date(text).map(UtcTime::release_date).as_deref(), Some(text));
        }
        for text in ["", "Sun, 22 Nov 2026", "Mon, 22 Nov 2026 16:23:18 UTC", "Sun, 31 Feb 2026 00:00:00 UTC"] {
            assert_eq!(parse_release_date(text), None, "{text}");
        }
    }
}
