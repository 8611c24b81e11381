//! Runs that people request besides the schedule: the request, and what the history says about it.
//!
//! Whether such a run is allowed is the engine's decision; the caller looks up the history.

use std::sync::Arc;

use jiff::Timestamp;

use super::ids::{JobName, RunId};
use super::reason::ReasonCode;
use super::run::{Changes, Run, RunState};

/// A run that a person requests.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRequest {
    /// The id of the new run.
    pub run: RunId,
    /// The job.
    pub job: JobName,
    /// The kind of run.
    pub what: Wanted,
    /// Allows it even if its time has succeeded.
    pub again: bool,
    /// Changes to the job's definition.
    pub changes: Changes,
    /// The runs so far for this job and time.
    pub past: Vec<PastRun>,
}

/// The kind of a requested run.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// For this time; without one, for now.
    Manual(Option<Timestamp>),
    /// A repetition of another run.
    Retry {
        /// The other run.
        of: Arc<Run>,
        /// With places rendered from the current definition instead of the other run's.
        current: bool,
    },
}

impl RunRequest {
    /// A run of a job now.
    pub fn now(job: JobName, run: RunId) -> Self {
        let what = Wanted::Manual(None);
        Self { run, job, what, again: false, changes: Changes::default(), past: Vec::new() }
    }

    /// The time that the run is for.
    pub fn scheduled_for(&self) -> Option<Timestamp> {
        match &self.what {
            Wanted::Manual(scheduled_for) => *scheduled_for,
            Wanted::Retry { of, .. } => of.scheduled_for,
        }
    }
}

/// A past run, with the facts that decide whether its time is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// Its id.
    pub run: RunId,
    /// The time that it was for, to the millisecond.
    pub scheduled_for: Timestamp,
    /// Its state.
    pub state: RunState,
}

impl PastRun {
    /// A run whose scheduled time is known to the millisecond.
    pub fn of(run: RunId, scheduled_for: Timestamp, state: RunState) -> Self {
        let milliseconds = scheduled_for.as_millisecond();
        let scheduled_for = Timestamp::from_millisecond(milliseconds).unwrap_or(scheduled_for);
        Self { run, scheduled_for, state }
    }
}

/// Runs for all occurrences of a job in a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// The job.
    pub job: JobName,
    /// The first instant.
    pub from: Timestamp,
    /// The last one, itself included.
    pub to: Timestamp,
    /// Includes those that have succeeded.
    pub all: bool,
    /// The past runs in that span.
    pub past: Vec<PastRun>,
    /// The seed of the new runs' ids, drawn by the daemon.
    pub seed: RunId,
}

/// The plan of a backfill.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BackfillPlan {
    /// The new runs, oldest time first.
    pub runs: Vec<Run>,
    /// Occurrences that get none.
    pub left_out: Vec<LeftOut>,
}

/// An occurrence that a backfill leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The occurrence.
    pub scheduled_for: Timestamp,
    /// The run that covers it.
    pub run: RunId,
    /// Why that run is enough.
    pub code: ReasonCode,
}
