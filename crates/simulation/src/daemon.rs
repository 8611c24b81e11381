//! A simulated daemon: the driver's contract with the engine, with all the places where it can
//! die.
//!
//! Wait for one input, handle it, commit its records, only then perform its effects. A commit
//! that fails throws the engine away; cancels are performed all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use transferd_engine::engine::{Engine, Host};
use transferd_engine::ids::{AlertId, AttemptId, JobName, RunId, TransferId, UserId};
use transferd_engine::input::{Effect, Input, Step};
use transferd_engine::job::{Job, JobSet, Terms};
use transferd_engine::place::Fingerprint;
use transferd_engine::record::Record;
use transferd_engine::run::{Attempt, Run};
use transferd_engine::store::Store;
use transferd_engine::store::memory::MemoryStore;

use super::check::Checker;
use super::decisions::Grounds;
use super::expect::Expectations;
use super::happenings::ClockStep;
use super::looking::LookUnderWay;
use super::mutation::Mutation;
use super::plan::millis;
use super::repeats::Repeats;
use super::simulation::{Call, Event, Observer, Simulation};
use super::starts::Starts;

/// How long the driver waits after a failed commit before it rebuilds the engine.
const REBUILD: SignedDuration = SignedDuration::from_secs(2);

/// A daemon and what is known of it.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) token: String,
    pub(super) user: UserId,
    pub(super) all_jobs: Vec<Arc<Job>>,
    /// The job file as it stands.
    pub(super) file: Arc<JobSet>,
    /// The job file as the engine has it.
    pub(super) fed: Arc<JobSet>,
    pub(super) store: MemoryStore,
    /// Absent while the process is not there, or waits for room on the disk.
    pub(super) engine: Option<Engine>,
    /// When the engine wants to be woken, in true time: as of its last step.
    engine_wakeup: Option<Timestamp>,
    pub(super) alive: bool,
    /// Counts processes; what was meant for an earlier one is lost.
    pub(super) incarnation: u32,
    /// Its wall clock less true time.
    pub(super) wall: SignedDuration,
    /// All steps of its clock.
    pub(super) steps: Vec<ClockStep>,
    /// Steps that the engine is still to be told of.
    pub(super) step_untold: SignedDuration,
    pub(super) suspended_until: Option<Timestamp>,
    /// When its machine slept, from and until.
    pub(super) sleeps: Vec<(Timestamp, Timestamp)>,
    pub(super) disk_full_until: Option<Timestamp>,
    pub(super) look: Option<Box<LookUnderWay>>,
    pub(super) looks: u64,
    /// When the last complete look began, in true time.
    pub(super) ground_began: Timestamp,
    pub(super) knows_user: bool,
    /// The rows as committed.
    pub(super) runs: BTreeMap<RunId, Arc<Run>>,
    pub(super) attempts: BTreeMap<AttemptId, Arc<Attempt>>,
    /// Those of the attempts that are open.
    pub(super) open: BTreeMap<AttemptId, Arc<Attempt>>,
    pub(super) unfinished: BTreeSet<RunId>,
    /// What the job file said of a run's job when the run was recorded.
    pub(super) terms: BTreeMap<RunId, Arc<Terms>>,
    pub(super) occurrences: BTreeMap<(JobName, Timestamp), RunId>,
    pub(super) expectations: Expectations,
    pub(super) grounds: Grounds,
    /// Wall-clock time up to which dues have certainly been dealt with.
    pub(super) processed: Timestamp,
    /// Jobs whose dues wait for a look, and since when: a daemon that dies meanwhile has not dealt
    /// with them.
    pub(super) held_back: BTreeMap<JobName, Timestamp>,
    /// The latest that its clock has shown.
    pub(super) latest_wall: Timestamp,
    /// Since when the engine has been there without a break, in true time.
    pub(super) up_since: Option<Timestamp>,
    pub(super) cancel_asked: BTreeMap<TransferId, Timestamp>,
    pub(super) replies: u64,
    /// The alerts that were ever queued.
    pub(super) alerts: BTreeSet<AlertId>,
    pub(super) deadlines_checked: Timestamp,
    /// When a look of it last came to nothing.
    pub(super) look_lost_at: Option<Timestamp>,
    pub(super) starts: Starts,
    pub(super) repeats: Repeats,
    /// Places for which it has taken somebody else's transfer for its own, and when.
    pub(super) strangers: Vec<(Fingerprint, Timestamp)>,
    /// Answers are numbered as they are asked for: the next number, and the latest that came.
    pub(super) answers: (u64, u64),
    wakes_at: (Timestamp, u32),
}

