//! The loop: wait, hand the engine what happened, commit what it recorded, then do what it wants.
//!
//! Keeps true: no effect is performed before the records of its step are durable; answers to
//! effects of an engine that was thrown away reach no other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;

use super::agent::Agent;
use super::doorway::Doorway;
use super::event::{Event, Sources};
use super::failpoint::{self, Failpoint};
use super::follow::Followers;
use super::job_file::JobFile;
use super::notes::Notebook;
use super::operators::Pending;
use super::retention::Retention;
use super::scrape::Proof;
use super::standing::Standing;
use super::status::StatusQuestion;
use super::timer::ClockWatch;
use super::trouble::Trouble;
use crate::agent::Frame;
use crate::alerts::Courier;
use crate::clock;
use crate::control::request::{Asked, Request};
use crate::core::engine::{Engine, Host};
use crate::core::input::{Input, ReplyTo, Step};
use crate::core::job::JobSet;
use crate::core::record::Record;
use crate::metrics::tally::Tally;
use crate::store::StoreError;
use crate::store::thread::StoreHandle;
use crate::systemd;
use crate::web::listener::Web;

/// Inputs that share one commit (architecture, "Decided"): a full batch is handled in some
/// milliseconds.
const BATCH_MAX: usize = 1_024;

/// When the engine names a wake-up that has passed already, the loop waits this long all the
/// same: a fault of ours must not become a fan that spins.
const BREATH: SignedDuration = SignedDuration::from_millis(20);

/// A turn that takes longer is told of at log level debug: nothing of ours should.
const SLOW_TURN: SignedDuration = SignedDuration::from_millis(20);

/// How long a commit may still take once the daemon is asked to stop.
const STOP_PATIENCE: Duration = Duration::from_millis(300);

/// Everything that the loop works with.
pub(super) struct Driver {
    pub(super) engine: Engine,
    pub(super) host: Host,
    pub(super) set: Arc<JobSet>,
    pub(super) store: StoreHandle,
    pub(super) sources: Sources,
    pub(super) events: UnboundedSender<Event>,
    pub(super) agent: Agent,
    pub(super) courier: Courier,
    pub(super) job_file: JobFile,
    /// The last trouble with the database.
    pub(super) trouble: Option<Trouble>,
    pub(super) notebook: Notebook,
    pub(super) tally: Tally,
    pub(super) web: Web,
    pub(super) proof: Proof,
    pub(super) clock: ClockWatch,
    /// Counts engines: each is rebuilt from the rows after a commit failed.
    pub(super) epoch: u64,
    /// Operators who wait for the engine's answer.
    pub(super) pending: HashMap<ReplyTo, Pending>,
    pub(super) replies: u64,
    pub(super) followers: Followers,
    /// Those who ask for the status while the agent is asked.
    pub(super) curious: Vec<StatusQuestion>,
    pub(super) started_at: Timestamp,
    pub(super) retention: Retention,
    /// What the service manager was told last.
    pub(super) told: String,
    pub(super) doorway: Doorway,
    pub(super) standing: Standing,
    pub(super) stopping: bool,
    /// Why the daemon has to end, where nobody has asked it to.
    pub(super) fatal: Option<String>,
}

impl Driver {
    /// Makes the step of recovery durable, and performs it.
    pub(super) async fn begin(&mut self, mut step: Step) {
        let now = clock::now();
        let facts = self.standing_facts();
        add(&mut step, handle_all(&mut self.engine, facts, now));
        match self.commit(step.record.clone()).await {
            Ok(()) => self.done(step),
            Err(error) => self.commit_failed(step, &error, now),
        }
        self.agent.listen(self.trouble().is_none() && self.engine.wants_notifications());
        self.tell_service_manager();
    }

    /// What holds without having just happened: an engine that is new is to be told of it.
    pub(super) fn standing_facts(&mut self) -> Vec<Input> {
        let problem = self.job_file.judged().map(str::to_owned);
        vec![Input::TokenEnds(self.agent.token_ends()), Input::JobFileJudged(problem)]
    }

