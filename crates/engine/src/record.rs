//! Records: what the engine asks to be made durable, and is rebuilt from.
//!
//! Records carry whole rows (post-images): applying one, live or in recovery, puts the row in its
//! place. The store additionally replaces a run only if its state is still the one the engine
//! assumed.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::alert::{QueuedAlert, Reported};
use super::event::Event;
use super::handled::HandledTimes;
use super::ids::{AlertId, JobName, RunId, TransferId};
use super::run::{Attempt, Run, RunState};
use super::schedule::Timetable;

/// One change of the durable state. A step's records are committed together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A run's row, new or replaced.
    Run {
        /// The state that the row must be in; absent for a new row, which must not exist.
        was: Option<RunState>,
        /// The row.
        run: Arc<Run>,
    },
    /// An attempt's row, new or replaced.
    Attempt(Arc<Attempt>),
    /// An event in the life of a run, for `show` and `why`. Appended, never changed.
    Event(Event),
    /// A job's row, new or replaced.
    Job(Arc<JobRow>),
    /// Facts learned about the agent.
    AgentFacts(AgentFacts),
    /// An alert's row in the outbox, new or replaced.
    AlertQueued(Arc<QueuedAlert>),
    /// An alert that was delivered, or given up: its row is removed.
    AlertGone(AlertId),
    /// The reports that were already made.
    Reported(Reported),
    /// The pause of all jobs.
    PauseOfAll(Arc<PauseOfAll>),
}

/// The durable state of a job besides its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRow {
    /// The job.
    pub job: JobName,
    /// Schedule expressions and zone, as text: a change of it starts the schedule anew.
    pub timetable: String,
    /// It is in the file and enabled.
    pub scheduled: bool,
    /// Since when `scheduled` and `timetable` have their current values; absent in rows of daemons
    /// that did not keep it.
    #[serde(default)]
    pub scheduled_since: Option<Timestamp>,
    /// Occurrences up to this instant have been handled.
    pub handled: Timestamp,
    /// Incremented each time `handled` was set back because the clock had been wrong.
    pub generation: u32,
    /// The occurrences, up to `handled` and beyond it, that have their run or skip.
    #[serde(rename = "dealt", default)]
    pub handled_times: HandledTimes,
    /// When the first occurrence was due that waits for a look now: the daemon was there, and a
    /// restart does not make it a missed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_due: Option<Timestamp>,
    /// Since when the job has been known.
    pub first_seen: Timestamp,
    /// The end of the last success.
    pub last_success: Option<Timestamp>,
    /// The run that ended last, not counting skips.
    pub last_run: Option<RunId>,
    /// The last run that succeeded.
    #[serde(default)]
    pub last_success_run: Option<RunId>,
    /// It is paused.
    pub pause: Option<Pause>,
    /// The pauses before, oldest first: the last [`PAUSES_KEPT`](super::limits::PAUSES_KEPT).
    #[serde(default)]
    pub pauses: Vec<PastPause>,
    /// The last run that was carried out failed or timed out: the next success is a recovery.
    #[serde(default)]
    pub failing: bool,
    /// When the job was reported as late; absent while it is not.
    #[serde(rename = "told_late", default)]
    pub late_reported_at: Option<Timestamp>,
}

impl JobRow {
    /// The first occurrence after `t` that has neither a run nor a skip.
    pub fn next_unhandled(&self, timetable: &Timetable, t: Timestamp) -> Option<Timestamp> {
        let mut next = timetable.next_after(t)?;
        // Each iteration leaves one stretch behind, and there are few.
        while let Some(end) = self.handled_times.end_of_stretch(next) {
            next = timetable.next_after(end)?;
        }
        Some(next)
    }

    /// Moves `handled` to an instant up to which occurrences were not handled one by one: they are
    /// in no stretch.
    pub fn pass_over(&mut self, to: Timestamp) {
        self.handled_times.break_off(self.handled);
        self.handled = to;
    }

    /// Moves `handled` to the last of occurrences that were handled one by one: the stretch that
    /// ends there grows by them, from the first one on.
    pub fn handle_one_by_one(&mut self, first: Timestamp, last: Timestamp) {
        self.handled_times.grow(first);
        self.handled = last;
    }

    /// Moves `handled` to the end of a later stretch that is past, as after a clock that was behind
    /// for a while: what is in it has been handled.
    pub fn skip_handled(&mut self, now: Timestamp) {
        if let Some(end) = self.handled_times.resume(self.handled, now) {
            self.handled = end;
        }
    }

    /// The occurrence that comes next after `now`: what has its run does not come again, however
    /// the clock was set.
    pub fn coming(&self, timetable: &Timetable, now: Timestamp) -> Option<Timestamp> {
        self.next_unhandled(timetable, self.handled.max(now))
    }
}

/// An operator's pause of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Until when; absent: until resumed.
    pub until: Option<Timestamp>,
    /// The operator's words.
    pub reason: Option<String>,
}

impl Pause {
    /// True while it holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// This pause, asked for while another one holds: that one goes on, with what is new. A request
    /// that gives neither an end nor a reason takes the end away.
    #[must_use]
    pub fn going_on_from(self, before: Option<&Self>) -> Self {
        let Some(before) = before else { return self };
        let until = self.until.or(before.until.filter(|_| self.reason.is_some()));
        let reason = self.reason.or_else(|| before.reason.clone());
        Self { at: before.at.min(self.at), until, reason }
    }
}

/// A pause that is over: one record, instead of a skip for each of its occurrences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPause {
    /// Since when it held.
    pub since: Timestamp,
    /// When it ended.
    pub until: Timestamp,
    /// The operator's words.
    pub reason: Option<String>,
    /// How many occurrences fell into it: [`PAUSE_COUNT_MAX`](super::limits::PAUSE_COUNT_MAX) means
    /// that many or more.
    pub occurrences: u32,
}

/// The pause of all jobs, apart from those of single ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseOfAll {
    /// The pause in force, or the one that has just ended.
    #[serde(default)]
    pub pause: Option<Pause>,
    /// Earlier ones, oldest first. The number of their occurrences differs for each job, and is
    /// counted on demand.
    #[serde(default)]
    pub past: Vec<PastPause>,
}

/// Facts learned about the agent, over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// The longest time from a POST to the listing of its transfer.
    pub longest_listing_delay: SignedDuration,
}

/// The rows that matter to the engine, which a store returns after a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Runs that are not over, or have an open attempt; oldest first.
    pub runs: Vec<Arc<Run>>,
    /// All attempts of these runs, by number.
    pub attempts: Vec<Arc<Attempt>>,
    /// The rows of all jobs.
    pub job_rows: Vec<Arc<JobRow>>,
    /// The facts learned about the agent.
    pub agent_facts: AgentFacts,
    /// Transfers of closed attempts, of the newest runs first: never to be claimed by another
    /// attempt. At most [`SETTLED_MAX`](super::limits::SETTLED_MAX).
    pub settled: Vec<TransferId>,
    /// The outbox, in order. At most [`OUTBOX_MAX`](super::limits::OUTBOX_MAX).
    pub alerts: Vec<Arc<QueuedAlert>>,
    /// The reports that were already made.
    pub reported: Reported,
    /// The pause of all jobs.
    pub pause_of_all: Arc<PauseOfAll>,
}
