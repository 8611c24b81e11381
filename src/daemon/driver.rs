//! The shell around [`EventLoop`]: it waits, turns events into inputs, and carries out the loop's
//! requests to the store, the agent and the log.
//!
//! The loop decides what is committed together, how a failed commit is handled, and which answers
//! still count. Keeps true: a turn goes on only once the store has answered.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;

use super::agent::Agent;
use super::doorway::Doorway;
use super::event::{Event, Sources};
use super::failpoint::{self, Failpoint};
use super::follow::Followers;
use super::job_file::JobFile;
use super::log_throttle::LogThrottle;
use super::operators::Pending;
use super::retention::Retention;
use super::scrape::WriteProbe;
use super::standing::Standing;
use super::status::StatusQuestion;
use super::timer::ClockWatch;
use crate::agent::Frame;
use crate::alerts::Courier;
use crate::clock;
use crate::config::Content;
use crate::control::request::{Asked, Refused, Request};
use crate::core::engine::Engine;
use crate::core::event_loop::{EventLoop, Output, StoreRequest};
use crate::core::input::{Input, ReplyTo};
use crate::core::record::Record;
use crate::metrics::counters::Tally;
use crate::store::StoreError;
use crate::store::thread::StoreHandle;
use crate::systemd;
use crate::web::listener::Web;

/// The pause before a wake-up that the engine requests for a time already past, so that a bug
/// cannot turn into a busy loop.
const BREATH: SignedDuration = SignedDuration::from_millis(20);

/// A turn that takes longer is logged at level debug: none of ours should.
const SLOW_TURN: SignedDuration = SignedDuration::from_millis(20);

/// How long the store may still take once the daemon is asked to stop.
const STOP_PATIENCE: Duration = Duration::from_millis(300);

/// Everything that the loop works with.
pub(super) struct Driver {
    pub(super) event_loop: EventLoop,
    pub(super) store: StoreHandle,
    pub(super) sources: Sources,
    pub(super) events: UnboundedSender<Event>,
    pub(super) agent: Agent,
    pub(super) courier: Courier,
    pub(super) job_file: JobFile,
    /// The content of the job file that is in force.
    pub(super) in_force: Content,
    pub(super) log_throttle: LogThrottle,
    pub(super) tally: Tally,
    pub(super) web: Web,
    pub(super) write_probe: WriteProbe,
    pub(super) clock: ClockWatch,
    /// Operators that wait for the engine's answer.
    pub(super) pending: HashMap<ReplyTo, Pending>,
    pub(super) replies: u64,
    pub(super) followers: Followers,
    /// Status requests that wait while the agent is asked.
    pub(super) status_waiters: Vec<StatusQuestion>,
    pub(super) started_at: Timestamp,
    pub(super) retention: Retention,
    /// The last status given to the service manager.
    pub(super) service_status: String,
    pub(super) doorway: Doorway,
    pub(super) standing: Standing,
    pub(super) stopping: bool,
    /// Why the daemon has to end without a request to stop.
    pub(super) fatal: Option<String>,
}

impl Driver {
    /// Makes the first step of a rebuilt engine durable, and performs it.
    pub(super) async fn begin(&mut self) {
        // Facts that hold without having just happened.
        let ends = self.agent.token_ends();
        self.event_loop.push(Input::TokenEnds(ends));
        let problem = self.job_file.judged().map(str::to_owned);
        self.event_loop.push(Input::JobFileChecked(problem));
        self.turn().await;
        self.prune();
    }

    /// Runs until the daemon is asked to stop.
    pub(super) async fn turn_until_stopped(&mut self) {
        while !self.stopping {
            self.set_alarm();
            let mut event = Some(self.sources.next().await);
            let began = clock::awake_since_boot();
            self.look_at_standing();
            while let Some(happened) = event {
                self.take(happened);
                let more = !self.event_loop.is_full() && !self.stopping;
                event = if more { self.sources.ready() } else { None };
            }
            if !self.stopping {
                self.turn().await;
            }
            let held = clock::awake_since_boot() - began;
            if held > SLOW_TURN {
                tracing::debug!("a turn of the loop took {} ms", held.as_millis());
            }
        }
    }

    fn set_alarm(&mut self) {
        let now = clock::now();
        let at = self.event_loop.next_wakeup();
        let at = at.map(|at| if at <= now { now + BREATH } else { at });
        if let Err(error) = self.sources.alarm.set(at, now) {
            // The kernel refuses only invalid requests; without an alarm no job runs.
            panic!("the alarm can't be set: {error}");
        }
    }

    /// The engine that answers questions.
    pub(super) fn engine(&self) -> &Engine {
        self.event_loop.engine()
    }

    /// Turns an event into inputs, or handles it.
    fn take(&mut self, event: Event) {
        match event {
            Event::Answer { epoch, input } => {
                let looked = matches!(input, Input::Looked(Ok(_)));
                if looked && self.event_loop.is_current(epoch) {
                    self.agent.in_contact(&self.events);
                }
                self.event_loop.push_answer(epoch, input);
            }
            Event::TokenLookedAt { changed } => {
                if changed {
                    self.agent.token_changed();
                    self.event_loop.push(Input::TokenChanged);
                }
                if let Some(ends) = self.agent.new_token_ends() {
                    self.event_loop.push(Input::TokenEnds(ends));
                }
            }
            Event::VersionLearned { asked, version } => self.agent.on_version(asked, version),
            Event::Hint => self.event_loop.push(Input::Notified),
            Event::Frame(Frame::ObjectFailed { transfer, object }) => {
                self.event_loop.push(Input::ObjectFailed { transfer, object });
            }
            Event::Frame(Frame::Receipt(attempt)) => {
                self.event_loop.push(Input::Receipt(attempt));
            }
            Event::FilesChanged => self.files_changed(),
            Event::WatchTrouble => self.watch_trouble(),
            Event::JobFileStayedBad(serial) => {
                if let Some(judged) = self.job_file.stayed_bad(serial) {
                    self.event_loop.push(judged);
                }
            }
            // The loop knows what is due.
            Event::Alarm | Event::Tick => {}
            Event::Standing(found) => self.standing_found(*found),
            Event::Reload => {
                self.look_at_standing_now();
                self.on_hangup();
            }
            Event::JobFileRead(reading) => self.job_file_read(*reading),
            Event::Glanced(glance) => {
                if glance.reachable {
                    self.agent.in_contact(&self.events);
                }
                self.agent.glanced(glance);
                for question in std::mem::take(&mut self.status_waiters) {
                    self.answer_status(question);
                }
            }
            Event::Recalled(recalled) => self.recalled(*recalled),
            Event::Asked(asked) => self.asked(asked),
            Event::Watched(ask) => self.watched(ask),
            Event::Stop => self.stopping = true,
        }
    }