impl Daemon {
    pub(super) fn new(plan: &super::plan::DaemonPlan, start: Timestamp) -> Self {
        Self {
            token: plan.token.clone(),
            user: plan.user,
            all_jobs: plan.all_jobs.clone(),
            file: Arc::clone(&plan.set),
            fed: Arc::clone(&plan.set),
            store: MemoryStore::new(),
            engine: None,
            engine_wakeup: None,
            alive: false,
            incarnation: 0,
            wall: SignedDuration::ZERO,
            steps: Vec::new(),
            step_untold: SignedDuration::ZERO,
            suspended_until: None,
            sleeps: Vec::new(),
            disk_full_until: None,
            look: None,
            looks: 0,
            ground_began: start,
            knows_user: false,
            runs: BTreeMap::new(),
            attempts: BTreeMap::new(),
            open: BTreeMap::new(),
            unfinished: BTreeSet::new(),
            terms: BTreeMap::new(),
            occurrences: BTreeMap::new(),
            expectations: Expectations::default(),
            grounds: Grounds::default(),
            processed: start,
            held_back: BTreeMap::new(),
            latest_wall: start,
            up_since: None,
            cancel_asked: BTreeMap::new(),
            replies: 0,
            alerts: BTreeSet::new(),
            deadlines_checked: start,
            look_lost_at: None,
            starts: Starts::default(),
            repeats: Repeats::default(),
            strangers: Vec::new(),
            answers: (1, 0),
            wakes_at: (start, 0),
        }
    }

    /// When its engine wants to be woken, in true time; absent while nobody would hear.
    pub(super) fn wakeup(&self) -> Option<Timestamp> {
        if self.suspended_until.is_some() {
            return None;
        }
        self.engine_wakeup.filter(|_| self.engine.is_some())
    }

    /// The engine has made a step, or the clock was set: when does it want to be woken now?
    pub(super) fn note_wakeup(&mut self) {
        let at = self.engine.as_ref().and_then(Engine::next_wakeup);
        self.engine_wakeup = at.map(|at| at.saturating_sub(self.wall).unwrap_or(at));
    }
}

impl<O: Observer> Simulation<O> {
    pub(super) fn wall(&self, daemon: usize) -> Timestamp {
        self.now + self.daemons[daemon].wall
    }

    /// Starts the process: rebuilds the engine from what was committed.
    pub(super) fn start(&mut self, number: usize) {
        self.daemons[number].alive = true;
        self.rebuild(number);
    }

    /// Rebuilds the engine from the rows.
    pub(super) fn rebuild(&mut self, number: usize) {
        let wall = self.wall(number);
        let mutation = self.mutation;
        let daemon = &mut self.daemons[number];
        if !daemon.alive || daemon.engine.is_some() {
            return;
        }
        let mut durable = match daemon.store.load() {
            Ok(durable) => durable,
            Err(error) => {
                self.violation(
                    Checker::Intent,
                    number,
                    format!("the store can't be read: {error}"),
                );
                return;
            }
        };
        if let Some(mutation) = mutation {
            mutation.durable(&mut durable, wall);
        }
        daemon.fed = Arc::clone(&daemon.file);
        daemon.grounds.stands(&daemon.fed);
        let set = mutation.map_or_else(|| Arc::clone(&daemon.fed), |m| m.set(&daemon.fed));
        let host = Host { hostname: format!("host-{number}"), jitter_seed: number as u64 };
        daemon.expectations.jumped(daemon.processed, wall);
        daemon.latest_wall = daemon.latest_wall.max(wall);
        let (engine, step) = Engine::recover(durable, set, host, wall);
        daemon.starts = Starts::default();
        daemon.engine = Some(engine);
        daemon.note_wakeup();
        daemon.look = None;
        daemon.up_since = Some(self.now);
        self.trace.line(self.now, || format!("[{number}] recovers"));
        self.carry_out(number, step);
        self.tell_step(number);
    }

    /// Gives the engine an input, and does what follows.
    pub(super) fn feed(&mut self, number: usize, input: Input) {
        let wall = self.wall(number);
        self.trace.line(self.now, || match &input {
            Input::Looked(Ok(look)) => format!("[{number}] < {}", super::looking::words(look)),
            Input::JobsReplaced(set) => {
                let names: Vec<_> = set.jobs.keys().map(JobName::as_str).collect();
                format!("[{number}] < jobs {names:?}")
            }
            other => format!("[{number}] < {other:?}"),
        });
        let daemon = &mut self.daemons[number];
        daemon.latest_wall = daemon.latest_wall.max(wall);
        daemon.grounds.heard(&input, self.now);
        daemon.starts.heard(&input);
        let Some(engine) = daemon.engine.as_mut() else { return };
        let step = engine.handle(input, wall);
        daemon.note_wakeup();
        self.carry_out(number, step);
    }

