//! `jitter`: the delay of an occurrence, the same for the same job and occurrence on one machine.
//!
//! Keeps true: an occurrence is due before the next one, so that none is held up by the one before.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::ids::JobName;
use crate::job::Job;
use crate::schedule::Timetable;
use crate::time::shift;

/// Times are kept to the millisecond: just before an instant is the one before it.
pub(crate) const JUST_BEFORE: SignedDuration = SignedDuration::from_millis(-1);

/// The delays of a job's occurrences on one machine.
#[derive(Clone, Copy, Debug)]
pub struct Delays<'a> {
    /// The job.
    pub job: &'a JobName,
    /// Its schedule.
    pub timetable: &'a Timetable,
    /// Its `jitter`; zero for none.
    pub jitter: SignedDuration,
    /// A number that differs from machine to machine.
    pub seed: u64,
}

impl Job {
    /// The delays of its occurrences on the machine of that seed.
    pub fn delays(&self, seed: u64) -> Delays<'_> {
        Delays { job: &self.name, timetable: &self.timetable, jitter: self.jitter, seed }
    }
}

impl Delays<'_> {
    /// When an occurrence is due.
    pub fn due_at(&self, occurrence: Timestamp) -> Timestamp {
        if self.jitter.is_zero() {
            return occurrence;
        }
        let next = self.timetable.next_after(occurrence);
        let gap = next.map_or(self.jitter, |next| next.duration_since(occurrence));
        let jitter = u64::try_from(self.jitter.min(gap).as_millis()).unwrap_or(0).max(1);
        let key = format!("{}\n{}\n{occurrence}", self.seed, self.job);
        let (chance, _) = Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).as_u64_pair();
        let delay = i64::try_from(chance % jitter).unwrap_or(0);
        shift(occurrence, SignedDuration::from_millis(delay))
    }

    /// The last instant of which an occurrence is due before `at`: up to there, all of them are.
    pub(crate) fn last_before(&self, at: Timestamp) -> Timestamp {
        let before = shift(at, JUST_BEFORE);
        let last = self.timetable.last_at_or_before(before, shift(before, -self.jitter));
        // Only the last one can be delayed so far.
        let delayed = last.filter(|last| at <= self.due_at(*last));
        delayed.map_or(before, |delayed| shift(delayed, JUST_BEFORE))
    }
}
