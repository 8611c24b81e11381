//! A run and its attempts: the durable rows from which the engine is rebuilt after a crash, and, in
//! the files below, the life of one run.
//!
//! [`RunMachine`] is a run in memory. `submit` makes its requests and takes in their answers,
//! `found` its transfers in the agent's list. `verdict` interprets the end of a transfer, `retry`
//! decides how the run goes on then, `deadlines` holds the effects of time alone, `cancel` the
//! whole life of a cancel. All are functions of one run and the time; how runs affect each other is
//! the engine's business.

mod at_agent;
mod cancel;
mod cause_query;
mod changes;
mod deadlines;
mod found;
mod machine;
mod observations;
mod retry;
mod submit;
#[cfg(test)]
mod tests;
mod transitions;
mod verdict;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::ids::{AttemptId, JobName, RunId, TransferId, UserId};
use super::job::Terms;
use super::place::{Fingerprint, TransferRequest};
use super::reason::Reason;
use super::transfer::{Progress, TransferStatus};

pub use at_agent::AtAgent;
pub use cancel::{CancelCause, CancelRequest};
pub use changes::Changes;
pub use transitions::{attempt_may_become, run_may_become};

pub(crate) use cancel::OnCancel;
pub(crate) use cause_query::{CauseWait, PendingQuery};
pub(crate) use deadlines::{LookedFor, OnTime};
pub(crate) use found::{OnFound, Seen};
pub(crate) use machine::RunMachine;
pub(crate) use observations::{Before, Observations};
pub(crate) use retry::NextStep;
pub(crate) use submit::{AttemptChange, IntentFacts};

/// The state of a run (docs/reference.md, "What a run promises"). ARCHITECTURE.md has the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Not yet requested from the agent, or not yet again; the reason says why.
    Waiting,
    /// The intent is durable, the request is under way.
    Submitting,
    /// Accepted, or perhaps accepted, and not yet listed.
    Queued,
    /// Its transfer is listed.
    Running,
    /// Between two attempts.
    BackingOff,
    /// To be canceled; the agent has not confirmed it yet.
    Canceling,
    /// Over: done.
    Succeeded,
    /// Over: not done.
    Failed,
    /// Over: past `timeout` or `stall_timeout`.
    TimedOut,
    /// Over: canceled by a person.
    Canceled,
    /// Over before it began.
    Skipped,
}

impl RunState {
    /// All states, in the order of a run's life.
    pub const ALL: [RunState; 11] = [
        Self::Waiting,
        Self::Submitting,
        Self::Queued,
        Self::Running,
        Self::BackingOff,
        Self::Canceling,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Canceled,
        Self::Skipped,
    ];

    /// The word used in JSON, the database and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Submitting => "submitting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Canceling => "canceling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
        }
    }

    /// The state that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Its word for people.
    pub fn label(self) -> String {
        self.word().replace('_', " ")
    }

    /// True for an end that somebody should look at.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Failed | Self::TimedOut => true,
            Self::Waiting
            | Self::Submitting
            | Self::Queued
            | Self::Running
            | Self::BackingOff
            | Self::Canceling
            | Self::Succeeded
            | Self::Canceled
            | Self::Skipped => false,
        }
    }

    /// True for an end, which a run never leaves.
    pub fn is_over(self) -> bool {
        match self {
            Self::Waiting
            | Self::Submitting
            | Self::Queued
            | Self::Running
            | Self::BackingOff
            | Self::Canceling => false,
            Self::Succeeded | Self::Failed | Self::TimedOut | Self::Canceled | Self::Skipped => {
                true
            }
        }
    }

    /// True while no attempt is being made: before the first, and between two.
    pub fn is_between_attempts(self) -> bool {
        match self {
            Self::Waiting | Self::BackingOff => true,
            Self::Submitting
            | Self::Queued
            | Self::Running
            | Self::Canceling
            | Self::Succeeded
            | Self::Failed
            | Self::TimedOut
            | Self::Canceled
            | Self::Skipped => false,
        }
    }

    /// True while a transfer of it is active, so that there is progress to show.
    pub fn is_transferring(self) -> bool {
        match self {
            Self::Running | Self::Canceling => true,
            Self::Waiting
            | Self::Submitting
            | Self::Queued
            | Self::BackingOff
            | Self::Succeeded
            | Self::Failed
            | Self::TimedOut
            | Self::Canceled
            | Self::Skipped => false,
        }
    }
}

/// How an attempt ended. Its words are those of run states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
    /// Past `timeout` or `stall_timeout`.
    TimedOut,
    /// Canceled by a person, or because its run is over or has another transfer.
    Canceled,
}

impl Ended {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::TimedOut, Self::Canceled];

    /// The state of a run that ends as its attempt did.
    pub fn state(self) -> RunState {
        match self {
            Self::Succeeded => RunState::Succeeded,
            Self::Failed => RunState::Failed,
            Self::TimedOut => RunState::TimedOut,
            Self::Canceled => RunState::Canceled,
        }
    }
}

/// The origin of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// An occurrence, on time.
    Schedule,
    /// An occurrence that was missed.
    CatchUp,
    /// An operator's request.
    Manual,
    /// An operator's request to repeat a run.
    Retry,
    /// An operator's request for all runs of a span of time.
    Backfill,
}

