//! Where the signing key comes from: a file, or the environment of a pipeline.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::{KeyError, Passphrase, SecretKey};

/// Holds the armoured secret key itself, or the path of a file with it.
pub const KEY_VARIABLE: &str = "WALLARM_SIGNING_KEY";

/// Holds the passphrase of the secret key.
pub const PASSPHRASE_VARIABLE: &str = "WALLARM_SIGNING_PASSPHRASE";

/// The place of a secret key.
#[derive(Clone)]
pub enum KeySource {
    /// A file, armoured or binary.
    File(PathBuf),
    /// The armoured text itself, as a pipeline keeps it in a secret variable.
    Text(String),
}

impl KeySource {
    /// Reads the value of [`KEY_VARIABLE`]: a text that begins with an armour line is the key, anything else a path.
    /// Unset and empty both mean that no key is configured.
    #[must_use]
    pub fn from_variable(value: Option<OsString>) -> Option<Self> {
        let value = value.filter(|value| !value.is_empty())?;
        match value.to_str() {
            Some(text) if text.trim_start().starts_with("-----BEGIN PGP") => Some(Self::Text(text.to_owned())),
            _ => Some(Self::File(value.into())),
        }
    }

    /// What this process's environment says; see [`KeySource::from_variable`].
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        Self::from_variable(std::env::var_os(KEY_VARIABLE))
    }

    /// The passphrase in this process's environment, if one is set.
    #[must_use]
    pub fn passphrase_from_environment() -> Option<Passphrase> {
        std::env::var(PASSPHRASE_VARIABLE).ok().and_then(Passphrase::new)
    }

    /// Loads the key; see [`SecretKey::from_bytes`].
    ///
    /// # Errors
    /// As there.
    pub fn load(&self, passphrase: Option<&Passphrase>, now: SystemTime) -> Result<SecretKey, KeyError> {
        match self {
            Self::File(path) => SecretKey::from_file(path, passphrase, now),
            Self::Text(text) => {
                let origin = format!("the variable {KEY_VARIABLE}");
                SecretKey::from_bytes(text.as_bytes(), &origin, passphrase, now)
            }
        }
    }
}

/// Shows the place, never the key.
impl std::fmt::Debug for KeySource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(out, "KeySource::File({})", path.display()),
            Self::Text(_) => out.write_str("KeySource::Text(not shown)"),
        }
    }
}
