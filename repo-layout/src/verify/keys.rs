//! The keys of a tree: whether they are whole, strong and alive, and whether signatures are by the right ones.
//!
//! While one key follows another a tree has two, and every index a signature by each. A client that knows either must be able to go on.

use std::time::SystemTime;

use signing::{Keyring, PublicKey, UtcTime, Verified, VerifyError};

use super::{Checker, PUBLISH_AGAIN};
use crate::{KEY_FILE, KEY_FILE_ARMORED};

/// Whose signatures count.
#[derive(Clone)]
pub(super) struct Keys {
    /// What the tree offers, first the key that stays.
    pub(super) published: Keyring,
    /// By one of these everything must be signed.
    pub(super) trusted: Keyring,
    /// Both: a signature by any other key has no business here.
    pub(super) all: Keyring,
}

impl Keys {
    fn new(published: Keyring, trusted: Option<&Keyring>) -> Self {
        let trusted = trusted.unwrap_or(&published).clone();
        let mut all = published.clone();
        for key in trusted.iter() {
            // It fails only for a key that is there already.
            let _ = all.push(key.clone());
        }
        Self { published, trusted, all }
    }

    /// What is wrong with signatures that hold, if anything is.
    fn fault(&self, verified: &Verified, now: SystemTime) -> Option<(String, &'static str)> {
        if !verified.exact {
            return Some(("holds bytes that the signature does not protect".to_owned(), PUBLISH_AGAIN));
        }
        if !verified.by.iter().any(|by| self.trusted.get(by).is_some()) {
            let what = format!("is signed by {}, not by {}", list(&verified.by), list(&fingerprints(&self.trusted)));
            return Some((what, "find out who changed the key"));
        }
        let mut alive = self.published.iter().filter(|key| key.expired_at(now).is_none()).map(PublicKey::fingerprint);
        let missing = alive.find(|key| !verified.by.contains(key))?;
        let what =
            format!("is not signed by {missing}, which {KEY_FILE} offers: who trusts that key alone refuses this");
        Some((what, "publish again, with every key that signs"))
    }
}

fn fingerprints(keys: &Keyring) -> Vec<signing::Fingerprint> {
    keys.iter().map(PublicKey::fingerprint).collect()
}

fn list(keys: &[signing::Fingerprint]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

impl Checker<'_> {
    /// The keys at the root, their armoured copy, their strength and their end.
    pub(super) fn check_keys(&mut self) {
        let trusted = self.options.key.as_ref();
        self.keys = trusted.map(|trusted| Keys::new(trusted.clone(), Some(trusted)));
        let Some(bytes) = self.read(KEY_FILE) else { return };
        let published = match Keyring::from_bytes(&bytes, KEY_FILE) {
            Ok(published) => published,
            Err(error) => return self.error(KEY_FILE, error.to_string(), "publish the public key again"),
        };
        if published.to_binary().is_ok_and(|binary| binary != bytes) {
            self.error(KEY_FILE, "is not the plain binary export of its keys", "publish the public key again");
        }
        let keys = Keys::new(published, trusted);
        if !keys.published.iter().any(|key| keys.trusted.get(&key.fingerprint()).is_some()) {
            let (found, trusted) = (list(&fingerprints(&keys.published)), list(&fingerprints(&keys.trusted)));
            self.error(KEY_FILE, format!("is {found}, not the trusted key {trusted}"), "find out who changed it");
        }
        self.check_armored(&keys.published);
        self.check_strength_and_end(&keys.published);
        self.keys = Some(keys);
    }

    fn check_armored(&mut self, keys: &Keyring) {
        self.seen.insert(KEY_FILE_ARMORED.to_owned());
        let expected = keys.to_armored().unwrap_or_default();
        if self.tree.read(KEY_FILE_ARMORED).is_ok_and(|text| text.is_some_and(|text| text != expected.as_bytes())) {
            self.error(KEY_FILE_ARMORED, format!("is not what {KEY_FILE} holds"), "publish the public key again");
        }
    }

    /// Every key must be fit; the one that stays must also last. That an older one ends soon is why it is being replaced.
    fn check_strength_and_end(&mut self, keys: &Keyring) {
        let now = self.options.now;
        for key in keys.iter() {
            if let Err(error) = key.check_fit_for_signing(now) {
                self.error(KEY_FILE, error.to_string(), "extend or replace the key, then publish again");
            }
        }
        let first = keys.first();
        let (Some(end), None) = (first.expires(), first.expired_at(now)) else { return };
        let left = UtcTime::from(now).until(end);
        if left < self.options.warn_before_expiry {
            let what = format!("the key ends on {end}, in {} days", left.as_secs() / 86_400);
            self.warning(KEY_FILE, what, "extend the key (its id stays the same) and publish again");
        }
    }

    /// Reports what is wrong with the signatures of `path`, if anything is.
    pub(super) fn signature(&mut self, path: &str, verified: Result<Verified, VerifyError>) {
        match verified {
            Ok(verified) => {
                let fault = self.keys.as_ref().and_then(|keys| keys.fault(&verified, self.options.now));
                if let Some((what, what_to_do)) = fault {
                    self.error(path, what, what_to_do);
                }
            }
            Err(VerifyError::KeyExpired { expired, .. }) => {
                self.error(path, format!("the key expired on {expired}"), "extend the key and publish again");
            }
            Err(error) => self.error(path, error.to_string(), PUBLISH_AGAIN),
        }
    }
}
