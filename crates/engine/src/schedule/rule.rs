//! The rule that turns wall-clock values into instants (docs/reference.md, "Schedules").
//!
//! - A *fixed-time* schedule (its hour field does not start with `*`) fires what a gap removes at
//!   the first instant after the gap, all of it once; what a fold repeats fires the first time.
//! - A schedule that *follows the clock* fires whenever the wall clock shows a value that it
//!   names: never in a gap, in a fold both times.
//!
//! Every answer is later than the instant that was asked about, so a walk is strictly monotonic and
//! does not depend on where it began.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::wall_clock::{Fields, Walk};
use super::zone::{Change, Reading, Wall, change_around, offset_at, read, second_of};

/// One schedule, in the form that is evaluated.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    walk: Walk,
    /// Bit h is set where the hour field names h.
    hours: u32,
    follows_clock: bool,
}

impl Rule {
    /// The rule for these fields.
    pub(super) fn new(fields: &Fields) -> Result<Self, cron::error::Error> {
        Ok(Self {
            walk: Walk::new(fields)?,
            hours: fields.hour.values().fold(0, |hours, hour| hours | 1 << hour),
            follows_clock: fields.hour.starred,
        })
    }

    /// True for a schedule whose hour field starts with `*`.
    pub(super) fn follows_clock(&self) -> bool {
        self.follows_clock
    }

    /// The first occurrence after `t`, or none before the year 2101.
    pub(super) fn next_after(&self, zone: &TimeZone, t: Timestamp) -> Option<Timestamp> {
        // Nothing is scheduled before 1970 on any clock; far below, times have no civil form.
        let now = second_of(t).max(-2 * 86_400);
        let next = if self.follows_clock {
            self.next_on_clock(zone, now)?
        } else {
            self.next_fixed(zone, now)?
        };
        // Occurrences lie at whole seconds, so one after the second that `t` lies in is after `t`.
        assert!(next > now, "an occurrence lies after the instant that was asked about");
        Timestamp::from_second(next).ok()
    }

    /// The values that the schedule names in `[from, until)` of the wall clock, lowest first.
    pub(super) fn values_in(&self, from: Wall, until: Wall) -> impl Iterator<Item = Wall> {
        let first = if self.may_name_hours_of(from, until) {
            self.walk.next_after(from - 1).filter(|wall| *wall < until)
        } else {
            None
        };
        std::iter::successors(first, move |wall| {
            self.walk.next_after(*wall).filter(|wall| *wall < until)
        })
    }

    /// False when none of the hours in `[from, until)` is named: a cheap check that covers most
    /// schedules and changes of a zone.
    fn may_name_hours_of(&self, from: Wall, until: Wall) -> bool {
        const HOUR: i64 = 3600;
        let first = from.div_euclid(HOUR);
        let last = (until - 1).div_euclid(HOUR);
        last - first >= 23
            || (first..=last).any(|hour| self.hours & (1 << hour.rem_euclid(24)) != 0)
    }

    fn next_fixed(&self, zone: &TimeZone, now: i64) -> Option<i64> {
        let offset = offset_at(zone, now)?;
        let mut wall = now + offset;
        // On the second pass, all repeated values have fired: go on after it, rather than step over
        // each value, of which an hour of seconds has 3,600.
        if let Reading::Twice { before, after } = read(zone, wall)?
            && offset == after
            && let Some(change) = change_around(zone, wall, before, after)
        {
            wall = change.old_wall() - 1;
        }
        loop {
            wall = self.walk.next_after(wall)?;
            let instant = match read(zone, wall)? {
                Reading::Once(offset) => wall - offset,
                Reading::Twice { before, .. } => wall - before,
                Reading::Removed { before, after } => end_of_gap(zone, wall, before, after),
            };
            if instant > now {
                return Some(instant);
            }
        }
    }

    fn next_on_clock(&self, zone: &TimeZone, now: i64) -> Option<i64> {
        let offset = offset_at(zone, now)?;
        let mut wall = now + offset;
        // Within the first pass over a fold, the second pass lies before all later values.
        if let Reading::Twice { before, after } = read(zone, wall)?
            && offset == before
            && let Some(change) = change_around(zone, wall, before, after)
        {
            return self.next_in_fold(wall, change).or_else(|| {
                // Nothing is named in the rest of the fold: go on from its last second.
                self.next_on_clock(zone, change.at + (change.before - change.after) - 1)
            });
        }
        loop {
            let next = self.walk.next_after(wall)?;
            let instant = match read(zone, next)? {
                Reading::Once(offset) => next - offset,
                Reading::Twice { before, .. } if next - before > now => next - before,
                Reading::Twice { after, .. } => next - after,
                Reading::Removed { before, after } => {
                    // No value of the gap fires: go on with the first one behind it.
                    let end = end_of_gap(zone, next, before, after) + after;
                    wall = next.max(end - 1);
                    continue;
                }
            };
            if instant > now {
                return Some(instant);
            }
            wall = next;
        }
    }

    /// The next occurrence of a schedule that follows the clock, from a value in the first pass
    /// over a fold to the end of its second pass.
    fn next_in_fold(&self, wall: Wall, change: Change) -> Option<i64> {
        let in_fold = |from| self.walk.next_after(from).filter(|next| *next < change.old_wall());
        in_fold(wall)
            .map(|next| next - change.before)
            .or_else(|| in_fold(change.new_wall() - 1).map(|next| next - change.after))
    }
}

/// The first instant after the gap that removes a value of the wall clock.
fn end_of_gap(zone: &TimeZone, wall: Wall, before: i64, after: i64) -> i64 {
    match change_around(zone, wall, before, after) {
        Some(change) => change.at,
        // The zone's own data disagree; the offset before the change gives an instant behind it.
        None => wall - before,
    }
}
