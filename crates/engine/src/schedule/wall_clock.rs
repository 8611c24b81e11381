//! Steps over the wall-clock values that a schedule names, by the `cron` crate.
//!
//! `cron` is given explicit numeric lists only, and walks in UTC only: its own reading of crontab
//! text, of the two day fields and of DST is not cron(8)'s. Zones are not known here.
//!
//! `cron` knows the years 1970 to 2100; beyond, a schedule has no next value.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::field::{Field, FieldKind};
use super::zone::Wall;

/// The six fields of a schedule.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    /// Always only 0 for a schedule of five fields.
    pub(super) second: Field,
    /// 0 to 59.
    pub(super) minute: Field,
    /// 0 to 23.
    pub(super) hour: Field,
    /// 1 to 31.
    pub(super) day_of_month: Field,
    /// 1 to 12.
    pub(super) month: Field,
    /// 0 to 6, Sunday is 0.
    pub(super) day_of_week: Field,
}

impl Fields {
    /// True when a day has to match one day field only, as neither starts with `*` (cron(8)).
    pub(super) fn either_day_matches(&self) -> bool {
        !self.day_of_month.starred && !self.day_of_week.starred
    }
}

/// The wall-clock values of one schedule.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// Matches a day by both fields, or by day-of-month alone where `other` is set.
    main: cron::Schedule,
    /// Matches a day by day-of-week alone, where either day field may match. `cron` demands both,
    /// so that the earlier of two answers is needed.
    other: Option<Box<cron::Schedule>>,
}

impl Walk {
    /// A walk over the values that the fields name.
    pub(super) fn new(fields: &Fields) -> Result<Self, cron::error::Error> {
        let all_days = Field::all(FieldKind::DayOfMonth);
        let all_weekdays = Field::all(FieldKind::DayOfWeek);
        if fields.either_day_matches() {
            Ok(Self {
                main: schedule(fields, &fields.day_of_month, &all_weekdays)?,
                other: Some(Box::new(schedule(fields, &all_days, &fields.day_of_week)?)),
            })
        } else {
            Ok(Self {
                main: schedule(fields, &fields.day_of_month, &fields.day_of_week)?,
                other: None,
            })
        }
    }

    /// The first value after `wall`.
    pub(super) fn next_after(&self, wall: Wall) -> Option<Wall> {
        // Nothing was scheduled before 1970, and `cron` does not look at those years.
        let from: DateTime<Utc> = DateTime::from_timestamp(wall.max(-1), 0)?;
        let next = |schedule: &cron::Schedule| schedule.after(&from).next();
        let main = next(&self.main);
        let first = match &self.other {
            None => main,
            Some(other) => match (main, next(other)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        };
        first.map(|next| next.timestamp())
    }
}

/// A `cron` schedule of explicit lists.
fn schedule(
    fields: &Fields,
    day_of_month: &Field,
    day_of_week: &Field,
) -> Result<cron::Schedule, cron::error::Error> {
    let mut text = String::with_capacity(32);
    for (field, shift) in [
        (&fields.second, 0),
        (&fields.minute, 0),
        (&fields.hour, 0),
        (day_of_month, 0),
        (&fields.month, 0),
        // `cron` counts from Sunday = 1.
        (day_of_week, 1),
    ] {
        push_list(&mut text, field, shift);
        text.push(' ');
    }
    text.truncate(text.trim_end().len());
    text.parse()
}

/// Appends a field's values as a list of numbers and ranges; a full field as `*`, which costs
/// `cron` no memory.
fn push_list(text: &mut String, field: &Field, shift: u32) {
    if field.is_full() {
        text.push('*');
        return;
    }
    let mut values = field.values().peekable();
    let mut first = true;
    while let Some(start) = values.next() {
        let mut end = start;
        while values.next_if_eq(&(end + 1)).is_some() {
            end += 1;
        }
        if !std::mem::take(&mut first) {
            text.push(',');
        }
        // Writing to a string can't fail.
        let _ = write!(text, "{}", start + shift);
        if end > start {
            let _ = write!(text, "-{}", end + shift);
        }
    }
}
