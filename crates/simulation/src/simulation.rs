//! The simulation itself: one queue of events in true time, one loop.
//!
//! Three phases: loud, while things go wrong; quiet, when they have stopped and everything has to
//! settle; and without jobs, when the engines have to fall idle.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use transferd_engine::cause::CauseQuery;
use transferd_engine::event_loop::EventLoop;
use transferd_engine::ids::{AttemptId, RunId, TransferId, UserId};
use transferd_engine::input::Input;
use transferd_engine::place::TransferRequest;
use transferd_engine::record::Record;
use transferd_engine::transfer::{Refusal, SubmitAnswer};
use transferd_sim::world::{Chance, Outcome, Span, World};

use super::check::{Checker, Intended, OfRun, OwnPost, Violation};
use super::daemon::{Asker, Daemon};
use super::happenings::Happening;
use super::mutation::Mutation;
use super::plan::{Hazards, Plan, Settle, millis};
use super::report::Report;
use super::settle::patience;
use super::trace::Trace;
use transferd_sim::convert;

/// The most events of a simulation: a longer one goes round in circles.
const STEPS_MAX: u64 = 20_000_000;

/// Observes the commits.
pub trait Observer {
    /// A daemon's records became durable at `now`.
    fn committed(&mut self, daemon: usize, records: &[Record], now: Timestamp);
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn committed(&mut self, _daemon: usize, _records: &[Record], _now: Timestamp) {}
}

/// A request on its way to the agent.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Submit { attempt: AttemptId, request: Box<TransferRequest>, sent: Timestamp },
    Cancel { transfer: TransferId },
    Cause { attempt: AttemptId, query: Box<CauseQuery> },
    StartAgent,
}

/// The place of an answer among others of one daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// An answer, by the number of its request.
    Numbered(u64),
    /// A look's, which is void once another look was begun.
    OfLook(u64),
    /// The repeated answer to a POST. It is void once the run requests another: an attempt that was
    /// refused is sent again under its number, and no connection answers for another one.
    Repeated { attempt: AttemptId, intents: usize },
    /// At any time.
    Any,
}

/// An answer on its way to the engine.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) order: Order,
    pub(super) input: Input,
}

/// A due event, in true time. Kept small, as the queue moves its content.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Start {
        number: usize,
    },
    /// The loop is turned, with all inputs since that was delayed.
    Turn {
        number: usize,
        incarnation: u32,
    },
    /// A machine that has slept finds another job file.
    FileChanged {
        number: usize,
    },
    Arrive {
        number: usize,
        asker: Asker,
        call: Box<Call>,
    },
    Answer {
        number: usize,
        asker: Asker,
        answer: Box<Answer>,
    },
    LookStep {
        number: usize,
        look: u64,
    },
    Happens {
        number: usize,
        happening: Happening,
    },
    /// It becomes the one of this place in [`Plan::variants_later`].
    AgentBecomes(usize),
    Quiet,
    NoJobs,
}

/// The next to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The world's.
    World,
    /// The event that is due first.
    Queued,
    /// The daemon of this number, whose loop has a wake-up.
    Wakes(usize),
}

/// A simulation of one seed.
#[derive(Debug)]
pub struct Simulation<O = Silent> {
    pub(super) plan: Plan,
    pub(super) hazards: Hazards,
    pub(super) mutation: Option<Mutation>,
    pub(super) observer: O,
    pub(super) chance: Chance,
    pub(super) now: Timestamp,
    pub(super) queue: BTreeMap<(Timestamp, u64), Event>,
    sequence: u64,
    pub(super) world: World,
    pub(super) daemons: Vec<Daemon>,
    pub(super) intended: Vec<Intended>,
    pub(super) posts: Vec<OwnPost>,
    /// Posts that are not accepted yet and may be.
    pub(super) late: Vec<usize>,
    pub(super) by_transfer: BTreeMap<TransferId, usize>,
    /// Posts and intents of each daemon's runs.
    pub(super) of_run: BTreeMap<(usize, RunId), OfRun>,
    /// Our transfers that are active, or were when last checked, of each daemon.
    pub(super) active: Vec<BTreeMap<TransferId, usize>>,
    pub(super) trace: Trace,
    pub(super) report: Report,
    pub(super) without_jobs: bool,
}

