//! Real NGINX servers with the module, on loopback: what the tests of the module and its benchmark stand on.
//!
//! | Module | Does |
//! |---|---|
//! | [`address`] | loopback addresses that nobody else uses |
//! | [`program`] | an NGINX binary and how it is started |
//! | [`release`] | the releases that the module is tested in, and where they come from |
//! | [`config`] | the text of a configuration |
//! | [`server`] | one running NGINX: start, reload, stop, error log |
//! | [`status_page`] | where the module shows its counters, and what it says there |
//! | [`valgrind`] | an NGINX whose every access to memory is watched |
//! | [`usage`] | processor time, memory and open files of a process, from `/proc` |
//! | [`client`] | HTTP/1.1 by hand, well-formed or not |
//! | [`artifacts`] | the module, the rule set and the postanalytics server, built from this checkout |
//! | [`postanalytics`] | the real postanalytics server |
//! | [`disk`] | a disk without room |
//! | [`recorder`], [`hostile`] | postanalytics servers of the tests' own: one that keeps records, some that misbehave |
//! | [`app`] | the application behind NGINX |
//! | [`facts`] | what must hold |
//! | [`mod@bench`] | the benchmark |
//!
//! The API of the Cloud that the module sends attacks to is that of `crates/fake-cloud`.

pub mod address;
pub mod app;
pub mod artifacts;
pub mod bench;
pub mod client;
pub mod config;
pub mod disk;
pub mod facts;
pub mod hostile;
pub mod postanalytics;
pub mod program;
pub mod recorder;
pub mod release;
pub mod server;
pub mod status_page;
pub mod usage;
pub mod valgrind;
