//! `cargo xtask key …`

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use signing::{KeySpec, Keyring, PublicKey, SecretKey};

use crate::cli::Key;
use crate::session::Session;
use crate::{keys, report};

const DAY: u64 = 86_400;

/// Runs one of the key commands.
pub fn run(command: &Key, session: &Session) -> Result<ExitCode> {
    match command {
        Key::New { user_id, days, out, passphrase_file } => {
            let user_id = match user_id {
                Some(text) => text.clone(),
                None => session.project()?.maintainer,
            };
            let step = session.progress.step("Making an RSA-4096 key");
            let key = SecretKey::generate(&KeySpec {
                user_id,
                validity: Some(Duration::from_secs(u64::from(*days) * DAY)),
                passphrase: keys::passphrase(passphrase_file.as_ref())?,
                created: SystemTime::now(),
            })?;
            key.write_new(out)?;
            step.done();
            session.progress.note(&format!("Kept in {}, readable by you alone. Back it up.", session.shown(out)));
            show(&key.public().clone().into(), session)
        }
        Key::Show { key } => show(keys::load_any(key, session)?.keyring(), session),
        Key::Export { key, armor, out } => {
            let key = keys::load_any(key, session)?;
            let keys = key.keyring();
            let bytes = if *armor { keys.to_armored()?.into_bytes() } else { keys.to_binary()? };
            match out {
                Some(path) => write_whole(path, &bytes)?,
                None => report::raw(&bytes)?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Key::Check { key, days } => check(keys::load_any(key, session)?.keyring(), *days, session),
    }
}

/// Of several keys, the first is the one that stays.
fn show(keys: &Keyring, session: &Session) -> Result<ExitCode> {
    if session.json {
        let mut shown = facts(keys.first());
        shown["older"] = keys.iter().skip(1).map(facts).collect();
        report::json(&shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    for key in keys.iter() {
        let (bits, algorithm) = key.strength();
        let left = key.days_left(SystemTime::now()).map_or_else(|| "no end".to_owned(), |days| days.to_string());
        let expires = key.expires().map_or_else(|| "never".to_owned(), |end| end.to_string());
        report::table(
            ["Key", ""],
            &[
                ["fingerprint".to_owned(), key.fingerprint().to_string()],
                ["owner".to_owned(), key.user_id().to_owned()],
                ["algorithm".to_owned(), format!("{algorithm} {bits}")],
                ["created".to_owned(), key.created().to_string()],
                ["expires".to_owned(), expires],
                ["days left".to_owned(), left],
            ],
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn facts(key: &PublicKey) -> Value {
    let (bits, algorithm) = key.strength();
    json!({
        "fingerprint": key.fingerprint().to_string(),
        "key_id": key.key_id().to_string(),
        "user_id": key.user_id(),
        "algorithm": algorithm,
        "bits": bits,
        "created": key.created().to_string(),
        "expires": key.expires().map(|time| time.to_string()),
        "days_left": key.days_left(SystemTime::now()),
    })
}

/// Loading has refused what cannot sign at all; what is left is a key that will not last.
fn check(keys: &Keyring, days: u32, session: &Session) -> Result<ExitCode> {
    show(keys, session)?;
    match keys.first().check_lasts(SystemTime::now(), days) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            session.progress.note(&error.to_string());
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Writes aside and renames, so that no half key is ever imported.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::PermissionsExt as _;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        // It is public: the mode of a temporary file would keep apt's own user from reading it.
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