    /// The engine's time has come.
    pub(super) fn wake(&mut self, number: usize) {
        let now = self.now;
        let daemon = &mut self.daemons[number];
        if daemon.wakes_at.0 == now {
            daemon.wakes_at.1 += 1;
            if daemon.wakes_at.1 == 1_000 {
                let words = "wants to be woken again and again at one instant".to_owned();
                self.violation(Checker::Idle, number, words);
                self.daemons[number].engine = None;
                self.daemons[number].alive = false;
                return;
            }
        } else {
            daemon.wakes_at = (now, 0);
        }
        match self.mutation {
            Some(Mutation::TimeNotTold) => {}
            Some(Mutation::WatchedForEver) if self.daemons[number].unfinished.is_empty() => {
                let by = SignedDuration::from_mins(1);
                self.feed(number, Input::ClockStepped { by });
            }
            _ => self.feed(number, Input::TimeReached),
        }
    }

    fn carry_out(&mut self, number: usize, step: Step) {
        let Step { mut record, mut then, notes } = step;
        then.retain(|effect| !matches!(effect, Effect::Deliver { .. }));
        for note in &notes {
            self.trace.line(self.now, || format!("[{number}]   {:?}: {}", note.level, note.text));
        }
        if let Some(mutation) = self.mutation {
            mutation.records(&mut record);
            mutation.effects(&mut then);
        }
        if self.mutation == Some(Mutation::LooksWithoutNeed) && then.is_empty() {
            let since = self.wall(number);
            let request = transferd_engine::transfer::LookRequest {
                since,
                fingerprints: BTreeSet::new(),
                transfers: BTreeSet::new(),
            };
            then.push(Effect::Look(request));
        }
        if self.mutation == Some(Mutation::ActsBeforeCommit) {
            let (submits, others) =
                then.into_iter().partition(|effect| matches!(effect, Effect::Submit { .. }));
            then = others;
            self.perform_all(number, submits);
        }
        if !record.is_empty() {
            if self.chance.happens(self.hazards.crash_before_commit) {
                self.count("crash_before_commit");
                self.crash(number);
                return;
            }
            if !self.commit(number, &record) {
                if self.mutation != Some(Mutation::ActsOnFailedCommit) {
                    then.retain(|effect| matches!(effect, Effect::Cancel { .. }));
                }
                self.give_engine_up(number);
                self.perform_all(number, then);
                return;
            }
        }
        let wall = self.wall(number);
        self.daemons[number].has_processed(wall);
        if then.len() > 1 && self.chance.happens(self.hazards.crash_amid_effects) {
            self.count("crash_amid_effects");
            let performed = 1 + self.chance.below(then.len() - 1);
            then.truncate(performed);
            self.perform_all(number, then);
            self.crash(number);
            return;
        }
        let acts = !record.is_empty() || !then.is_empty();
        if acts && self.chance.happens(self.hazards.crash_after_commit) {
            let performed = self.chance.below(then.len() + 1);
            self.count(match performed {
                0 => "crash_before_effects",
                all if all == then.len() => "crash_after_effects",
                _ => "crash_amid_effects",
            });
            then.truncate(performed);
            self.perform_all(number, then);
            self.crash(number);
            return;
        }
        self.perform_all(number, then);
        self.check_deadlines(number);
    }

    /// True if the records are durable now.
    fn commit(&mut self, number: usize, record: &[Record]) -> bool {
        let full = self.daemons[number].disk_full_until.is_some();
        if full || self.chance.happens(self.hazards.commit_fails) {
            self.count(if full { "commit_on_full_disk" } else { "commit_failed" });
            self.trace.line(self.now, || format!("[{number}] commit fails"));
            return false;
        }
        if let Err(error) = self.daemons[number].store.commit(record) {
            self.violation(Checker::Intent, number, format!("a commit was refused: {error}"));
            return false;
        }
        for row in record {
            self.took_effect(number, row);
        }
        self.check_alerts(number, record);
        self.observer.committed(number, record, self.now);
        true
    }