impl Simulation<Silent> {
    /// A simulation of a plan.
    pub fn new(plan: Plan) -> Self {
        Self::observed(plan, Silent)
    }

    /// The same with a deliberate mistake in it.
    pub fn mutated(plan: Plan, mutation: Mutation) -> Self {
        let mut simulation = Self::new(plan);
        simulation.mutation = Some(mutation);
        simulation
    }
}

impl<O: Observer> Simulation<O> {
    /// A simulation of a plan, with an observer of the commits.
    pub fn observed(plan: Plan, observer: O) -> Self {
        let start = plan.start;
        let mut simulation = Self {
            hazards: plan.hazards.clone(),
            mutation: None,
            observer,
            chance: Chance::from(plan.seed),
            now: start,
            queue: BTreeMap::new(),
            sequence: 0,
            world: World::new(plan.world.clone(), plan.seed.rotate_left(17), start),
            daemons: plan.daemons.iter().map(|daemon| Daemon::new(daemon, start)).collect(),
            intended: Vec::new(),
            posts: Vec::new(),
            late: Vec::new(),
            by_transfer: BTreeMap::new(),
            of_run: BTreeMap::new(),
            active: vec![BTreeMap::new(); plan.daemons.len()],
            trace: Trace::new(plan.trace),
            report: Report { seed: plan.seed, ..Report::default() },
            without_jobs: false,
            plan,
        };
        for number in 0..simulation.daemons.len() {
            simulation.schedule(start, Event::Start { number });
            simulation.arm_all(number);
        }
        for place in 0..simulation.plan.variants_later.len() {
            let after = simulation.plan.variants_later[place].0;
            simulation.schedule(start + after, Event::AgentBecomes(place));
        }
        simulation.schedule(start + simulation.plan.horizon, Event::Quiet);
        simulation
    }

    /// Plays it to its end.
    pub fn run(self) -> Report {
        self.run_observed().0
    }

    /// Plays it to its end, and returns the observer.
    pub fn run_observed(mut self) -> (Report, O) {
        let settled = self.play();
        if self.plan.settle != Settle::Stop && self.report.violations.is_empty() {
            self.check_end(settled);
        }
        self.report.simulated = self.now.duration_since(self.plan.start);
        self.count_what_the_plan_is_like();
        for run in self.daemons.iter().flat_map(|daemon| daemon.runs.values()) {
            *self.report.ends.entry(run.state.word()).or_default() += 1;
        }
        self.report.trace = self.trace.into_text();
        (self.report, self.observer)
    }

    /// Counts faults that affect the whole of the simulation, rather than a moment of it.
    fn count_what_the_plan_is_like(&mut self) {
        for (kind, count) in self.world.faults_fired() {
            self.report.count(kind, *count);
        }
        let plan = &self.plan;
        let users: BTreeSet<UserId> = plan.daemons.iter().map(|daemon| daemon.user).collect();
        let hidden = self.posts.iter().filter(|post| self.was_listed_late(post)).count();
        let (begins, ends) = plan.clock_changes();
        let is = u64::from;
        for (kind, count) in [
            ("daemons_of_own_users", is(users.len() > 1)),
            ("daemons_of_one_user", is(plan.daemons.len() > users.len())),
            ("no_user_id", is(plan.agent_is(|it| it.no_user_id))),
            ("some_user_ids_null", is(plan.agent_is(|it| it.null_user_ids))),
            ("no_status", is(plan.agent_is(|it| it.no_status))),
            ("no_date_header", is(plan.agent_is(|it| it.no_date_header))),
            ("list_created", is(plan.agent_is(|it| it.list_created))),
            ("total_counts_created", is(plan.agent_is(|it| it.total_counts_created))),
            ("manual_type", is(plan.agent_is(|it| it.manual_type))),
            ("duplicate_check", is(plan.agent_is(|it| it.duplicate_check))),
            ("dates_off", is(plan.dates_are_off())),
            ("dst_begins", begins),
            ("dst_ends", ends),
            ("hidden_past_adopt_window", u64::try_from(hidden).unwrap_or(u64::MAX)),
        ]
        .into_iter()
        .chain(self.counts_history())
        {
            self.report.count(kind, count);
        }
    }

