//! Counters of runs, attempts and occurrences since the daemon started.
//!
//! Counts durable steps, and nothing else. Keeps true: a run ends once and an attempt ends once,
//! however often their rows are written; memory is held for jobs of the file, and for runs that are
//! not settled. The counters follow the rows that the engine is rebuilt from, so that a restart and
//! a failed commit count nothing twice.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::histogram::Histogram;
use crate::core::ids::{JobName, RunId};
use crate::core::job::JobSet;
use crate::core::reason::ReasonCode;
use crate::core::record::{Record, Snapshot};
use crate::core::run::{Attempt, Ended, Phase, Run, RunState};

/// The states in which runs end, in the order of [`JobTally::runs`].
pub const ENDS: [RunState; 5] = [
    RunState::Succeeded,
    RunState::Failed,
    RunState::TimedOut,
    RunState::Canceled,
    RunState::Skipped,
];

/// The reasons for skips, in the order of [`JobTally::skipped`].
pub const SKIPS: [ReasonCode; 5] = [
    ReasonCode::Overlap,
    ReasonCode::StartWithin,
    ReasonCode::CatchUpNone,
    ReasonCode::CatchUpWindow,
    ReasonCode::Superseded,
];

/// The outcomes of attempts, in the order of [`JobTally::attempts`].
pub const OUTCOMES: [&str; 5] = ["succeeded", "failed", "timed_out", "canceled", NOT_TAKEN];

/// The outcome of an attempt that certainly queued nothing and used nothing up: the agent was away,
/// or refused the token; the run goes on waiting.
const NOT_TAKEN: &str = "not_taken";

/// From a run's creation to its end: seconds for small ones, a day for those that nearly hang.
const DURATIONS: &[f64] =
    &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 86_400.0];

/// From an occurrence to its request. A free agent is asked within the first few; the rest is
/// waiting for slots, destinations, a token, or for the machine to be back.
const LAGS: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0];

/// The results of a job's runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JobTally {
    /// Runs that ended, by [`ENDS`].
    pub runs: [u64; ENDS.len()],
    /// Attempts that ended, by [`OUTCOMES`].
    pub attempts: [u64; OUTCOMES.len()],
    /// Occurrences that did not run, by [`SKIPS`].
    pub skipped: [u64; SKIPS.len()],
    /// The amounts moved, as far as they are recorded.
    pub moved: Moved,
}

/// The amounts that transfers have moved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    /// Bytes.
    pub bytes: u64,
    /// Objects.
    pub objects: u64,
    /// Objects that could not be moved.
    pub objects_failed: u64,
    /// The cost in US dollars, as far as the agent reports it.
    pub cost_usd: f64,
}

/// The counters.
#[derive(Debug)]
pub struct Tally {
    jobs: HashMap<JobName, JobTally>,
    live: HashMap<RunId, Followed>,
    durations: Histogram,
    lags: Histogram,
}

/// A run that is not over, or whose attempts are still looked for.
#[derive(Debug)]
struct Followed {
    job: JobName,
    /// The time of its occurrence; absent for a requested run.
    due: Option<Timestamp>,
    over: bool,
    /// A request of it has reached the agent, as far as is known.
    started: bool,
    attempts: BTreeMap<u32, Seen>,
}

/// The part of an attempt that has been counted.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    open: bool,
    ended: bool,
    moved: Moved,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            jobs: HashMap::new(),
            live: HashMap::new(),
            durations: Histogram::new(DURATIONS),
            lags: Histogram::new(LAGS),
        }
    }
}

impl Tally {
    /// Goes on from the rows of a store, at start and whenever the engine is rebuilt from them:
    /// their content is not counted again.
    pub fn resume(&mut self, rows: &Snapshot) {
        self.live = rows.runs.iter().map(|run| (run.id, Followed::new(run))).collect();
        for attempt in &rows.attempts {
            let Some(followed) = self.live.get_mut(&attempt.id.run) else { continue };
            followed.started |= has_reached_the_agent(attempt);
            followed.attempts.insert(attempt.id.number, Seen::of(attempt));
        }
    }

