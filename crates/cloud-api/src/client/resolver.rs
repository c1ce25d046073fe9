//! Finds the address of a name in the thread that asks. What ureq does by itself is to leave that to a thread which it forgets
//! when it takes too long; in a library that may be unloaded, no thread may be forgotten.

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration;

/// Waits as long as the system does.
#[derive(Debug, Default)]
pub(super) struct PatientResolver(DefaultResolver);

impl Resolver for PatientResolver {
    fn resolve(&self, uri: &Uri, config: &Config, mut timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        timeout.after = Duration::NotHappening;
        self.0.resolve(uri, config, timeout)
    }
}
