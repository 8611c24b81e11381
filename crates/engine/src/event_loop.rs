//! The daemon's loop without input and output: facts go in, requests to the store and effects come
//! out. The daemon, the simulation, rehearsals, the engine's tests and the protocol model all run
//! this loop; each supplies its own clock, store and agent.
//!
//! # The life of one batch
//!
//! 1. [`push`](EventLoop::push) collects inputs, up to [`BATCH_MAX`] of them
//!    ([`is_full`](EventLoop::is_full)).
//! 2. [`poll_store`](EventLoop::poll_store) hands all of them to the engine and asks for one commit
//!    of all records. With nothing to record, the batch is settled at once.
//! 3. [`committed`](EventLoop::committed) takes in the store's answer.
//! 4. [`poll_output`](EventLoop::poll_output) returns, in order: the records, lines for the log,
//!    the effects, and [`Output::Settled`] for waiting callers. Only now may anything be sent.
//! 5. The result of an effect returns by [`push_answer`](EventLoop::push_answer), in a later batch.
//!
//! If the commit fails, only the cancels of the batch are carried out: they are safe to repeat and
//! need no room on the disk (protocol, rule 10). The engine now holds facts that no row holds, so
//! it is discarded, except for the requests of those cancels: an [`Outage`] begins. At each of its
//! tries, `poll_store` asks for the rows ([`StoreRequest::Load`]), [`loaded`](EventLoop::loaded)
//! rebuilds the engine from them as after a crash, and the batch of the new engine is committed;
//! the outage is over once a commit succeeds.
//!
//! Each engine is an [`Epoch`]. An answer to an effect of an engine that is gone is dropped: for
//! the next engine that request is uncertain, and is settled by looking.
//!
//! Keeps true: no effect comes out before the records of its batch are durable; the store is asked
//! for one thing at a time; the job set that was pushed last is in force, also after a rebuild.

mod outage;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::engine::{Engine, Host};
use super::ids::TransferId;
use super::input::{Effect, Input, Level, LogFields, LogLine, Step};
use super::job::JobSet;
use super::limits::BATCH_MAX;
use super::record::{Record, Snapshot};
use super::run::CancelRequest;

pub use outage::Outage;

/// Identifies an engine within one process: each is rebuilt from the rows after a failed commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

/// A request to the store, made one at a time.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreRequest {
    /// Make these records durable, all or none; answered by [`EventLoop::committed`]. Without
    /// records, in an outage, the store only has to prove that it could write some.
    Commit(Vec<Record>),
    /// Read the rows back; answered by [`EventLoop::loaded`].
    Load,
}

/// An output, to be handled once a batch is durable, or can't be made so.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// These records are durable.
    Recorded(Vec<Record>),
    /// A line for the log.
    Log(LogLine),
    /// An effect to be performed now. Its answer comes back with the epoch.
    Perform {
        /// The engine that wants it.
        epoch: Epoch,
        /// The effect.
        effect: Effect,
    },
    /// Callers that wait for the inputs pushed so far can be answered: all is durable, job set
    /// included; or it is not, for this reason, and operators have to ask again.
    Settled(Result<(), String>),
}

/// The progress of a batch.
#[derive(Debug)]
enum Stage {
    /// Inputs are being collected.
    Collecting,
    /// An engine was rebuilt, and its first step waits for further inputs.
    Rebuilt(Step),
    /// The store was asked to commit the records of this step.
    Committing(Step),
    /// The store was asked for the rows.
    Loading,
}

/// Facts given to an engine that the next one can't read from the rows.
#[derive(Debug, Default)]
struct Standing {
    token_ends: Option<Option<Timestamp>>,
    job_file: Option<Option<String>>,
    /// The requests of cancels that were sent, and could not be recorded: without them the end of
    /// the transfer would be taken for the doing of a person in the desktop app.
    cancels_sent: BTreeMap<TransferId, CancelRequest>,
    /// How far the clock was set since the last commit.
    clock_step: SignedDuration,
    /// How much of that is unknown to this engine.
    unapplied_step: SignedDuration,
}

