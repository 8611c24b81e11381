//! The only place that reads time and draws random ids.
//!
//! Everything else takes `now` and chance as arguments, so that a simulation can supply its own.

mod zone;

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

pub use self::zone::{MachineZone, machine_zone};

/// The wall clock, cut to whole milliseconds: that is what the store keeps, so that a time
/// survives a restart unchanged.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
    let precise = Timestamp::now();
    Timestamp::from_millisecond(precise.as_millisecond()).unwrap_or(precise)
}

/// Time since the machine started, including suspends. Nobody can set this clock.
pub fn since_boot() -> SignedDuration {
    elapsed(ClockId::Boottime)
}

/// Time since the machine started, without suspends. Nobody can set this clock.
pub fn awake_since_boot() -> SignedDuration {
    elapsed(ClockId::Monotonic)
}

fn elapsed(clock: ClockId) -> SignedDuration {
    let time = clock_gettime(clock);
    // A clock's nanoseconds are below a second, and so fit.
    SignedDuration::new(time.tv_sec, i32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A random id.
pub fn random_uuid() -> Uuid {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws random ids")]
    Uuid::new_v4()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_whole_milliseconds() {
        assert_eq!(now().subsec_nanosecond() % 1_000_000, 0);
    }

    #[test]
    fn a_suspended_machine_is_never_awake_longer_than_it_was_on() {
        let awake = awake_since_boot();
        assert!(awake <= since_boot());
    }
}
