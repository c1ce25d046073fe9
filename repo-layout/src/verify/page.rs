//! Pages for people: signed by the key, and of the packages that the index lists.

use std::collections::BTreeSet;

use super::{Checker, PUBLISH_AGAIN};
use crate::TreePath;
use crate::page::{MOST_ROWS, PAGE, PAGE_SIGNATURE};

/// Checks the page at the root, if there is one.
pub(super) fn check_root(checker: &mut Checker<'_>) {
    signed(checker, PAGE, PAGE_SIGNATURE);
}

/// Checks the page of a suite whose packages [`Checker::listed`] has, and forgets those.
pub(super) fn check(checker: &mut Checker<'_>, folder: &TreePath) {
    let listed = std::mem::take(&mut checker.listed);
    let path = format!("{folder}/{PAGE}");
    let Some(text) = signed(checker, &path, &format!("{folder}/{PAGE_SIGNATURE}")) else { return };
    let shown = digests(&text);
    let foreign = shown.iter().find(|digest| !listed.contains(**digest));
    if foreign.is_some() || shown.len() < listed.len().min(MOST_ROWS) {
        let what = match foreign {
            Some(digest) => format!("shows a package with SHA-256 {digest}, which the index does not list"),
            None => format!("shows {} of the {} packages that the index lists", shown.len(), listed.len()),
        };
        if checker.tree.is_half_published(&path) {
            checker.warning(path, "a publisher was interrupted before this was in place", "publish again");
        } else {
            checker.error(path, what, PUBLISH_AGAIN);
        }
    }
}

/// The text of a page whose signature was looked at; a tree needs no pages, but one without the other is wrong.
fn signed(checker: &mut Checker<'_>, path: &str, signature_path: &str) -> Option<String> {
    let mut read = |path: &str| {
        checker.seen.insert(path.to_owned());
        checker.tree.read(path).ok().flatten()
    };
    let (page, signature) = (read(path), read(signature_path));
    let torn = checker.tree.is_half_published(path) || checker.tree.is_half_published(signature_path);
    let (page, signature) = match (page, signature) {
        (None, None) => return None,
        (Some(page), Some(signature)) => (page, signature),
        (page, _) => {
            let missing = if page.is_some() { signature_path } else { path };
            if torn {
                checker.warning(missing, "a publisher was interrupted before this was in place", "publish again");
            } else {
                checker.error(missing, "is missing", PUBLISH_AGAIN);
            }
            return None;
        }
    };
    if let Some(keys) = checker.keys.clone() {
        let verified = keys.all.verify_detached(&page, &signature, checker.options.now);
        if verified.is_err() && torn {
            checker.warning(signature_path, "a publisher was interrupted before this was in place", "publish again");
        } else {
            checker.signature(path, verified);
        }
    }
    String::from_utf8(page).ok()
}

/// Every SHA-256 in a text.
fn digests(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())).collect()
}
