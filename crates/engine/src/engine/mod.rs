//! The engine: facts in, decisions out. One synchronous function makes every decision.
//!
//! Legal order of calls: [`Engine::recover`] once; commit its step; then [`Engine::handle`] for
//! each input, each step's records committed before its effects are performed;
//! [`Input::TimeReached`] whenever [`Engine::next_wakeup`] has passed. If a commit fails, discard
//! the engine and recover from what the store holds. Read-only questions (`query`) may come
//! between.

mod admission;
mod agent_link;
mod alerts;
mod calendar;
mod cancel;
mod causes;
mod clamp;
mod clock;
mod conditions;
mod destination_index;
mod digests;
mod due;
mod follow;
mod handover;
mod looking;
mod looks;
mod near_miss;
mod operator;
mod outbox;
mod outcome;
mod overlap;
mod pauses;
mod query;
mod recovery;
mod reload;
mod repeat;
mod sentences;
mod starting;
mod state;
mod submit;
#[cfg(test)]
mod tests;
mod timers;
mod unknown;
mod unrecorded;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::alert::Reported;
use super::event::{Event, EventKind, Happening};
use super::ids::{AttemptId, JobName, RunId};
use super::input::{Effect, Input, Level, LogFields, LogLine, Step};
use super::job::JobSet;
use super::reason::Reason;
use super::record::{JobRow, Record};
use super::run::{Attempt, Run, RunState};
use super::time::shift;
use agent_link::AgentLink;
use alerts::{DeliveryStats, Entry};
use causes::Failures;
use conditions::Conditions;
use digests::Summary;
use looks::Looks;
use outbox::Deliveries;
use overlap::Ended;
use starting::Starting;
use state::State;
use timers::Timers;

pub use query::{AgentView, AlertsView, FailingAlert, JobView, RunView};

/// Facts about the machine that the engine runs on, given once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `{hostname}` in path templates.
    pub hostname: String,
    /// Distinguishes machines for `jitter`: the same job and occurrence get the same delay on one
    /// machine.
    pub jitter_seed: u64,
}

/// All state of the daemon that decisions depend on.
#[derive(Debug)]
pub struct Engine {
    host: Host,
    /// The content of the job file.
    set: Arc<JobSet>,
    /// When a job's next occurrence is due.
    dues: Timers<JobName>,
    /// When this engine began, by the clock as it is set now.
    began: Timestamp,
    /// Since when it has followed the time without a gap, by the current clock: an occurrence due
    /// before was missed while the daemon was down, or the machine asleep.
    awake_since: Timestamp,
    /// When a job will be late by its `max_age`.
    lates: Timers<JobName>,
    /// Jobs with occurrences held back until a look, and their runs that ended meanwhile.
    held: BTreeMap<JobName, Vec<Ended>>,
    /// Those runs, of the job being judged now.
    ended: Vec<Ended>,
    state: State,
    /// When time alone changes something for a run.
    wakes: Timers<RunId>,
    deliveries: Deliveries,
    agent_link: AgentLink,
    looks: Looks,
    /// Requests to start the agent.
    starting: Starting,
    /// The alert entries.
    entries: Vec<Entry>,
    /// The digests of the job file.
    digests: Vec<Summary>,
    conditions: Conditions,
    /// Objects named in frames.
    failures: Failures,
    delivery_stats: DeliveryStats,
    /// Runs that were changed in this step, and are advanced before it ends.
    changed_runs: BTreeSet<RunId>,
    /// A run may have become free to start, or have a new obstacle.
    admission_due: bool,
    /// Who requested what is being handled, if an operator did and is known.
    requested_by: Option<String>,
    step: Step,
    now: Timestamp,
}

