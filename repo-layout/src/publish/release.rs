//! The statement of an apt repository in its three files, whether it is new or comes back.

use std::time::SystemTime;

use signing::Signer;

use super::{Phase, Transaction};
use crate::destination::Content;
use crate::{Error, TreePath};

/// Signs a `Release` both ways. `InRelease` is what readers see, and so the last to change.
pub(crate) fn put_release(
    transaction: &mut Transaction<'_>,
    folder: &TreePath,
    release: &str,
    signer: &dyn Signer,
    when: SystemTime,
) -> Result<(), Error> {
    let sign_error = |source| Error::Sign { suite: folder.clone(), source };
    let detached = signer.sign_detached_armored(release.as_bytes(), when).map_err(sign_error)?;
    let clear = signer.sign_cleartext(release, when).map_err(sign_error)?;
    transaction.put(Phase::Release, &folder.join("Release")?, &Content::Bytes(release.as_bytes()))?;
    transaction.put(Phase::Release, &folder.join("Release.gpg")?, &Content::Bytes(detached.as_bytes()))?;
    transaction.put(Phase::Visible, &folder.join("InRelease")?, &Content::Bytes(clear.as_bytes()))
}
