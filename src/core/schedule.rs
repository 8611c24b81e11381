//! Schedules: placeholder signatures.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// All schedules of a job, in its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    expressions: Vec<String>,
    zone_name: String,
    zone: TimeZone,
}

impl Timetable {
    /// The first occurrence after `t`.
    pub fn next_after(&self, _t: Timestamp) -> Option<Timestamp> {
        None
    }

    /// True for a trigger-only job.
    pub fn is_empty(&self) -> bool {
        self.expressions.is_empty()
    }

    /// The expressions, as written.
    pub fn expressions(&self) -> &[String] {
        &self.expressions
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The zone's IANA name.
    pub fn zone_name(&self) -> &str {
        &self.zone_name
    }
}
