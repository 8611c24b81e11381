//! The real binary as processes over real sockets: killed, starved of disk, listened to for
//! secrets, stopped; and asked for what needs a person, a shell or the agent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backup;
mod bus;
mod credentials;
mod desktop;
mod disk;
mod dumped;
mod echoes;
mod ends;
mod failing_disk;
mod failpoints;
mod flush;
mod killed;
mod memory;
mod neighbor;
mod online;
mod reconcile;
mod secrecy;
mod service;
mod shells;
mod stage;
mod standing;
mod terminal;
mod unread;
