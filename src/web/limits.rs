//! Every bound of what is served over TCP, with its reason.

use std::time::Duration;

use crate::serving::{Bounds, Pace};

/// Bounds of serving.
pub const BOUNDS: Bounds = Bounds {
    // A scraper needs one, and each open page follows the stream on one.
    connections_max: CONNECTIONS_MAX,
    // With 10,000 jobs each page takes some megabytes.
    large_max: 2,
    // Browsers send cookies of everything on this host.
    head_bytes_max: 16 * 1024,
    headers_max: 64,
    head_wait: Duration::from_secs(10),
    // Prometheus gives a scrape 10 s by default.
    connection_wait: Duration::from_secs(60),
    // The page of 10,000 jobs still fits into the whole wait.
    pace: Pace { grace: Duration::from_secs(5), bytes_per_second: 128 * 1024 },
};

/// How long a request may take to arrive from this machine.
pub const HEAD_WAIT_HERE: Duration = Duration::from_secs(2);

/// Connections at once; the next one waits until another is done, or has to give way.
const CONNECTIONS_MAX: usize = 32;

/// The longest wait for an answer of the daemon's loop: more than the slowest fsync of a working
/// disk, less than the client's time-out.
pub const LOOP_WAIT: Duration = Duration::from_secs(5);

/// The longest wait for the past: ten thousand runs are read page by page, between commits.
pub const PAST_WAIT: Duration = Duration::from_secs(30);

/// Requests that wait for the loop: one for each connection.
pub const ASKS_MAX: usize = CONNECTIONS_MAX;

/// Occurrences in one answer: some megabytes.
pub const OCCURRENCES_MAX: usize = 10_000;

/// First and longest delay before an address that can't be bound is tried again. It needs a person
/// to free it, or to add it.
pub const BIND_RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
