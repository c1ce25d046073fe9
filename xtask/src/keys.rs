//! What signs: keys and commands that are named, those of the environment, or a development key.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use repo_layout::KeyReport;
use signing::{
    KeySource, KeySpec, Keyring, PUBLIC_KEY_VARIABLE, Passphrase, PublicKey, SIGN_WITH_VARIABLE, SecretKey, Signer,
    SigningCommand, Together,
};

use crate::cli::{KeyArgs, WhichKey};
use crate::report;
use crate::session::Session;

/// A development key lasts long enough for any checkout.
const DEVELOPMENT_VALIDITY: Duration = Duration::from_secs(3 * 365 * 86_400);

const DEVELOPMENT_USER: &str = "wallarm-node development key, not for release <development@wallarm-node.example>";

/// A key that signs what is published shall last for so many days: users who update once a month see its successor in time.
const DAYS_TO_LAST: u32 = 30;

/// How long a command may take for one signature: time enough to type a PIN and touch a card.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// Where the development key of a checkout is kept.
pub fn development_key(session: &Session) -> PathBuf {
    session.target.join("development-key/secret.asc")
}

/// Whether arguments or the environment name something that signs; otherwise the development key does.
pub fn is_configured(args: &WhichKey) -> bool {
    let named = !args.sign_with.is_empty() || !args.key.is_empty();
    named || KeySource::from_environment().is_some() || variable(SIGN_WITH_VARIABLE).is_some()
}

/// What signs, unless its key ends soon. Of several keys the first must last; an older one is on its way out.
pub fn load(args: &KeyArgs, session: &Session) -> Result<Box<dyn Signer>> {
    let signer = load_any(&args.which, session)?;
    signer.keyring().first().check_lasts(SystemTime::now(), args.allow_expiring.unwrap_or(DAYS_TO_LAST))?;
    Ok(signer)
}

/// What signs, however soon its key ends. Without anything configured a development key is made, once, and the output says so.
pub fn load_any(args: &WhichKey, session: &Session) -> Result<Box<dyn Signer>> {
    let named = !args.sign_with.is_empty() || !args.key.is_empty();
    let mut signers = if named { commands(args)? } else { command_of_environment()?.into_iter().collect() };
    signers.extend(if named { secret_keys(args)? } else { key_of_environment(args)?.into_iter().collect() });
    let mut signers = signers.into_iter();
    let Some(first) = signers.next() else { return Ok(Box::new(load_development_key(session)?)) };
    let older: Vec<_> = signers.collect();
    if older.is_empty() { Ok(first) } else { Ok(Box::new(Together::new(first, older)?)) }
}

/// The n-th `--sign-with` signs with the n-th `--public-key`.
fn commands(args: &WhichKey) -> Result<Vec<Box<dyn Signer>>> {
    let (count, keys) = (args.sign_with.len(), args.public_key.len());
    ensure!(
        count == keys,
        "{count} --sign-with and {keys} --public-key: each command needs the public key that it signs with"
    );
    args.sign_with.iter().zip(&args.public_key).map(|(command, key)| signing_command(command, key)).collect()
}

fn signing_command(command: &str, public_key: &Path) -> Result<Box<dyn Signer>> {
    let bytes = std::fs::read(public_key).with_context(|| format!("cannot read {}", public_key.display()))?;
    let public = PublicKey::from_bytes(&bytes, &public_key.display().to_string())?;
    Ok(Box::new(SigningCommand::new(command, public, COMMAND_TIMEOUT, SystemTime::now())?))
}

fn command_of_environment() -> Result<Option<Box<dyn Signer>>> {
    let Some(command) = variable(SIGN_WITH_VARIABLE) else { return Ok(None) };
    let missing =
        || format!("{SIGN_WITH_VARIABLE} needs {PUBLIC_KEY_VARIABLE}: the file with the public key that it signs with");
    let key = variable(PUBLIC_KEY_VARIABLE).with_context(missing)?;
    signing_command(&command, Path::new(&key)).map(Some)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The n-th `--passphrase-file` opens the n-th `--key`; a single one opens them all.
fn secret_keys(args: &WhichKey) -> Result<Vec<Box<dyn Signer>>> {
    let (keys, files) = (&args.key, &args.passphrase_file);
    ensure!(
        files.len() <= 1 || files.len() == keys.len(),
        "{} --key and {} --passphrase-file: give one for all, or one for each",
        keys.len(),
        files.len()
    );
    let load = |(index, key): (usize, &PathBuf)| -> Result<Box<dyn Signer>> {
        let passphrase = passphrase(files.get(index).or(files.first()))?;
        Ok(Box::new(SecretKey::from_file(key, passphrase.as_ref(), SystemTime::now())?))
    };
    keys.iter().enumerate().map(load).collect()
}

fn key_of_environment(args: &WhichKey) -> Result<Option<Box<dyn Signer>>> {
    let Some(source) = KeySource::from_environment() else { return Ok(None) };
    let passphrase = passphrase(args.passphrase_file.first())?;
    Ok(Some(Box::new(source.load(passphrase.as_ref(), SystemTime::now())?)))
}

/// The passphrase that a file or the environment gives, if any.
pub fn passphrase(file: Option<&PathBuf>) -> Result<Option<Passphrase>> {
    match file {
        Some(path) => Ok(Passphrase::from_file(path)?),
        None => Ok(KeySource::passphrase_from_environment()),
    }
}

/// The public keys of a file.
pub fn keyring(path: &Path) -> Result<Keyring> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Keyring::from_bytes(&bytes, &path.display().to_string())?)
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

