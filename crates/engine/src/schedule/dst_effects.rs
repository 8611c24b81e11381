//! The effects of a zone's changes on fixed-time schedules, for warnings with a date.
//!
//! Looks only at the changes within the requested period, not at its occurrences, so that ten
//! thousand jobs cost little.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::timetable::Timetable;
use super::zone::{changes_after, civil, second_of};

/// Values of one schedule that are reported for one change of the zone: a schedule of every minute
/// between 2 and 3 has sixty, and one is enough.
const PER_CHANGE: usize = 3;

/// An occurrence that a change of the zone removes or repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DstEffect {
    /// When the clock is changed.
    pub at: Timestamp,
    /// The effect of the change.
    pub kind: DstEffectKind,
    /// The time of the wall clock that the schedule names.
    pub wall: DateTime,
    /// When it fires: at the end of the gap, or the first of two times.
    pub fires_at: Timestamp,
}

/// The effect of a zone's change on an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstEffectKind {
    /// The wall clock never shows that time.
    Removed,
    /// The wall clock shows that time twice.
    Repeated,
}

impl Timetable {
    /// The occurrences of fixed-time schedules that changes of the zone in `(from, until]` remove
    /// or repeat, in order of time, a few for each schedule and change.
    pub fn dst_effects(&self, from: Timestamp, until: Timestamp) -> Vec<DstEffect> {
        let mut effects = Vec::new();
        if self.rules().all(|rule| rule.follows_clock()) {
            return effects;
        }
        let changes = changes_after(self.zone(), second_of(from))
            .take_while(|change| change.at <= second_of(until));
        for change in changes {
            let (first, end, kind) = if change.is_gap() {
                (change.old_wall(), change.new_wall(), DstEffectKind::Removed)
            } else {
                (change.new_wall(), change.old_wall(), DstEffectKind::Repeated)
            };
            let mut walls: Vec<i64> = self
                .rules()
                .filter(|rule| !rule.follows_clock())
                .flat_map(|rule| rule.values_in(first, end).take(PER_CHANGE))
                .collect();
            walls.sort_unstable();
            walls.dedup();
            effects.extend(walls.into_iter().filter_map(|wall| {
                let fires_at = match kind {
                    DstEffectKind::Removed => change.at,
                    DstEffectKind::Repeated => wall - change.before,
                };
                Some(DstEffect {
                    at: Timestamp::from_second(change.at).ok()?,
                    kind,
                    wall: civil(wall)?,
                    fires_at: Timestamp::from_second(fires_at).ok()?,
                })
            }));
        }
        effects
    }
}
