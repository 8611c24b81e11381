//! HTTP over TCP, for machines that watch: `listen` of the job file.
//!
//! [`listener`] is where it is bound and how much it takes, [`pages`] what it answers, [`ask`] what
//! it has to ask the daemon's loop. Nothing can be changed from here.

pub mod ask;
pub mod limits;
pub mod listener;
pub mod pages;
