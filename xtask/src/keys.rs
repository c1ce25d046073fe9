//! Which key signs: the one that is named, the one of the environment, or a development key.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use signing::{KeySource, KeySpec, Passphrase, SecretKey};

use crate::cli::KeyArgs;
use crate::session::Session;

/// A development key lasts long enough for any checkout.
const DEVELOPMENT_VALIDITY: Duration = Duration::from_secs(3 * 365 * 86_400);

/// Where the development key of a checkout is kept.
pub fn development_key(session: &Session) -> PathBuf {
    session.target.join("development-key/secret.asc")
}

/// Where the configured key is, or the place of the development key.
pub fn source(args: &KeyArgs, session: &Session) -> KeySource {
    let named = args.key.clone().map(KeySource::File);
    named.or_else(KeySource::from_environment).unwrap_or_else(|| KeySource::File(development_key(session)))
}

/// The passphrase that a file or the environment gives, if any.
pub fn passphrase(file: Option<&PathBuf>) -> Result<Option<Passphrase>> {
    match file {
        Some(path) => Ok(Passphrase::from_file(path)?),
        None => Ok(KeySource::passphrase_from_environment()),
    }
}

/// Whether someone has said which key signs.
pub fn is_configured(args: &KeyArgs) -> bool {
    args.key.is_some() || KeySource::from_environment().is_some()
}

/// Loads the key. Without a configured one a development key is made, once, and the output says so.
pub fn load(args: &KeyArgs, session: &Session) -> Result<SecretKey> {
    let passphrase = passphrase(args.passphrase_file.as_ref())?;
    let source = source(args, session);
    if is_configured(args) {
        return Ok(source.load(passphrase.as_ref(), SystemTime::now())?);
    }
    let path = development_key(session);
    if !path.exists() {
        make_development_key(session)?;
    }
    session.progress.note(&format!(
        "note: signing with the development key {}; set WALLARM_SIGNING_KEY or --key for a release",
        session.shown(&path)
    ));
    Ok(source.load(None, SystemTime::now())?)
}

fn make_development_key(session: &Session) -> Result<()> {
    let step = session.progress.step("Making a development key (RSA-4096)");
    let key = SecretKey::generate(&KeySpec {
        user_id: "wallarm-node development key, not for release <development@wallarm-node.example>".to_owned(),
        validity: Some(DEVELOPMENT_VALIDITY),
        passphrase: None,
        created: SystemTime::now(),
    })?;
    match key.write_new(&development_key(session)) {
        // Another run was quicker; its key is as good.
        Err(signing::KeyError::Exists { .. }) => {}
        other => other?,
    }
    step.done();
    Ok(())
}