impl Trigger {
    /// The word used in JSON and the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch_up",
            Self::Manual => "manual",
            Self::Retry => "retry",
            Self::Backfill => "backfill",
        }
    }

    /// True for a run of its job's own schedule, which is late if it starts after its time.
    pub fn is_of_schedule(self) -> bool {
        match self {
            Self::Schedule | Self::CatchUp => true,
            Self::Manual | Self::Retry | Self::Backfill => false,
        }
    }

    /// True for a trigger that lets all other runs of its job go first, until it has begun.
    pub fn steps_behind(self) -> bool {
        match self {
            Self::Retry | Self::Backfill => true,
            Self::Schedule | Self::CatchUp | Self::Manual => false,
        }
    }
}

/// A run's row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its job.
    pub job: JobName,
    /// Its origin.
    pub trigger: Trigger,
    /// The time that it is for; absent for a manual run without one.
    pub scheduled_for: Option<Timestamp>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// Its state.
    pub state: RunState,
    /// Why it is in that state.
    pub reason: Reason,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Not to be submitted before this: the end of a back-off, or of a queue's turn.
    pub ready_at: Timestamp,
    /// The request to cancel it.
    pub cancel: Option<CancelRequest>,
    /// The number of the attempt whose outcome decides.
    pub follows: Option<u32>,
    /// The run that must end first (`overlap: queue`, `replace`, `catch_up: all`, `trigger`).
    pub behind: Option<RunId>,
    /// The run that it repeats.
    #[serde(default)]
    pub retry_of: Option<RunId>,
    /// Its differences from its job, requested by an operator.
    #[serde(default)]
    pub changes: Changes,
    /// The rendered request: the same for all attempts.
    pub request: TransferRequest,
    /// The terms it started under.
    pub terms: Arc<Terms>,
}

/// The known state of an attempt's POST (docs/protocol.md, "Durable with each attempt").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Committed; the answer is awaited.
    Intent,
    /// Answered with 200.
    Accepted,
    /// Certainly not accepted.
    Refused,
    /// Perhaps accepted; looked for.
    Uncertain,
    /// Looked for in vain; still watched for.
    GivenUp,
    /// Nothing more is expected of it.
    Closed,
}

impl Phase {
    /// The word used in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
            Self::GivenUp => "given_up",
            Self::Closed => "closed",
        }
    }

    /// True while the agent has, or may yet get, its request.
    pub fn is_underway(self) -> bool {
        match self {
            Self::Intent | Self::Accepted | Self::Uncertain => true,
            Self::Refused | Self::GivenUp | Self::Closed => false,
        }
    }

    /// True while a transfer of the attempt may exist that is not known to be over.
    pub fn is_open(self) -> bool {
        match self {
            Self::Intent | Self::Accepted | Self::Uncertain | Self::GivenUp => true,
            Self::Refused | Self::Closed => false,
        }
    }
}

/// An attempt's row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its run and number.
    pub id: AttemptId,
    /// It counts towards `retry.max_attempts`.
    pub counts: bool,
    /// The fingerprint by which a record in a listing is recognized.
    pub fingerprint: Fingerprint,
    /// The owner of the token that was used, if the agent reports it.
    pub user: Option<UserId>,
    /// Ids with the same fingerprint that were listed before we asked: never ours.
    pub baseline: Vec<TransferId>,
    /// No transfer of it was requested before this: the commit of the intent.
    pub not_before: Timestamp,
    /// Nor after this: the answer, or the latest time at which a lost request may have been
    /// processed.
    pub not_after: Option<Timestamp>,
    /// `agent.exclusive_user` when we asked: the look before it reached further back then. Absent
    /// in rows of versions before 0.2.
    pub exclusive: Option<bool>,
    /// The agent's clock less ours, in milliseconds, when we asked; 0 if unknown.
    pub offset_ms: i64,
    /// How far, in milliseconds, the agent's dates may lie before and after ours beyond the skew:
    /// learned from clock steps, the `Date` header and certain matches. Only ever widened.
    pub slack_ms: (i64, i64),
    /// The known state of its POST.
    pub phase: Phase,
    /// Why it is uncertain: our own death or failing disk, which uses up no attempt.
    pub own_crash: bool,
    /// The reason for its last change.
    pub reason: Reason,
    /// Its transfer, once found. Unique over all attempts.
    pub transfer: Option<TransferId>,
    /// More records fit than attempts could own: none is canceled as a double.
    pub ambiguous: bool,
    /// The time after which it is canceled.
    pub deadline: Timestamp,
    /// The last status seen.
    pub status: Option<TransferStatus>,
    /// The last counters recorded.
    pub progress: Progress,
    /// When the counters last moved, by a clock that stands still while the transfer is paused or
    /// the agent is away.
    pub moved_at: Timestamp,
    /// When its transfer was first listed.
    pub listed_at: Option<Timestamp>,
    /// The request to cancel its transfer.
    pub cancel: Option<CancelRequest>,
    /// How it ended; absent while it has not.
    pub outcome: Option<Ended>,
    /// When we saw its end. Set before `outcome`, where the agent is first asked for the cause.
    pub ended_at: Option<Timestamp>,
    /// When its transfer ended at the agent, by our clock, where that is known.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// Why its transfer failed, wholly or in part, as far as that could be learned.
    pub cause: Option<Arc<Cause>>,
    /// Once given up, while it keeps its job and its destination from others: it does so at least
    /// until then, and until complete looks over `adopt_window` have not shown its transfer.
    pub holds_until: Option<Timestamp>,
    /// Once given up: the time up to which it is watched for.
    pub watched_until: Option<Timestamp>,
}
