//! The store of the simulation: rows in memory, kept exactly as they were committed.
//!
//! It is the plain statement of what a store does, and the one on disk is compared with it; it
//! knows no files and survives nothing. A clone costs one count and shares all rows until one of
//! the two is written to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::query::{
    EVENTS_MAX, Happened, HistoryQuery, RunMatch, RunWithAttempts, SEVERAL_MAX, ids_beginning_with,
};
use super::{Queries, Store, StoreError};
use crate::alert::{QueuedAlert, Reported};
use crate::event::Event;
use crate::ids::{AlertId, AttemptId, JobName, RunId, TransferId};
use crate::limits::SETTLED_MAX;
use crate::outcomes::Outcomes;
use crate::record::{AgentFacts, JobRow, PauseOfAll, Record, Snapshot};
use crate::repeat::PastRun;
use crate::run::{Attempt, Run, RunState};
use crate::store::HistoryPolicy;

/// Rows in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryStore {
    rows: Arc<Rows>,
}

/// Counts runs in the order in which they were recorded.
type Sequence = u64;

#[derive(Clone, Debug, Default, PartialEq)]
struct Rows {
    runs: BTreeMap<Sequence, Kept>,
    by_id: BTreeMap<RunId, Sequence>,
    /// Runs that are not over or have an open attempt.
    unsettled: BTreeSet<Sequence>,
    owners: BTreeMap<TransferId, AttemptId>,
    settled: Settled,
    job_rows: BTreeMap<JobName, Arc<JobRow>>,
    agent_facts: AgentFacts,
    /// The outbox.
    alerts: BTreeMap<AlertId, Arc<QueuedAlert>>,
    reported: Reported,
    pause_of_all: Arc<PauseOfAll>,
    job_set: Option<Arc<str>>,
    last_event: u64,
    agent_user: Option<u32>,
}

/// Transfers of closed attempts, in the order of runs and attempts. New ones are inserted near the
/// end, pruned ones removed near the beginning, and a restart reads thousands.
#[derive(Clone, Debug, Default, PartialEq)]
struct Settled(VecDeque<((Sequence, u32), TransferId)>);

