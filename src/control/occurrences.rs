//! Coming occurrences as documents: `next --json`.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::core::schedule::Timetable;

/// The last instant that still belongs to a pause with this end.
pub fn just_before(end: Timestamp) -> Timestamp {
    end.checked_sub(SignedDuration::from_millis(1)).unwrap_or(end)
}

/// One coming occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OccurrenceDocument {
    /// The job.
    pub job: String,
    /// When, in RFC 3339 with the offset of the job's zone.
    pub at: String,
    /// The job's zone.
    pub timezone: String,
}

impl OccurrenceDocument {
    /// An occurrence of a job.
    pub fn new(job: &str, timetable: &Timetable, at: Timestamp) -> Self {
        let local = at.to_zoned_datetime(timetable.zone().clone());
        Self {
            job: job.to_owned(),
            at: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            timezone: timetable.zone_name().to_owned(),
        }
    }
}
