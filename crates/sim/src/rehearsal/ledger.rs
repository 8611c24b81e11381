//! Follows each run from its occurrence to its end, and writes down how it went.
//!
//! Reads the engine's records, and the reason that the engine gives for a waiting run; decides
//! nothing itself. Only unfinished runs are in memory, besides the few that are kept individually.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::limits::{RUNS_KEPT, SHORTEST_WAIT, WORTH_A_WORD};
use super::load::{HourLoad, Load};
use super::plan::Rehearsal;
use super::story::{Busy, Cell, JobStory, Longest, RunStory, Wait};
use transferd_engine::engine::Engine;
use transferd_engine::ids::{AttemptId, JobName, RunId, TransferId};
use transferd_engine::reason::{Reason, WaitReason};
use transferd_engine::record::Record;
use transferd_engine::run::{Attempt, Phase, Run, RunState};

/// An unfinished run, or one with an attempt under way.
#[derive(Debug)]
struct Followed {
    job: JobName,
    scheduled_for: Timestamp,
    state: RunState,
    wait: Option<(Wait, Timestamp)>,
    waits: BTreeMap<Wait, SignedDuration>,
    attempts: u32,
    started_at: Option<Timestamp>,
    /// Attempts under way, with their starts.
    under_way: BTreeMap<u32, Timestamp>,
}

impl Followed {
    fn busy(&self) -> Busy {
        if !self.state.is_between_attempts() {
            return Busy::Running;
        }
        if self.state == RunState::BackingOff || self.attempts > 0 {
            return Busy::Retrying;
        }
        Busy::Waiting(self.wait.as_ref().map_or(Wait::Other, |(wait, _)| wait.clone()))
    }
}

/// The ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) jobs: BTreeMap<JobName, JobStory>,
    pub(super) load: Load,
    pub(super) runs: Vec<RunStory>,
    pub(super) runs_left_out: u64,
    pub(super) occurrences: u64,
    /// Days, each in the zone of a job, that have an occurrence.
    pub(super) days: BTreeSet<Date>,
    kept: Option<JobName>,
    cells: Vec<Timestamp>,
    followed: BTreeMap<RunId, Followed>,
    /// Runs of a job that are not over, oldest first.
    unfinished: BTreeMap<JobName, Vec<RunId>>,
    in_flight: usize,
    waiting: usize,
    waiting_for_slot: usize,
    /// Transfers that the engine no longer needs.
    settled: Vec<TransferId>,
}

impl Ledger {
    pub(super) fn new(rehearsal: &Rehearsal) -> Self {
        let cells = rehearsal.cells.len();
        let story = |job| JobStory::new(job, cells, rehearsal.from);
        let jobs = rehearsal.set.jobs.iter();
        Self {
            jobs: jobs.map(|(name, job)| (name.clone(), story(Arc::clone(job)))).collect(),
            load: Load::new(rehearsal.zone.clone(), rehearsal.from),
            runs: Vec::new(),
            runs_left_out: 0,
            occurrences: 0,
            days: BTreeSet::new(),
            kept: rehearsal.kept.clone(),
            cells: rehearsal.cells.clone(),
            followed: BTreeMap::new(),
            unfinished: BTreeMap::new(),
            in_flight: 0,
            waiting: 0,
            waiting_for_slot: 0,
            settled: Vec::new(),
        }
    }

    /// The job of a run that is not over.
    pub(super) fn job_of(&self, run: RunId) -> Option<&JobName> {
        self.followed.get(&run).map(|followed| &followed.job)
    }

    /// Runs that wait to start.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The transfers that the engine no longer needs, since the last call.
    pub(super) fn take_settled(&mut self) -> Vec<TransferId> {
        std::mem::take(&mut self.settled)
    }

    /// Takes in the records of a step.
    pub(super) fn take(&mut self, records: &[Record], engine: &Engine, now: Timestamp) {
        for record in records {
            match record {
                Record::Run { was: None, run } => self.opened(run, engine, now),
                Record::Run { was: Some(_), run } => self.changed(run, engine, now),
                Record::Attempt(attempt) => self.attempted(attempt, now),
                Record::Event(_)
                | Record::Job(_)
                | Record::AgentFacts(_)
                | Record::AlertQueued(_)
                | Record::AlertGone(_)
                | Record::PauseOfAll(_)
                | Record::Reported(_) => {}
            }
        }
        let load = HourLoad { in_flight: self.in_flight, waiting: self.waiting_for_slot };
        self.load.is(load, now);
    }

