//! Every bound of the control socket, with its reason.

use std::time::Duration;

use crate::serving::{Bounds, Pace};

/// Requests that wait for the loop; the next one waits at its connection.
pub const WAITING_MAX: usize = 64;

/// The longest body: a pause's reason is the longest thing that people write.
pub(super) const BODY_MAX: usize = 64 * 1024;

/// How long an answer that may be large waits for those before it.
pub(super) const TURN_WAIT: Duration = Duration::from_secs(30);

/// The bounds of serving.
pub(super) const BOUNDS: Bounds = Bounds {
    // Each command opens one at a time; the descriptors are for the agent and the database.
    connections_max: 32,
    // With 10,000 jobs `status` is 5 MB when sent, and takes more while it is made.
    large_max: 4,
    // No command sends more than a few hundred bytes of headers.
    head_bytes_max: 16 * 1024,
    headers_max: 64,
    // Every client of the socket is on this machine.
    head_wait: Duration::from_secs(5),
    // A little more than a command waits for its answer.
    connection_wait: Duration::from_secs(65),
    // A pager in between may take its time; a page of 5 MB still fits into the whole wait.
    pace: Pace { grace: Duration::from_secs(10), bytes_per_second: 128 * 1024 },
};
