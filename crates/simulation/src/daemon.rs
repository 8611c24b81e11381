//! A simulated daemon: the loop that ships, the state of its machine, and the checkers' own copy of
//! its commits. Running the loop, and the points where it can die meanwhile, are in `turns`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use transferd_engine::engine::Host;
use transferd_engine::event_loop::{Epoch, EventLoop};
use transferd_engine::ids::{AlertId, AttemptId, JobName, RunId, TransferId, UserId};
use transferd_engine::input::Input;
use transferd_engine::job::{Job, JobSet, Terms};
use transferd_engine::place::Fingerprint;
use transferd_engine::run::{Attempt, Run};
use transferd_engine::store::memory::MemoryStore;
use transferd_sim::world::Span;

use super::check::Checker;
use super::decisions::Grounds;
use super::expect::Expectations;
use super::happenings::ClockStep;
use super::looking::LookUnderWay;
use super::mutation::Mutation;
use super::repeats::Repeats;
use super::simulation::{Call, Event, Observer, Simulation};
use super::starts::Starts;

/// How long inputs are collected, where they are not handled at once: as long as the commit before
/// takes.
const COLLECTED_FOR: Span = Span::millis(1, 50);

/// The origin of a request: the process, and its engine. An unrequested input is for whichever
/// engine that process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) incarnation: u32,
    pub(super) epoch: Option<Epoch>,
}

/// A daemon and the facts about it.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) token: String,
    pub(super) user: UserId,
    pub(super) all_jobs: Vec<Arc<Job>>,
    /// The current job file.
    pub(super) file: Arc<JobSet>,
    /// The job file that the loop has.
    pub(super) fed: Arc<JobSet>,
    pub(super) store: MemoryStore,
    /// Absent while the process is down.
    pub(super) event_loop: Option<EventLoop>,
    /// The loop's next wake-up, in true time, as of its last turn.
    wakeup: Option<Timestamp>,
    /// Inputs are collected until the scheduled turn.
    pub(super) collects: bool,
    pub(super) alive: bool,
    /// Counts processes; inputs for an earlier one are lost.
    pub(super) incarnation: u32,
    /// Its wall clock less true time.
    pub(super) wall: SignedDuration,
    /// All steps of its clock.
    pub(super) steps: Vec<ClockStep>,
    /// Steps that the loop does not know of yet, as the machine sleeps.
    pub(super) unreported_step: SignedDuration,
    pub(super) suspended_until: Option<Timestamp>,
    /// Starts and ends of its machine's sleeps.
    pub(super) sleeps: Vec<(Timestamp, Timestamp)>,
    pub(super) disk_full_until: Option<Timestamp>,
    pub(super) look: Option<Box<LookUnderWay>>,
    pub(super) looks: u64,
    /// When the last complete look began, in true time.
    pub(super) ground_began: Timestamp,
    pub(super) knows_user: bool,
    /// The committed rows.
    pub(super) runs: BTreeMap<RunId, Arc<Run>>,
    pub(super) attempts: BTreeMap<AttemptId, Arc<Attempt>>,
    /// The rows of open attempts.
    pub(super) open: BTreeMap<AttemptId, Arc<Attempt>>,
    pub(super) unfinished: BTreeSet<RunId>,
    /// The terms in the job file when a run was recorded.
    pub(super) terms: BTreeMap<RunId, Arc<Terms>>,
    pub(super) occurrences: BTreeMap<(JobName, Timestamp), RunId>,
    pub(super) expectations: Expectations,
    pub(super) grounds: Grounds,
    /// Wall-clock time up to which due occurrences have certainly been handled.
    pub(super) processed: Timestamp,
    /// Jobs whose due occurrences wait for a look, and since when: a daemon that dies meanwhile has
    /// not handled them.
    pub(super) held_back: BTreeMap<JobName, Timestamp>,
    /// The latest that its clock has shown.
    pub(super) latest_wall: Timestamp,
    /// Since when the engine has been running and could be recorded, in true time.
    pub(super) up_since: Option<Timestamp>,
    pub(super) cancel_asked: BTreeMap<TransferId, Timestamp>,
    pub(super) replies: u64,
    /// The alerts that were ever queued.
    pub(super) alerts: BTreeSet<AlertId>,
    pub(super) deadlines_checked: Timestamp,
    /// When a look of it was last lost.
    pub(super) look_lost_at: Option<Timestamp>,
    /// There was something to look for in the current turn, if only for a moment.
    pub(super) had_work: bool,
    pub(super) starts: Starts,
    pub(super) repeats: Repeats,
    /// Places for which it has taken another's transfer for its own, and when.
    pub(super) strangers: Vec<(Fingerprint, Timestamp)>,
    /// Answers are numbered in the order of their requests: the next number, and the latest that
    /// came.
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
            event_loop: None,
            wakeup: None,
            collects: false,
            alive: false,
            incarnation: 0,
            wall: SignedDuration::ZERO,
            steps: Vec::new(),
            unreported_step: SignedDuration::ZERO,
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
            had_work: false,
            starts: Starts::default(),
            repeats: Repeats::default(),
            strangers: Vec::new(),
            answers: (1, 0),
            wakes_at: (start, 0),
        }
    }

    /// The loop's next wake-up, in true time; absent while the process is down.
    pub(super) fn wakeup(&self) -> Option<Timestamp> {
        self.wakeup.filter(|_| self.suspended_until.is_none() && self.event_loop.is_some())
    }

    /// Updates the wake-up after a turn of the loop or a step of the clock.
    pub(super) fn note_wakeup(&mut self) {
        let at = self.event_loop.as_ref().and_then(EventLoop::next_wakeup);
        self.wakeup = at.map(|at| at.saturating_sub(self.wall).unwrap_or(at));
    }

    /// True while it runs and its engine's decisions can be recorded, as far as it knows.
    pub(super) fn is_up(&self) -> bool {
        self.event_loop.as_ref().is_some_and(|event_loop| event_loop.outage().is_none())
    }

    /// The origin for unrequested inputs of this process.
    pub(super) fn unasked(&self) -> Asker {
        Asker { incarnation: self.incarnation, epoch: None }
    }
}