/// An engine, and its current batch.
#[derive(Debug)]
pub struct EventLoop {
    engine: Engine,
    machine: Host,
    jobs: Arc<JobSet>,
    epoch: Epoch,
    /// Inputs since the last batch.
    inbox: Vec<Input>,
    standing: Standing,
    stage: Stage,
    outputs: VecDeque<Output>,
    /// The last outage, until it is forgotten.
    outage: Option<Outage>,
}

impl EventLoop {
    /// A loop whose engine is rebuilt from the rows, for every start of the process. Inputs that it
    /// needs before it decides anything are pushed before the first [`Self::poll_store`].
    pub fn recover(rows: Snapshot, jobs: Arc<JobSet>, machine: Host, now: Timestamp) -> Self {
        let unset = SignedDuration::ZERO;
        let (engine, step) = Engine::recover(rows, Arc::clone(&jobs), machine.clone(), unset, now);
        Self {
            engine,
            machine,
            jobs,
            epoch: Epoch::default(),
            inbox: Vec::new(),
            standing: Standing::default(),
            stage: Stage::Rebuilt(step),
            outputs: VecDeque::new(),
            outage: None,
        }
    }

    /// Adds an input. The next batch handles it.
    pub fn push(&mut self, input: Input) {
        self.assert_store_is_idle();
        let is_waited_for = match &input {
            Input::ClockStepped { by } => {
                let Standing { clock_step, unapplied_step, .. } = &mut self.standing;
                *clock_step = clock_step.saturating_add(*by);
                *unapplied_step = unapplied_step.saturating_add(*by);
                if let Some(outage) = &mut self.outage {
                    outage.clock_stepped(*by);
                }
                return;
            }
            Input::TokenEnds(ends) => {
                self.standing.token_ends = Some(*ends);
                false
            }
            Input::JobFileChecked(problem) => {
                self.standing.job_file = Some(problem.clone());
                false
            }
            Input::JobsReplaced(set) => {
                self.jobs = Arc::clone(set);
                true
            }
            Input::Operator { .. } => true,
            Input::TimeReached
            | Input::Submitted { .. }
            | Input::Looked(_)
            | Input::CancelAnswered { .. }
            | Input::CancelsSent(_)
            | Input::AgentStarted(_)
            | Input::Notified
            | Input::Receipt(_)
            | Input::ObjectFailed { .. }
            | Input::CauseLearned { .. }
            | Input::TokenChanged
            | Input::Delivered { .. }
            | Input::DigestGathered { .. } => false,
        };
        // In an outage the engine that would get it is yet to be built, and starts without any
        // doubt that it could remove. Only people wait for an answer.
        if self.outage().is_none() || is_waited_for {
            self.inbox.push(input);
        }
    }

    /// Adds the answer to an effect of the engine of that epoch; drops it if that engine is gone.
    pub fn push_answer(&mut self, epoch: Epoch, input: Input) {
        if self.is_current(epoch) {
            self.push(input);
        }
    }

    /// The epoch of the current engine.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// True while answers to effects of that epoch still reach its engine.
    pub fn is_current(&self, epoch: Epoch) -> bool {
        self.epoch == epoch && self.outage().is_none()
    }

    /// True once a batch is as large as one commit should be.
    pub fn is_full(&self) -> bool {
        self.inbox.len() >= BATCH_MAX
    }

    /// True when no input waits for a commit.
    pub fn is_settled(&self) -> bool {
        self.inbox.is_empty() && matches!(self.stage, Stage::Collecting) && self.outage().is_none()
    }

