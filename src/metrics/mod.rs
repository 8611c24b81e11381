//! What a scrape of `/metrics` tells: counters that grow with each committed step, figures of how
//! things stand, and both as text.
//!
//! Reads no clock and knows neither sockets nor the loop. [`counters`] counts, [`snapshot`] is what a
//! scrape is answered with, [`families`] says which metrics there are, [`page`] writes them down.

pub mod counters;
pub mod families;
pub mod histogram;
pub mod page;
pub mod snapshot;