    /// Notes an occurrence: a run, or a skip.
    fn opened(&mut self, run: &Run, engine: &Engine, now: Timestamp) {
        let at = run.scheduled_for.unwrap_or(run.created_at);
        self.occurrences += 1;
        let Some(story) = self.jobs.get_mut(&run.job) else { return };
        let day = story.day(at);
        story.counts.due += 1;
        if story.last_day.replace(day) != Some(day) {
            story.days += 1;
            self.days.insert(day);
        }
        let followed = Followed {
            job: run.job.clone(),
            scheduled_for: at,
            state: RunState::Waiting,
            wait: None,
            waits: BTreeMap::new(),
            attempts: 0,
            started_at: None,
            under_way: BTreeMap::new(),
        };
        if run.state == RunState::Skipped {
            let older = self.unfinished.get(&run.job).and_then(|runs| runs.first());
            let busy = older.and_then(|id| self.followed.get(id)).map(Followed::busy);
            if let Some(busy) = busy.clone() {
                *story.busy.entry(busy).or_default() += 1;
            }
            story.overlapped.once(day, at);
            story.counts.skipped += 1;
            self.mark(&run.job, at, at, Cell::Skipped);
            self.keep(&followed, RunState::Skipped, busy, Some(now));
            return;
        }
        self.waiting += 1;
        self.unfinished.entry(run.job.clone()).or_default().push(run.id);
        self.followed.insert(run.id, followed);
        self.changed(run, engine, now);
    }

    /// Notes a change of a run's row.
    fn changed(&mut self, run: &Run, engine: &Engine, now: Timestamp) {
        let wait = (run.state == RunState::Waiting).then(|| wait_of(run, engine)).flatten();
        if let Some((Wait::Destination(other), place)) = &wait
            && let Some(story) = self.jobs.get_mut(&run.job)
        {
            story.places.entry(other.clone()).or_insert_with(|| place.clone());
        }
        let wait = wait.map(|(wait, _)| wait);
        let Some(followed) = self.followed.get_mut(&run.id) else { return };
        let waited = followed.state == RunState::Waiting;
        followed.state = run.state;
        self.waiting -= usize::from(waited);
        self.waiting += usize::from(run.state == RunState::Waiting);
        if followed.wait.as_ref().map(|(old, _)| old) != wait.as_ref() {
            self.stop_waiting(run.id, now);
            self.waiting_for_slot += usize::from(wait == Some(Wait::Slot));
            if let Some(followed) = self.followed.get_mut(&run.id) {
                followed.wait = wait.map(|wait| (wait, now));
            }
        }
        if run.state.is_over() {
            self.ended(run.id, run.state, now);
        }
    }

    /// Ends the wait of a run, if it waits.
    fn stop_waiting(&mut self, id: RunId, now: Timestamp) {
        let Some(followed) = self.followed.get_mut(&id) else { return };
        let Some((wait, since)) = followed.wait.take() else { return };
        self.waiting_for_slot -= usize::from(wait == Wait::Slot);
        let waited = now.duration_since(since);
        *followed.waits.entry(wait).or_default() += waited;
        if waited >= WORTH_A_WORD {
            let job = followed.job.clone();
            self.mark(&job, since, now, Cell::Waited);
        }
    }

