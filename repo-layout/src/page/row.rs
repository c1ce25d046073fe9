//! What a page shows of a package. Everything here was written by whoever made the package.

use formats::rpm_header::Tag;

use crate::apt::AptPackage;
use crate::yum::YumPackage;
use crate::{Digests, TreePath};

/// A page names this many packages; the index has them all.
pub(crate) const MOST_ROWS: usize = 2_000;

/// A one-line description beyond this is cut.
const MOST_CHARACTERS: usize = 160;

/// One package.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: String,
    pub(super) summary: String,
    /// Relative to the page.
    pub(super) file: String,
    pub(super) digests: Digests,
}

impl Row {
    /// A package in the pool of a suite.
    pub(crate) fn of_deb(package: &AptPackage) -> Self {
        let field = |name| package.control.get(name).unwrap_or_default();
        Self {
            name: plain(field("Package")),
            version: plain(field("Version")),
            architecture: plain(&package.architecture),
            summary: plain(field("Description").lines().next().unwrap_or_default()),
            file: format!("pool/{}", package.file_name),
            digests: package.digests.clone(),
        }
    }

    /// A package in a yum repository.
    pub(crate) fn of_rpm(package: &YumPackage) -> Self {
        let epoch = if package.epoch == 0 { String::new() } else { format!("{}:", package.epoch) };
        Self {
            name: plain(&package.name),
            version: plain(&format!("{epoch}{}-{}", package.version, package.release)),
            architecture: plain(&package.architecture),
            summary: plain(package.text(Tag::SUMMARY).lines().next().unwrap_or_default()),
            file: format!("Packages/{}", package.file_name),
            digests: package.digests.clone(),
        }
    }

    /// The link: `^` is the one character of a [`TreePath`] that a URL must escape.
    pub(super) fn link(&self) -> String {
        let path = TreePath::new(self.file.as_str());
        path.map(|path| path.as_str().replace('^', "%5E")).unwrap_or_default()
    }
}

/// Without what would change how the text around it is shown: control characters and the overrides of writing direction.
fn plain(text: &str) -> String {
    let harmless = |c: char| match c {
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' => '\u{FFFD}',
        c if c.is_control() => '\u{FFFD}',
        c => c,
    };
    let mut kept: String = text.chars().take(MOST_CHARACTERS).map(harmless).collect();
    if text.chars().count() > MOST_CHARACTERS {
        kept.push('…');
    }
    kept
}
