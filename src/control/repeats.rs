//! The requests of `trigger`, `retry` and `backfill`, and the plan of a backfill.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use crate::core::ids::{JobName, RunId};
use crate::core::place::{AccountNames, NamedPlace};
use crate::core::reason::ReasonCode;
use crate::core::repeat::{BackfillPlan, LeftOut};
use crate::core::run::Run;

/// A time, as far as it is known without the job: days and times of day are in the job's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeAsked {
    /// An instant.
    Instant(Timestamp),
    /// A time of a day.
    Local(DateTime),
    /// A whole day.
    Day(Date),
}

/// The parameters of `trigger`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerQuery {
    /// Names of jobs, or globs.
    pub jobs: Vec<String>,
    /// The scheduled time of the runs; absent for now.
    #[serde(default)]
    pub time: Option<TimeAsked>,
    /// Even if that time has succeeded.
    #[serde(default)]
    pub again: bool,
    /// Changes to the jobs' definitions: `KEY=VALUE`.
    #[serde(default)]
    pub set: Vec<String>,
}

/// The parameters of `retry`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryQuery {
    /// Ids of runs, beginnings of such, or jobs, which stand for their last run.
    #[serde(default)]
    pub runs: Vec<String>,
    /// Instead: all runs that failed since then and have not succeeded.
    #[serde(default)]
    pub failed_since: Option<Timestamp>,
    /// With the places of the job's current definition.
    #[serde(default)]
    pub current: bool,
    /// Even runs that have succeeded.
    #[serde(default)]
    pub again: bool,
}

/// The parameters of `backfill`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillQuery {
    /// The job.
    pub job: String,
    /// The start: for a day, its first instant.
    pub from: TimeAsked,
    /// The end: for a day, its last instant.
    pub to: TimeAsked,
    /// Even occurrences that have succeeded.
    #[serde(default)]
    pub all: bool,
    /// Only show the plan.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a backfill comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillDocument {
    /// The job.
    pub job: JobName,
    /// The runs, oldest first.
    pub runs: Vec<PlannedDocument>,
    /// Occurrences that get none.
    pub left_out: Vec<LeftOutDocument>,
}

/// A run of a backfill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedDocument {
    /// Its id; left out before it is recorded, as by `--dry-run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The occurrence.
    pub scheduled_for: Option<Timestamp>,
    /// Where its objects are.
    pub source: NamedPlace,
    /// Where they are to be.
    pub destination: NamedPlace,
}

/// An occurrence that a backfill leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutDocument {
    /// The occurrence.
    pub scheduled_for: Timestamp,
    /// The run that stands for it.
    pub run: RunId,
    /// Why: `completed` for one that has succeeded, `overlap` for one that is not over.
    pub reason_code: ReasonCode,
}

impl BackfillDocument {
    /// A plan, or its recorded runs.
    pub fn new(job: JobName, plan: &BackfillPlan, recorded: bool, accounts: &AccountNames) -> Self {
        let planned = |run: &Run| PlannedDocument {
            run: recorded.then_some(run.id),
            scheduled_for: run.scheduled_for,
            source: NamedPlace::new(&run.request.source, accounts),
            destination: NamedPlace::new(&run.request.destination, accounts),
        };
        let left_out = |left: &LeftOut| LeftOutDocument {
            scheduled_for: left.scheduled_for,
            run: left.run,
            reason_code: left.code,
        };
        Self {
            job,
            runs: plan.runs.iter().map(planned).collect(),
            left_out: plan.left_out.iter().map(left_out).collect(),
        }
    }
}
