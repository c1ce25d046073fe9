//! The node API of a Cloud, for tests, soaks and a look by hand: it runs on loopback until it is dropped, keeps what it is sent, and
//! answers as a script says – which is to fail in every way that a network and a Cloud can fail in.
//!
//! | Module | Holds |
//! |---|---|
//! | [`cloud`] | the server: start it, ask what came, wait for more |
//! | [`script`] | what it answers when: phases, answers, chance with a seed; as TOML or built |
//! | [`ledger`] | what came: calls, and the fate of each hit |
//! | `endpoint` | the calls of the API, and what is wrong with one |
//! | `answer` | an answer of the script as bytes, pauses and cuts |
//! | `http` | requests of HTTP/1.1 |
//! | [`certificate`] | an authority of a test's own, for TLS |
//! | [`proxy`] | a proxy on the way to it |
//! | [`loopback`] | what servers of tests have in common |
//! | [`chance`] | chance that comes out the same for the same seed |
//!
//! It takes no side: whether a node does well is for the test to say, by what the ledger holds.

mod answer;
pub mod certificate;
pub mod chance;
pub mod cloud;
mod endpoint;
mod http;
pub mod ledger;
pub mod loopback;
pub mod proxy;
pub mod script;

pub use cloud::{Builder, FakeCloud};
pub use endpoint::Endpoint;
pub use ledger::{Call, Fate, Outcome};
pub use script::{Answer, Script};