    /// Has the collected inputs decided, made durable and performed.
    async fn turn(&mut self) {
        let now = clock::now();
        if let Some(by) = self.clock.step(now, clock::since_boot()) {
            self.retention.clock_stepped(by, clock::since_boot());
            self.event_loop.push(Input::ClockStepped { by });
        }
        while let Some(request) = self.event_loop.poll_store(now) {
            match request {
                StoreRequest::Commit(records) => {
                    let Some(result) = self.commit(records).await else { return };
                    let result = result.map_err(|error| self.store_failed(&error));
                    self.event_loop.committed(result, clock::now());
                }
                StoreRequest::Load => {
                    let store = self.store.clone();
                    let Some(rows) = self.unless_stopped(store.load()).await else { return };
                    let rows = rows.map_err(|error| self.store_failed(&error));
                    rows.iter().for_each(|rows| self.tally.resume(rows));
                    self.event_loop.loaded(rows, clock::now());
                }
            }
        }
        while let Some(output) = self.event_loop.poll_output() {
            self.act_on(output);
        }
        self.agent.listen(self.event_loop.wants_notifications());
        self.notify_service_manager();
    }

    /// Makes records durable; without any, proves that they could be. Absent if the daemon is to stop
    /// and that takes too long.
    async fn commit(&mut self, records: Vec<Record>) -> Option<Result<(), StoreError>> {
        let store = self.store.clone();
        if records.is_empty() {
            return self.unless_stopped(store.check_writable()).await;
        }
        failpoint::pass(Failpoint::BeforeCommit);
        self.unless_stopped(store.commit(records)).await
    }

    /// The store's answer; absent if the daemon is to stop and the answer does not come. Whether
    /// the last commit became durable is then for the next start to find out, as after a crash.
    async fn unless_stopped<T>(&mut self, answer: impl Future<Output = T>) -> Option<T> {
        let answer = self.sources.unless_stopped(answer, STOP_PATIENCE).await;
        if answer.is_none() {
            self.stopping = true;
            tracing::warn!(
                "stopping while the disk is slow: what was being recorded is settled at the next start"
            );
        }
        answer
    }

    /// The store's refusal, in words.
    fn store_failed(&mut self, error: &StoreError) -> String {
        self.end_if_gone(error);
        error.to_string()
    }

    /// Carries out an output of the loop.
    fn act_on(&mut self, output: Output) {
        match output {
            Output::Recorded(records) => {
                failpoint::pass(Failpoint::AfterCommit);
                self.tally.count(&records);
                self.followers.tell(&records);
                self.prune_after(&records);
            }
            Output::Log(line) => self.log_throttle.write(&line),
            Output::Perform { epoch, effect } => self.perform(epoch, effect),
            Output::Settled(Ok(())) => self.job_file_settled(),
            Output::Settled(Err(words)) => {
                self.report_outage(clock::now());
                for (_, pending) in self.pending.drain() {
                    pending.refuse(Refused::Unavailable(words.clone()));
                }
                self.job_file_unsettled(&words);
            }
        }
    }

    /// Reports the state in a line to the service manager, if it has changed.
    pub(super) fn notify_service_manager(&mut self) {
        let jobs = self.event_loop.jobs().jobs.len();
        let active = self.engine().active_runs().count();
        let mut line = match (active, jobs) {
            (0, 1) => "1 job".to_owned(),
            (0, _) => format!("{jobs} jobs"),
            (1, _) => format!("{jobs} jobs, 1 run active"),
            (_, _) => format!("{jobs} jobs, {active} runs active"),
        };
        if let Some(outage) = self.event_loop.outage() {
            line = format!("{}; {line}", outage.words);
        } else if !self.job_file.is_valid() {
            line.push_str("; the job file is invalid, the old jobs stay");
        }
        if line != self.service_status {
            systemd::status(&line);
            self.service_status = line;
        }
    }

    /// Handles a request from the control socket.
    fn asked(&mut self, asked: Asked) {
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
            Request::Trigger(query, reply) => self.trigger(&query, by, reply),
            Request::Retry(query, reply) => self.retry(query, by, reply),
            Request::Backfill(query, reply) => self.backfill(&query, by, reply),
            Request::Cancel(query, reply) => self.cancel(&query, by, reply),
            Request::Pause(query, reply) => self.pause(query, by, reply),
            Request::Resume(query, reply) => self.resume(&query, by, reply),
            Request::PauseAll(query, reply) => self.pause_all(query, by, reply),
            Request::ResumeAll(reply) => self.resume_all(by, reply),
            Request::Events(query, reply) => self.events_asked(query, reply),
            Request::Reload(reply) => self.read_job_file_for(Some(reply)),
        }
    }
}
