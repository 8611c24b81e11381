//! Reasons as sentences for the log and for alerts: in the zone of the job.

use jiff::Timestamp;

use super::Engine;
use crate::ids::{JobName, RunId, TransferId};
use crate::reason::{Plain, Reason, Telling};
use crate::schedule::Timetable;

/// Times in the zone of a job; ids in full.
struct InZone<'a>(&'a Timetable);

impl Telling for InZone<'_> {
    fn run(&self, run: RunId) -> String {
        Plain.run(run)
    }

    fn transfer(&self, transfer: TransferId) -> String {
        Plain.transfer(transfer)
    }

    fn time(&self, at: Timestamp) -> String {
        self.0.local(at)
    }
}

impl Engine {
    /// A time for people, in the zone of the job.
    pub(super) fn told_time(&self, job: &JobName, at: Timestamp) -> String {
        match self.jobs.get(job) {
            Some(planned) => planned.job.timetable.local(at),
            None => format!("{at:.0}"),
        }
    }

    /// A reason that concerns a run, in a sentence.
    pub(super) fn told(&self, run: RunId, reason: &Reason) -> String {
        let job = self.state.runs.get(&run).and_then(|live| self.jobs.get(&live.run.job));
        match job {
            Some(planned) => reason.told(&InZone(&planned.job.timetable)),
            None => reason.told(&Plain),
        }
    }
}
