//! The real binary as processes over real sockets: killed, starved of disk, listened to for
//! secrets, stopped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod disk;
mod ends;
#[cfg(feature = "failpoints")]
mod failpoints;
mod flush;
mod killed;
mod reconcile;
mod secrecy;
mod stage;
