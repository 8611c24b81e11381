//! The contract of the store, which keeps what outlives the process: runs, attempts, events, jobs
//! and the last good job set.
//!
//! A store keeps rows and finds them again; their meaning, and which change is right, is the
//! engine's business. Two stores obey the contract: the one on disk, which the daemon uses, and
//! [`memory::MemoryStore`] for the simulation. One suite of tests checks both.
//!
//! An acknowledged commit is there after any crash; a refused one never shows.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::event::Event;
use crate::ids::{JobName, RunId};
use crate::outcomes::Outcomes;
use crate::record::{JobRow, Record, Snapshot};
use crate::repeat::PastRun;
use crate::run::{Ended, RunState};

pub mod error;
pub mod memory;
pub mod query;

pub use error::StoreError;
pub use query::{Happened, HistoryQuery, Older, RunMatch, RunWithAttempts};

/// `history` of the job file: how much of the past is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoryPolicy {
    /// `keep`.
    pub keep: SignedDuration,
    /// `max_runs`.
    pub max_runs: u64,
}

impl Default for HistoryPolicy {
    fn default() -> Self {
        Self { keep: SignedDuration::from_hours(90 * 24), max_runs: 100_000 }
    }
}

/// Queries of a store.
pub trait Queries {
    /// Runs, newest first by `created_at`, those created together latest recorded first.
    fn history(&self, query: &HistoryQuery) -> Result<Vec<RunWithAttempts>, StoreError>;

    /// The run with an id, or with an id's beginning if only one run's id begins so.
    fn run(&self, id_or_prefix: &str) -> Result<RunMatch, StoreError>;

    /// The events of a run, in the order in which they were recorded: the latest
    /// [`query::EVENTS_MAX`].
    fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError>;

    /// The events of all runs after the event of this id: the first `limit`, in the order in which
    /// they were recorded. The limit is the caller's own bound: all are held in memory.
    fn happened(&self, after: u64, limit: usize) -> Result<Vec<Happened>, StoreError>;

    /// The id of the event that was recorded last; 0 if there is none. It grows, unless the last
    /// event is deleted.
    fn last_event(&self) -> Result<u64, StoreError>;

    /// The run that was recorded last of each job that has one, in the order of `jobs`.
    fn last_runs(&self, jobs: &[JobName]) -> Result<Vec<RunWithAttempts>, StoreError>;

    /// The runs of a job whose scheduled time lies in `[from, to]`, to the millisecond, in the
    /// order in which they were recorded; at most `limit`, the caller's own bound.
    fn runs_of_time(
        &self,
        job: &JobName,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastRun>, StoreError>;

    /// How long the last good transfers of a job took, from the first look that listed it to the one
    /// that saw its end, newest first: at most `most`.
    fn durations(&self, job: &JobName, most: usize) -> Result<Vec<SignedDuration>, StoreError> {
        let runs = self.history(&HistoryQuery {
            job: Some(job.clone()),
            states: vec![RunState::Succeeded],
            limit: most,
            ..HistoryQuery::default()
        })?;
        let took = runs.iter().flat_map(|run| &run.attempts).filter_map(|attempt| {
            let good = attempt.outcome == Some(Ended::Succeeded);
            let (began, ended) = (attempt.listed_at?, attempt.ended_at?);
            good.then(|| ended.duration_since(began).max(SignedDuration::ZERO))
        });
        Ok(took.take(most).collect())
    }

    /// The outcomes of each job's runs on each day, in the order of `jobs` and `days`, which hold
    /// the start of each day and the end of the last one. A run counts on the day of its creation.
    fn outcomes(
        &self,
        jobs: &[JobName],
        days: &[Timestamp],
    ) -> Result<Vec<Vec<Outcomes>>, StoreError>;

    /// The rows of all jobs, by job name.
    fn job_rows(&self) -> Result<Vec<Arc<JobRow>>, StoreError>;

    /// The text of the job set that was kept last.
    fn last_job_set(&self) -> Result<Option<String>, StoreError>;

    /// The user of the agent's port that was kept.
    fn agent_user(&self) -> Result<Option<u32>, StoreError>;
}

/// The durable rows.
///
/// Reads see every commit that was acknowledged before them.
pub trait Store: Queries {
    /// The rows that the engine is rebuilt from. Reads unfinished work, never the past.
    fn load(&mut self) -> Result<Snapshot, StoreError>;

