//! Finds schedules that never fire: days that none of their months has.
//!
//! Only the day fields can cause this. Every weekday falls on every date in some year, 29 February
//! included; so only the lengths of months need to be checked, and no dates are walked.

use super::error::ScheduleError;
use super::wall_clock::Fields;

/// Name and greatest length of each month.
const MONTHS: [(&str, u32); 12] = [
    ("January", 31),
    ("February", 29),
    ("March", 31),
    ("April", 30),
    ("May", 31),
    ("June", 30),
    ("July", 31),
    ("August", 31),
    ("September", 30),
    ("October", 31),
    ("November", 30),
    ("December", 31),
];

/// An error for a schedule that has no day to fire on.
pub(super) fn check(fields: &Fields) -> Result<(), ScheduleError> {
    if fields.either_day_matches() {
        // A weekday alone is enough.
        return Ok(());
    }
    let months: Vec<(&str, u32)> =
        fields.month.values().map(|month| MONTHS[month as usize - 1]).collect();
    let earliest = fields.day_of_month.values().next().unwrap_or(u32::MAX);
    if months.iter().any(|(_, days)| earliest <= *days) {
        return Ok(());
    }
    let names: Vec<&str> = months.iter().map(|(name, _)| *name).collect();
    let lengths: Vec<String> = months
        .iter()
        .map(|(name, days)| {
            if *days == 29 {
                format!("{name} has 29 days in leap years, else 28")
            } else {
                format!("{name} has {days} days")
            }
        })
        .collect();
    let span = fields.day_of_month.span.start..fields.month.span.end;
    Err(ScheduleError::at(
        span,
        format!("never fires: there is no day {earliest} in {}", names.join(" or ")),
    )
    .hint(lengths.join(", ")))
}
