//! The one place of the measurement that reads the clock and waits.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::failure::{Failure, failed};
use crate::limits::GLANCE;

/// A point in time that only grows.
#[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time of day, as the agent's books have it.
#[expect(clippy::disallowed_methods, reason = "held against times in the agent's books")]
pub(crate) fn time_of_day() -> Timestamp {
    Timestamp::now()
}

/// Lets time pass: what is measured is what happens meanwhile.
#[expect(clippy::disallowed_methods, reason = "what is measured is what happens in a span")]
pub(crate) fn pass(span: Duration) {
    std::thread::sleep(span);
}

/// Waits until `holds`, or fails with what was waited for.
pub(crate) fn until(
    what: &str,
    limit: Duration,
    mut holds: impl FnMut() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let began = now();
    while !holds()? {
        if began.elapsed() > limit {
            return failed(format!("waited {} s in vain until {what}", limit.as_secs()));
        }
        pass(GLANCE);
    }
    Ok(())
}

/// Milliseconds of a span.
pub(crate) fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

/// Milliseconds from one time of day to a later one; negative if it is earlier.
pub(crate) fn milliseconds_from(earlier: Timestamp, later: Timestamp) -> f64 {
    later.duration_since(earlier).as_secs_f64() * 1_000.0
}
