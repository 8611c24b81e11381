//! The control socket: HTTP over a Unix socket, by which the command line asks the daemon.
//!
//! [`socket`] is where it lies and how it is bound and reached, [`request`] what can be asked,
//! [`document`] the answers (the contract's JSON, as [`json`] writes it), [`server`] and [`client`]
//! the two ends,
//! [`limits`] how much is served at once.

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