    /// Makes all records durable, or none of them.
    ///
    /// A [`Record::Run`] replaces the row that is in state `was`, or adds one that did not exist;
    /// an attempt and an event need their run; a transfer id belongs to one attempt. All this is
    /// checked against the rows after the whole commit, so that two attempts may exchange their
    /// transfers in one. Anything else is a [`StoreError::Conflict`].
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// Makes several commits for the cost of one: each is whole by itself, in order, and refused by
    /// itself. They are durable together, when this returns.
    fn commit_group(&mut self, group: &[Vec<Record>]) -> Vec<Result<(), StoreError>> {
        group.iter().map(|records| self.commit(records)).collect()
    }

    /// Keeps the text of a valid job set, in place of the previous one.
    fn save_job_set(&mut self, text: &str) -> Result<(), StoreError>;

    /// Keeps the user who held the agent's port when an agent was first seen working there.
    fn save_agent_user(&mut self, uid: u32) -> Result<(), StoreError>;

    /// Deletes at most `step_limit` runs that ended longer than `keep` ago, or exceed `max_runs`,
    /// those that ended first before others; returns how many. Call it until it returns less than
    /// `step_limit`.
    ///
    /// A job's last run and its last success are kept whatever their age, and so are runs that are
    /// unfinished or have an open attempt.
    fn prune(
        &mut self,
        policy: HistoryPolicy,
        now: Timestamp,
        step_limit: usize,
    ) -> Result<usize, StoreError>;

    /// Proves that the store can write, by writing.
    fn check_writable(&mut self) -> Result<(), StoreError>;

    /// Whether records are certain to be found again: the open files are the ones at their paths.
    fn check_standing(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Leaves everything tidy for the next start. No calls may follow.
    fn close(&mut self) -> Result<(), StoreError>;
}

/// A store around another one: it may change how rows are written, and passes queries on.
pub trait Wraps {
    /// The store inside.
    type Inner: Queries;

    /// The store inside.
    fn inner(&self) -> &Self::Inner;
}

impl<S: Wraps> Queries for S {
    fn history(&self, query: &HistoryQuery) -> Result<Vec<RunWithAttempts>, StoreError> {
        self.inner().history(query)
    }

    fn run(&self, id_or_prefix: &str) -> Result<RunMatch, StoreError> {
        self.inner().run(id_or_prefix)
    }

    fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        self.inner().events(run)
    }

    fn happened(&self, after: u64, limit: usize) -> Result<Vec<Happened>, StoreError> {
        self.inner().happened(after, limit)
    }

    fn last_event(&self) -> Result<u64, StoreError> {
        self.inner().last_event()
    }

    fn last_runs(&self, jobs: &[JobName]) -> Result<Vec<RunWithAttempts>, StoreError> {
        self.inner().last_runs(jobs)
    }

    fn runs_of_time(
        &self,
        job: &JobName,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastRun>, StoreError> {
        self.inner().runs_of_time(job, from, to, limit)
    }

    fn outcomes(
        &self,
        jobs: &[JobName],
        days: &[Timestamp],
    ) -> Result<Vec<Vec<Outcomes>>, StoreError> {
        self.inner().outcomes(jobs, days)
    }

    fn job_rows(&self) -> Result<Vec<Arc<JobRow>>, StoreError> {
        self.inner().job_rows()
    }

    fn last_job_set(&self) -> Result<Option<String>, StoreError> {
        self.inner().last_job_set()
    }

    fn agent_user(&self) -> Result<Option<u32>, StoreError> {
        self.inner().agent_user()
    }
}
