//! Parses options that give the scheduled time of a run. Days and times of day are passed on as
//! typed: each job has its own zone, which only the daemon knows.

use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::when::{Civil, Day, Towards, When, say_day};
use crate::control::repeats::TimeAsked;

/// The meaning of a text; `zone` determines today. Prints the meaning on `err`, unless it is
/// obvious; where `several` jobs are meant, each has its own zone, which is not told here.
///
/// # Errors
/// A message: the text is not a time.
pub(super) fn time_asked(
    (option, text): (&str, &str),
    now: Timestamp,
    (zone, several): (&TimeZone, bool),
    err: &mut dyn Write,
) -> Result<TimeAsked, String> {
    let text = text.trim();
    let when = When { now, zone: zone.clone(), towards: Towards::Past, day: Day::Start };
    match when.civil(text) {
        Some(Civil::Day(day)) => {
            say_day(option, text, day, err);
            Ok(TimeAsked::Day(day))
        }
        Some(Civil::Moment(moment)) if several => {
            // There is nobody to tell if standard error is gone.
            let _ = writeln!(err, "{option} {text}: {moment} in the zone of each job");
            Ok(TimeAsked::Local(moment))
        }
        Some(Civil::Moment(moment)) => {
            when.read_aloud(option, text, err)?;
            Ok(TimeAsked::Local(moment))
        }
        None => when.read_aloud(option, text, err).map(TimeAsked::Instant),
    }
}
