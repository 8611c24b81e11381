//! The requests of `trigger`, `retry` and `backfill`, and the plan of a backfill.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use crate::core::ids::{JobName, RunId};
use crate::core::place::{AccountNames, NamedPlace};
use crate::core::reason::ReasonCode;
use crate::core::repeat::{BackfillPlan, LeftOut};
use crate::core::run::Run;

/// A time, as far as it can be told without knowing the job: days and times of day are meant in
/// the job's zone.
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

/// What `trigger` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerQuery {
    /// Names of jobs, or globs.
    pub jobs: Vec<String>,
    /// The scheduled time that the runs are to be for; absent for now.
    #[serde(default)]
    pub time: Option<TimeAsked>,
    /// Also if that time has succeeded.
    #[serde(default)]
    pub again: bool,
    /// What is to differ from the jobs: `KEY=VALUE`.
    #[serde(default)]
    pub set: Vec<String>,
}

/// What `retry` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryQuery {
    /// Ids of runs, beginnings of such, or jobs, which stand for their last run.
    #[serde(default)]
    pub runs: Vec<String>,
    /// Instead: all that failed since then and have not succeeded.
    #[serde(default)]
    pub failed_since: Option<Timestamp>,
    /// To the places that the job's definition of today gives.
    #[serde(default)]
    pub current: bool,
    /// Also what has succeeded.
    #[serde(default)]
    pub again: bool,
}

/// What `backfill` is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillQuery {
    /// The job.
    pub job: String,
    /// From when: of a day, its start.
    pub from: TimeAsked,
    /// Until when: of a day, its end.
    pub to: TimeAsked,
    /// Also what has succeeded.
    #[serde(default)]
    pub all: bool,
    /// Only say which runs these would be.
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
    /// Its id, once it is recorded.
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
    /// A plan, or what was recorded of it.
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
