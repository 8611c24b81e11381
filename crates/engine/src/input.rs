//! Inputs and effects: everything that can happen, and everything that the daemon can do about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::alert::{Delivery, QueuedAlert};
use super::cause::{CauseQuery, FailedObject, OurRow};
use super::digest::Reading;
use super::ids::{AccessId, AlertId, AlertKey, AttemptId, JobName, RunId, TransferId};
use super::job::{AlertChannel, JobSet};
use super::place::TransferRequest;
use super::reason::ReasonCode;
use super::record::{Pause, Record};
use super::repeat::{Backfill, BackfillPlan, RunRequest};
use super::run::{CancelRequest, RunState};
use super::transfer::{CancelAnswer, Look, LookFailure, LookRequest, StartAnswer, SubmitAnswer};

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The time from `next_wakeup`, or any other, was reached.
    TimeReached,
    /// A good job file was read.
    JobsReplaced(Arc<JobSet>),
    /// The answer to [`Effect::Submit`].
    Submitted {
        /// The attempt.
        attempt: AttemptId,
        /// The result.
        answer: SubmitAnswer,
    },
    /// The answer to [`Effect::Look`].
    Looked(Result<Look, LookFailure>),
    /// Cancels that were sent though the request for them could not be recorded.
    CancelsSent(BTreeMap<TransferId, CancelRequest>),
    /// The answer to [`Effect::Cancel`].
    CancelAnswered {
        /// The transfer.
        transfer: TransferId,
        /// The result.
        answer: CancelAnswer,
    },
    /// The answer to [`Effect::StartAgent`].
    AgentStarted(StartAnswer),
    /// The agent's notification socket reported a change.
    Notified,
    /// A frame of that socket reported that the request of this attempt was carried out. Anybody
    /// can send one, and its lack proves nothing (protocol, rule 14).
    Receipt(AttemptId),
    /// A frame of that socket reported that an object could not be transferred. Anybody can send
    /// one.
    ObjectFailed {
        /// The transfer.
        transfer: TransferId,
        /// The object, and the reason.
        object: FailedObject,
    },
    /// The answer to [`Effect::LearnCause`].
    CauseLearned {
        /// The attempt.
        attempt: AttemptId,
        /// The transfer.
        transfer: TransferId,
        /// Our row of the agent's history; absent if nothing could be learned.
        row: Option<OurRow>,
    },
    /// The token's source has changed.
    TokenChanged,
    /// The wall clock was set. Suspends are not steps.
    ClockStepped {
        /// New time less old.
        by: SignedDuration,
    },
    /// The answer to [`Effect::Deliver`].
    Delivered {
        /// The alert.
        alert: AlertId,
        /// The result.
        delivery: Delivery,
    },
    /// The answer to [`Effect::GatherDigest`].
    DigestGathered {
        /// The digest.
        digest: AlertKey,
        /// The event after which the reading began.
        after: Option<u64>,
        /// The summary of the history, or the reason why it could not be read.
        answer: Result<Reading, String>,
    },
    /// When the token in use ends; absent if that is unknown, or if another one follows by itself.
    TokenEnds(Option<Timestamp>),
    /// The job file was read: its first error in one line; absent if it is valid.
    JobFileChecked(Option<String>),
    /// A request from an operator.
    Operator {
        /// Identifies the request in [`Effect::Reply`].
        reply: ReplyTo,
        /// The request.
        request: OperatorRequest,
        /// The operator, by name and number; absent if unknown.
        by: Option<String>,
    },
}

/// Identifies an operator's pending request; the daemon's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyTo(pub u64);

