//! The passphrase of a secret key.

use std::fmt;
use std::fs;
use std::path::Path;

use sequoia_openpgp::crypto::Password;

use crate::KeyError;

/// A passphrase: encrypted while in memory, wiped when dropped, never shown.
#[derive(Clone)]
pub struct Passphrase(Password);

impl Passphrase {
    /// Takes a passphrase. An empty one counts as none, as an unset CI secret arrives as an empty variable.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty()).then(|| Self(Password::from(text)))
    }

    /// Reads the first line of a file.
    ///
    /// # Errors
    /// [`KeyError::Unreadable`] with the path.
    pub fn from_file(path: &Path) -> Result<Option<Self>, KeyError> {
        let text = fs::read_to_string(path).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
        Ok(Self::new(text.lines().next().unwrap_or_default().to_owned()))
    }

    pub(crate) fn password(&self) -> &Password {
        &self.0
    }
}

/// Sequoia's own `Debug` shows the text in debug builds.
impl fmt::Debug for Passphrase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Passphrase(not shown)")
    }
}
