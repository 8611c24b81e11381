//! The engine's memory: the durable rows that still matter, the indexes over them, and observations
//! that are not durable.
//!
//! `apply` is the only way in which rows change, live and in recovery. Indexes follow from rows
//! alone, so that an engine rebuilt from the store equals the one that died.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::destination_index::DestinationIndex;
use super::outbox::Outbox;
use crate::alert::Reported;
use crate::ids::{AttemptId, JobName, RunId, TransferId};
use crate::limits::SETTLED_MAX;
use crate::place::{Fingerprint, Place};
use crate::record::{AgentFacts, JobRow, PauseOfAll, Record, Snapshot};
use crate::run::{
    Attempt, Observations, Run, RunMachine, RunState, attempt_may_become, run_may_become,
};

/// Rows and indexes.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Runs in memory.
    runs: BTreeMap<RunId, RunMachine>,
    /// Rows of all jobs ever seen in the file.
    job_rows: BTreeMap<JobName, Arc<JobRow>>,
    agent_facts: AgentFacts,
    /// Unfinished runs of each job, oldest first.
    unfinished: BTreeMap<JobName, Vec<RunId>>,
    /// Runs of each job with an open attempt.
    open_of_job: BTreeMap<JobName, BTreeSet<RunId>>,
    /// Runs with an open attempt.
    in_flight: BTreeSet<RunId>,
    /// Runs in state `waiting`, in the order in which they are served.
    waiting: BTreeSet<(Timestamp, RunId)>,
    /// Open attempts by fingerprint.
    open: BTreeMap<Fingerprint, BTreeSet<AttemptId>>,
    /// The owner of each transfer.
    owner: BTreeMap<TransferId, AttemptId>,
    /// Transfers of attempts that are no longer in memory: never to be claimed by another attempt.
    settled: Settled,
    /// Destinations of runs in memory.
    destinations: DestinationIndex,
    outbox: Outbox,
    reported: Reported,
    pause_of_all: Arc<PauseOfAll>,
}

/// The transfers that were settled last: [`SETTLED_MAX`] of those before the start, and as many
/// since.
#[derive(Debug, Default)]
struct Settled {
    /// Those before the start, sorted: there are thousands, and they are only ever searched.
    before: Vec<TransferId>,
    since: BTreeSet<TransferId>,
    /// Those since the start, oldest first.
    order: VecDeque<TransferId>,
}

impl Settled {
    /// Remembers these, given newest first.
    fn new(newest_first: Vec<TransferId>) -> Self {
        let mut before = newest_first;
        before.truncate(SETTLED_MAX);
        // Sorted by number, which gives the order of their bytes, faster.
        before.sort_unstable_by_key(|id| id.0.as_u128());
        Self { before, ..Self::default() }
    }

    fn contains(&self, transfer: TransferId) -> bool {
        self.since.contains(&transfer) || self.before.binary_search(&transfer).is_ok()
    }

    /// Remembers a transfer, and forgets the oldest beyond the bound.
    fn insert(&mut self, transfer: TransferId) {
        if self.contains(transfer) {
            return;
        }
        self.since.insert(transfer);
        self.order.push_back(transfer);
        if self.order.len() > SETTLED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.since.remove(&oldest);
        }
    }
}

impl State {
    /// The state built from the rows of a start.
    pub(super) fn of(snapshot: Snapshot) -> Self {
        let mut state = Self {
            agent_facts: snapshot.agent_facts,
            settled: Settled::new(snapshot.settled),
            reported: snapshot.reported,
            pause_of_all: snapshot.pause_of_all,
            ..Self::default()
        };
        snapshot.alerts.iter().for_each(|alert| state.outbox.put(alert));
        state.job_rows =
            snapshot.job_rows.into_iter().map(|job_row| (job_row.job.clone(), job_row)).collect();
        snapshot.runs.iter().for_each(|run| state.put_run(run));
        snapshot.attempts.iter().for_each(|attempt| state.put_attempt(attempt));
        state
    }

