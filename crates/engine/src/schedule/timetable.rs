//! All schedules of a job in its zone: the instants at which the job occurs.
//!
//! Two schedules that name one instant give one occurrence. Every answer depends on the arguments
//! alone, so after a restart the same question gets the same answer.

use std::collections::VecDeque;
use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::parse::Schedule;
use super::rule::Rule;
use crate::date_time::with_offset;

/// All schedules of a job, in its zone. Two are equal if they have the same occurrences: the same
/// [`Timetable::identity`], and the same changes of the zone.
#[derive(Clone)]
pub struct Timetable {
    schedules: Box<[Schedule]>,
    zone_name: Box<str>,
    zone: TimeZone,
}

/// The missed occurrences in a span of time, of which only the newest are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The newest ones, in ascending order.
    pub newest: Vec<Timestamp>,
    /// There are older ones too.
    pub more: bool,
}

impl Timetable {
    /// A timetable of these schedules; of none at all for a job that is only triggered.
    pub fn new(schedules: Vec<Schedule>, zone_name: &str, zone: TimeZone) -> Self {
        Self { schedules: schedules.into(), zone_name: zone_name.into(), zone }
    }

    /// The first occurrence after `t`: always later than `t`, and the earliest that any of the
    /// schedules gives. None for a trigger-only job, and after the year 2100.
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        self.rules().filter_map(|rule| rule.next_after(&self.zone, t)).min()
    }

    /// The occurrences in `(after, until]`: the newest of them, at most `max`.
    ///
    /// Takes some `max` × 30 calls of [`Timetable::next_after`] at worst, however dense the
    /// schedule is and however long the span: it is halved until its parts hold one occurrence.
    pub fn missed(&self, after: Timestamp, until: Timestamp, max: usize) -> Missed {
        let mut newest = VecDeque::new();
        self.collect_newest(after, until, max, &mut newest);
        let more = match newest.front() {
            Some(oldest) => self.next_after(after).is_some_and(|first| first < *oldest),
            None => max == 0 && self.next_after(after).is_some_and(|first| first <= until),
        };
        Missed { newest: newest.into(), more }
    }

    /// The last occurrence in `[not_before, t]`.
    pub fn last_at_or_before(&self, t: Timestamp, not_before: Timestamp) -> Option<Timestamp> {
        let nanosecond = SignedDuration::from_nanos(1);
        let after = not_before.checked_sub(nanosecond).unwrap_or(not_before);
        self.missed(after, t, 1).newest.pop()
    }

    /// Puts the occurrences in `(after, until]` before those in `newest`, latest first, until
    /// there are `max`.
    fn collect_newest(
        &self,
        after: Timestamp,
        until: Timestamp,
        max: usize,
        newest: &mut VecDeque<Timestamp>,
    ) {
        if newest.len() >= max || after >= until {
            return;
        }
        let Some(first) = self.next_after(after).filter(|first| *first <= until) else {
            return;
        };
        // Occurrences lie at whole seconds, so the halving of jiff's range of times ends after 40
        // steps.
        let rest = first.duration_until(until);
        if rest >= SignedDuration::from_secs(1) {
            let middle = first + rest / 2;
            self.collect_newest(middle, until, max, newest);
            self.collect_newest(first, middle, max, newest);
        }
        if newest.len() < max {
            newest.push_front(first);
        }
    }

    /// True for a trigger-only job.
    pub fn is_empty(&self) -> bool {
        self.schedules.is_empty()
    }

    /// The schedules.
    pub fn schedules(&self) -> impl ExactSizeIterator<Item = &Schedule> {
        self.schedules.iter()
    }

    /// The expressions, as written.
    pub fn expressions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.schedules.iter().map(Schedule::text)
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The zone's name, as given.
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }

    /// An instant for people to read: in the timetable's zone, with the offset, to the second.
    pub fn local(&self, at: Timestamp) -> String {
        with_offset(at, &self.zone)
    }

    /// Expressions and zone as text. Timetables of equal identity have the same occurrences;
    /// blanks and letter case make no difference.
    pub fn identity(&self) -> String {
        let expressions: Vec<String> = self
            .expressions()
            .map(|text| {
                let words: Vec<&str> = text.split_ascii_whitespace().collect();
                words.join(" ").to_ascii_lowercase()
            })
            .collect();
        let expressions = match expressions.as_slice() {
            [] => "no schedule".to_owned(),
            expressions => expressions.join(" | "),
        };
        format!("{expressions} in {}", self.zone_name)
    }

    /// The rules, for `dst_effects`.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.schedules.iter().map(Schedule::rule)
    }
}

impl PartialEq for Timetable {
    fn eq(&self, other: &Self) -> bool {
        // Ten thousand jobs are compared at each reload, and nearly all are unchanged.
        let as_written =
            self.zone_name == other.zone_name && self.expressions().eq(other.expressions());
        (as_written || self.identity() == other.identity()) && self.zone == other.zone
    }
}

impl Eq for Timetable {}

impl fmt::Debug for Timetable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timetable(`{}`)", self.identity())
    }
}