    /// Turns until the daemon is asked to stop.
    pub(super) async fn turn_until_stopped(&mut self) {
        while !self.stopping {
            let mut inputs = Vec::new();
            self.set_alarm();
            let mut event = Some(self.sources.next().await);
            let began = clock::awake_since_boot();
            self.look_at_standing();
            while let Some(happened) = event {
                self.take(happened, &mut inputs);
                let more = inputs.len() < BATCH_MAX && !self.stopping;
                event = if more { self.sources.ready() } else { None };
            }
            if !self.stopping {
                self.turn(inputs).await;
            }
            let held = clock::awake_since_boot() - began;
            if held > SLOW_TURN {
                tracing::debug!("a turn of the loop took {} ms", held.as_millis());
            }
        }
    }

    fn set_alarm(&mut self) {
        let now = clock::now();
        let at = match self.trouble() {
            Some(trouble) => Some(trouble.retry_at),
            None => self.engine.next_wakeup(),
        };
        let at = at.map(|at| if at <= now { now + BREATH } else { at });
        if let Err(error) = self.sources.alarm.set(at, now) {
            // The kernel refuses only what we must never ask for; without an alarm no job runs.
            panic!("the alarm can't be set: {error}");
        }
    }

    /// Turns an event into inputs, or deals with it.
    fn take(&mut self, event: Event, inputs: &mut Vec<Input>) {
        match event {
            // What an engine that is gone had asked for: uncertain, and settled by looking.
            Event::Answer { epoch, .. } if epoch != self.epoch => {}
            Event::Answer { input, .. } => {
                if matches!(input, Input::Looked(Ok(_))) {
                    self.agent.in_contact(&self.events);
                }
                inputs.push(input);
            }
            Event::TokenLookedAt { changed } => {
                inputs.extend(changed.then_some(Input::TokenChanged));
                inputs.extend(self.agent.new_token_ends().map(Input::TokenEnds));
            }
            Event::VersionTold { asked, version } => self.agent.version_told(asked, version),
            Event::Hint => inputs.push(Input::Notified),
            Event::Frame(Frame::ObjectFailed { transfer, object }) => {
                inputs.push(Input::ObjectFailed { transfer, object });
            }
            Event::Frame(Frame::Receipt(attempt)) => inputs.push(Input::Receipt(attempt)),
            Event::Alarm => inputs.push(Input::TimeReached),
            Event::FilesChanged => self.files_changed(),
            Event::WatchTrouble => self.watch_trouble(),
            Event::JobFileStayedBad(serial) => inputs.extend(self.job_file.stayed_bad(serial)),
            Event::Tick => {}
            Event::Standing(found) => self.standing_found(*found),
            Event::Reload => {
                self.look_at_standing_now();
                self.hang_up();
            }
            Event::JobFileRead(reading) => self.job_file_read(*reading, inputs),
            Event::Glanced(glance) => {
                if glance.reachable {
                    self.agent.in_contact(&self.events);
                }
                self.agent.glanced(glance);
                for question in std::mem::take(&mut self.curious) {
                    self.answer_status(question);
                }
            }
            Event::Recalled(recalled) => self.recalled(*recalled, inputs),
            Event::Asked(asked) => self.asked(asked, inputs),
            Event::Watched(ask) => self.watched(ask),
            Event::Stop => self.stopping = true,
        }
    }

    /// Hands inputs to the engine, commits, performs.
    async fn turn(&mut self, mut inputs: Vec<Input>) {
        let now = clock::now();
        if let Some(by) = self.clock.step(now, clock::since_boot()) {
            self.retention.clock_stepped(by, clock::since_boot());
            inputs.insert(0, Input::ClockStepped { by });
        }
        // Whatever has woken the loop: who asks again and again must not put off for ever what is due.
        if self.engine.next_wakeup().is_some_and(|at| at <= now) {
            inputs.push(Input::TimeReached);
        }
        if self.trouble().is_some() {
            self.mend(inputs, now).await;
        } else if !inputs.is_empty() {
            let step = handle_all(&mut self.engine, inputs, now);
            match self.commit(step.record.clone()).await {
                Ok(()) => self.done(step),
                Err(error) => self.commit_failed(step, &error, now),
            }
        }
        self.agent.listen(self.trouble().is_none() && self.engine.wants_notifications());
        self.tell_service_manager();
    }

