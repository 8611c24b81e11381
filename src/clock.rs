//! The only place that reads time and draws random values.
//!
//! Everything else takes `now` and chance as arguments, so that a simulation can hand it others.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

/// The wall clock, cut to whole milliseconds: that is what the store keeps, so that a time
/// survives a restart unchanged.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
    let precise = Timestamp::now();
    Timestamp::from_millisecond(precise.as_millisecond()).unwrap_or(precise)
}

/// Time since the machine started, suspends among it. No one can set this clock.
pub fn since_boot() -> SignedDuration {
    elapsed(ClockId::Boottime)
}

/// Time since the machine started, suspends left out. No one can set this clock.
pub fn awake_since_boot() -> SignedDuration {
    elapsed(ClockId::Monotonic)
}

fn elapsed(clock: ClockId) -> SignedDuration {
    let time = clock_gettime(clock);
    // A clock's nanoseconds are below a second, and so fit.
    SignedDuration::new(time.tv_sec, i32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The link that names the machine's zone.
pub const LOCALTIME: &str = "/etc/localtime";

/// The machine's time zone as it is set now, and its IANA name: `$TZ`, else what `/etc/localtime`
/// links to. jiff's own answer, used for all rarer cases, may be minutes old.
pub fn machine_zone() -> (String, TimeZone) {
    let named = match std::env::var("TZ") {
        Ok(name) => Some(name.trim_start_matches(':').to_owned()),
        Err(_) => {
            let link = std::fs::read_link(LOCALTIME).ok();
            link.and_then(|link| link.to_str().map(str::to_owned))
        }
    };
    let name = named.map(|name| zone_of_path(&name).map_or(name.clone(), str::to_owned));
    if let Some(name) = name.filter(|name| !name.is_empty())
        && let Ok(zone) = TimeZone::get(&name)
    {
        return (name, zone);
    }
    let zone = TimeZone::system();
    (zone.iana_name().unwrap_or("UTC").to_owned(), zone)
}

/// The zone's name in the path of its file.
fn zone_of_path(path: &str) -> Option<&str> {
    path.split_once("zoneinfo/").map(|(_, name)| name)
}

/// A random number for delays and seeds; not for secrets.
pub fn random_u64() -> u64 {
    fastrand::u64(..)
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
    fn a_zone_is_named_by_where_its_file_lies() {
        assert_eq!(zone_of_path("/usr/share/zoneinfo/Europe/Berlin"), Some("Europe/Berlin"));
        assert_eq!(zone_of_path("../usr/share/zoneinfo/UTC"), Some("UTC"));
        assert_eq!(zone_of_path("/etc/elsewhere"), None);
    }

    #[test]
    fn a_suspended_machine_is_never_awake_longer_than_it_was_on() {
        let awake = awake_since_boot();
        assert!(awake <= since_boot());
    }
}
