//! The Cloud as a node sees it. The module and the postanalytics server share this crate.
//!
//! | Module | Holds |
//! |---|---|
//! | [`node_yaml`] | who the node is and where the Cloud is, as registration wrote it |
//! | [`proxies`] | the way there, as `/etc/environment` tells it |
//! | [`hit`] | one malicious request of one kind of attack |
//! | [`upload`] | hits on their way, and the answer |
//! | [`counters`] | how many requests there were |
//! | [`markers`] | which requests are counted for each source |
//! | [`behaviour`] | what was counted, and what the Cloud makes of it |
//! | [`acl_stats`] | requests that were blocked because of where they came from |
//! | [`network`] | addresses and blocks of them |
//! | [`headers`] | the headers that say who calls |
//! | [`envelope`] | what every answer is wrapped in |
//! | [`reply`] | what came of a call |
//! | [`reaction`] | what a node does about a status |
//! | [`backoff`] | how long nothing is sent after a failure |
//! | [`dispatch`] | which hits are sent when, and what an answer means for them |
//! | [`skew`] | when the difference of two clocks is news |
//! | `client` | sending, with the feature of that name |

pub mod acl_stats;
pub mod backoff;
pub mod behaviour;
pub mod counters;
pub mod dispatch;
pub mod envelope;
pub mod headers;
pub mod hit;
pub mod markers;
pub mod network;
pub mod node_yaml;
pub mod proxies;
pub mod reaction;
pub mod reply;
pub mod skew;
pub mod upload;

#[cfg(feature = "client")]
pub mod client;