    /// True if everything settled in time.
    fn play(&mut self) -> bool {
        let bound = self.plan.start + self.plan.horizon + patience(self.plan.settle);
        while let Some((next, what)) = self.next() {
            if next > bound || self.report.steps > STEPS_MAX {
                self.now = bound;
                return false;
            }
            if !self.report.violations.is_empty() {
                return true;
            }
            self.now = next;
            self.report.steps += 1;
            self.step(what);
            if self.is_settled() {
                return true;
            }
        }
        true
    }

    /// The next to act, and when: now, if it is due already. At one instant the world comes first,
    /// and the daemons' own time last.
    fn next(&self) -> Option<(Timestamp, Next)> {
        let world = self.world.next_event();
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let wakeups = self.daemons.iter().enumerate();
        let woken = wakeups.filter_map(|(number, of)| Some((of.wakeup()?, number))).min();
        let at = [world, queued, woken.map(|(at, _)| at)].into_iter().flatten().min()?;
        let at = at.max(self.now);
        let is_due = |due: &Timestamp| *due <= at;
        if world.as_ref().is_some_and(is_due) {
            return Some((at, Next::World));
        }
        if queued.as_ref().is_some_and(is_due) {
            return Some((at, Next::Queued));
        }
        Some((at, Next::Wakes(woken?.1)))
    }

    /// Plays one event.
    fn step(&mut self, what: Next) {
        match what {
            Next::World => {
                let revision = self.world.revision();
                self.world.advance(self.now);
                self.find_late_acceptances();
                if self.world.revision() != revision {
                    self.hint();
                }
            }
            Next::Queued => {
                if let Some((_, event)) = self.queue.pop_first() {
                    self.happen(event);
                }
            }
            Next::Wakes(number) => self.wake(number),
        }
    }

