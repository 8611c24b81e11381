//! The agent client against agents that answer badly, late, or not at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hostile;
mod looks;
mod notifications;
mod scripted;
mod submits;
mod tokens;
