//! The forms in which .NET writes an instant.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// An instant: with `Z` or an offset, or without either, which means UTC (click-api); a fraction of
/// up to nine digits. Absent for anything else, and for .NET's "no date", the year 1, in any zone.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    // An earlier date is not that of a transfer.
    const EARLIEST: Timestamp = Timestamp::UNIX_EPOCH;
    // The longest real form is `2026-11-23T20:17:00.123456789+01:00`; jiff accepts longer ones.
    let text = text.trim();
    if text.len() > 40 {
        return None;
    }
    let instant = text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })?;
    (instant > EARLIEST).then_some(instant)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::instant;

    #[rstest]
    #[case("2026-11-23T20:17:00Z", Some("2026-11-23T20:17:00Z"))]
    #[case("2026-11-23T20:17:00", Some("2026-11-23T20:17:00Z"))]
    #[case("2026-11-23T20:17:00.1234567Z", Some("2026-11-23T20:17:00.1234567Z"))]
    #[case("2026-11-23T20:17:00.1234567", Some("2026-11-23T20:17:00.1234567Z"))]
    #[case("2026-11-23T21:17:00+01:00", Some("2026-11-23T20:17:00Z"))]
    #[case("2026-11-23T21:17:00.5+01:00", Some("2026-11-23T20:17:00.5Z"))]
    #[case(" 2026-11-23 20:17:00 ", Some("2026-11-23T20:17:00Z"))]
    #[case("0001-01-01T00:00:00", None)]
    #[case("0001-01-01T00:00:00Z", None)]
    #[case("0001-01-01T01:00:00+01:00", None)]
    #[case("", None)]
    #[case("yesterday", None)]
    #[case("2026-13-01T00:00:00Z", None)]
    #[case("2026-11-23T20:17:00.12345678901Z", None)]
    #[case("/Date(1234567890000)/", None)]
    fn dates_are_read_in_each_form(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(instant(text).map(|at| at.to_string()).as_deref(), expected);
    }
}