    /// Counts durable records.
    pub fn count(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Run { was, run } => self.run(*was, run),
                Record::Attempt(attempt) => self.attempt(attempt),
                Record::Event(_)
                | Record::Job(_)
                | Record::AgentFacts(_)
                | Record::AlertQueued(_)
                | Record::AlertGone(_)
                | Record::PauseOfAll(_)
                | Record::Reported(_) => {}
            }
        }
    }

    /// Drops jobs that are no longer in the file.
    pub fn keep_only(&mut self, set: &JobSet) {
        self.jobs.retain(|job, _| set.jobs.contains_key(job));
    }

    /// The results of a job.
    pub fn of(&self, job: &JobName) -> JobTally {
        self.jobs.get(job).copied().unwrap_or_default()
    }

    /// From creation to end, of runs that were not skipped.
    pub fn durations(&self) -> &Histogram {
        &self.durations
    }

    /// From occurrences to the first request that reached the agent.
    pub fn lags(&self) -> &Histogram {
        &self.lags
    }

    fn run(&mut self, was: Option<RunState>, run: &Run) {
        let followed = self.live.entry(run.id).or_insert_with(|| Followed::new(run));
        followed.over = run.state.is_over();
        let ends = ENDS.iter().position(|end| *end == run.state);
        if let Some(end) = ends
            && !was.is_some_and(RunState::is_over)
        {
            let job = self.jobs.entry(run.job.clone()).or_default();
            job.runs[end] += 1;
            if run.state == RunState::Skipped {
                let code = run.reason.code();
                if let Some(skip) = SKIPS.iter().position(|skip| Some(*skip) == code) {
                    job.skipped[skip] += 1;
                }
            } else {
                let ended_at = run.ended_at.unwrap_or(run.created_at);
                self.durations.observe(seconds(ended_at.duration_since(run.created_at)));
            }
        }
        self.forget_if_settled(run.id);
    }

    fn attempt(&mut self, attempt: &Attempt) {
        // An attempt of a run that was settled already has nothing more to count.
        let Some(followed) = self.live.get_mut(&attempt.id.run) else { return };
        let seen = followed.attempts.entry(attempt.id.number).or_default();
        if attempt.phase == Phase::Intent && seen.ended {
            // The next attempt gets the number of one that used nothing up.
            *seen = Seen::default();
        }
        let job = self.jobs.entry(followed.job.clone()).or_default();
        job.moved.grow(seen.moved.follow(&Moved::of(attempt)));
        seen.open = attempt.phase.is_open();
        if let Some(outcome) = outcome(attempt)
            && !seen.ended
        {
            seen.ended = true;
            job.attempts[outcome] += 1;
        }
        if has_reached_the_agent(attempt) && !followed.started {
            followed.started = true;
            if let Some(due) = followed.due {
                self.lags.observe(seconds(attempt.not_before.duration_since(due)));
            }
        }
        self.forget_if_settled(attempt.id.run);
    }

    fn forget_if_settled(&mut self, id: RunId) {
        let settled = |run: &Followed| run.over && !run.attempts.values().any(|seen| seen.open);
        if self.live.get(&id).is_some_and(settled) {
            self.live.remove(&id);
        }
    }
}

impl Followed {
    fn new(run: &Run) -> Self {
        Self {
            job: run.job.clone(),
            due: run.scheduled_for.filter(|_| run.trigger.is_of_schedule()),
            over: run.state.is_over(),
            started: false,
            attempts: BTreeMap::new(),
        }
    }
}

impl Seen {
    fn of(attempt: &Attempt) -> Self {
        Self {
            open: attempt.phase.is_open(),
            ended: attempt.outcome.is_some(),
            moved: Moved::of(attempt),
        }
    }
}

impl Moved {
    fn of(attempt: &Attempt) -> Self {
        let progress = &attempt.progress;
        Self {
            bytes: progress.bytes_transferred,
            objects: progress.objects_transferred,
            objects_failed: progress.objects_failed,
            cost_usd: progress.cost_usd.unwrap_or_default(),
        }
    }

    fn grow(&mut self, by: Self) {
        self.bytes = self.bytes.saturating_add(by.bytes);
        self.objects = self.objects.saturating_add(by.objects);
        self.objects_failed = self.objects_failed.saturating_add(by.objects_failed);
        self.cost_usd += by.cost_usd;
    }

    /// Follows the agent's counters; returns how far they have grown. An agent that starts over
    /// counts from the earlier values.
    fn follow(&mut self, now: &Self) -> Self {
        let ahead = |seen: &mut u64, now: u64| {
            let by = now.saturating_sub(*seen);
            *seen += by;
            by
        };
        let dearer = (now.cost_usd - self.cost_usd).max(0.0);
        self.cost_usd += dearer;
        Self {
            bytes: ahead(&mut self.bytes, now.bytes),
            objects: ahead(&mut self.objects, now.objects),
            objects_failed: ahead(&mut self.objects_failed, now.objects_failed),
            cost_usd: dearer,
        }
    }
}

/// The outcome of an attempt, as an index of [`OUTCOMES`].
fn outcome(attempt: &Attempt) -> Option<usize> {
    let ended = attempt.outcome?;
    let taken = attempt.counts || ended != Ended::Failed;
    let word = if taken { ended.state().word() } else { NOT_TAKEN };
    OUTCOMES.iter().position(|outcome| *outcome == word)
}

