//! Which key signs: the one that is named, the one of the environment, or a development key.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use repo_layout::KeyReport;
use signing::{KeySource, KeySpec, Passphrase, SecretKey};

use crate::cli::{KeyArgs, WhichKey};
use crate::report;
use crate::session::Session;

/// A development key lasts long enough for any checkout.
const DEVELOPMENT_VALIDITY: Duration = Duration::from_secs(3 * 365 * 86_400);

/// Where the development key of a checkout is kept.
pub fn development_key(session: &Session) -> PathBuf {
    session.target.join("development-key/secret.asc")
}

/// Where the configured key is, or the place of the development key.
pub fn source(args: &WhichKey, session: &Session) -> KeySource {
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

/// A key that signs what is published shall last for so many days: users who update once a month see its successor in time.
const DAYS_TO_LAST: u32 = 30;

/// Loads the key for signing, unless it ends soon.
pub fn load(args: &KeyArgs, session: &Session) -> Result<SecretKey> {
    let key = load_any(&args.which, session)?;
    key.public().check_lasts(SystemTime::now(), args.allow_expiring.unwrap_or(DAYS_TO_LAST))?;
    Ok(key)
}

/// Prints who signed, and until when that holds.
pub fn show(keys: &[KeyReport]) {
    for key in keys {
        report::line(&format!("Key {} ({}), {}", key.fingerprint, key.user_id, end(key)));
    }
}

/// `ends on 2031-04-30, in 212 days`.
fn end(key: &KeyReport) -> String {
    match (&key.expires, key.days_left) {
        (Some(end), Some(0)) => format!("ends or ended on {end}"),
        (Some(end), Some(days)) => format!("ends on {end}, in {days} days"),
        _ => "never ends".to_owned(),
    }
}

/// Loads the key. Without a configured one a development key is made, once, and the output says so.
pub fn load_any(args: &WhichKey, session: &Session) -> Result<SecretKey> {
    let passphrase = passphrase(args.passphrase_file.as_ref())?;
    let configured = args.key.is_some() || KeySource::from_environment().is_some();
    let source = source(args, session);
    if configured {
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

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    #[test]
    fn a_key_that_ends_within_30_days_signs_only_for_those_who_allow_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("short.asc");
        let spec = KeySpec {
            user_id: "Short <short@example.org>".to_owned(),
            validity: Some(Duration::from_secs(21 * DAY)),
            passphrase: None,
            created: SystemTime::now(),
        };
        SecretKey::generate(&spec).unwrap().write_new(&file).unwrap();
        let session = Session::open(false, true).unwrap();
        let which = WhichKey { key: Some(file), ..WhichKey::default() };
        let with = |allow_expiring| load(&KeyArgs { which: which.clone(), allow_expiring }, &session);
        let refused = with(None).unwrap_err().to_string();
        assert!(refused.contains("in 20 days, and 30 are asked for"), "{refused}");
        assert!(with(Some(21)).is_err());
        with(Some(10)).unwrap();
        // Looking at it is no signing.
        load_any(&which, &session).unwrap();
    }

    #[test]
    fn an_end_is_told_as_a_date_and_in_days() {
        let key = |expires: Option<&str>, days_left| KeyReport {
            fingerprint: String::new(),
            user_id: String::new(),
            expires: expires.map(str::to_owned),
            days_left,
        };
        assert_eq!(end(&key(Some("2031-04-30"), Some(212))), "ends on 2031-04-30, in 212 days");
        assert_eq!(end(&key(None, None)), "never ends");
    }
}