impl Settled {
    /// Puts the transfer of an attempt in its place, or removes it.
    fn set(&mut self, attempt: (Sequence, u32), transfer: Option<TransferId>) {
        match (self.0.binary_search_by_key(&attempt, |(attempt, _)| *attempt), transfer) {
            (Ok(at), Some(transfer)) => self.0[at].1 = transfer,
            (Ok(at), None) => drop(self.0.remove(at)),
            (Err(at), Some(transfer)) => self.0.insert(at, (attempt, transfer)),
            (Err(_), None) => {}
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Kept {
    run: Arc<Run>,
    attempts: BTreeMap<u32, Arc<Attempt>>,
    events: Vec<(u64, Event)>,
}

impl Kept {
    fn is_unsettled(&self) -> bool {
        !self.run.state.is_over() || self.attempts.values().any(|attempt| attempt.phase.is_open())
    }

    fn with_attempts(&self) -> RunWithAttempts {
        RunWithAttempts {
            run: Arc::clone(&self.run),
            attempts: self.attempts.values().cloned().collect(),
        }
    }

    /// The time by which retention judges its age.
    fn ended_ms(&self) -> i64 {
        self.run.ended_at.unwrap_or(self.run.created_at).as_millisecond()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Rows {
    /// All runs, newest first.
    fn newest_first(&self) -> Vec<(Sequence, &Kept)> {
        let mut runs: Vec<_> = self.runs.iter().map(|(sequence, kept)| (*sequence, kept)).collect();
        runs.sort_by_key(|(sequence, kept)| {
            std::cmp::Reverse((kept.run.created_at.as_millisecond(), *sequence))
        });
        runs
    }

    /// The last run of each job and its last success.
    fn kept_whatever_their_age(&self) -> BTreeSet<Sequence> {
        let mut last = BTreeMap::new();
        let mut last_success = BTreeMap::new();
        for (sequence, kept) in &self.runs {
            last.insert(&kept.run.job, *sequence);
            if kept.run.state == RunState::Succeeded {
                last_success.insert(&kept.run.job, *sequence);
            }
        }
        // The newest may be a skip, or one that ended before an older one did.
        let named = self.job_rows.values().flat_map(|row| {
            let ids = [row.last_run, row.last_success_run].into_iter().flatten();
            let found = ids.filter_map(|id| self.by_id.get(&id).copied());
            found.filter(|sequence| self.runs[sequence].run.job == row.job)
        });
        last.into_values().chain(last_success.into_values()).chain(named).collect()
    }

    /// Transfers of closed attempts, of the newest runs first.
    fn settled(&self) -> Vec<TransferId> {
        self.settled.0.iter().rev().take(SETTLED_MAX).map(|(_, transfer)| *transfer).collect()
    }

    /// The outbox, in order.
    fn outbox(&self) -> Vec<Arc<QueuedAlert>> {
        let mut alerts: Vec<_> = self.alerts.values().cloned().collect();
        alerts.sort_by_key(|alert| alert.number);
        alerts
    }

    fn forget(&mut self, sequence: Sequence) {
        if let Some(kept) = self.runs.remove(&sequence) {
            self.by_id.remove(&kept.run.id);
            self.unsettled.remove(&sequence);
            for attempt in kept.attempts.values() {
                self.settled.set((sequence, attempt.id.number), None);
                if let Some(transfer) = attempt.transfer {
                    self.owners.remove(&transfer);
                }
            }
        }
    }

    fn has_run(&self, change: &Change<'_>, run: RunId) -> Result<(), StoreError> {
        if change.runs.contains_key(&run) || self.by_id.contains_key(&run) {
            return Ok(());
        }
        Err(StoreError::Conflict(format!("there is no run {run}")))
    }
}

/// A valid commit, not yet carried out.
#[derive(Default)]
struct Change<'a> {
    runs: BTreeMap<RunId, &'a Arc<Run>>,
    /// New runs, in the order in which they were recorded.
    new_runs: Vec<RunId>,
    attempts: BTreeMap<AttemptId, &'a Arc<Attempt>>,
    events: Vec<&'a Event>,
    job_rows: Vec<&'a Arc<JobRow>>,
    agent_facts: Option<AgentFacts>,
    /// The new row of each alert, or none if it is removed.
    alerts: BTreeMap<AlertId, Option<&'a Arc<QueuedAlert>>>,
    reported: Option<&'a Reported>,
    pause_of_all: Option<&'a Arc<PauseOfAll>>,
}

impl<'a> Change<'a> {
    fn of(records: &'a [Record], rows: &Rows) -> Result<Self, StoreError> {
        let mut change = Self::default();
        for record in records {
            match record {
                Record::Run { was, run } => change.replace_run(*was, run, rows)?,
                Record::Attempt(attempt) => {
                    change.attempts.insert(attempt.id, attempt);
                }
                Record::Event(event) => change.events.push(event),
                Record::Job(job_row) => change.job_rows.push(job_row),
                Record::AgentFacts(agent_facts) => change.agent_facts = Some(*agent_facts),
                Record::AlertQueued(alert) => {
                    change.alerts.insert(alert.id, Some(alert));
                }
                Record::AlertGone(alert) => {
                    change.alerts.insert(*alert, None);
                }
                Record::Reported(reported) => change.reported = Some(reported),
                Record::PauseOfAll(pause) => change.pause_of_all = Some(pause),
            }
        }
        for attempt in change.attempts.keys() {
            rows.has_run(&change, attempt.run)?;
        }
        for event in &change.events {
            rows.has_run(&change, event.run)?;
        }
        change.check_owners(rows)?;
        Ok(change)
    }

    fn replace_run(
        &mut self,
        was: Option<RunState>,
        run: &'a Arc<Run>,
        rows: &Rows,
    ) -> Result<(), StoreError> {
        let kept = rows.by_id.get(&run.id).and_then(|sequence| rows.runs.get(sequence));
        let found =
            self.runs.get(&run.id).map(|run| run.state).or_else(|| kept.map(|kept| kept.run.state));
        if found != was {
            return Err(super::error::run_is_not_as_expected(run.id, was));
        }
        if was.is_none() {
            self.new_runs.push(run.id);
        }
        self.runs.insert(run.id, run);
        Ok(())
    }

    /// Checks that each transfer belongs to one attempt, in the rows after this change.
    fn check_owners(&self, rows: &Rows) -> Result<(), StoreError> {
        let mut claimed = BTreeSet::new();
        for attempt in self.attempts.values() {
            let Some(transfer) = attempt.transfer else { continue };
            let taken = rows
                .owners
                .get(&transfer)
                .is_some_and(|owner| *owner != attempt.id && !self.attempts.contains_key(owner));
            if taken || !claimed.insert(transfer) {
                return Err(super::error::transfer_has_an_owner(transfer));
            }
        }
        Ok(())
    }

    fn carry_out(self, rows: &mut Rows) {
        let mut touched = BTreeSet::new();
        let next = rows.runs.last_key_value().map_or(1, |(last, _)| last + 1);
        rows.by_id.extend(self.new_runs.iter().copied().zip(next..));
        for (id, run) in self.runs {
            let sequence = rows.by_id[&id];
            touched.insert(sequence);
            rows.runs.entry(sequence).and_modify(|kept| kept.run = Arc::clone(run)).or_insert_with(
                || Kept { run: Arc::clone(run), attempts: BTreeMap::new(), events: Vec::new() },
            );
        }
        // All claims are cleared before any is set: two attempts may exchange theirs.
        for id in self.attempts.keys() {
            let sequence = rows.by_id[&id.run];
            let before = rows.runs.get(&sequence).and_then(|kept| kept.attempts.get(&id.number));
            if let Some(transfer) = before.and_then(|attempt| attempt.transfer) {
                rows.owners.remove(&transfer);
            }
        }
        for (id, attempt) in self.attempts {
            let sequence = rows.by_id[&id.run];
            touched.insert(sequence);
            if let Some(transfer) = attempt.transfer {
                rows.owners.insert(transfer, id);
            }
            let settled = attempt.transfer.filter(|_| !attempt.phase.is_open());
            rows.settled.set((sequence, id.number), settled);
            if let Some(kept) = rows.runs.get_mut(&sequence) {
                kept.attempts.insert(id.number, Arc::clone(attempt));
            }
        }
        for event in self.events {
            if let Some(kept) = rows.runs.get_mut(&rows.by_id[&event.run]) {
                rows.last_event += 1;
                kept.events.push((rows.last_event, event.clone()));
            }
        }
        for job_row in self.job_rows {
            rows.job_rows.insert(job_row.job.clone(), Arc::clone(job_row));
        }
        rows.agent_facts = self.agent_facts.unwrap_or(rows.agent_facts);
        if let Some(reported) = self.reported {
            rows.reported = reported.clone();
        }
        if let Some(pause) = self.pause_of_all {
            rows.pause_of_all = Arc::clone(pause);
        }
        for (id, alert) in self.alerts {
            match alert {
                Some(alert) => rows.alerts.insert(id, Arc::clone(alert)),
                None => rows.alerts.remove(&id),
            };
        }
        for sequence in touched {
            if rows.runs.get(&sequence).is_some_and(Kept::is_unsettled) {
                rows.unsettled.insert(sequence);
            } else {
                rows.unsettled.remove(&sequence);
            }
        }
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        let rows = &self.rows;
        let unsettled = || rows.unsettled.iter().filter_map(|sequence| rows.runs.get(sequence));
        Ok(Snapshot {
            runs: unsettled().map(|kept| Arc::clone(&kept.run)).collect(),
            attempts: unsettled().flat_map(|kept| kept.attempts.values().cloned()).collect(),
            job_rows: rows.job_rows.values().cloned().collect(),
            agent_facts: rows.agent_facts,
            settled: rows.settled(),
            alerts: rows.outbox(),
            reported: rows.reported.clone(),
            pause_of_all: Arc::clone(&rows.pause_of_all),
        })
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let change = Change::of(records, &self.rows)?;
        change.carry_out(Arc::make_mut(&mut self.rows));
        Ok(())
    }

    fn save_job_set(&mut self, text: &str) -> Result<(), StoreError> {
        Arc::make_mut(&mut self.rows).job_set = Some(text.into());
        Ok(())
    }

    fn save_agent_user(&mut self, uid: u32) -> Result<(), StoreError> {
        Arc::make_mut(&mut self.rows).agent_user = Some(uid);
        Ok(())
    }

    fn prune(
        &mut self,
        policy: HistoryPolicy,
        now: Timestamp,
        step_limit: usize,
    ) -> Result<usize, StoreError> {
        let cutoff = super::query::prune_cutoff(policy, now);
        let total = self.rows.runs.len() as u64;
        let excess = usize::try_from(total.saturating_sub(policy.max_runs)).unwrap_or(usize::MAX);
        let stays = self.rows.kept_whatever_their_age();
        let mut candidates: Vec<_> = self
            .rows
            .runs
            .iter()
            .filter(|(sequence, kept)| !kept.is_unsettled() && !stays.contains(sequence))
            .map(|(sequence, kept)| (kept.ended_ms(), *sequence))
            .collect();
        candidates.sort_unstable();
        let goes =
            |(index, (ended, _)): &(usize, (i64, Sequence))| *ended < cutoff || *index < excess;
        let gone: Vec<_> =
            candidates.into_iter().enumerate().take_while(goes).take(step_limit).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        let rows = Arc::make_mut(&mut self.rows);
        for (_, (_, sequence)) in &gone {
            rows.forget(*sequence);
        }
        Ok(gone.len())
    }

    fn check_writable(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Queries for MemoryStore {
    fn history(&self, query: &HistoryQuery) -> Result<Vec<RunWithAttempts>, StoreError> {
        let before = query.before.map(|older| {
            let sequence = self.rows.by_id.get(&older.run).copied().unwrap_or(0);
            (older.created_at.as_millisecond(), sequence)
        });
        let wanted = |sequence: Sequence, run: &Run| {
            let created = run.created_at.as_millisecond();
            query.job.as_ref().is_none_or(|job| *job == run.job)
                && (query.states.is_empty() || query.states.contains(&run.state))
                && query.scheduled_for.is_none_or(|at| {
                    run.scheduled_for.map(Timestamp::as_millisecond) == Some(at.as_millisecond())
                })
                && query.since.is_none_or(|since| created >= since.as_millisecond())
                && before.is_none_or(|before| (created, sequence) < before)
        };
        let runs = self.rows.newest_first();
        let wanted = runs.into_iter().filter(|(sequence, kept)| wanted(*sequence, &kept.run));
        Ok(wanted.take(query.limit).map(|(_, kept)| kept.with_attempts()).collect())
    }

    fn run(&self, id_or_prefix: &str) -> Result<RunMatch, StoreError> {
        let Some(ids) = ids_beginning_with(id_or_prefix) else { return Ok(RunMatch::None) };
        let found: Vec<_> = self.rows.by_id.range(ids).take(SEVERAL_MAX).collect();
        Ok(match found.as_slice() {
            [] => RunMatch::None,
            [(_, sequence)] => RunMatch::One(Box::new(self.rows.runs[*sequence].with_attempts())),
            several => RunMatch::Several(several.iter().map(|(id, _)| **id).collect()),
        })
    }

    fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        let kept = self.rows.by_id.get(&run).and_then(|sequence| self.rows.runs.get(sequence));
        let events = kept.map_or(&[][..], |kept| kept.events.as_slice());
        let latest = &events[events.len().saturating_sub(EVENTS_MAX)..];
        Ok(latest.iter().map(|(_, event)| event.clone()).collect())
    }

    fn happened(&self, after: u64, limit: usize) -> Result<Vec<Happened>, StoreError> {
        let of = |kept: &Kept, (id, event): &(u64, Event)| Happened {
            id: *id,
            job: kept.run.job.clone(),
            event: event.clone(),
        };
        let all = self.rows.runs.values();
        let all = all.flat_map(|kept| kept.events.iter().map(move |event| (kept, event)));
        let later = all.filter(|(_, (id, _))| *id > after);
        let mut happened: Vec<_> = later.map(|(kept, event)| of(kept, event)).collect();
        happened.sort_by_key(|happened| happened.id);
        happened.truncate(limit);
        Ok(happened)
    }

    fn last_event(&self) -> Result<u64, StoreError> {
        Ok(self.rows.last_event)
    }

    fn last_runs(&self, jobs: &[JobName]) -> Result<Vec<RunWithAttempts>, StoreError> {
        let last = |job: &JobName| self.rows.runs.values().rev().find(|kept| kept.run.job == *job);
        Ok(jobs.iter().filter_map(last).map(Kept::with_attempts).collect())
    }

    fn runs_of_time(
        &self,
        job: &JobName,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<PastRun>, StoreError> {
        let span = from.as_millisecond()..=to.as_millisecond();
        let of_job = self.rows.runs.values().map(|kept| &kept.run).filter(|run| run.job == *job);
        let past = of_job.filter_map(|run| {
            let scheduled_for = run.scheduled_for?;
            let in_time = span.contains(&scheduled_for.as_millisecond());
            in_time.then(|| PastRun::of(run.id, scheduled_for, run.state))
        });
        Ok(past.take(limit).collect())
    }

    fn outcomes(
        &self,
        jobs: &[JobName],
        days: &[Timestamp],
    ) -> Result<Vec<Vec<Outcomes>>, StoreError> {
        let of_job = |job: &JobName| {
            let mut outcomes = vec![Outcomes::default(); days.len().saturating_sub(1)];
            for run in self.rows.runs.values().map(|kept| &kept.run).filter(|run| run.job == *job) {
                if let Some(day) = Outcomes::day_of(days, run.created_at) {
                    outcomes[day].add(run.state, 1);
                }
            }
            outcomes
        };
        Ok(jobs.iter().map(of_job).collect())
    }

    fn job_rows(&self) -> Result<Vec<Arc<JobRow>>, StoreError> {
        Ok(self.rows.job_rows.values().cloned().collect())
    }

    fn last_job_set(&self) -> Result<Option<String>, StoreError> {
        Ok(self.rows.job_set.as_deref().map(str::to_owned))
    }

    fn agent_user(&self) -> Result<Option<u32>, StoreError> {
        Ok(self.rows.agent_user)
    }
}