    /// A run that is known to be in memory: its id was read here in this step. A run is dropped
    /// only after it was tended ([`State::forget_if_settled`]).
    pub(super) fn run(&self, id: RunId) -> &RunMachine {
        self.runs.get(&id).unwrap_or_else(|| panic!("run {id} is in memory while it is handled"))
    }

    /// The same, for adding an observation: rows change by [`State::apply`] alone.
    pub(super) fn run_mut(&mut self, id: RunId) -> &mut RunMachine {
        let run = self.runs.get_mut(&id);
        run.unwrap_or_else(|| panic!("run {id} is in memory while it is handled"))
    }

    /// A run that may have been dropped, or never existed: its id came from outside, or from the
    /// row of another run.
    pub(super) fn find_run(&self, id: RunId) -> Option<&RunMachine> {
        self.runs.get(&id)
    }

    /// An attempt that is known to be in memory, as its run is.
    pub(super) fn attempt(&self, id: AttemptId) -> &Arc<Attempt> {
        let attempt = self.find_attempt(id);
        attempt.unwrap_or_else(|| panic!("{id:?} is in memory while it is handled"))
    }

    /// An attempt of a run that may have been dropped.
    pub(super) fn find_attempt(&self, id: AttemptId) -> Option<&Arc<Attempt>> {
        self.runs.get(&id.run)?.attempt(id.number)
    }

    /// The observations of an attempt, for adding to them.
    pub(super) fn observations(&mut self, id: AttemptId) -> &mut Observations {
        let observations = self.run_mut(id.run).observations_mut(id.number);
        observations.unwrap_or_else(|| panic!("{id:?} is in memory while it is handled"))
    }

    /// The row of a job that is or was in the file.
    pub(super) fn job_row(&self, job: &JobName) -> &Arc<JobRow> {
        let job_row = self.find_job_row(job);
        job_row
            .unwrap_or_else(|| panic!("job {job} has a row from when it first stood in the file"))
    }

    /// The row of a job that may never have been in the file.
    pub(super) fn find_job_row(&self, job: &JobName) -> Option<&Arc<JobRow>> {
        self.job_rows.get(job)
    }

    /// Rows of all jobs that were ever in the file.
    pub(super) fn job_rows(&self) -> impl Iterator<Item = &Arc<JobRow>> {
        self.job_rows.values()
    }

    /// The names of all jobs that were ever in the file, in order.
    pub(super) fn jobs_ever_known(&self) -> impl Iterator<Item = &JobName> + Clone {
        self.job_rows.keys()
    }

    /// All runs in memory.
    pub(super) fn runs(&self) -> impl Iterator<Item = &RunMachine> {
        self.runs.values()
    }

    /// The ids of all runs in memory, for callers that change the runs.
    pub(super) fn run_ids(&self) -> Vec<RunId> {
        self.runs.keys().copied().collect()
    }

