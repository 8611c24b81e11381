//! The control socket: HTTP over a Unix socket, by which the command line asks the daemon.
//!
//! [`socket`] locates, binds and reaches it, [`request`] has the requests, [`document`] the answers
//! (the contract's JSON, as [`json`] writes it), [`server`] and [`client`] the two ends, [`limits`]
//! bounds what is served at once.

pub mod changes;
pub mod client;
pub mod diagnostic;
pub mod document;
pub mod events;
pub mod json;
pub mod limits;
pub mod occurrences;
mod peer;
pub mod phrase;
pub mod progress;
pub mod repeats;
pub mod request;
mod run_document;
pub mod server;
pub mod socket;
