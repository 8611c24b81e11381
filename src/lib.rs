//! transferd: a declarative transfer job runner daemon for the Amove desktop agent.
//!
//! The library exists for the binary, its tests, benches and fuzz targets. ARCHITECTURE.md has
//! the layers and what each may import.

pub use transferd_clock as clock;
pub use transferd_engine as core;
pub use transferd_sim as sim;

pub mod address;
pub mod agent;
pub mod alerts;
pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod log;
pub mod metrics;
pub mod privacy;
pub mod serving;
pub mod settings;
pub mod signals;
pub mod store;
pub mod systemd;
pub mod tls;
pub mod trusted;
mod users;
pub mod watch;
pub mod web;
pub mod words;