    /// Keeps the checkers' copy of the rows.
    fn took_effect(&mut self, number: usize, row: &Record) {
        let wall = self.wall(number);
        self.trace.line(self.now, || match row {
            Record::Run { run, .. } => {
                format!("[{number}]   run {} {} {:?}: {}", run.id, run.job, run.state, run.reason)
            }
            Record::Attempt(row) => format!(
                "[{number}]   attempt {}/{} {:?} transfer {:?} cancel {:?} status {:?}",
                row.id.run,
                row.id.number,
                row.phase,
                row.transfer,
                row.cancel.as_ref().map(|wish| wish.cause),
                row.status
            ),
            other => format!("[{number}]   {other:?}"),
        });
        match row {
            Record::Run { was, run } => {
                self.check_run(number, *was, run);
                let daemon = &mut self.daemons[number];
                if run.state.is_over() {
                    daemon.unfinished.remove(&run.id);
                } else {
                    daemon.unfinished.insert(run.id);
                }
                daemon.runs.insert(run.id, Arc::clone(run));
            }
            Record::Attempt(row) => {
                self.check_claim(number, row);
                self.check_cause(number, row);
                let daemon = &mut self.daemons[number];
                if row.phase.is_open() {
                    daemon.open.insert(row.id, Arc::clone(row));
                } else {
                    daemon.open.remove(&row.id);
                }
                daemon.attempts.insert(row.id, Arc::clone(row));
            }
            Record::Mark(mark) => {
                let daemon = &mut self.daemons[number];
                daemon.grounds.paused(&mark.job, mark.pause.as_ref());
                let held = daemon.held_back.get(&mark.job).copied();
                let until = daemon.processed.min(wall).min(held.unwrap_or(wall));
                // A clock that was set back does not bring back what was dealt with.
                daemon.expectations.marked(mark, &daemon.fed, until, daemon.latest_wall);
            }
            Record::Event(_)
            | Record::Learned(_)
            | Record::AlertQueued(_)
            | Record::AlertGone(_)
            | Record::PauseOfAll(_)
            | Record::Told(_) => {}
        }
    }

    fn perform_all(&mut self, number: usize, effects: Vec<Effect>) {
        for effect in effects {
            self.perform(number, effect);
        }
    }

    fn perform(&mut self, number: usize, effect: Effect) {
        self.trace.line(self.now, || match &effect {
            Effect::Look(request) => format!("[{number}] > look since {}", request.since),
            other => format!("[{number}] > {other:?}"),
        });
        match effect {
            Effect::Look(request) => self.begin_look(number, request),
            Effect::Submit { attempt, request } => {
                self.check_submit(number, attempt);
                let request = Box::new(request);
                let call = Call::Submit { attempt, request, sent: self.now };
                self.send(number, call);
            }
            Effect::Cancel { transfer } => {
                self.check_cancel(number, transfer);
                let now = self.now;
                self.daemons[number].cancel_asked.entry(transfer).or_insert(now);
                self.send(number, Call::Cancel { transfer });
            }
            Effect::StartAgent => self.ask_to_start(number),
            Effect::LearnCause { attempt, query } => self.ask_why(number, attempt, query),
            Effect::Reply { .. } => self.daemons[number].replies += 1,
            // Left out before; see `alerts`.
            Effect::Deliver { .. } | Effect::GatherDigest { .. } => {}
        }
    }

    pub(super) fn send(&mut self, number: usize, call: Call) {
        let on_its_way = self.chance.span(self.hazards.latency);
        let incarnation = self.daemons[number].incarnation;
        let call = Box::new(call);
        self.schedule(self.now + on_its_way, Event::Arrive { number, incarnation, call });
    }

    /// The process dies. What it has sent is on its way.
    pub(super) fn crash(&mut self, number: usize) {
        if !self.daemons[number].alive {
            return;
        }
        self.trace.line(self.now, || format!("[{number}] dies"));
        let daemon = &mut self.daemons[number];
        daemon.alive = false;
        daemon.engine = None;
        daemon.look = None;
        daemon.up_since = None;
        daemon.incarnation += 1;
        if !std::mem::take(&mut daemon.step_untold).is_zero() {
            // Nobody will tell the next process of it.
            for step in daemon.steps.iter_mut().rev().take_while(|step| !step.told) {
                step.unseen = true;
            }
        }
        let away = self.chance.span(self.hazards.down_for);
        self.schedule(self.now + away, Event::Start { number });
    }

    /// A commit has failed: the engine is thrown away, and rebuilt in a moment. Answers that come
    /// meanwhile are lost.
    fn give_engine_up(&mut self, number: usize) {
        let daemon = &mut self.daemons[number];
        daemon.engine = None;
        daemon.look = None;
        daemon.up_since = None;
        // The process lives on; half of the time what is under way reaches the rebuilt engine.
        if self.chance.happens(0.5) {
            self.daemons[number].incarnation += 1;
        }
        let again = REBUILD + millis(i64::try_from(self.chance.below(1_000)).unwrap_or(0));
        self.schedule(self.now + again, Event::Rebuild { number });
    }
}