/// Whether the agent has, or may have, got its request.
fn has_reached_the_agent(attempt: &Attempt) -> bool {
    match attempt.phase {
        Phase::Intent => false,
        Phase::Refused => attempt.counts,
        Phase::Accepted | Phase::Uncertain | Phase::GivenUp | Phase::Closed => true,
    }
}

fn seconds(time: SignedDuration) -> f64 {
    time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::reason::SkipReason;
    use crate::core::run::Trigger;
    use crate::store::tests::sample::{at, attempt, new_run, put, run, was};

    fn ended(phase: Phase, outcome: Ended, counts: bool) -> Attempt {
        let mut row = attempt(1, 1, phase, None);
        (row.outcome, row.counts, row.not_before) = (Some(outcome), counts, at(3));
        row
    }

    #[test]
    fn a_run_and_its_attempt_count_once_however_often_their_rows_are_written() {
        let mut tally = Tally::default();
        let mut over = run(1, "nightly", RunState::Succeeded);
        over.ended_at = Some(at(61));
        let mut moved = ended(Phase::Closed, Ended::Succeeded, true);
        (moved.progress.bytes_transferred, moved.progress.cost_usd) = (10, Some(0.75));
        let mut half = attempt(1, 1, Phase::Accepted, Some(1));
        (half.progress.bytes_transferred, half.not_before) = (4, at(3));
        half.progress.cost_usd = Some(0.25);
        tally.count(&[new_run(run(1, "nightly", RunState::Waiting))]);
        tally.count(&[put(attempt(1, 1, Phase::Intent, None))]);
        assert_eq!(tally.lags().count(), 0, "the answer is not there yet");
        tally.count(&[put(half.clone()), put(half)]);
        tally.count(&[
            put(moved.clone()),
            put(moved.clone()),
            was(RunState::Running, over.clone()),
            was(RunState::Succeeded, over),
            put(moved),
        ]);
        let job = tally.of(&JobName::new("nightly"));
        assert_eq!((job.runs, job.attempts), ([1, 0, 0, 0, 0], [1, 0, 0, 0, 0]));
        assert_eq!((job.moved.bytes, job.moved.cost_usd), (10, 0.75));
        assert_eq!((tally.durations().count(), tally.durations().sum()), (1, 60.0));
        assert_eq!((tally.lags().count(), tally.lags().sum()), (1, 2.0));
    }

    #[test]
    fn what_repeats_a_time_that_is_long_past_is_not_late() {
        for trigger in [Trigger::Manual, Trigger::Retry, Trigger::Backfill] {
            let mut tally = Tally::default();
            let repeat = Run { trigger, ..run(1, "nightly", RunState::Waiting) };
            tally.count(&[new_run(repeat), put(attempt(1, 1, Phase::Accepted, Some(1)))]);
            assert_eq!(tally.lags().count(), 0, "{trigger:?}");
        }
    }

    #[test]
    fn what_used_nothing_up_is_told_apart_and_its_number_counts_again() {
        let mut tally = Tally::default();
        tally.count(&[
            new_run(run(1, "nightly", RunState::Waiting)),
            put(ended(Phase::Refused, Ended::Failed, false)),
            put(attempt(1, 1, Phase::Intent, None)),
            put(ended(Phase::Refused, Ended::Failed, true)),
        ]);
        assert_eq!(tally.of(&JobName::new("nightly")).attempts, [0, 1, 0, 0, 1]);
    }

    #[test]
    fn what_the_rows_say_at_a_restart_is_not_news() {
        let mut given_up = ended(Phase::GivenUp, Ended::Failed, true);
        given_up.progress.bytes_transferred = 7;
        let rows = Snapshot {
            runs: vec![Arc::new(run(1, "nightly", RunState::Failed))],
            attempts: vec![Arc::new(given_up.clone())],
            ..Snapshot::default()
        };
        let mut tally = Tally::default();
        tally.resume(&rows);
        given_up.phase = Phase::Closed;
        tally.count(&[put(given_up)]);
        assert_eq!(tally.of(&JobName::new("nightly")), JobTally::default());
        assert_eq!(tally.lags().count(), 0);
    }

    #[test]
    fn an_occurrence_that_is_skipped_counts_with_its_cause_and_has_no_duration() {
        let mut tally = Tally::default();
        let mut skipped = run(1, "nightly", RunState::Skipped);
        skipped.reason = SkipReason::CatchUpNone.into();
        tally.count(&[new_run(skipped)]);
        let job = tally.of(&JobName::new("nightly"));
        assert_eq!((job.runs, job.skipped), ([0, 0, 0, 0, 1], [0, 0, 1, 0, 0]));
        assert_eq!(tally.durations().count(), 0);
    }
}
