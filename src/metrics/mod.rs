//! Metrics: counters updated from committed steps, a snapshot of gauges, and the text encoder.
//!
//! Reads no clock and knows neither sockets nor the loop. [`counters`] counts, [`snapshot`] holds
//! the values for a scrape, [`families`] declares the metrics, [`page`] writes them as text.

pub mod counters;
pub mod families;
pub mod histogram;
pub mod page;
pub mod snapshot;