/// A request from an operator.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorRequest {
    /// Run the job now.
    Trigger {
        /// The job.
        job: JobName,
        /// The id of the new run, drawn by the daemon.
        run: RunId,
    },
    /// Run jobs for a time, or repeat runs: all of them, or none.
    Repeat(Vec<RunRequest>),
    /// Run a job for all occurrences of a span of time.
    Backfill(Backfill),
    /// Cancel a run.
    CancelRun(RunId),
    /// Cancel the active run of a job, and the one that waits for it.
    CancelJob(JobName),
    /// Stop scheduling a job.
    Pause {
        /// The job.
        job: JobName,
        /// The pause.
        pause: Pause,
    },
    /// Schedule it again.
    Resume(JobName),
    /// Stop scheduling all jobs; single pauses stay as they are.
    PauseAll(Pause),
    /// Schedule all jobs again, except those with a pause of their own.
    ResumeAll,
}

/// The answer to an operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done; concerns these runs (none for pause and resume).
    Done(Vec<RunId>),
    /// Done, with a remark: it has less effect than one might expect.
    DoneBut(String),
    /// Done: these runs are recorded.
    Planned(Box<BackfillPlan>),
    /// Not done, for this reason.
    No(String),
}

/// Everything that the daemon can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read `get_all`; answered by [`Input::Looked`]. One at a time.
    Look(LookRequest),
    /// POST a transfer; answered by [`Input::Submitted`].
    Submit {
        /// The attempt.
        attempt: AttemptId,
        /// The agent and the token by which the list was read before.
        access: AccessId,
        /// The body.
        request: TransferRequest,
    },
    /// Request a cancellation; answered by [`Input::CancelAnswered`]. Safe to repeat, and so
    /// performed even if the step's records could not be committed.
    Cancel {
        /// The transfer.
        transfer: TransferId,
    },
    /// Ask the agent to start with our token; answered by [`Input::AgentStarted`]. Safe to repeat.
    StartAgent,
    /// Search the agent's transfer history for why a transfer failed; answered by
    /// [`Input::CauseLearned`], soon or never: nobody waits for it long.
    LearnCause {
        /// The attempt.
        attempt: AttemptId,
        /// The evidence by which our row is recognized.
        query: CauseQuery,
    },
    /// Deliver an alert; answered by [`Input::Delivered`]. One of an entry at a time.
    Deliver {
        /// The alert.
        alert: Arc<QueuedAlert>,
        /// The channel.
        channel: AlertChannel,
    },
    /// Read the history for a digest; answered by [`Input::DigestGathered`].
    GatherDigest {
        /// The digest.
        digest: AlertKey,
        /// The jobs that it is about: names or globs; empty for all.
        jobs: Vec<String>,
        /// The event after which to read; absent to ask only for the end of the history.
        after: Option<u64>,
    },
    /// Answer an operator.
    Reply {
        /// The request to answer.
        to: ReplyTo,
        /// The answer.
        answer: Answer,
    },
}

/// The result of one input: first all of `record` is committed, then `then` is performed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// To be committed in one transaction.
    pub record: Vec<Record>,
    /// To be performed, in order, after the commit.
    pub then: Vec<Effect>,
    /// To be logged; never matters to the state.
    pub log: Vec<LogLine>,
}

/// A sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its severity.
    pub level: Level,
    /// The job that it is about.
    pub job: Option<JobName>,
    /// The run that it is about.
    pub run: Option<RunId>,
    /// The operator who requested it, if it results from a request.
    pub by: Option<String>,
    /// Fields beside the sentence.
    pub facts: LogFields,
    /// When.
    pub at: Timestamp,
    /// The sentence.
    pub text: String,
}

/// Fields of a [`LogLine`] beside its sentence, for searching the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFields {
    /// The run's state.
    pub state: Option<RunState>,
    /// The event, in one word: that in the run's timeline, or that in the life of the job.
    pub event: Option<&'static str>,
    /// The number of the run's latest attempt.
    pub attempt: Option<u32>,
    /// Why the run is in its state.
    pub reason_code: Option<ReasonCode>,
}

/// The severity of a [`LogLine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Details for debugging.
    Debug,
    /// A step in a run's life.
    Info,
    /// Something an operator should know.
    Warn,
    /// Something an operator should act on.
    Error,
}