fn load_development_key(session: &Session) -> Result<SecretKey> {
    let path = development_key(session);
    if !path.exists() {
        make(&path, DEVELOPMENT_USER, session)?;
    }
    session.progress.note(&format!(
        "note: signing with the development key {}; set WALLARM_SIGNING_KEY or --key for a release",
        session.shown(&path)
    ));
    Ok(SecretKey::from_file(&path, None, SystemTime::now())?)
}

/// Makes a key that is not for release.
pub fn make(path: &Path, user_id: &str, session: &Session) -> Result<()> {
    let step = session.progress.step("Making a development key (RSA-4096)");
    let key = SecretKey::generate(&KeySpec {
        user_id: user_id.to_owned(),
        validity: Some(DEVELOPMENT_VALIDITY),
        passphrase: None,
        created: SystemTime::now(),
    })?;
    match key.write_new(path) {
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

    /// A key that was made a moment ago, in a file.
    fn key_for(days: u64, folder: &Path) -> PathBuf {
        let file = folder.join(format!("{days}.asc"));
        let spec = KeySpec {
            user_id: format!("{days} days <test@example.org>"),
            validity: Some(Duration::from_secs(days * DAY + 3600)),
            passphrase: None,
            created: SystemTime::now(),
        };
        SecretKey::generate(&spec).unwrap().write_new(&file).unwrap();
        file
    }

    #[test]
    fn a_key_that_ends_within_30_days_signs_only_for_those_who_allow_it() {
        let folder = tempfile::tempdir().unwrap();
        let session = Session::open(false, true).unwrap();
        let (short, long) = (key_for(20, folder.path()), key_for(400, folder.path()));
        let which =
            |keys: &[&PathBuf]| WhichKey { key: keys.iter().copied().cloned().collect(), ..WhichKey::default() };
        let with = |keys: &[&PathBuf], allow_expiring| load(&KeyArgs { which: which(keys), allow_expiring }, &session);
        let refused = with(&[&short], None).unwrap_err().to_string();
        assert!(refused.contains("in 20 days, and 30 are asked for"), "{refused}");
        assert!(with(&[&short], Some(21)).is_err());
        with(&[&short], Some(10)).unwrap();
        // Looking at it is no signing.
        load_any(&which(&[&short]), &session).unwrap();
        // In a rotation the new key must last, the old one need not.
        let both = with(&[&long, &short], None).unwrap();
        assert_eq!(both.keyring().first().user_id(), "400 days <test@example.org>");
        assert!(with(&[&short, &long], None).is_err());
    }

    #[test]
    fn commands_and_their_public_keys_come_in_pairs() {
        let session = Session::open(false, true).unwrap();
        let which = WhichKey { sign_with: vec!["gpg".to_owned()], ..WhichKey::default() };
        let refused = load_any(&which, &session).unwrap_err().to_string();
        assert!(refused.contains("1 --sign-with and 0 --public-key"), "{refused}");
        let missing = WhichKey { public_key: vec!["/nonexistent".into()], ..which };
        let refused = load_any(&missing, &session).unwrap_err().to_string();
        assert!(refused.contains("cannot read /nonexistent"), "{refused}");
    }

    #[test]
    fn passphrases_are_one_for_all_or_one_for_each() {
        let session = Session::open(false, true).unwrap();
        let which = WhichKey { key: vec!["a".into(); 3], passphrase_file: vec!["b".into(); 2], ..WhichKey::default() };
        let refused = load_any(&which, &session).unwrap_err().to_string();
        assert!(refused.contains("3 --key and 2 --passphrase-file"), "{refused}");
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