    /// Makes records durable. Nothing to record costs nothing.
    pub(super) async fn commit(&mut self, record: Vec<Record>) -> Result<(), StoreError> {
        if record.is_empty() {
            return Ok(());
        }
        failpoint::pass(Failpoint::BeforeCommit);
        let store = self.store.clone();
        let commit = store.commit(record);
        match self.sources.unless_stopped(commit, STOP_PATIENCE).await {
            Some(result) => result,
            None => {
                self.stopping = true;
                Err(StoreError::Closed)
            }
        }
    }

    /// A step is durable: tell it, and do what it wants.
    pub(super) fn done(&mut self, step: Step) {
        if !step.record.is_empty() {
            failpoint::pass(Failpoint::AfterCommit);
        }
        self.tally.count(&step);
        self.followers.tell(&step.record);
        for note in &step.notes {
            self.notebook.tell(note);
        }
        for effect in step.then {
            self.perform(effect);
        }
        self.job_file_settled();
        self.prune_after(&step.record);
    }

    /// Says in a line how things stand, if that has changed.
    pub(super) fn tell_service_manager(&mut self) {
        let jobs = self.set.jobs.len();
        let active = self.engine.active_runs().count();
        let mut line = match (active, jobs) {
            (0, 1) => "1 job".to_owned(),
            (0, _) => format!("{jobs} jobs"),
            (1, _) => format!("{jobs} jobs, 1 run active"),
            (_, _) => format!("{jobs} jobs, {active} runs active"),
        };
        if let Some(trouble) = self.trouble() {
            line = format!("{}; {line}", trouble.words);
        } else if !self.job_file.is_valid() {
            line.push_str("; the job file is invalid, the old jobs stay");
        }
        if line != self.told {
            systemd::status(&line);
            self.told = line;
        }
    }

    /// Deals with a question that came over the control socket.
    fn asked(&mut self, asked: Asked, inputs: &mut Vec<Input>) {
        let Asked { request, by } = asked;
        match request {
            Request::Status(query, reply) => {
                self.status_asked(StatusQuestion::Whole(query, reply));
            }
            Request::StatusSlice(slice, reply) => {
                self.status_asked(StatusQuestion::Slice(slice, reply));
            }
            Request::History(query, reply) => self.answer_history(query, reply),
            Request::Show(query, reply) => self.answer_show(query, reply),
            Request::Trigger(query, reply) => self.trigger(&query, by, reply, inputs),
            Request::Retry(query, reply) => self.retry(query, by, reply),
            Request::Backfill(query, reply) => self.backfill(&query, by, reply),
            Request::Cancel(query, reply) => self.cancel(&query, by, reply, inputs),
            Request::Pause(query, reply) => inputs.extend(self.pause(query, by, reply)),
            Request::Resume(query, reply) => inputs.extend(self.resume(&query, by, reply)),
            Request::PauseAll(query, reply) => inputs.push(self.pause_all(query, by, reply)),
            Request::ResumeAll(reply) => inputs.push(self.resume_all(by, reply)),
            Request::Events(query, reply) => self.events_asked(query, reply),
            Request::Reload(reply) => self.read_job_file(Some(reply)),
        }
    }
}

/// Hands all inputs to the engine; their steps become one.
pub(super) fn handle_all(engine: &mut Engine, inputs: Vec<Input>, now: Timestamp) -> Step {
    let mut all = Step::default();
    for input in inputs {
        add(&mut all, engine.handle(input, now));
    }
    all
}

/// Adds a step to those before it.
pub(super) fn add(all: &mut Step, step: Step) {
    all.record.extend(step.record);
    all.then.extend(step.then);
    all.notes.extend(step.notes);
}
