//! The story of a job and of a run: counts and tallies, without words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use transferd_engine::ids::JobName;
use transferd_engine::job::Job;
use transferd_engine::run::RunState;

/// The obstacle of a run before it may start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// One of `max_active` slots.
    Slot,
    /// Another job's run that writes to an overlapping destination.
    Destination(JobName),
    /// An earlier run of its own job.
    Own,
    /// Anything else: the agent, a look.
    Other,
}

/// The activity of a run while the next occurrence of its job comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Busy {
    /// Its transfer is active.
    Running,
    /// An attempt has failed, the next is awaited or waits to start.
    Retrying,
    /// It has not started yet.
    Waiting(Wait),
}

/// The content of a cell of the timeline: the worst event in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Nothing.
    #[default]
    Idle,
    /// A transfer was in flight.
    Busy,
    /// A run had to wait.
    Waited,
    /// An occurrence was skipped, or its run cut short by the next one.
    Skipped,
    /// A run failed or timed out.
    Failed,
}

/// Counts of runs by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Occurrences.
    pub due: u64,
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that timed out.
    pub timed_out: u64,
    /// Runs that a newer occurrence replaced.
    pub replaced: u64,
    /// Occurrences that were skipped.
    pub skipped: u64,
    /// Runs that were not over when the rehearsal ended.
    pub unfinished: u64,
    /// Attempts beyond the first of each run.
    pub retries: u64,
    /// Runs that had to wait.
    pub waited: u64,
}

impl Counts {
    /// Adds another job's counts to a total.
    pub fn add(&mut self, other: &Counts) {
        self.due += other.due;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.replaced += other.replaced;
        self.skipped += other.skipped;
        self.unfinished += other.unfinished;
        self.retries += other.retries;
        self.waited += other.waited;
    }
}

/// A longest time, and its occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Longest {
    /// The time.
    pub lasted: SignedDuration,
    /// The occurrence.
    pub at: Timestamp,
}

impl Longest {
    pub(super) fn keep(this: &mut Option<Self>, lasted: SignedDuration, at: Timestamp) {
        if this.is_none_or(|longest| lasted > longest.lasted) {
            *this = Some(Self { lasted, at });
        }
    }
}

/// How often an event happened to a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often.
    pub times: u64,
    /// On which days of the job's zone.
    pub days: BTreeSet<Date>,
    /// The first occurrence that it happened to.
    pub first: Option<Timestamp>,
    /// The longest, if it has a duration.
    pub longest: Option<Longest>,
}

impl Tally {
    pub(super) fn once(&mut self, day: Date, at: Timestamp) {
        self.times += 1;
        self.days.insert(day);
        self.first.get_or_insert(at);
    }

    pub(super) fn lasted(&mut self, day: Date, at: Timestamp, lasted: SignedDuration) {
        self.once(day, at);
        Longest::keep(&mut self.longest, lasted, at);
    }
}

/// The story of a job.
#[derive(Clone, Debug)]
pub struct JobStory {
    /// The job.
    pub job: Arc<Job>,
    /// Its runs.
    pub counts: Counts,
    /// The number of days of its zone with an occurrence.
    pub days: u64,
    /// Occurrences skipped, or no longer held, because the job's run was not over.
    pub overlapped: Tally,
    /// The activity of that run, and how often.
    pub busy: BTreeMap<Busy, u64>,
    /// Runs that could not start within `start_within`.
    pub too_late: Tally,
    /// Their obstacle, and how often.
    pub too_late_for: BTreeMap<Wait, u64>,
    /// Runs that a newer occurrence replaced.
    pub replaced: Tally,
    /// Runs that timed out.
    pub timed_out: Tally,
    /// Runs that failed.
    pub failed: Tally,
    /// Runs that waited, by obstacle.
    pub waits: BTreeMap<Wait, Tally>,
    /// For each job with which it shared a destination: the first such place, bucket and path.
    pub places: BTreeMap<JobName, String>,
    /// Times at which it was later than `max_age`, each with the time since the last success.
    pub late: Tally,
    /// The longest wait of a run.
    pub longest_wait: Option<Longest>,
    /// The longest time from an occurrence to the end of its run.
    pub longest: Option<Longest>,
    /// Its timeline.
    pub cells: Vec<Cell>,
    pub(super) last_day: Option<Date>,
    pub(super) last_success: Timestamp,
}

impl JobStory {
    pub(super) fn new(job: Arc<Job>, cells: usize, start: Timestamp) -> Self {
        Self {
            job,
            counts: Counts::default(),
            days: 0,
            overlapped: Tally::default(),
            busy: BTreeMap::new(),
            too_late: Tally::default(),
            too_late_for: BTreeMap::new(),
            replaced: Tally::default(),
            timed_out: Tally::default(),
            failed: Tally::default(),
            waits: BTreeMap::new(),
            places: BTreeMap::new(),
            late: Tally::default(),
            longest_wait: None,
            longest: None,
            cells: vec![Cell::Idle; cells],
            last_day: None,
            last_success: start,
        }
    }

    /// True for a job that its schedule starts.
    pub fn is_scheduled(&self) -> bool {
        self.job.enabled && !self.job.timetable.is_empty()
    }

    /// The day of an instant in the job's zone.
    pub(super) fn day(&self, at: Timestamp) -> Date {
        self.job.timetable.zone().to_datetime(at).date()
    }

    /// Notes a success of the job at `at`, or the end of the rehearsal: was it late?
    pub(super) fn success(&mut self, at: Timestamp) {
        let since = std::mem::replace(&mut self.last_success, at);
        let gap = at.duration_since(since);
        if let Some(age) = self.job.max_age.filter(|age| gap > *age && self.is_scheduled()) {
            let from = since.saturating_add(age).unwrap_or(at);
            self.late.lasted(self.day(from), from, gap);
        }
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStory {
    /// Its job.
    pub job: JobName,
    /// The occurrence.
    pub scheduled_for: Timestamp,
    /// How it ended, or its state at the end of the rehearsal.
    pub state: RunState,
    /// The activity of the previous run, if this one was skipped because of it.
    pub behind: Option<Busy>,
    /// When its first attempt was requested.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Attempts.
    pub attempts: u32,
    /// How long it waited in all.
    pub waited: SignedDuration,
    /// Its longest obstacle.
    pub waited_for: Option<Wait>,
}