    /// Notes a change of an attempt's row.
    fn attempted(&mut self, attempt: &Attempt, now: Timestamp) {
        let AttemptId { run, number } = attempt.id;
        if attempt.phase == Phase::Closed {
            self.settled.extend(attempt.transfer);
        }
        let Some(followed) = self.followed.get_mut(&run) else { return };
        let began = followed.under_way.get(&number).copied();
        match (began, attempt.phase.is_underway()) {
            (None, true) => {
                followed.under_way.insert(number, now);
                followed.attempts = followed.attempts.max(number);
                followed.started_at.get_or_insert(now);
                self.in_flight += 1;
            }
            (Some(since), false) => {
                followed.under_way.remove(&number);
                let job = followed.job.clone();
                self.in_flight -= 1;
                self.mark(&job, since, now, Cell::Busy);
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Notes the end of a run.
    fn ended(&mut self, id: RunId, state: RunState, now: Timestamp) {
        let Some(followed) = self.followed.remove(&id) else { return };
        if let Some(runs) = self.unfinished.get_mut(&followed.job) {
            runs.retain(|other| *other != id);
        }
        for since in followed.under_way.values() {
            self.in_flight -= 1;
            self.mark(&followed.job, *since, now, Cell::Busy);
        }
        let at = followed.scheduled_for;
        self.count(&followed, state);
        let Some(story) = self.jobs.get_mut(&followed.job) else { return };
        let day = story.day(at);
        let cell = match state {
            RunState::Succeeded => {
                story.counts.succeeded += 1;
                story.success(now);
                None
            }
            RunState::Failed => {
                story.counts.failed += 1;
                story.failed.once(day, at);
                Some((now, Cell::Failed))
            }
            RunState::TimedOut => {
                story.counts.timed_out += 1;
                story.timed_out.once(day, at);
                Some((now, Cell::Failed))
            }
            RunState::Canceled => {
                story.counts.replaced += 1;
                story.replaced.once(day, at);
                Some((now, Cell::Skipped))
            }
            RunState::Skipped => {
                story.counts.skipped += 1;
                story.too_late.once(day, at);
                let longest = longest_wait(&followed).map_or(Wait::Other, |(wait, _)| wait);
                *story.too_late_for.entry(longest).or_default() += 1;
                Some((at, Cell::Skipped))
            }
            RunState::Waiting
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::BackingOff
            | RunState::Canceling => None,
        };
        if state != RunState::Skipped {
            Longest::keep(&mut story.longest, now.duration_since(at), at);
        }
        if let Some((at, cell)) = cell {
            self.mark(&followed.job, at, at, cell);
        }
        self.keep(&followed, state, None, Some(now));
    }

    /// Counts a run's attempts and waits.
    fn count(&mut self, followed: &Followed, state: RunState) {
        let Some(story) = self.jobs.get_mut(&followed.job) else { return };
        let at = followed.scheduled_for;
        let day = story.day(at);
        story.counts.retries += u64::from(followed.attempts.saturating_sub(1));
        let waits = followed.waits.iter().filter(|(_, waited)| **waited >= SHORTEST_WAIT);
        for (wait, waited) in waits {
            story.waits.entry(wait.clone()).or_default().lasted(day, at, *waited);
        }
        let waited: SignedDuration = followed.waits.values().sum();
        if waited >= SHORTEST_WAIT {
            // A run that was given up is counted as skipped.
            story.counts.waited += u64::from(state != RunState::Skipped);
            Longest::keep(&mut story.longest_wait, waited, at);
        }
    }

    /// Keeps a run, if it is one to be kept.
    fn keep(
        &mut self,
        followed: &Followed,
        state: RunState,
        behind: Option<Busy>,
        ended_at: Option<Timestamp>,
    ) {
        if self.kept.as_ref().is_some_and(|kept| *kept != followed.job) {
            return;
        }
        if self.runs.len() >= RUNS_KEPT {
            self.runs_left_out += 1;
            return;
        }
        let longest = longest_wait(followed).filter(|(_, waited)| *waited >= SHORTEST_WAIT);
        self.runs.push(RunStory {
            job: followed.job.clone(),
            scheduled_for: followed.scheduled_for,
            state,
            behind,
            started_at: followed.started_at,
            ended_at,
            attempts: followed.attempts,
            waited: followed.waits.values().sum(),
            waited_for: longest.map(|(wait, _)| wait),
        });
    }

    /// Ends the rehearsal: writes down the runs under way.
    pub(super) fn close(&mut self, now: Timestamp) {
        self.load.settle(now);
        let open: Vec<RunId> = self.followed.keys().copied().collect();
        for id in open {
            self.stop_waiting(id, now);
            let Some(followed) = self.followed.remove(&id) else { continue };
            for since in followed.under_way.values() {
                self.mark(&followed.job, *since, now, Cell::Busy);
            }
            self.count(&followed, followed.state);
            if let Some(story) = self.jobs.get_mut(&followed.job) {
                story.counts.unfinished += 1;
            }
            self.keep(&followed, followed.state, None, None);
        }
        for story in self.jobs.values_mut() {
            story.success(now);
        }
        self.runs.sort_by(|a, b| (a.scheduled_for, &a.job).cmp(&(b.scheduled_for, &b.job)));
    }

    /// Marks the cells between `from` and `to`.
    fn mark(&mut self, job: &JobName, from: Timestamp, until: Timestamp, cell: Cell) {
        let Some(story) = self.jobs.get_mut(job) else { return };
        let first = self.cells.partition_point(|begin| *begin <= from).saturating_sub(1);
        let end = self.cells.partition_point(|begin| *begin <= until).max(first + 1);
        let touched = story.cells.get_mut(first..end).into_iter().flatten();
        for found in touched {
            *found = cell.max(*found);
        }
    }
}

/// The longest wait of a run.
fn longest_wait(followed: &Followed) -> Option<(Wait, SignedDuration)> {
    let longest = followed.waits.iter().max_by_key(|(_, waited)| **waited)?;
    Some((longest.0.clone(), *longest.1))
}

/// The obstacle of a run, and its destination.
fn wait_of(run: &Run, engine: &Engine) -> Option<(Wait, String)> {
    let place = || {
        let destination = &run.request.destination;
        format!("{}/{}", destination.bucket, destination.compared_path())
    };
    let view = engine.run_view(run.id)?;
    let Reason::Waits(wait) = &view.run.reason else { return None };
    match wait {
        WaitReason::Slot { .. } => Some((Wait::Slot, String::new())),
        WaitReason::Destination { job, .. } => Some((Wait::Destination(job.clone()?), place())),
        WaitReason::Run { .. } | WaitReason::LastTransfer { .. } | WaitReason::LastRequest => {
            Some((Wait::Own, String::new()))
        }
        WaitReason::Identical { .. }
        | WaitReason::Agent { .. }
        | WaitReason::Port { .. }
        | WaitReason::Token { .. }
        | WaitReason::Listing { .. } => Some((Wait::Other, String::new())),
        WaitReason::List | WaitReason::Look => None,
    }
}