    pub(super) fn schedule(&mut self, at: Timestamp, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start { number } if !self.daemons[number].alive => {
                self.when_awake(number, Event::Start { number }, |it| it.start(number));
            }
            Event::Start { .. } => {}
            Event::Turn { number, incarnation } => {
                let event = Event::Turn { number, incarnation };
                self.when_awake(number, event, |it| it.turn_at_last(number, incarnation));
            }
            Event::FileChanged { number } => {
                self.when_awake(number, Event::FileChanged { number }, |it| {
                    it.give_job_file(number)
                });
            }
            Event::Arrive { number, asker, call } => self.arrive(number, asker, *call),
            Event::Answer { number, asker, answer } => match self.daemons[number].suspended_until {
                Some(until) => self.schedule(until, Event::Answer { number, asker, answer }),
                None => self.answer(number, asker, *answer),
            },
            Event::LookStep { number, look } => {
                let event = Event::LookStep { number, look };
                self.when_awake(number, event, |it| it.look_step(number, look));
            }
            Event::Happens { number, happening } => self.happens(number, happening),
            Event::AgentBecomes(place) => {
                let (_, variants) = self.plan.variants_later[place];
                self.trace.line(self.now, || format!("the agent becomes {variants:?}"));
                self.world.set_variants(variants, self.now);
            }
            Event::Quiet => self.fall_quiet(),
            Event::NoJobs => self.empty_job_files(),
        }
    }

    /// Delays an event for a sleeping machine until it wakes.
    fn when_awake(&mut self, number: usize, event: Event, act: impl FnOnce(&mut Self)) {
        match self.daemons[number].suspended_until {
            Some(until) => self.schedule(until, event),
            None => act(self),
        }
    }

    fn answer(&mut self, number: usize, asker: Asker, answer: Answer) {
        let Answer { order, input } = answer;
        let asked = match order {
            Order::Repeated { attempt, .. } => self.intents_of(number, attempt.run),
            Order::Numbered(_) | Order::OfLook(_) | Order::Any => 0,
        };
        let daemon = &mut self.daemons[number];
        let (stale, overtaken) = match order {
            Order::Repeated { intents, .. } => (intents != asked, false),
            Order::Numbered(order) => {
                let latest = daemon.answers.1;
                daemon.answers.1 = latest.max(order);
                (false, order < latest)
            }
            Order::OfLook(look) => (look != daemon.looks, false),
            Order::Any => (false, false),
        };
        if daemon.incarnation == asker.incarnation && !stale && daemon.event_loop.is_some() {
            if overtaken {
                self.count("answer_overtaken");
            }
            self.feed_to(number, asker, input);
        }
    }

    /// Handles a request that reaches the agent.
    fn arrive(&mut self, number: usize, asker: Asker, call: Call) {
        let patience = self.daemons[number].fed.agent.request_timeout;
        match call {
            Call::Submit { attempt, request, sent } => {
                if self.world.is_down() && self.chance.happens(0.8) {
                    // The connection is refused: it was never sent.
                    let refusal = Refusal::NotSent("connection refused".to_owned());
                    let answer = SubmitAnswer::Refused(refusal);
                    self.reply(number, asker, millis(0), Input::Submitted { attempt, answer });
                    return;
                }
                let result =
                    self.world.post_transfer(&self.daemons[number].token, &request, self.now);
                let reply = result.reply;
                let words = reply.outcome.word();
                self.trace.line(self.now, || {
                    format!(
                        "[{number}] = POST {} of {}/{}: {words}",
                        result.number, attempt.run, attempt.number
                    )
                });
                self.posted(number, attempt, &request, sent, result.number);
                let (after, outcome) =
                    if matches!(reply.outcome, Outcome::Stalled) || reply.after > patience {
                        (patience, SubmitAnswer::Uncertain("timed out".to_owned()))
                    } else {
                        (reply.after, convert::submit_answer(&reply.outcome))
                    };
                let answer = self.mutation.map_or(outcome.clone(), |m| m.answer(outcome));
                self.reply(number, asker, after, Input::Submitted { attempt, answer });
            }
            Call::Cause { attempt, query } => {
                self.answer_cause_query(number, asker, attempt, &query);
            }
            Call::StartAgent => self.start_reaches_agent(number, asker),
            Call::Cancel { transfer } => {
                let reply = self.world.cancel(&self.daemons[number].token, transfer, self.now);
                let words = reply.outcome.word();
                self.trace.line(self.now, || format!("[{number}] = cancel {transfer}: {words}"));
                let answer = convert::cancel_answer(&reply.outcome);
                let after =
                    if matches!(reply.outcome, Outcome::Stalled) { patience } else { reply.after };
                let input = Input::CancelAnswered { transfer, answer };
                self.reply(number, asker, after.min(patience), input);
            }
        }
    }

    pub(super) fn reply(
        &mut self,
        number: usize,
        asker: Asker,
        after: SignedDuration,
        input: Input,
    ) {
        let way = self.chance.span(self.hazards.latency);
        let at = self.now + after + way;
        let asked = &mut self.daemons[number].answers.0;
        let order = Order::Numbered(*asked);
        *asked += 1;
        if self.chance.happens(self.hazards.repeated_answer) {
            self.count("answer_repeated");
            let later = self.chance.span(Span::millis(1, 120_000));
            let input = input.clone();
            let order = if let Input::Submitted { attempt, .. } = input {
                let intents = self.intents_of(number, attempt.run);
                Order::Repeated { attempt, intents }
            } else {
                Order::Any
            };
            let answer = Box::new(Answer { order, input });
            let again = Event::Answer { number, asker, answer };
            self.schedule(at + later, again);
        }
        let answer = Box::new(Answer { order, input });
        self.schedule(at, Event::Answer { number, asker, answer });
    }

    /// Notes that something has changed at the agent: listeners may get a hint.
    fn hint(&mut self) {
        for number in 0..self.daemons.len() {
            let event_loop = self.daemons[number].event_loop.as_ref();
            let listens = event_loop.is_some_and(EventLoop::wants_notifications);
            if listens {
                self.send_object_frames(number);
            }
            if listens && self.chance.happens(self.hazards.notified) {
                let asker = self.daemons[number].unasked();
                let way = self.chance.span(self.hazards.latency);
                let answer = Box::new(Answer { order: Order::Any, input: Input::Notified });
                let event = Event::Answer { number, asker, answer };
                self.schedule(self.now + way, event);
            }
        }
    }

    pub(super) fn count(&mut self, kind: &str) {
        self.report.count(kind, 1);
    }

    pub(super) fn violation(&mut self, checker: Checker, daemon: usize, words: String) {
        self.trace.line(self.now, || format!("[{daemon}] VIOLATION {checker:?}: {words}"));
        let seed = self.plan.seed;
        let at = self.now;
        self.report.violations.push(Violation { seed, checker, daemon, at, words });
    }
}