    /// Has the engine decide about the inputs; returns the next request to the store, if any. Call
    /// again after each answer of the store, until there is none.
    pub fn poll_store(&mut self, now: Timestamp) -> Option<StoreRequest> {
        self.assert_store_is_idle();
        let (mut step, rebuilt) = match std::mem::replace(&mut self.stage, Stage::Collecting) {
            Stage::Rebuilt(step) => (step, true),
            Stage::Collecting if self.outage().is_some() => return self.try_again(now),
            Stage::Collecting | Stage::Committing(_) | Stage::Loading => (Step::default(), false),
        };
        let inputs = self.take_inputs(now);
        if inputs.is_empty() && !rebuilt {
            return None;
        }
        for input in inputs {
            let Step { record, then, log } = self.engine.handle(input, now);
            step.record.extend(record);
            step.then.extend(then);
            step.log.extend(log);
        }
        if step.record.is_empty() && self.outage().is_none() {
            self.settle(step);
            return None;
        }
        let records = step.record.clone();
        self.stage = Stage::Committing(step);
        Some(StoreRequest::Commit(records))
    }

    /// Takes in the result of a commit.
    ///
    /// # Panics
    /// If no commit was requested.
    pub fn committed(&mut self, result: Result<(), String>, now: Timestamp) {
        let Stage::Committing(step) = std::mem::replace(&mut self.stage, Stage::Collecting) else {
            panic!("a commit is answered that was not asked for");
        };
        match result {
            Ok(()) => {
                let line = self.outage.as_mut().and_then(|outage| outage.ends(now));
                self.outputs.extend(line.map(|text| log_line(Level::Warn, text, now)));
                self.settle(step);
            }
            Err(words) => self.fail(&step.then, words, now),
        }
    }

    /// Takes in the rows that were read, or the reason for the failure. The engine is rebuilt from
    /// them.
    ///
    /// # Panics
    /// If the rows were not requested.
    pub fn loaded(&mut self, rows: Result<Snapshot, String>, now: Timestamp) {
        let Stage::Loading = std::mem::replace(&mut self.stage, Stage::Collecting) else {
            panic!("rows are given that were not asked for");
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(words) => return self.fail(&[], words, now),
        };
        let (jobs, machine) = (Arc::clone(&self.jobs), self.machine.clone());
        self.standing.unapplied_step = SignedDuration::ZERO;
        let (engine, step) = Engine::recover(rows, jobs, machine, self.standing.clock_step, now);
        self.engine = engine;
        self.epoch.0 += 1;
        self.inbox.extend(self.standing.token_ends.map(Input::TokenEnds));
        self.inbox.extend(self.standing.job_file.clone().map(Input::JobFileChecked));
        let cancels = Some(&self.standing.cancels_sent).filter(|cancels| !cancels.is_empty());
        self.inbox.extend(cancels.cloned().map(Input::CancelsSent));
        self.stage = Stage::Rebuilt(step);
    }

