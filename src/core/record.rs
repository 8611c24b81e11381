//! What the engine asks to be made durable, and what it is rebuilt from.
//!
//! Records carry whole rows (post-images): to apply one, live or in recovery, is to put the row
//! in its place. The store adds that a run's state is only replaced if it still is what the
//! engine thought.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::alert::{QueuedAlert, Told};
use super::event::Event;
use super::ids::{AlertId, JobName, RunId, TransferId};
use super::run::{Attempt, Run, RunState};

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
    /// Something that happened to a run, for `show` and `why`. Appended, never changed.
    Event(Event),
    /// A job's row, new or replaced.
    Mark(Arc<Mark>),
    /// What was learned of the agent.
    Learned(Learned),
    /// An alert's row in the outbox, new or replaced.
    AlertQueued(Arc<QueuedAlert>),
    /// An alert that was delivered, or given up: its row goes.
    AlertGone(AlertId),
    /// What people were told of.
    Told(Told),
}

/// What is durable of a job besides its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The job.
    pub job: JobName,
    /// Schedule expressions and zone, as text: a change of it starts the schedule anew.
    pub timetable: String,
    /// It stands in the file and is enabled.
    pub scheduled: bool,
    /// Since when `scheduled` and `timetable` are what they are; absent in rows of daemons that
    /// did not keep it.
    #[serde(default)]
    pub scheduled_since: Option<Timestamp>,
    /// Occurrences up to this instant have been dealt with.
    pub handled: Timestamp,
    /// Grows each time `handled` had to be set back because the clock had been wrong.
    pub generation: u32,
    /// Since when the job has been known.
    pub first_seen: Timestamp,
    /// The end of the last success.
    pub last_success: Option<Timestamp>,
    /// The run created last.
    pub last_run: Option<RunId>,
    /// It is paused.
    pub pause: Option<Pause>,
    /// Its last run that was carried out failed or timed out: the next success is a recovery.
    #[serde(default)]
    pub failing: bool,
    /// When it was told that the job is late; absent while it is not.
    #[serde(default)]
    pub told_late: Option<Timestamp>,
}

/// An operator's pause of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub at: Timestamp,
    /// Until when; absent: until resumed.
    pub until: Option<Timestamp>,
    /// In the operator's words.
    pub reason: Option<String>,
}

impl Pause {
    /// True while it holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What was learned of the agent, over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// The longest time from a POST to the listing of its transfer.
    pub longest_listing_delay: SignedDuration,
}

/// The rows that matter to the engine: what a store gives back after a restart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durable {
    /// Runs that are not over, or have an open attempt; oldest first.
    pub runs: Vec<Arc<Run>>,
    /// All attempts of these runs, by number.
    pub attempts: Vec<Arc<Attempt>>,
    /// All marks.
    pub marks: Vec<Arc<Mark>>,
    /// What was learned.
    pub learned: Learned,
    /// Transfers of closed attempts, of the newest runs first: never anybody else's. At most
    /// [`SETTLED_MAX`](super::limits::SETTLED_MAX).
    pub settled: Vec<TransferId>,
    /// The outbox, in order. At most [`OUTBOX_MAX`](super::limits::OUTBOX_MAX).
    pub alerts: Vec<Arc<QueuedAlert>>,
    /// What people were told of.
    pub told: Told,
}
