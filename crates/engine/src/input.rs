//! Inputs and effects: everything that can happen, and everything that the daemon can do about it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::alert::{Delivery, QueuedAlert};
use super::cause::{CauseQuery, FailedObject, OurRow};
use super::digest::Reading;
use super::event::EventKind;
use super::ids::{AlertId, AlertKey, AttemptId, JobName, RunId, TransferId};
use super::job::{AlertChannel, JobSet};
use super::place::TransferRequest;
use super::reason::ReasonCode;
use super::record::{Pause, Record};
use super::repeat::{Backfill, BackfillPlan, Wish};
use super::run::RunState;
use super::transfer::{CancelAnswer, Look, LookFailure, LookRequest, StartAnswer, SubmitAnswer};

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The time that `next_wakeup` named, or any other, has come.
    TimeReached,
    /// A good job file was read.
    JobsReplaced(Arc<JobSet>),
    /// The answer to [`Effect::Submit`].
    Submitted {
        /// Which attempt.
        attempt: AttemptId,
        /// What came of it.
        answer: SubmitAnswer,
    },
    /// The answer to [`Effect::Look`].
    Looked(Result<Look, LookFailure>),
    /// The answer to [`Effect::Cancel`].
    CancelAnswered {
        /// Which transfer.
        transfer: TransferId,
        /// What came of it.
        answer: CancelAnswer,
    },
    /// The answer to [`Effect::StartAgent`].
    AgentStarted(StartAnswer),
    /// The agent's notification socket said that something has changed.
    Notified,
    /// A frame of that socket said that the request of this attempt was carried out. Anybody can
    /// send one, and its lack proves nothing (protocol, rule 14).
    Receipt(AttemptId),
    /// A frame of that socket said that an object could not be transferred. Anybody can send one.
    ObjectFailed {
        /// Of which transfer.
        transfer: TransferId,
        /// Which object, and why.
        object: FailedObject,
    },
    /// The answer to [`Effect::LearnCause`].
    CauseLearned {
        /// Of which attempt.
        attempt: AttemptId,
        /// Of which transfer.
        transfer: TransferId,
        /// What the agent's history says; absent if nothing could be learned.
        row: Option<OurRow>,
    },
    /// The token's source has changed.
    TokenChanged,
    /// The wall clock was set, by this much (positive: forward). Suspends are not steps.
    ClockStepped {
        /// New time less old.
        by: SignedDuration,
    },
    /// The answer to [`Effect::Deliver`].
    Delivered {
        /// Which alert.
        alert: AlertId,
        /// What came of it.
        delivery: Delivery,
    },
    /// The answer to [`Effect::GatherDigest`].
    DigestGathered {
        /// For which digest.
        digest: AlertKey,
        /// From which event on.
        after: Option<u64>,
        /// What the history says, or why it could not be read.
        answer: Result<Reading, String>,
    },
    /// When the token in use ends; absent where that is not known, or another one follows by
    /// itself.
    TokenEnds(Option<Timestamp>),
    /// The job file was read: what is wrong with it, in a line; absent if it is good.
    JobFileJudged(Option<String>),
    /// An operator asks for something.
    Operator {
        /// Names the asker in [`Effect::Reply`].
        reply: ReplyTo,
        /// What is asked.
        request: OperatorRequest,
        /// Who asks, by name and number; absent where that is not known.
        by: Option<String>,
    },
}

/// Names an operator's pending request; the daemon's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyTo(pub u64);

/// What an operator can ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorRequest {
    /// Run the job now.
    Trigger {
        /// The job.
        job: JobName,
        /// The id of the run to be, drawn by the daemon.
        run: RunId,
    },
    /// Run jobs for a time, or runs once more: all of them, or none.
    Repeat(Vec<Wish>),
    /// Run a job for all occurrences of a span of time.
    Backfill(Backfill),
    /// Cancel a run.
    CancelRun(RunId),
    /// Cancel the active run of a job, and the one that waits behind it.
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
    /// Schedule all jobs again but those that are paused by themselves.
    ResumeAll,
}

/// The answer to an operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done; concerns these runs (none for pause and resume).
    Done(Vec<RunId>),
    /// Done, and there is more to say: it has less effect than one would think.
    DoneBut(String),
    /// Done: these runs are recorded.
    Planned(Box<BackfillPlan>),
    /// Not done, in words.
    No(String),
}

/// Everything that the daemon can do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read `get_all`; answered by [`Input::Looked`]. One at a time.
    Look(LookRequest),
    /// POST a transfer; answered by [`Input::Submitted`].
    Submit {
        /// On behalf of this attempt.
        attempt: AttemptId,
        /// The body.
        request: TransferRequest,
    },
    /// Ask for a cancellation; answered by [`Input::CancelAnswered`]. Safe to repeat, and so
    /// performed even if the step's records could not be committed.
    Cancel {
        /// Which transfer.
        transfer: TransferId,
    },
    /// Ask the agent to start with our token; answered by [`Input::AgentStarted`]. Safe to repeat.
    StartAgent,
    /// Look into the agent's transfer history for why a transfer failed; answered by
    /// [`Input::CauseLearned`], soon or never: nobody waits for it long.
    LearnCause {
        /// On behalf of this attempt.
        attempt: AttemptId,
        /// What a row of ours is known by.
        query: CauseQuery,
    },
    /// Deliver an alert; answered by [`Input::Delivered`]. One of an entry at a time.
    Deliver {
        /// The alert.
        alert: Arc<QueuedAlert>,
        /// How.
        channel: AlertChannel,
    },
    /// Read the history for a digest; answered by [`Input::DigestGathered`].
    GatherDigest {
        /// Which digest.
        digest: AlertKey,
        /// The jobs that it is about: names or globs; empty for all.
        jobs: Vec<String>,
        /// What was recorded after this event; absent to be told where the history stands.
        after: Option<u64>,
    },
    /// Answer an operator.
    Reply {
        /// Whom.
        to: ReplyTo,
        /// What.
        answer: Answer,
    },
}

/// What comes of one input: first all of `record` is committed, then `then` is performed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// To be committed in one transaction.
    pub record: Vec<Record>,
    /// To be performed, in order, after the commit.
    pub then: Vec<Effect>,
    /// To be told to the log; never matters to the state.
    pub notes: Vec<Note>,
}

/// A sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How loud.
    pub level: Level,
    /// The job that it is about.
    pub job: Option<JobName>,
    /// The run that it is about.
    pub run: Option<RunId>,
    /// The operator who has asked for it, if it comes of that.
    pub by: Option<String>,
    /// What it says of its run beside the sentence.
    pub facts: NoteFacts,
    /// When.
    pub at: Timestamp,
    /// The sentence.
    pub text: String,
}

/// What a [`Note`] about a run says beside its sentence, for whoever searches the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoteFacts {
    /// The run's state.
    pub state: Option<RunState>,
    /// What has happened, if it is an event of the run's timeline too.
    pub event: Option<EventKind>,
    /// The number of the run's latest attempt.
    pub attempt: Option<u32>,
    /// Why the run is in its state.
    pub reason_code: Option<ReasonCode>,
}

/// How loud a [`Note`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who look closely.
    Debug,
    /// A step in a run's life.
    Info,
    /// Something an operator should know.
    Warn,
    /// Something an operator should act on.
    Error,
}
