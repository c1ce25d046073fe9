//! What the NGINX module decides, without NGINX: everything here is safe Rust and is tested without a server.
//!
//! The module itself, one folder up, is the boundary: it turns what NGINX has into the types of this crate, and acts on what
//! they say.

pub mod cloud;
pub mod record;
pub mod upstream;
pub mod upstream_block;

pub mod aside;
pub mod block_page;
pub mod directives;
pub mod mode;
pub mod rate_limit;
pub mod request_id;
pub mod response;
pub mod rulesets;
pub mod settings;
pub mod shared_memory;
pub mod status;
pub mod value;
pub mod verdict;
