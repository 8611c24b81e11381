//! The test stage: the daemon's loop, its committed rows, and an agent that lists what a test gives
//! it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::alert::QueuedAlert;
use crate::cause::{CauseQuery, OurRow};
use crate::engine::Engine;
use crate::event_loop::{EventLoop, Output, StoreRequest};
pub(super) use crate::fixtures::{OURS, at, job, look, secs, set};
use crate::fixtures::{Rows, machine, record};
use crate::ids::{AccessId, AlertKey, AttemptId, JobName, RunId, TransferId, UserId};
use crate::input::{Answer, Effect, Input, Level, LogFields, OperatorRequest, ReplyTo};
use crate::job::{Job, JobSet, PlaceTemplate};
use crate::place::TransferRequest;
use crate::run::Run;
use crate::transfer::{
    AgentState, Gap, Incomplete, Look, LookFailure, LookRequest, Progress, SubmitAnswer, Transfer,
    TransferStatus,
};

/// The daemon's loop, its committed rows, and an agent that lists what a test gives it.
pub(super) struct Stage {
    event_loop: EventLoop,
    pub(super) now: Timestamp,
    pub(super) set: Arc<JobSet>,
    pub(super) rows: Rows,
    pub(super) listed: Vec<Transfer>,
    pub(super) agent: AgentState,
    /// The reason why looks are not complete.
    pub(super) gap: Option<Gap>,
    /// The agent counts more than it lists.
    pub(super) is_short: bool,
    pub(super) submits: Vec<(AttemptId, TransferRequest)>,
    /// The agent and token of looks, and of the submits so far.
    pub(super) access: AccessId,
    pub(super) accesses: Vec<AccessId>,
    pub(super) cancels: Vec<TransferId>,
    /// The times at which the agent was asked to start.
    pub(super) starts: Vec<Timestamp>,
    pub(super) replies: Vec<Answer>,
    pub(super) deliveries: Vec<Arc<QueuedAlert>>,
    /// Digests for which the history was requested, and the event to start after.
    pub(super) gathers: Vec<(AlertKey, Option<u64>)>,
    /// Queries for causes without an answer yet.
    pub(super) asked: Vec<(AttemptId, CauseQuery)>,
    /// Our row of the history.
    pub(super) row: Option<OurRow>,
    /// The history never answers.
    pub(super) history_is_silent: bool,
    pub(super) looks: usize,
    pub(super) looking: bool,
    /// The agent's clock less ours.
    pub(super) clock_offset: SignedDuration,
    /// Its answers contain its clock.
    pub(super) knows_clock: bool,
    /// How long the agent takes to list its transfers.
    pub(super) look_takes: SignedDuration,
    /// Why looks fail.
    pub(super) failure: Option<LookFailure>,
    /// Looks are not answered.
    pub(super) hold_looks: bool,
    /// Looks show also what was not asked for.
    pub(super) shows_all: bool,
    /// The user of the token.
    pub(super) user: Option<UserId>,
    /// The requests of looks.
    pub(super) requests: Vec<LookRequest>,
    /// Notes logged as warnings or errors.
    pub(super) warnings: Vec<String>,
    /// The fields of log lines about runs.
    pub(super) facts: Vec<LogFields>,
}

impl Stage {
    pub(super) fn new(jobs: Vec<Arc<Job>>) -> Self {
        Self::with(set(jobs))
    }

    pub(super) fn with(set: Arc<JobSet>) -> Self {
        let now = at("00:30:00");
        let mut rows = Rows::default();
        let event_loop = EventLoop::recover(rows.load(), Arc::clone(&set), machine(), now);
        let mut stage = Self {
            event_loop,
            now,
            set,
            rows,
            listed: Vec::new(),
            agent: AgentState::Started,
            gap: None,
            is_short: false,
            submits: Vec::new(),
            access: AccessId::default(),
            accesses: Vec::new(),
            cancels: Vec::new(),
            starts: Vec::new(),
            replies: Vec::new(),
            deliveries: Vec::new(),
            gathers: Vec::new(),
            asked: Vec::new(),
            row: None,
            history_is_silent: false,
            looks: 0,
            looking: false,
            clock_offset: SignedDuration::ZERO,
            knows_clock: true,
            look_takes: SignedDuration::ZERO,
            failure: None,
            hold_looks: false,
            shows_all: false,
            user: Some(OURS),
            requests: Vec::new(),
            warnings: Vec::new(),
            facts: Vec::new(),
        };
        stage.turn();
        stage
    }

