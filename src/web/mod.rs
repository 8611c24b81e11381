//! HTTP over TCP, for people who look and machines that monitor: `listen` of the job file.
//!
//! [`listener`] binds it and bounds its connections, `gate` decides who is let in, `pages` has the
//! routes: `page` for people, `api` the documents of `--json`. `questions` asks the daemon's loop,
//! [`ask`] has the requests beside those of the control socket. Nothing can be changed here.

mod api;
pub mod ask;
mod gate;
pub mod limits;
pub mod listener;
mod page;
mod pages;
mod questions;
