//! What a page shows of a package. Everything here was written by whoever made the package.

use crate::index::Entry;
use crate::{Sha256Hex, TreePath};

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
    pub(super) size: u64,
    pub(super) sha256: Sha256Hex,
}

/// What a page shows of a repository's packages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    /// The first of them, up to [`MOST_ROWS`].
    pub(super) first: Vec<Row>,
    /// How many there are.
    pub(crate) count: usize,
    /// Bytes of all.
    pub(crate) bytes: u64,
}

impl Rows {
    /// One more package, which lies in the folder `packages` beside the page.
    pub(crate) fn push(&mut self, entry: &Entry, packages: &str) {
        if self.first.len() < MOST_ROWS {
            self.first.push(Row::of(entry, packages));
        }
        self.count += 1;
        self.bytes += entry.size;
    }
}

impl Row {
    fn of(entry: &Entry, packages: &str) -> Self {
        Self {
            name: plain(&entry.name),
            version: plain(&entry.version),
            architecture: plain(&entry.architecture),
            summary: plain(&entry.summary),
            file: format!("{packages}/{}", entry.file_name),
            size: entry.size,
            sha256: entry.sha256.clone(),
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
