//! Read-only questions, asked between inputs. None changes anything, and no answer covers more than
//! one job or run.

use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::alert::Occasion;
use crate::ids::{JobName, RunId};
use crate::job::{Job, JobSet};
use crate::place::AccountNames;
use crate::reason::Reason;
use crate::record::{JobRow, Pause};
use crate::run::{Attempt, Phase, Run, RunState};
use crate::transfer::AgentState;

/// The known state of the agent, as of the last contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentView {
    /// Whether it answered; absent if it was never asked.
    pub reachable: Option<bool>,
    /// The state that it reported.
    pub state: AgentState,
    /// Whether it accepted our token; absent if it was never asked.
    pub token_valid: Option<bool>,
    /// When it was last asked.
    pub asked_at: Option<Timestamp>,
    /// Why runs cannot be submitted, in words; empty if they can.
    pub words: String,
    /// Since when.
    pub unavailable_since: Option<Timestamp>,
}

/// A job of the file.
#[derive(Clone, Debug)]
pub struct JobView {
    /// Its definition.
    pub job: Arc<Job>,
    /// Its durable state.
    pub job_row: Arc<JobRow>,
    /// The pause that holds: its own, or that of all jobs.
    pub pause: Option<Pause>,
    /// When the last of its pauses is over; absent if it is not paused, if one has no end, and while
    /// it is disabled.
    pub resumes: Option<Timestamp>,
    /// The due occurrence that is held back, and the reason.
    pub held_back: Option<(Timestamp, Reason)>,
    /// Its next occurrence, without jitter; absent while paused, disabled or without schedule.
    pub next_run: Option<Timestamp>,
    /// Its active run.
    pub active: Option<RunId>,
    /// Runs that wait for the active one.
    pub behind: Vec<RunId>,
    /// Since when it has been late, by `max_age`.
    pub late_since: Option<Timestamp>,
}

/// A run in memory.
#[derive(Clone, Debug)]
pub struct RunView {
    /// Its row, the reason up to date.
    pub run: Arc<Run>,
    /// Its attempts, with the progress last seen, the speed by our own looks, and when it last
    /// moved.
    pub attempts: Vec<Arc<Attempt>>,
}

/// The state of alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertsView {
    /// Alerts that are not delivered yet.
    pub waiting: usize,
    /// Of each entry whose deliveries fail, the one that is tried now.
    pub failing: Vec<FailingAlert>,
    /// Successful deliveries since the engine began.
    pub delivered: u64,
    /// Tries that failed, since the engine began.
    pub failed: u64,
    /// Alerts that were given up, since the engine began.
    pub given_up: u64,
}

/// An alert whose delivery has failed, and is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingAlert {
    /// The channel, in words that hold no secret.
    pub channel: String,
    /// The occasion that it reports.
    pub occasion: Occasion,
    /// When that happened.
    pub at: Timestamp,
    /// Deliveries tried.
    pub tries: u32,
    /// The next one.
    pub next_try: Timestamp,
    /// Why the last one failed.
    pub words: String,
}

impl Engine {
    /// The agent, as of the last contact.
    pub fn agent_view(&self) -> AgentView {
        self.agent_link.view()
    }

    /// The names that accounts have in the job file.
    pub fn accounts(&self) -> &Arc<AccountNames> {
        &self.set.accounts
    }

    /// The jobs in force.
    pub fn job_set(&self) -> &Arc<JobSet> {
        &self.set
    }

    /// The names of all jobs of the file, in order.
    pub fn jobs(&self) -> impl Iterator<Item = &JobName> {
        self.set.jobs.keys()
    }

    /// A job of the file.
    pub(super) fn job(&self, name: &JobName) -> Option<&Arc<Job>> {
        self.set.jobs.get(name)
    }

    /// The names of all jobs with a row, including those that are gone from the file.
    pub fn jobs_ever_known(&self) -> impl Iterator<Item = &JobName> + Clone {
        self.state.jobs_ever_known()
    }

    /// The names of the jobs after this one, or of all, in order: for callers that ask in slices.
    pub fn jobs_after(&self, name: Option<&JobName>) -> impl Iterator<Item = &JobName> {
        let after = name.map_or(Bound::Unbounded, Bound::Excluded);
        self.set.jobs.range::<JobName, _>((after, Bound::Unbounded)).map(|(name, _)| name)
    }

    /// One job of the file, as of `now`.
    pub fn job_view(&self, name: &JobName, now: Timestamp) -> Option<JobView> {
        let job = self.job(name)?;
        let job_row = Arc::clone(self.state.job_row(name));
        let pause = self.pause_in_force(&job_row, now).cloned();
        let paused = pause.is_some();
        let resumes = (job.enabled && paused).then(|| self.unpaused_from(&job_row)).flatten();
        let next_run =
            (job_row.scheduled && !paused).then(|| job_row.coming(&job.timetable, now)).flatten();
        let unfinished = self.state.in_turn(name);
        let late_since = self.late_since(job, &job_row, now);
        Some(JobView {
            job: Arc::clone(job),
            job_row,
            pause,
            resumes,
            held_back: self.held_back_view(name),
            next_run,
            active: unfinished.first().copied(),
            behind: unfinished.into_iter().skip(1).collect(),
            late_since,
        })
    }

    /// A run in memory: an unfinished one, or one whose attempts are still looked for.
    pub fn run_view(&self, id: RunId) -> Option<RunView> {
        let machine = self.state.find_run(id)?;
        let mut run = Arc::clone(machine.row());
        if run.state == RunState::Waiting {
            let reason = machine.reason();
            if run.reason != reason {
                Arc::make_mut(&mut run).reason = reason;
            }
        }
        let attempts = machine
            .attempts()
            .map(|attempt| {
                let mut attempt = Arc::clone(attempt);
                let observations = machine.observations(attempt.id.number);
                let latest = observations.map(|observations| observations.latest(&attempt));
                if let Some((progress, moved_at)) = latest
                    && (attempt.progress, attempt.moved_at) != (progress, moved_at)
                {
                    let attempt = Arc::make_mut(&mut attempt);
                    (attempt.progress, attempt.moved_at) = (progress, moved_at);
                }
                attempt
            })
            .collect();
        Some(RunView { run, attempts })
    }

    /// Runs that are not over, by job.
    pub fn active_runs(&self) -> impl Iterator<Item = RunId> {
        self.state.unfinished()
    }

    /// Open attempts: those whose transfer may still be active at the agent, or may yet turn up.
    pub fn in_flight(&self) -> impl Iterator<Item = RunId> {
        self.state.in_flight_ids().iter().copied()
    }

    /// Transfers that are to be canceled and are not yet, those among them that are accepted and
    /// not listed.
    pub fn cancels_unconfirmed(&self) -> usize {
        self.state
            .open_attempts()
            .filter(|attempt| attempt.phase == Phase::Accepted)
            .filter(|attempt| self.state.run(attempt.id.run).canceling_since(attempt).is_some())
            .count()
    }
}
