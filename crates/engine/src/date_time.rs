//! The one format for moments that people read: `2026-11-28 02:30:00 +01:00`.
//!
//! The log, alerts and commands share it, so that a moment seen in one can be searched for in
//! another, and each command accepts what is printed here. Programs get RFC 3339 instead.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The moment by the clock of a zone, to the second, with the zone's offset then.
pub fn with_offset(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_its_date_its_seconds_and_its_offset() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let told = |at: &str| with_offset(at.parse().unwrap(), &zone);
        assert_eq!(told("2026-11-28T01:30:00.9Z"), "2026-11-28 02:30:00 +01:00");
        assert_eq!(told("2026-07-01T00:00:07Z"), "2026-07-01 02:00:07 +02:00");
    }
}
