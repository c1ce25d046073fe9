//! The NGINX module `ngx_http_wallarm_module`.
//!
//! It looks at each request before access is decided, blocks what its mode says, and reports what it saw when the response is
//! known. What it decides lies in the crate `module-logic`; this one is the boundary to NGINX.
//!
//! | File | Does |
//! |---|---|
//! | `ngx/` | wraps NGINX; the only folder that calls it |
//! | `module` | the tables by which NGINX loads the module |
//! | `commands` | directives |
//! | `conf` | configurations of the `http` block and of locations |
//! | `rulesets` | the rule sets that locations use |
//! | `phases` | entries from NGINX while a request is processed |
//! | `analysis` | the state of one request |
//! | `faults` | panics on demand, for tests |
//! | `variables` | `$wallarm_…` |
//! | `responses` | what responses give away |
//! | `report` | what is done with the outcome |
//! | `memory_limit` | the last request that met its memory limit |
//! | `status` | counting, and the page that shows it |
//! | `rate_limit` | requests that wait or are refused |
//! | `block_page` | the answer to blocked requests |
//! | `upstream/` | sends records to postanalytics |
//! | `cloud/` | sends attacks to the API instead |

mod analysis;
mod block_page;
mod cloud;
mod commands;
mod conf;
mod faults;
mod memory_limit;
mod module;
mod ngx;
mod phases;
mod rate_limit;
mod report;
mod responses;
mod rulesets;
mod status;
mod upstream;
mod variables;
