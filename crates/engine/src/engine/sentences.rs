//! Formats reasons as sentences for alerts, in the zone of the job, and for the log, in that of the
//! machine.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Engine;
use crate::date_time::with_offset;
use crate::ids::{JobName, RunId, TransferId};
use crate::reason::{Plain, Reason, Wording};

/// Times by the clock of a zone; ids in full.
struct InZone<'a>(&'a TimeZone);

impl Wording for InZone<'_> {
    fn run(&self, run: RunId) -> String {
        Plain.run(run)
    }

    fn transfer(&self, transfer: TransferId) -> String {
        Plain.transfer(transfer)
    }

    fn time(&self, at: Timestamp) -> String {
        with_offset(at, self.0)
    }
}

impl Engine {
    /// A time for people, in the zone of the job.
    pub(super) fn job_time(&self, job: &JobName, at: Timestamp) -> String {
        match self.job(job) {
            Some(job) => job.timetable.local(at),
            None => self.machine_time(at),
        }
    }

    /// A time for people, in the zone of the machine: for messages about no single job.
    pub(super) fn machine_time(&self, at: Timestamp) -> String {
        with_offset(at, &self.set.zone)
    }

    /// The sentence for a run's reason, in the zone of its job.
    pub(super) fn sentence(&self, run: RunId, reason: &Reason) -> String {
        let job = self.job(&self.state.run(run).row().job);
        let zone = job.map_or(&self.set.zone, |job| job.timetable.zone());
        reason.sentence(&InZone(zone))
    }

    /// The same for the log, in which all times are in the zone of the machine, as those before the
    /// lines are.
    pub(super) fn log_sentence(&self, reason: &Reason) -> String {
        reason.sentence(&InZone(&self.set.zone))
    }
}
