//! Times that say for which scheduled time a run is meant. Days and times of day are left as they
//! are: each job has its own zone, and the daemon knows it.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::when::{Day, Towards, When};
use crate::control::repeats::TimeAsked;

/// What a text means.
///
/// # Errors
/// In words: the text is not a time.
pub(super) fn time_asked(text: &str, now: Timestamp) -> Result<TimeAsked, String> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(TimeAsked::Instant(instant));
    }
    if text.contains(':')
        && let Ok(local) = text.parse::<DateTime>()
    {
        return Ok(TimeAsked::Local(local));
    }
    let today = now.to_zoned_datetime(TimeZone::system()).date();
    let day = match text.to_lowercase().as_str() {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        _ => text.parse::<Date>().ok().filter(|_| text.contains('-')),
    };
    if let Some(day) = day {
        return Ok(TimeAsked::Day(day));
    }
    let zone = TimeZone::system();
    let when = When { now, zone: zone.clone(), towards: Towards::Past, day: Day::Start };
    let instant = when.read(text)?;
    Ok(match text.contains(':') {
        // A time of day: that of the job's zone is meant.
        true => TimeAsked::Local(instant.to_zoned_datetime(zone).datetime()),
        false => TimeAsked::Instant(instant),
    })
}
