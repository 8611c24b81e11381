//! The pure engine and the types it decides over.
//!
//! Nothing here reads a clock, opens a file, sends anything, is async or draws a random number:
//! time and chance are arguments. Imports point down only: `core` imports no other layer.

pub mod alert;
pub mod amount;
pub mod cause;
pub mod date_time;
pub mod digest;
pub mod duration;
pub mod engine;
pub mod event;
pub mod event_loop;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod handled;
pub mod ids;
pub mod input;
pub mod jitter;
pub mod job;
pub mod limits;
pub mod matching;
pub mod meant;
pub mod outcomes;
pub mod pace;
pub mod paging;
pub mod pauses;
pub mod place;
pub mod plain;
pub mod reason;
pub mod record;
pub mod repeat;
pub mod run;
pub mod schedule;
pub mod store;
pub mod suggest;
pub mod template;
pub mod time;
pub mod transfer;