    /// The engine, for read-only questions.
    pub(super) fn engine(&self) -> &Engine {
        self.event_loop.engine()
    }

    /// Has the inputs decided and committed, and answers the looks.
    pub(super) fn turn(&mut self) {
        let mut commits = 0;
        while let Some(request) = self.event_loop.poll_store(self.now) {
            commits += 1;
            assert!(commits < 10_000, "the loop spins at {}", self.now);
            match request {
                StoreRequest::Commit(records) => {
                    self.rows.commit(&records);
                    self.event_loop.committed(Ok(()), self.now);
                }
                StoreRequest::Load => unreachable!("rows are read back after a failed commit"),
            }
        }
        while let Some(output) = self.event_loop.poll_output() {
            match output {
                Output::Log(line) => {
                    if line.level >= Level::Warn {
                        self.warnings.push(line.text);
                    }
                    if line.run.is_some() {
                        self.facts.push(line.facts);
                    }
                }
                Output::Perform { effect, .. } => self.perform(effect),
                Output::Recorded(_) | Output::Settled(_) => {}
            }
        }
        self.answer_questions();
    }

    /// The same, but a requested look stays unanswered.
    pub(super) fn turn_unanswered(&mut self) {
        let held = std::mem::replace(&mut self.hold_looks, true);
        self.turn();
        (self.hold_looks, self.looking) = (held, false);
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Look(request) => {
                self.requests.push(request);
                assert!(!self.looking, "one look at a time");
                self.looking = true;
            }
            Effect::Submit { attempt, access, request } => {
                self.accesses.push(access);
                self.submits.push((attempt, request));
            }
            Effect::Cancel { transfer } => self.cancels.push(transfer),
            Effect::StartAgent => self.starts.push(self.now),
            Effect::LearnCause { attempt, query } => self.asked.push((attempt, query)),
            Effect::Reply { answer, .. } => self.replies.push(answer),
            Effect::Deliver { alert, .. } => self.deliveries.push(alert),
            Effect::GatherDigest { digest, after, .. } => self.gathers.push((digest, after)),
        }
    }

    /// Answers the requests to the agent.
    fn answer_questions(&mut self) {
        if !self.history_is_silent
            && let Some((attempt, query)) = self.asked.pop()
        {
            let (transfer, row) = (query.transfer, self.row.clone());
            self.input(Input::CauseLearned { attempt, transfer, row });
        }
        if self.looking && !self.hold_looks {
            self.looking = false;
            self.looks += 1;
            let began_at = self.now;
            self.now += self.look_takes;
            if let Some(failure) = &self.failure {
                let failure = failure.clone();
                self.input(Input::Looked(Err(failure)));
                return;
            }
            let mut look = self.look(began_at);
            // The client drops what was not asked for.
            let asked = self.requests.last().expect("a request");
            look.transfers.retain(|record| self.shows_all || asked.wants(record));
            self.input(Input::Looked(Ok(look)));
        }
    }

    /// The result of a look that began then and returns now.
    pub(super) fn look(&self, began_at: Timestamp) -> Look {
        Look {
            incomplete: self.incomplete(),
            is_short: self.is_short,
            access: self.access,
            user: self.user,
            agent: self.agent,
            clock_offset: self.knows_clock.then_some(self.clock_offset),
            ..look(began_at, self.listed.clone())
        }
    }

    /// The reason why the agent's next look is not complete.
    fn incomplete(&self) -> Option<Incomplete> {
        let gap = if self.agent.may_work() { self.gap.clone()? } else { Gap::Idle };
        let took = self.look_takes;
        Some(Incomplete { gap, pages: 3, records: 600, total: Some(25_000), took })
    }

    pub(super) fn input(&mut self, input: Input) {
        self.event_loop.push(input);
        self.turn();
    }

    /// Lets time pass, wake-up by wake-up.
    pub(super) fn until(&mut self, to: Timestamp) {
        let mut turns = 0;
        while let Some(next) = self.event_loop.next_wakeup().filter(|next| *next <= to) {
            turns += 1;
            assert!(turns < 100_000, "the engine spins at {next}");
            self.now = self.now.max(next);
            self.turn();
        }
        self.now = to;
    }

    pub(super) fn pass(&mut self, span: SignedDuration) {
        self.until(self.now + span);
    }

    pub(super) fn answer(&mut self, answer: SubmitAnswer) -> AttemptId {
        let attempt = self.submits.last().expect("a submit").0;
        self.input(Input::Submitted { attempt, answer });
        attempt
    }

    /// The agent lists a transfer for the last submit.
    pub(super) fn list(&mut self, id: u128, status: TransferStatus) -> TransferId {
        let request = &self.submits.last().expect("a submit").1;
        let requested_at = Some(self.now + self.clock_offset);
        let transfer = Transfer {
            if_it_skips: None,
            may_be_of: Vec::new(),
            tells_no_progress: false,
            loose_fingerprint: request.loose_fingerprint(),
            status,
            progress: Progress { objects_total: 2, objects_transferred: 2, ..Progress::default() },
            ..record(id, request.fingerprint(), requested_at)
        };
        self.listed.push(transfer);
        TransferId(Uuid::from_u128(id))
    }

    pub(super) fn status(&mut self, id: u128, status: TransferStatus) {
        let id = TransferId(Uuid::from_u128(id));
        self.listed.iter_mut().find(|t| t.id == id).expect("listed").status = status;
    }

    /// Ends a transfer, at that time by the agent's clock.
    pub(super) fn ends(&mut self, id: u128, status: TransferStatus, at: Option<Timestamp>) {
        self.status(id, status);
        let id = TransferId(Uuid::from_u128(id));
        self.listed.iter_mut().find(|t| t.id == id).expect("listed").ended_at = at;
    }

    /// A stage whose only run has sent two requests: the answer to the first was lost, and after it
    /// was looked for in vain the second was accepted. Returns also when the first was sent.
    pub(super) fn sent_again() -> (Self, Timestamp) {
        let mut stage = Self::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
        let first_asked = stage.now;
        stage.pass(secs(150));
        stage.answer(SubmitAnswer::Accepted);
        (stage, first_asked)
    }

    pub(super) fn run(&self, nth: usize) -> &Run {
        &self.rows.runs[&self.rows.order[nth]]
    }

    /// Has an operator request a run of a job.
    pub(super) fn trigger(&mut self, job: &str, id: u128) {
        let run = RunId(Uuid::from_u128(id));
        let request = OperatorRequest::Trigger { job: JobName::new(job), run };
        self.input(Input::Operator { reply: ReplyTo(0), request, by: None });
    }

    /// The transfer that the agent lists with this id.
    pub(super) fn record(&mut self, id: u128) -> &mut Transfer {
        let id = TransferId(Uuid::from_u128(id));
        self.listed.iter_mut().find(|transfer| transfer.id == id).expect("listed")
    }

    /// True if a run's timeline has such an event.
    pub(super) fn happened(&self, event: &str) -> bool {
        self.rows.events.iter().any(|told| told.what.kind().word() == event)
    }

    pub(super) fn restart(&mut self) {
        self.rebuild();
        self.turn();
    }

    /// Restarts, and leaves the requested look unanswered.
    pub(super) fn restart_unanswered(&mut self) {
        self.rebuild();
        self.turn_unanswered();
    }

    /// A new process, whose engine is rebuilt from the committed rows.
    fn rebuild(&mut self) {
        let (rows, set) = (self.rows.load(), Arc::clone(&self.set));
        self.event_loop = EventLoop::recover(rows, set, machine(), self.now);
        self.looking = false;
    }

    /// Sets the wall clock.
    pub(super) fn step_clock(&mut self, by: SignedDuration) {
        self.now += by;
        self.input(Input::ClockStepped { by });
    }
}

/// The request of the first job.
pub(super) fn stage_request(stage: &Stage) -> TransferRequest {
    let job = stage.set.jobs.values().next().expect("a job");
    let place = |template: &PlaceTemplate| crate::place::Place {
        account: template.account,
        bucket: template.bucket.clone(),
        bucket_id: String::new(),
        path: template.path.text().to_owned(),
        id: String::new(),
    };
    TransferRequest {
        source: place(&job.source),
        destination: place(&job.destination),
        allow_skip: true,
        keep_source_tree: false,
    }
}
