//! HTTP over TCP, for people who look and machines that watch: `listen` of the job file.
//!
//! [`listener`] is where it is bound and how much it takes, `gate` who is let in, `pages` what it
//! answers: `page` to people, `api` the documents of `--json`. `questions` is how the daemon's loop
//! is asked, [`ask`] for what besides the control socket's requests. Nothing can be changed here.

mod api;
pub mod ask;
mod gate;
pub mod limits;
pub mod listener;
mod page;
mod pages;
mod questions;
