//! A zone's changes, in the terms in which schedules are resolved: seconds on the wall clock.
//!
//! A wall-clock value ([`Wall`]) is counted in seconds as if it were UTC, so that it can be
//! computed with. jiff says which offsets a wall-clock value can have; how to treat one that is
//! removed or repeated is decided in `rule`. Nothing assumes that changes are of an hour, lie at
//! whole hours, or come twice a year.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// A value of the wall clock: seconds since 1970-01-01 00:00:00 on that clock.
pub(super) type Wall = i64;

/// An instant at which the zone's offset changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The first second under the new offset, in seconds since the epoch.
    pub(super) at: i64,
    /// The offset until then, in seconds east of UTC.
    pub(super) before: i64,
    /// The offset from then on.
    pub(super) after: i64,
}

impl Change {
    /// The wall clock's reading at the change if it had not happened: in a gap the first value that
    /// is removed, in a fold the first that is no longer repeated.
    pub(super) fn old_wall(&self) -> Wall {
        self.at + self.before
    }

    /// The wall clock's reading at the change: in a gap the first value after it, in a fold the
    /// first that is repeated.
    pub(super) fn new_wall(&self) -> Wall {
        self.at + self.after
    }

    /// True when the clock is set forward, so that values of the wall clock are removed.
    pub(super) fn is_gap(&self) -> bool {
        self.after > self.before
    }
}

/// How a value of the wall clock relates to instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// It occurs once, under this offset.
    Once(i64),
    /// It is removed.
    Removed {
        /// The offset before the change.
        before: i64,
        /// The offset after it.
        after: i64,
    },
    /// It occurs twice.
    Twice {
        /// The offset of the first time.
        before: i64,
        /// The offset of the second time.
        after: i64,
    },
}

/// The whole second that `t` lies in, in seconds since the epoch.
pub(super) fn second_of(t: Timestamp) -> i64 {
    // `as_second` rounds towards zero, so before 1970 a fraction would round up.
    if t.subsec_nanosecond() < 0 { t.as_second() - 1 } else { t.as_second() }
}

/// The offset in force at a second, or none outside of the years that jiff covers.
pub(super) fn offset_at(zone: &TimeZone, second: i64) -> Option<i64> {
    Some(zone.to_offset(Timestamp::from_second(second).ok()?).seconds().into())
}

/// The civil form of a value of the wall clock.
pub(super) fn civil(wall: Wall) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_second(wall).ok()?))
}

/// How often, and under which offsets, a value of the wall clock occurs.
pub(super) fn read(zone: &TimeZone, wall: Wall) -> Option<Reading> {
    Some(match zone.to_ambiguous_timestamp(civil(wall)?).offset() {
        AmbiguousOffset::Unambiguous { offset } => Reading::Once(offset.seconds().into()),
        AmbiguousOffset::Gap { before, after } => {
            Reading::Removed { before: before.seconds().into(), after: after.seconds().into() }
        }
        AmbiguousOffset::Fold { before, after } => {
            Reading::Twice { before: before.seconds().into(), after: after.seconds().into() }
        }
    })
}

/// The instant at which the clock of a zone shows this, by the rule for schedules: of two the first,
/// and for a time that a change removes the first instant after the gap. None outside of the years
/// that jiff covers.
pub fn instant_of(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let reading = zone.to_ambiguous_timestamp(civil);
    if let AmbiguousOffset::Gap { before, after } = reading.offset() {
        let wall = second_of(Offset::UTC.to_timestamp(civil).ok()?);
        if let Some(change) =
            change_around(zone, wall, before.seconds().into(), after.seconds().into())
        {
            return Timestamp::from_second(change.at).ok();
        }
    }
    reading.compatible().ok()
}

/// The changes after a second, in order. Transitions that only rename the zone are left out.
pub(super) fn changes_after(zone: &TimeZone, second: i64) -> impl Iterator<Item = Change> {
    Timestamp::from_second(second)
        .ok()
        .into_iter()
        .flat_map(|from| zone.following(from))
        .filter_map(|transition| {
            let at = transition.timestamp().as_second();
            Some(Change {
                at,
                before: offset_at(zone, at - 1)?,
                after: transition.offset().seconds().into(),
            })
        })
        .filter(|change| change.before != change.after)
}

/// The change that removes or repeats a value of the wall clock, given the offsets on its sides.
pub(super) fn change_around(
    zone: &TimeZone,
    wall: Wall,
    before: i64,
    after: i64,
) -> Option<Change> {
    // Under the larger of its two offsets the value lies before the change, gap or fold.
    let earlier = wall - before.max(after);
    let change = changes_after(zone, earlier).next()?;
    ((change.before, change.after) == (before, after)).then_some(change)
}
