//! The async shell around the pure engine: it waits, hands the engine what happened, commits what
//! the engine recorded, and only then does what the engine wants done.

pub mod notes;
pub mod timer;
