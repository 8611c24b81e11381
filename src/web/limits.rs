//! Every bound of what is served over TCP, with its reason.

use std::time::Duration;

/// Connections at once; the next one waits until another is done. A scraper needs one.
pub const CONNECTIONS_MAX: usize = 16;

/// A request with its headers, in bytes. Browsers send cookies of everything on this host.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers of a request.
pub const HEADERS_MAX: usize = 64;

/// How long a request may take to arrive. There is none of a second kind: each connection is for
/// one, so that nobody holds one for nothing.
pub const HEAD_WAIT: Duration = Duration::from_secs(10);

/// How long a connection may last. Prometheus gives a scrape 10 s if nobody says otherwise.
pub const CONNECTION_WAIT: Duration = Duration::from_secs(60);

/// How long an answer of the daemon's loop is waited for: more than the slowest fsync of a disk that
/// works, less than the time-out of who asks.
pub const LOOP_WAIT: Duration = Duration::from_secs(5);

/// Pages of metrics at once: with 10,000 jobs each takes some megabytes.
pub const SCRAPES_MAX: usize = 2;

/// Questions that wait for the loop: one for each connection.
pub const ASKS_MAX: usize = CONNECTIONS_MAX;

/// First and longest delay before an address that can't be bound is tried again. What has it, or
/// lacks it, is changed by people.
pub const BIND_RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Pause after a connection could not be accepted for want of something, most often of descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