impl Engine {
    /// Takes in one fact and returns the records to commit and the effects to perform then.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Step {
        self.note_sleep(&input, now);
        self.now = now;
        if matches!(input, Input::Looked(_)) {
            // Occurrences due before the look are handled before it is taken in.
            self.handle_due();
        }
        match input {
            Input::TimeReached => {}
            Input::JobsReplaced(set) => {
                self.end_pauses_that_ran_out();
                self.replace_jobs(set);
            }
            Input::Submitted { attempt, answer } => self.on_submitted(attempt, answer),
            Input::Looked(result) => self.on_looked(result),
            Input::CancelAnswered { transfer, answer } => {
                self.on_cancel_answered(transfer, &answer)
            }
            Input::CancelsSent(cancels) => self.on_cancels_sent(cancels),
            Input::AgentStarted(answer) => self.on_agent_started(answer),
            Input::Notified => self.looks.hint(),
            Input::Receipt(attempt) => self.on_receipt(attempt),
            Input::ObjectFailed { transfer, object } => self.on_object_failed(transfer, object),
            Input::CauseLearned { attempt, transfer, row } => {
                self.on_cause_learned(attempt, transfer, row);
            }
            Input::TokenChanged => self.on_token_changed(),
            Input::ClockStepped { by } => self.on_clock_stepped(by),
            Input::Delivered { alert, delivery } => self.on_delivered(alert, delivery),
            Input::DigestGathered { digest, after, answer } => {
                self.on_digest_gathered(digest, after, answer);
            }
            Input::TokenEnds(ends) => self.on_token_ends(ends),
            Input::JobFileChecked(problem) => self.on_job_file_checked(problem.as_deref()),
            Input::Operator { reply, request, by } => {
                self.requested_by = by;
                self.on_operator(reply, request);
                self.requested_by = None;
            }
        }
        self.settle();
        std::mem::take(&mut self.step)
    }

    /// When [`Input::TimeReached`] is due next; `None` when nothing is.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let due = self.dues.next();
        let wake = self.wakes.next();
        let late = self.lates.next();
        let alerts = [self.conditions.next(), self.next_digest(), self.deliveries.next()];
        let others = alerts.into_iter().chain([self.looks.next()]);
        [due, wake, late].into_iter().chain(others).flatten().min()
    }

    /// True while the notification socket is useful: a run is active.
    pub fn wants_notifications(&self) -> bool {
        self.state.in_flight().any(|machine| !machine.is_over())
    }

    /// Lets time and consequences take effect until nothing is left to do at this instant.
    fn settle(&mut self) {
        self.end_pause_of_all_in_time();
        self.decide_held_back();
        self.handle_due();
        while let Some(run) = self.wakes.first_due(self.now) {
            self.wakes.set(run, None);
            self.changed_runs.insert(run);
            self.admission_due = true;
        }
        self.advance_changed_runs();
        // A run that was in the way may have ended.
        self.decide_held_back();
        self.admit();
        self.advance_changed_runs();
        self.plan_look();
        self.start_agent();
        self.report_late();
        self.watch_agent();
        self.watch_token();
        self.plan_digests();
        self.plan_deliveries();
    }

    /// Advances each run that was changed.
    fn advance_changed_runs(&mut self) {
        while let Some(run) = self.changed_runs.pop_first() {
            self.advance(run);
            let wake = self.state.run(run).wake(self.set.agent.adopt_window, self.now);
            self.wakes.set(run, wake);
            if self.state.forget_if_settled(run) {
                self.wakes.set(run, None);
                self.changed_runs.remove(&run);
            }
        }
    }

    /// Records a fact: it takes effect in memory now, and is committed before any effect. Alerts
    /// about it are queued in the same commit.
    fn record(&mut self, record: Record) {
        self.state.assert_move(&record);
        self.state.apply(&record);
        let drafts = self.drafts_of(&record);
        self.step.record.push(record);
        drafts.iter().for_each(|draft| self.queue_alerts(draft));
    }

    /// Adds an effect to be performed after the commit.
    fn then(&mut self, effect: Effect) {
        self.step.then.push(effect);
    }

    /// Changes a run's row.
    fn change_run(&mut self, id: RunId, change: impl FnOnce(&mut Run)) {
        let machine = self.state.run(id);
        let was = Some(machine.state());
        let mut row = Run::clone(machine.row());
        change(&mut row);
        if row == **machine.row() {
            return;
        }
        if row.state != machine.state() {
            self.admission_due = true;
        }
        self.changed_runs.insert(id);
        self.record(Record::Run { was, run: Arc::new(row) });
    }

    /// Changes an attempt's row.
    fn change_attempt(&mut self, id: AttemptId, change: impl FnOnce(&mut Attempt)) {
        let mut row = Attempt::clone(self.state.attempt(id));
        change(&mut row);
        self.put_attempt(row);
    }

    /// Records an attempt's new row, if it differs from the present one.
    fn put_attempt(&mut self, row: Attempt) {
        if row == **self.state.attempt(row.id) {
            return;
        }
        self.admission_due = true;
        self.changed_runs.insert(row.id.run);
        self.record(Record::Attempt(Arc::new(row)));
    }

    /// Changes a job's row.
    fn change_job(&mut self, job: &JobName, change: impl FnOnce(&mut JobRow)) {
        let job_row = self.state.job_row(job);
        let mut row = JobRow::clone(job_row);
        change(&mut row);
        if row != **job_row {
            self.record(Record::Job(Arc::new(row)));
        }
    }

    /// Changes the row of what has been reported.
    fn change_reported(&mut self, change: impl FnOnce(&mut Reported)) {
        let mut row = self.state.reported().clone();
        change(&mut row);
        self.record(Record::Reported(row));
    }

    /// Moves a run to a state, with the reason, in its timeline and in the log.
    fn move_run(&mut self, id: RunId, state: RunState, reason: impl Into<Reason>, level: Level) {
        let reason = reason.into();
        self.change_run(id, |run| {
            run.state = state;
            run.reason = reason.clone();
        });
        self.record_state(id, state, reason, level);
    }

    /// Adds to a run's timeline and to the log that it is in a state, and why.
    fn record_state(&mut self, id: RunId, state: RunState, reason: Reason, level: Level) {
        let text = format!("{}: {}", state.word(), self.log_sentence(&reason));
        self.report_as(level, id, Happening::State { state, reason }, text);
    }

    /// Adds a line to a run's timeline and to the log.
    fn report(&mut self, level: Level, run: RunId, what: Happening) {
        let text = what.to_string();
        self.report_as(level, run, what, text);
    }

    /// Adds a line to a run's timeline, and to the log in other words.
    fn report_as(&mut self, level: Level, run: RunId, what: Happening, text: String) {
        let event = Some(what.kind());
        self.record_event(run, what);
        self.log_run(level, run, event, text);
    }

    /// Adds a line to a run's timeline.
    fn record_event(&mut self, run: RunId, what: Happening) {
        self.record(Record::Event(Event { run, at: self.now, what }));
    }

    /// Logs a sentence about a run; `event` is the event in its timeline that it is about.
    fn log_run(&mut self, level: Level, run: RunId, event: Option<EventKind>, text: String) {
        let machine = self.state.run(run);
        let job = Some(machine.row().job.clone());
        let facts = LogFields {
            state: Some(machine.state()),
            event: event.map(EventKind::word),
            attempt: machine.attempts().next_back().map(|last| last.id.number),
            reason_code: machine.row().reason.code(),
        };
        let by = self.requested_by.clone();
        self.step.log.push(LogLine { level, job, run: Some(run), by, facts, at: self.now, text });
    }

    /// Logs a sentence about the daemon as a whole.
    fn log(&mut self, level: Level, text: String) {
        self.log_event(level, None, None, text);
    }

    /// Logs a sentence about a job, or about all; `event` is what happened, in one word.
    fn log_event(
        &mut self,
        level: Level,
        job: Option<&JobName>,
        event: Option<&'static str>,
        text: String,
    ) {
        let (job, by) = (job.cloned(), self.requested_by.clone());
        let facts = LogFields { event, ..LogFields::default() };
        self.step.log.push(LogLine { level, job, run: None, by, facts, at: self.now, text });
    }
}