    /// The next output, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When the loop has to run even without inputs; `None` while it may sleep.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        match self.outage() {
            Some(outage) => Some(outage.retry_at()),
            None => self.engine.next_wakeup(),
        }
    }

    /// True while the agent's notification socket is useful.
    pub fn wants_notifications(&self) -> bool {
        self.outage().is_none() && self.engine.wants_notifications()
    }

    /// The engine, for read-only questions. In an outage it is the one that could not be recorded.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The job set in force.
    pub fn jobs(&self) -> &Arc<JobSet> {
        &self.jobs
    }

    /// The facts about the machine that the engine was given.
    pub fn machine(&self) -> &Host {
        &self.machine
    }

    /// The current outage; absent while all is well.
    pub fn outage(&self) -> Option<&Outage> {
        self.outage.as_ref().filter(|outage| outage.lasts())
    }

    /// The outage, once it has lasted so long that people must be notified without the database:
    /// returned once.
    pub fn outage_to_report(&mut self, now: Timestamp) -> Option<&Outage> {
        self.outage.as_mut().and_then(|outage| outage.take_report_due(now).then_some(&*outage))
    }

    /// The inputs for the engine now: a step of the clock comes before anything dated by it.
    fn take_inputs(&mut self, now: Timestamp) -> Vec<Input> {
        let by = std::mem::take(&mut self.standing.unapplied_step);
        let step = (!by.is_zero()).then_some(Input::ClockStepped { by });
        // Whatever has woken the loop: frequent requests do not delay a due time.
        let is_due = self.engine.next_wakeup().is_some_and(|at| at <= now);
        let time = is_due.then_some(Input::TimeReached);
        step.into_iter().chain(std::mem::take(&mut self.inbox)).chain(time).collect()
    }

    /// Requests the rows once it is time to try again, or people wait.
    fn try_again(&mut self, now: Timestamp) -> Option<StoreRequest> {
        let is_due = self.outage().is_none_or(|outage| outage.retry_at() <= now);
        // In an outage, the inbox holds only inputs that somebody waits for.
        if !is_due && self.inbox.is_empty() {
            return None;
        }
        self.stage = Stage::Loading;
        Some(StoreRequest::Load)
    }

    /// Settles a batch that is durable, or needed no commit.
    fn settle(&mut self, step: Step) {
        self.standing.clock_step = SignedDuration::ZERO;
        self.standing.cancels_sent.clear();
        let Step { record, then, log } = step;
        if !record.is_empty() {
            self.outputs.push_back(Output::Recorded(record));
        }
        self.outputs.extend(log.into_iter().map(Output::Log));
        let epoch = self.epoch;
        self.outputs.extend(then.into_iter().map(|effect| Output::Perform { epoch, effect }));
        self.outputs.push_back(Output::Settled(Ok(())));
    }

    /// Discards the engine after a batch could not be made durable, or the rows could not be read;
    /// only effects that are safe to repeat are performed.
    fn fail(&mut self, wanted: &[Effect], mut words: String, now: Timestamp) {
        // Effects without an answer are uncertain from now on.
        self.epoch.0 += 1;
        self.inbox.clear();
        let known = self.outage.take().filter(|outage| !outage.is_forgotten(now));
        let outage = self.outage.insert(known.unwrap_or_else(|| Outage::new(now)));
        let line = outage.goes_on(&words, now);
        self.outputs.extend(line.map(|text| log_line(Level::Error, text, now)));
        let wanted = wanted.iter().filter_map(|effect| match effect {
            Effect::Cancel { transfer } => Some(*transfer),
            Effect::Look(_)
            | Effect::Submit { .. }
            | Effect::StartAgent
            | Effect::LearnCause { .. }
            | Effect::Deliver { .. }
            | Effect::GatherDigest { .. }
            | Effect::Reply { .. } => None,
        });
        let cancels: BTreeSet<_> = wanted.chain(self.engine.overdue(now)).collect();
        if !cancels.is_empty() {
            words.push_str("; the agent was asked to cancel nevertheless");
        }
        for transfer in &cancels {
            let cancel = self.engine.cancel_request(*transfer).cloned();
            let cancel = cancel.map(|cancel| (*transfer, cancel));
            self.standing.cancels_sent.extend(cancel);
        }
        let epoch = self.epoch;
        self.outputs.extend(cancels.into_iter().map(|transfer| {
            let effect = Effect::Cancel { transfer };
            Output::Perform { epoch, effect }
        }));
        self.outputs.push_back(Output::Settled(Err(words)));
    }

    /// Inputs that arrive while the store works belong to the next batch: they are pushed after.
    fn assert_store_is_idle(&self) {
        let is_asked = matches!(self.stage, Stage::Committing(_) | Stage::Loading);
        assert!(!is_asked, "the loop goes on before the store has answered");
    }
}

fn log_line(level: Level, text: String, at: Timestamp) -> Output {
    let facts = LogFields::default();
    Output::Log(LogLine { level, job: None, run: None, by: None, facts, at, text })
}
