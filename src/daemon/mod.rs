//! The async shell around the pure engine: it waits, hands the engine the inputs, commits the
//! engine's records, and only then carries out its effects.
//!
//! [`run`] is all that others need; [`past`] is shared with commands that read the database where
//! no daemon runs, [`changes`], [`diagnostics`] and [`on_this_machine`] with those that read the job
//! file, [`host`] with those that predict what a daemon here would do.

mod agent;
pub mod changes;
mod descriptors;
pub mod diagnostics;
mod digest;
mod distress;
mod doorway;
mod driver;
mod effects;
mod event;
mod failpoint;
mod files;
mod follow;
mod host;
mod job_file;
mod last_runs;
mod log_throttle;
pub mod on_this_machine;
mod operators;
pub mod past;
mod problems;
mod reading;
mod removed;
mod repeats;
mod retention;
mod scrape;
mod standing;
mod start;
mod status;
mod timer;

pub use host::host;
pub use start::{Options, StartError, run};
