//! What can be asked over the control socket.
//!
//! Knows nothing of HTTP, nor of how it is answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::document::{DoneDocument, ReloadDocument, RunDocument, ShowDocument, StatusDocument};
use super::repeats::{BackfillDocument, BackfillQuery, RetryQuery, TriggerQuery};
use crate::core::run::RunState;

/// The most runs that one answer holds, so that it is made in a moment and fits in memory.
pub const HISTORY_MAX: usize = 10_000;

/// What a question is answered with: a document, or why not.
pub type Reply<T> = oneshot::Sender<Result<T, Refused>>;

/// Why something can't be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such job or run.
    Unknown(String),
    /// It can't be done now, or not at all.
    No(String),
    /// The daemon can't write to its database, or is stopping.
    Unavailable(String),
}

impl Refused {
    /// The words.
    pub fn words(&self) -> &str {
        match self {
            Self::Unknown(words) | Self::No(words) | Self::Unavailable(words) => words,
        }
    }
}

/// A question, and who asks.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// The user who asks for a change, by name and number; absent where nothing is changed, or the
    /// kernel does not say.
    pub by: Option<String>,
}

/// A question together with the way back.
#[derive(Debug)]
pub enum Request {
    /// `status`.
    Status(StatusQuery, Reply<StatusDocument>),
    /// `history`.
    History(HistoryQuery, Reply<Vec<RunDocument>>),
    /// `show`.
    Show(ShowQuery, Reply<ShowDocument>),
    /// `trigger`.
    Trigger(TriggerQuery, Reply<Vec<RunDocument>>),
    /// `retry`.
    Retry(RetryQuery, Reply<Vec<RunDocument>>),
    /// `backfill`.
    Backfill(BackfillQuery, Reply<BackfillDocument>),
    /// `cancel`.
    Cancel(CancelQuery, Reply<DoneDocument>),
    /// `pause`.
    Pause(PauseQuery, Reply<DoneDocument>),
    /// `resume`.
    Resume(JobQuery, Reply<DoneDocument>),
    /// `pause --all`.
    PauseAll(PauseAllQuery, Reply<DoneDocument>),
    /// `resume --all`.
    ResumeAll(Reply<DoneDocument>),
    /// `reload`.
    Reload(Reply<ReloadDocument>),
}

/// What `status` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusQuery {
    /// Only this job.
    pub job: Option<String>,
    /// With what people want to see besides.
    #[serde(default)]
    pub detail: bool,
}

/// What `history` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Only this job.
    pub job: Option<String>,
    /// Only runs in this state.
    pub state: Option<RunState>,
    /// Only runs created at or after this.
    pub since: Option<Timestamp>,
    /// Only runs created before this.
    #[serde(default)]
    pub before: Option<Timestamp>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What `show` is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowQuery {
    /// A run's id, or the start of it.
    pub run: String,
}

/// A question about one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobQuery {
    /// The job.
    pub job: String,
}

/// What `cancel` is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelQuery {
    /// A job, a run's id, or the start of one.
    pub what: String,
}

/// What `pause` is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseQuery {
    /// The job.
    pub job: String,
    /// Till when.
    pub until: Option<Timestamp>,
    /// In the operator's words.
    pub reason: Option<String>,
}

/// What `pause --all` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseAllQuery {
    /// Until when.
    pub until: Option<Timestamp>,
    /// In the operator's words.
    pub reason: Option<String>,
}