    /// The runs with an open attempt.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = &RunMachine> {
        self.in_flight.iter().map(|run| self.run(*run))
    }

    /// The ids of the runs with an open attempt.
    pub(super) fn in_flight_ids(&self) -> &BTreeSet<RunId> {
        &self.in_flight
    }

    /// Restarts the proof of absence for every run in flight: no absence counts across this moment.
    pub(super) fn break_series(&mut self) {
        for run in &self.in_flight {
            self.runs.get_mut(run).into_iter().for_each(RunMachine::break_series);
        }
    }

    /// All open attempts.
    pub(super) fn open_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.in_flight().flat_map(RunMachine::open_attempts).map(AsRef::as_ref)
    }

    /// The open attempts of a fingerprint.
    pub(super) fn open_like(
        &self,
        fingerprint: Fingerprint,
    ) -> impl Iterator<Item = &Arc<Attempt>> {
        self.open.get(&fingerprint).into_iter().flatten().map(|id| self.attempt(*id))
    }

    /// The runs of a job with an open attempt.
    pub(super) fn in_flight_of(&self, job: &JobName) -> impl Iterator<Item = &RunMachine> {
        self.open_of_job.get(job).into_iter().flatten().map(|run| self.run(*run))
    }

    /// The runs in state `waiting`, in the order in which they are served.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &RunMachine> {
        self.waiting.iter().map(|(_, run)| self.run(*run))
    }

    /// Unfinished runs of all jobs, by job.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = RunId> {
        self.unfinished.values().flatten().copied()
    }

    /// Runs in memory whose destination overlaps with this place.
    pub(super) fn overlapping(&self, place: &Place) -> BTreeSet<RunId> {
        self.destinations.overlapping(place)
    }

    /// The owner of a transfer, if it is one of ours in memory.
    pub(super) fn owner(&self, transfer: TransferId) -> Option<AttemptId> {
        self.owner.get(&transfer).copied()
    }

    /// Alerts that are not delivered yet.
    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The reports that were already made.
    pub(super) fn reported(&self) -> &Reported {
        &self.reported
    }

    /// The pause of all jobs, and those that are past.
    pub(super) fn pause_of_all(&self) -> &Arc<PauseOfAll> {
        &self.pause_of_all
    }

    /// Facts learned about the agent.
    pub(super) fn agent_facts(&self) -> AgentFacts {
        self.agent_facts
    }

    /// True when a transfer has or had an owner.
    pub(super) fn is_owned(&self, transfer: TransferId) -> bool {
        self.owner.contains_key(&transfer) || self.settled.contains(transfer)
    }

    /// Puts a record's row in its place: live, in recovery and in simulation alike.
    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Run { run, .. } => self.put_run(run),
            Record::Attempt(attempt) => self.put_attempt(attempt),
            Record::Job(job_row) => {
                self.job_rows.insert(job_row.job.clone(), Arc::clone(job_row));
            }
            Record::AgentFacts(agent_facts) => self.agent_facts = *agent_facts,
            Record::AlertQueued(alert) => self.outbox.put(alert),
            Record::AlertGone(alert) => self.outbox.remove(*alert),
            Record::Reported(reported) => self.reported = reported.clone(),
            Record::PauseOfAll(pause) => self.pause_of_all = Arc::clone(pause),
            Record::Event(_) => {}
        }
    }

    /// Asserts, in tests and simulations, that a row goes to a legal next state. In a release it
    /// does not: a transition that the table forgot must not end a daemon.
    pub(super) fn assert_move(&self, record: &Record) {
        if !cfg!(debug_assertions) {
            return;
        }
        match record {
            Record::Run { was, run } => {
                let is = run.state;
                assert!(run_may_become(*was, is), "run {} goes from {was:?} to {is:?}", run.id);
            }
            Record::Attempt(attempt) => {
                let (id, is) = (attempt.id, attempt.phase);
                let was = self.find_attempt(id).map(|attempt| attempt.phase);
                assert!(attempt_may_become(was, is), "attempt {id:?} goes from {was:?} to {is:?}");
            }
            Record::Event(_)
            | Record::Job(_)
            | Record::AgentFacts(_)
            | Record::AlertQueued(_)
            | Record::AlertGone(_)
            | Record::Reported(_)
            | Record::PauseOfAll(_) => {}
        }
    }

    /// Unfinished runs of a job, oldest first.
    pub(super) fn unfinished_of(&self, job: &JobName) -> &[RunId] {
        self.unfinished.get(job).map(Vec::as_slice).unwrap_or_default()
    }

    /// Unfinished runs of a job, oldest first, without those that step behind: retries and
    /// backfills that have not begun.
    pub(super) fn ahead(&self, job: &JobName) -> Vec<RunId> {
        self.unfinished_of(job).iter().copied().filter(|id| !self.steps_behind(*id)).collect()
    }

    /// Unfinished runs of a job in the order in which it is their turn.
    pub(super) fn in_turn(&self, job: &JobName) -> Vec<RunId> {
        let unfinished = self.unfinished_of(job).iter().copied();
        let (behind, mut in_turn): (Vec<_>, Vec<_>) =
            unfinished.partition(|id| self.steps_behind(*id));
        in_turn.extend(behind);
        in_turn
    }

    /// True for a retry or backfill that has not begun: its job's other runs go first.
    pub(super) fn steps_behind(&self, id: RunId) -> bool {
        let machine = self.run(id);
        machine.row().trigger.steps_behind() && !machine.has_begun()
    }

    /// The unfinished run of a job that goes before one that steps behind.
    pub(super) fn goes_before(&self, id: RunId, job: &JobName) -> Option<RunId> {
        let unfinished = self.unfinished.get(job)?;
        let place = unfinished.iter().position(|other| *other == id).unwrap_or(unfinished.len());
        let (earlier, later) = unfinished.split_at(place);
        let ahead = |other: &&RunId| **other != id && !self.steps_behind(**other);
        earlier.last().or_else(|| later.iter().find(ahead)).copied()
    }

    /// Puts a run's row in its place.
    fn put_run(&mut self, row: &Arc<Run>) {
        if let Some(machine) = self.runs.get_mut(&row.id) {
            if machine.state() == RunState::Waiting {
                self.waiting.remove(&(machine.row().ready_at, row.id));
            }
            machine.put(Arc::clone(row));
        } else {
            self.destinations.insert(&row.request.destination, row.id);
            self.runs.insert(row.id, RunMachine::new(Arc::clone(row)));
            if !row.state.is_over() {
                self.unfinished.entry(row.job.clone()).or_default().push(row.id);
            }
        }
        if row.state == RunState::Waiting {
            self.waiting.insert((row.ready_at, row.id));
        }
        if row.state.is_over()
            && let Some(runs) = self.unfinished.get_mut(&row.job)
        {
            runs.retain(|id| *id != row.id);
            if runs.is_empty() {
                self.unfinished.remove(&row.job);
            }
        }
    }

    /// Puts an attempt's row in its place.
    fn put_attempt(&mut self, row: &Arc<Attempt>) {
        let machine = self.run_mut(row.id.run);
        let job = machine.row().job.clone();
        let old = machine.put_attempt(Arc::clone(row));
        let still_open = machine.is_looked_for();
        if let Some(old) = old {
            if old.transfer != row.transfer
                && let Some(transfer) = old.transfer
                && self.owner.get(&transfer) == Some(&row.id)
            {
                self.owner.remove(&transfer);
            }
            if let Some(open) = self.open.get_mut(&old.fingerprint) {
                open.remove(&row.id);
                if open.is_empty() {
                    self.open.remove(&old.fingerprint);
                }
            }
        }
        if let Some(transfer) = row.transfer {
            self.owner.insert(transfer, row.id);
        }
        if row.phase.is_open() {
            self.open.entry(row.fingerprint).or_default().insert(row.id);
        }
        if still_open {
            self.in_flight.insert(row.id.run);
            self.open_of_job.entry(job).or_default().insert(row.id.run);
        } else {
            self.in_flight.remove(&row.id.run);
            if let Some(runs) = self.open_of_job.get_mut(&job) {
                runs.remove(&row.id.run);
                if runs.is_empty() {
                    self.open_of_job.remove(&job);
                }
            }
        }
    }

    /// Drops a finished run without open attempts from memory: nothing can happen to it any more.
    /// True if it did.
    pub(super) fn forget_if_settled(&mut self, id: RunId) -> bool {
        let machine = self.run(id);
        if !machine.is_over() || machine.is_looked_for() {
            return false;
        }
        let destination = machine.row().request.destination.clone();
        let transfers: Vec<TransferId> =
            machine.attempts().filter_map(|attempt| attempt.transfer).collect();
        self.destinations.remove(&destination, id);
        for transfer in transfers {
            self.owner.remove(&transfer);
            self.settled.insert(transfer);
        }
        self.runs.remove(&id);
        true
    }
}