impl<O: Observer> Simulation<O> {
    pub(super) fn wall(&self, daemon: usize) -> Timestamp {
        self.now + self.daemons[daemon].wall
    }

    /// Starts the process: the engine is rebuilt from the committed rows.
    pub(super) fn start(&mut self, number: usize) {
        let Some(rows) = self.read_rows(number) else { return };
        let wall = self.wall(number);
        let daemon = &mut self.daemons[number];
        daemon.alive = true;
        daemon.fed = Arc::clone(&daemon.file);
        daemon.grounds.stands(&daemon.fed);
        let set = self.mutation.map_or_else(|| Arc::clone(&daemon.fed), |m| m.set(&daemon.fed));
        let machine = Host { hostname: format!("host-{number}"), jitter_seed: number as u64 };
        daemon.event_loop = Some(EventLoop::recover(rows, set, machine, wall));
        self.trace.line(self.now, || format!("[{number}] starts"));
        self.turn(number);
    }

    /// Gives the loop an input; it is turned now, or with the other inputs of the next
    /// milliseconds.
    pub(super) fn feed(&mut self, number: usize, input: Input) {
        let asker = self.daemons[number].unasked();
        self.feed_to(number, asker, input);
    }

    /// The same, for the engine that made the request.
    pub(super) fn feed_to(&mut self, number: usize, asker: Asker, input: Input) {
        self.trace.line(self.now, || match &input {
            Input::Looked(Ok(look)) => format!("[{number}] < {}", super::looking::words(look)),
            Input::JobsReplaced(set) => {
                let names: Vec<_> = set.jobs.keys().map(JobName::as_str).collect();
                format!("[{number}] < jobs {names:?}")
            }
            other => format!("[{number}] < {other:?}"),
        });
        let daemon = &mut self.daemons[number];
        let Some(event_loop) = daemon.event_loop.as_mut() else { return };
        if asker.epoch.is_some_and(|epoch| !event_loop.is_current(epoch)) {
            self.report.count("answer_for_nobody", 1);
        } else {
            daemon.grounds.heard(&input);
            daemon.starts.heard(&input);
        }
        let may_wait = !matches!(input, Input::ClockStepped { .. });
        match asker.epoch {
            Some(epoch) => event_loop.push_answer(epoch, input),
            None => event_loop.push(input),
        }
        if !may_wait || event_loop.is_full() {
            self.turn(number);
        } else if daemon.collects {
            self.count("batched");
        } else if self.chance.happens(self.hazards.batched) {
            self.daemons[number].collects = true;
            let incarnation = self.daemons[number].incarnation;
            let at = self.now + self.chance.span(COLLECTED_FOR);
            self.schedule(at, Event::Turn { number, incarnation });
        } else {
            self.turn(number);
        }
    }

    /// Makes the turn that was delayed for further inputs.
    pub(super) fn turn_at_last(&mut self, number: usize, incarnation: u32) {
        let daemon = &self.daemons[number];
        if daemon.incarnation == incarnation && daemon.collects {
            self.turn(number);
        }
    }

    /// Handles the loop's wake-up.
    pub(super) fn wake(&mut self, number: usize) {
        let now = self.now;
        let daemon = &mut self.daemons[number];
        if daemon.wakes_at.0 == now {
            daemon.wakes_at.1 += 1;
            if daemon.wakes_at.1 == 1_000 {
                let words = "wants to be woken again and again at one instant".to_owned();
                self.violation(Checker::Idle, number, words);
                self.daemons[number].event_loop = None;
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
            _ => self.turn(number),
        }
    }

    pub(super) fn send(&mut self, number: usize, epoch: Epoch, call: Call) {
        let on_its_way = self.chance.span(self.hazards.latency);
        let asker = Asker { epoch: Some(epoch), ..self.daemons[number].unasked() };
        let call = Box::new(call);
        self.schedule(self.now + on_its_way, Event::Arrive { number, asker, call });
    }

    /// Kills the process. Requests already sent are on their way.
    pub(super) fn crash(&mut self, number: usize) {
        if !self.daemons[number].alive {
            return;
        }
        self.trace.line(self.now, || format!("[{number}] dies"));
        let daemon = &mut self.daemons[number];
        daemon.alive = false;
        daemon.event_loop = None;
        daemon.collects = false;
        daemon.look = None;
        daemon.up_since = None;
        daemon.incarnation += 1;
        daemon.unreported_step = SignedDuration::ZERO;
        // The next process is not told of these.
        for step in daemon.steps.iter_mut().rev().take_while(|step| !step.told) {
            step.unseen = true;
        }
        let away = self.chance.span(self.hazards.down_for);
        self.schedule(self.now + away, Event::Start { number });
    }
}
