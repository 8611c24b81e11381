//! The engine's turns, told one by one. Whole lives under faults are the simulation's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Engine, Host};
use crate::core::ids::{AccountId, AttemptId, JobName, RunId, TransferId, UserId};
use crate::core::input::{Answer, Effect, Input, OperatorRequest, ReplyTo, Step};
use crate::core::job::{
    AgentSettings, CatchUp, HistoryPolicy, Job, JobSet, Overlap, PlaceTemplate, Terms,
};
use crate::core::place::TransferRequest;
use crate::core::record::{Durable, Mark, Record};
use crate::core::run::{Attempt, Run, RunState, Trigger};
use crate::core::schedule::{Schedule, Timetable};
use crate::core::template::PathTemplate;
use crate::core::transfer::{
    AgentState, CancelAnswer, Look, LookFailure, Progress, Refusal, SubmitAnswer, Transfer,
    TransferStatus,
};

fn at(text: &str) -> Timestamp {
    format!("2026-03-02T{text}Z").parse().expect("a time")
}

fn secs(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

const OURS: UserId = UserId(Uuid::from_u128(0xaaaa));

/// A job that is due at each full hour.
fn job(name: &str, destination: &str, change: impl FnOnce(&mut Job)) -> Arc<Job> {
    let place = |account: u128, path: &str| PlaceTemplate {
        account: AccountId(Uuid::from_u128(account)),
        bucket: "bucket".to_owned(),
        bucket_id: String::new(),
        path: PathTemplate::parse(path).expect("a path"),
        id: String::new(),
    };
    let schedule = Schedule::parse("0 * * * *").expect("a schedule");
    let mut job = Job {
        name: JobName::new(name),
        description: None,
        timetable: Timetable::new(vec![schedule], "UTC", TimeZone::UTC),
        source: place(1, "from/"),
        destination: place(2, destination),
        allow_skip: true,
        keep_source_tree: false,
        overlap: Overlap::Skip,
        catch_up: CatchUp::Once,
        catch_up_window: SignedDuration::from_hours(24),
        jitter: SignedDuration::ZERO,
        max_age: None,
        enabled: true,
        terms: Arc::new(Terms { timeout: SignedDuration::from_mins(30), ..Terms::default() }),
    };
    change(&mut job);
    Arc::new(job)
}

fn set(jobs: Vec<Arc<Job>>) -> Arc<JobSet> {
    Arc::new(JobSet {
        agent: AgentSettings::default(),
        jobs: jobs.into_iter().map(|job| (job.name.clone(), job)).collect(),
        alerts: Vec::new(),
        history: HistoryPolicy::default(),
        listen: None,
    })
}

/// An engine, the rows that it had committed, and an agent that lists what it is told to.
struct Stage {
    engine: Engine,
    now: Timestamp,
    set: Arc<JobSet>,
    runs: BTreeMap<RunId, Arc<Run>>,
    order: Vec<RunId>,
    attempts: BTreeMap<AttemptId, Arc<Attempt>>,
    marks: BTreeMap<JobName, Arc<Mark>>,
    listed: Vec<Transfer>,
    agent: AgentState,
    submits: Vec<(AttemptId, TransferRequest)>,
    cancels: Vec<TransferId>,
    replies: Vec<Answer>,
    looks: usize,
    looking: bool,
    /// How long the agent takes to list its transfers.
    look_takes: SignedDuration,
}

impl Stage {
    fn new(jobs: Vec<Arc<Job>>) -> Self {
        let now = at("00:30:00");
        let set = set(jobs);
        let (engine, step) = Engine::recover(Durable::default(), Arc::clone(&set), host(), now);
        let mut stage = Self {
            engine,
            now,
            set,
            runs: BTreeMap::new(),
            order: Vec::new(),
            attempts: BTreeMap::new(),
            marks: BTreeMap::new(),
            listed: Vec::new(),
            agent: AgentState::Started,
            submits: Vec::new(),
            cancels: Vec::new(),
            replies: Vec::new(),
            looks: 0,
            looking: false,
            look_takes: SignedDuration::ZERO,
        };
        stage.perform(step);
        stage
    }

    /// Commits a step, and answers its looks.
    fn perform(&mut self, step: Step) {
        for record in step.record {
            match record {
                Record::Run { was, run } => {
                    let old = self.runs.insert(run.id, Arc::clone(&run));
                    assert_eq!(old.as_ref().map(|run| run.state), was, "compare and set");
                    assert!(old.as_ref().is_none_or(|old| !old.state.is_over()), "an end is final");
                    if old.is_none() {
                        self.order.push(run.id);
                    }
                }
                Record::Attempt(attempt) => {
                    self.attempts.insert(attempt.id, attempt);
                }
                Record::Mark(mark) => {
                    self.marks.insert(mark.job.clone(), mark);
                }
                Record::Event(_) | Record::Learned(_) => {}
            }
        }
        for effect in step.then {
            match effect {
                Effect::Look(_) => {
                    assert!(!self.looking, "one look at a time");
                    self.looking = true;
                }
                Effect::Submit { attempt, request } => self.submits.push((attempt, request)),
                Effect::Cancel { transfer } => self.cancels.push(transfer),
                Effect::Reply { answer, .. } => self.replies.push(answer),
            }
        }
        if self.looking {
            self.looking = false;
            self.looks += 1;
            let began_at = self.now;
            self.now += self.look_takes;
            let look = Look {
                began_at,
                as_of: began_at,
                complete: self.agent.may_work(),
                agent: self.agent,
                user: Some(OURS),
                clock_offset: Some(SignedDuration::ZERO),
                transfers: self.listed.clone(),
            };
            self.input(Input::Looked(Ok(look)));
        }
    }

    fn input(&mut self, input: Input) {
        let step = self.engine.handle(input, self.now);
        self.perform(step);
    }

    /// Lets time pass, wake-up by wake-up.
    fn until(&mut self, to: Timestamp) {
        let mut turns = 0;
        while let Some(next) = self.engine.next_wakeup().filter(|next| *next <= to) {
            turns += 1;
            assert!(turns < 100_000, "the engine spins at {next}");
            self.now = self.now.max(next);
            self.input(Input::TimeReached);
        }
        self.now = to;
    }

    fn pass(&mut self, span: SignedDuration) {
        self.until(self.now + span);
    }

    fn answer(&mut self, answer: SubmitAnswer) -> AttemptId {
        let attempt = self.submits.last().expect("a submit").0;
        self.input(Input::Submitted { attempt, answer });
        attempt
    }

    /// The agent lists a transfer for the last submit.
    fn list(&mut self, id: u128, status: TransferStatus) -> TransferId {
        let request = &self.submits.last().expect("a submit").1;
        let transfer = Transfer {
            id: TransferId(Uuid::from_u128(id)),
            user: Some(OURS),
            fingerprint: request.fingerprint(),
            loose_fingerprint: request.loose_fingerprint(),
            of_sync: false,
            of_retry_batch: false,
            kind: Some(1),
            requested_at: Some(self.now),
            status,
            progress: Progress { objects_total: 2, objects_transferred: 2, ..Progress::default() },
        };
        self.listed.push(transfer);
        TransferId(Uuid::from_u128(id))
    }

    fn status(&mut self, id: u128, status: TransferStatus) {
        let id = TransferId(Uuid::from_u128(id));
        self.listed.iter_mut().find(|t| t.id == id).expect("listed").status = status;
    }

    fn run(&self, nth: usize) -> &Run {
        &self.runs[&self.order[nth]]
    }

    fn restart(&mut self) {
        let step = self.rebuild();
        self.perform(step);
    }

    /// Restarts, and leaves the look that is asked for unanswered.
    fn restart_unanswered(&mut self) {
        let mut step = self.rebuild();
        step.then.retain(|effect| !matches!(effect, Effect::Look(_)));
        self.perform(step);
    }

    /// The wall clock is set.
    fn step_clock(&mut self, by: SignedDuration) {
        self.now += by;
        self.input(Input::ClockStepped { by });
    }

    /// A new engine from the committed rows.
    fn rebuild(&mut self) -> Step {
        let open =
            |run: &RunId| self.attempts.values().any(|a| a.id.run == *run && a.phase.is_open());
        let runs: Vec<_> = self
            .order
            .iter()
            .filter(|id| !self.runs[id].state.is_over() || open(id))
            .map(|id| Arc::clone(&self.runs[id]))
            .collect();
        let attempts = self
            .attempts
            .values()
            .filter(|attempt| runs.iter().any(|run| run.id == attempt.id.run))
            .cloned()
            .collect();
        let marks = self.marks.values().cloned().collect();
        let durable = Durable { runs, attempts, marks, ..Durable::default() };
        let (engine, step) = Engine::recover(durable, Arc::clone(&self.set), host(), self.now);
        self.engine = engine;
        self.looking = false;
        step
    }
}

fn host() -> Host {
    Host { hostname: "station".to_owned(), jitter_seed: 7 }
}

#[test]
fn an_idle_engine_sleeps_until_the_next_occurrence() {
    let stage = Stage::new(vec![job("a", "to/", |_| {})]);
    assert_eq!(stage.engine.next_wakeup(), Some(at("01:00:00")));
    assert_eq!(stage.looks, 0);
    let stage = Stage::new(Vec::new());
    assert_eq!(stage.engine.next_wakeup(), None);
}

#[test]
fn a_run_is_queued_found_followed_and_succeeds() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    assert_eq!(stage.submits.len(), 1);
    assert_eq!(stage.run(0).state, RunState::Submitting);
    stage.answer(SubmitAnswer::Accepted);
    assert_eq!(stage.run(0).state, RunState::Queued);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Running);
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    assert_eq!(stage.engine.next_wakeup(), Some(at("02:00:00")), "idle again");
    assert_eq!(stage.run(0).reason, "completed: 2 objects transferred, 0 skipped, 0 failed");
}

#[test]
fn a_lost_answer_is_found_again_without_a_second_request() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("the connection was reset".to_owned()));
    stage.pass(secs(60));
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Running);
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(300));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    assert_eq!(stage.submits.len(), 1);
}

#[test]
fn a_request_that_complete_looks_do_not_show_is_repeated_after_the_window() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    stage.pass(secs(115));
    assert_eq!(stage.submits.len(), 1);
    stage.pass(secs(30));
    assert_eq!(stage.submits.len(), 2);
    assert_eq!(stage.submits[1].0.number, 2);
}

#[test]
fn a_late_first_transfer_is_canceled_when_the_second_is_followed() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    let first_asked = stage.now;
    stage.pass(secs(150));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).follows, Some(2));
    let late = stage.list(1, TransferStatus::Running);
    stage.listed.last_mut().expect("listed").requested_at = Some(first_asked);
    stage.pass(secs(20));
    assert_eq!(stage.cancels.first(), Some(&late));
    stage.status(1, TransferStatus::Canceled);
    stage.status(2, TransferStatus::Completed);
    stage.pass(secs(70));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
}

#[test]
fn an_accepted_request_is_waited_for_until_its_timeout_and_never_repeated() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(29 * 60));
    assert_eq!(stage.run(0).state, RunState::Queued);
    stage.pass(secs(2 * 60));
    assert_eq!(stage.run(0).state, RunState::TimedOut);
    assert_eq!(stage.submits.len(), 1);
    // Late, it is cancelled.
    let late = stage.list(1, TransferStatus::Running);
    stage.listed[0].requested_at = Some(at("01:00:00"));
    stage.pass(secs(130));
    assert_eq!(stage.cancels.first(), Some(&late));
}

#[test]
fn past_its_timeout_a_transfer_is_canceled_until_the_agent_agrees() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    let transfer = stage.list(1, TransferStatus::Running);
    stage.until(at("01:30:00"));
    assert_eq!(stage.run(0).state, RunState::Canceling);
    assert_eq!(stage.cancels, [transfer]);
    stage.input(Input::CancelAnswered {
        transfer,
        answer: CancelAnswer::NotTaken("499 TRANSFER".to_owned()),
    });
    stage.pass(secs(3));
    assert_eq!(stage.cancels, [transfer, transfer]);
    stage.input(Input::CancelAnswered { transfer, answer: CancelAnswer::Taken });
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::TimedOut);
}

#[test]
fn a_persons_cancel_ends_the_run_without_retry() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Canceled);
    assert_eq!(stage.run(0).reason, "canceled in the desktop app");
}

#[test]
fn errors_are_retried_with_growing_delays_and_then_fail() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    for attempt in 1..=3 {
        assert_eq!(stage.submits.len(), attempt);
        stage.answer(SubmitAnswer::Accepted);
        stage.list(attempt as u128, TransferStatus::Error);
        stage.pass(secs(5));
        if attempt < 3 {
            assert_eq!(stage.run(0).state, RunState::BackingOff);
            stage.pass(secs(27 + 70));
        }
    }
    assert_eq!(stage.run(0).state, RunState::Failed);
}

#[test]
fn a_refused_connection_or_bad_token_uses_up_no_attempt() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let refusals = [
        Refusal::NotSent("connection refused".to_owned()),
        Refusal::BadToken("401".to_owned()),
        Refusal::NotSent("connection refused".to_owned()),
        Refusal::BadToken("499 SESSION".to_owned()),
    ];
    for refusal in refusals {
        stage.answer(SubmitAnswer::Refused(refusal));
        assert_eq!(stage.run(0).state, RunState::Waiting);
        stage.pass(secs(40));
        assert_eq!(stage.submits.last().expect("a submit").0.number, 1);
    }
    stage.answer(SubmitAnswer::Accepted);
    assert_eq!(stage.run(0).state, RunState::Queued);
}

#[test]
fn a_final_refusal_fails_at_once_with_the_agents_words() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Refused(Refusal::Final("ACCESS: not yours".to_owned())));
    assert_eq!(stage.run(0).state, RunState::Failed);
    assert_eq!(stage.run(0).reason, "the agent refused it: ACCESS: not yours");
    assert_eq!(stage.submits.len(), 1);
}

#[test]
fn a_duplicate_after_an_uncertain_request_is_that_requests_acceptance() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
    stage.pass(secs(150));
    stage.answer(SubmitAnswer::Refused(Refusal::Duplicate("DUPLICATE".to_owned())));
    assert_eq!(stage.run(0).state, RunState::Queued);
    assert_eq!(stage.run(0).follows, Some(1));
}

#[test]
fn a_crash_between_commit_and_answer_is_settled_by_looking_and_uses_up_no_attempt() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.restart();
    assert_eq!(stage.run(0).state, RunState::Queued);
    stage.pass(secs(100));
    assert_eq!(stage.submits.len(), 1);
    stage.pass(secs(30));
    assert_eq!(stage.submits.len(), 2, "never arrived: sent again");
    let counted = stage.attempts.values().filter(|attempt| attempt.counts).count();
    assert_eq!(counted, 1);
}

#[test]
fn what_was_listed_before_we_asked_is_never_ours() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    let request = stage_request(&stage);
    stage.submits.push((AttemptId { run: RunId(Uuid::nil()), number: 1 }, request));
    stage.now = at("00:59:30");
    stage.list(9, TransferStatus::Running);
    stage.submits.clear();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Queued);
    assert!(stage.attempts.values().all(|attempt| attempt.transfer.is_none()));
}

/// The request that the first job makes.
fn stage_request(stage: &Stage) -> TransferRequest {
    let job = stage.set.jobs.values().next().expect("a job");
    let place = |template: &PlaceTemplate| crate::core::place::Place {
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

#[test]
fn two_records_for_one_request_are_ambiguous_and_left_alone() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Running);
    assert!(stage.attempts.values().any(|attempt| attempt.ambiguous));
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    assert_eq!(stage.cancels, []);
}

#[test]
fn overlapping_destinations_wait_for_each_other_in_turn() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {}), job("b", "to/inner/", |_| {})]);
    stage.until(at("01:00:00"));
    assert_eq!(stage.submits.len(), 1);
    let second = (0..2).find(|n| stage.run(*n).state == RunState::Waiting).expect("one waits");
    let reason = &stage.run(second).reason;
    assert!(reason.starts_with("for its destination"), "{reason}");
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn max_active_bounds_what_is_in_flight() {
    let jobs = (0..12).map(|n| job(&format!("j{n}"), &format!("to{n}/"), |_| {})).collect();
    let mut stage = Stage::new(jobs);
    stage.until(at("01:00:00"));
    assert_eq!(stage.submits.len(), 8);
    assert_eq!(stage.looks, 1, "one look serves the batch");
}

#[test]
fn overlap_skips_queues_or_replaces() {
    for (overlap, states) in [
        (Overlap::Skip, [RunState::Running, RunState::Skipped]),
        (Overlap::Queue, [RunState::Running, RunState::Waiting]),
        (Overlap::Replace, [RunState::Canceling, RunState::Waiting]),
    ] {
        let long = Terms { timeout: SignedDuration::from_hours(5), ..Terms::default() };
        let mut stage = Stage::new(vec![job("a", "to/", |job| {
            job.overlap = overlap;
            job.terms = Arc::new(long);
        })]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        stage.until(at("02:00:00"));
        assert_eq!([stage.run(0).state, stage.run(1).state], states, "{overlap:?}");
    }
}

#[test]
fn missed_occurrences_are_caught_up_once_and_the_others_are_recorded() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.now = at("04:30:00");
    stage.restart();
    let states: Vec<_> = stage.order.iter().map(|id| stage.runs[id].state).collect();
    let ran = RunState::Submitting;
    assert_eq!(states, [RunState::Skipped, RunState::Skipped, RunState::Skipped, ran]);
    assert_eq!(stage.run(3).trigger, Trigger::CatchUp);
    assert_eq!(stage.run(3).scheduled_for, Some(at("04:00:00")));
}

#[test]
fn a_job_that_is_edited_never_fires_a_past_occurrence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    let changed = job("a", "to/", |job| {
        let schedule = Schedule::parse("29,31 * * * *").expect("a schedule");
        job.timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC);
    });
    stage.set = set(vec![changed]);
    let replaced = Input::JobsReplaced(Arc::clone(&stage.set));
    stage.input(replaced);
    assert_eq!(stage.order.len(), 0);
    assert_eq!(stage.engine.next_wakeup(), Some(at("00:31:00")));
}

#[test]
fn runs_wait_for_an_agent_that_is_away_and_go_on_by_themselves() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.agent = AgentState::Paused;
    stage.until(at("01:05:00"));
    assert_eq!(stage.run(0).state, RunState::Waiting);
    assert_eq!(stage.run(0).reason, "for the agent: the agent is paused");
    assert_eq!(stage.submits.len(), 0);
    stage.agent = AgentState::Started;
    stage.pass(secs(16));
    assert_eq!(stage.submits.len(), 1);
}

#[test]
fn a_trigger_waits_behind_the_active_run_and_a_second_is_refused() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    for (nth, waiting) in [(1, 0), (2, 1), (3, 1)] {
        let run = RunId(Uuid::from_u128(nth));
        let request = OperatorRequest::Trigger { job: JobName::new("a"), run };
        stage.input(Input::Operator { reply: ReplyTo(1), request });
        let states = stage.runs.values().filter(|run| run.state == RunState::Waiting);
        assert_eq!(states.count(), waiting);
    }
    assert!(matches!(stage.replies[2], Answer::No(_)));
}

#[test]
fn a_stalled_transfer_is_canceled_and_a_paused_one_is_not() {
    let stall = Some(SignedDuration::from_mins(5));
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms { stall_timeout: stall, ..Terms::default() });
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:04:00"));
    stage.status(1, TransferStatus::Paused);
    stage.until(at("01:30:00"));
    assert_eq!(stage.run(0).state, RunState::Running);
    stage.status(1, TransferStatus::Running);
    stage.until(at("01:33:00"));
    assert_eq!(stage.run(0).state, RunState::Canceling);
}

#[test]
fn a_failed_look_proves_no_absence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
    stage.agent = AgentState::Stopped;
    // A listing of an agent that is not at work is not complete.
    for _ in 0..100 {
        stage.now = stage.engine.next_wakeup().expect("a look");
        let step = stage.engine.handle(Input::TimeReached, stage.now);
        assert!(step.then.iter().any(|effect| matches!(effect, Effect::Look(_))));
        stage.input(Input::Looked(Err(LookFailure::Unreachable("refused".to_owned()))));
    }
    assert_eq!(stage.submits.len(), 1);
}

#[test]
fn a_request_under_way_when_its_run_ends_is_not_watched_for_without_an_end() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    let first_asked = stage.now;
    stage.pass(secs(150));
    assert_eq!(stage.submits.len(), 2, "the second request is under way");
    stage.list(1, TransferStatus::Completed);
    stage.listed[0].requested_at = Some(first_asked);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    stage.answer(SubmitAnswer::Refused(Refusal::NotSent("connection refused".to_owned())));
    // An hour later the same user copies the same places by hand.
    stage.until(at("01:50:00"));
    stage.list(2, TransferStatus::Running);
    stage.until(at("01:55:00"));
    assert_eq!(stage.cancels, [], "not ours");
}

#[test]
fn a_request_under_way_at_the_crash_does_not_reopen_a_run_that_is_over() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    let first_asked = stage.now;
    stage.pass(secs(150));
    stage.list(1, TransferStatus::Completed);
    stage.listed[0].requested_at = Some(first_asked);
    stage.pass(secs(10));
    stage.restart();
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    let second = stage.list(2, TransferStatus::Running);
    stage.listed[1].requested_at = Some(first_asked + secs(150));
    stage.pass(secs(70));
    assert_eq!(stage.cancels.first(), Some(&second), "it had arrived, and is a second one");
}

#[test]
fn what_ended_while_the_daemon_was_down_is_seen_before_its_timeout_is_enforced() {
    for (listed_before, status, state) in [
        (false, TransferStatus::Completed, RunState::Succeeded),
        (true, TransferStatus::Completed, RunState::Succeeded),
        (true, TransferStatus::Error, RunState::BackingOff),
    ] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        if listed_before {
            stage.list(1, TransferStatus::Running);
            stage.pass(secs(10));
            stage.status(1, status);
        } else {
            stage.list(1, status);
        }
        stage.now = at("01:40:00");
        stage.restart();
        assert_eq!(stage.run(0).state, state, "{status:?}");
        assert_eq!(stage.cancels, []);
    }
}

#[test]
fn what_ended_while_the_machine_slept_is_seen_before_its_timeout_is_enforced() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
    stage.pass(secs(10));
    stage.list(1, TransferStatus::Completed);
    stage.now = at("01:40:00");
    stage.input(Input::TimeReached);
    assert_eq!(stage.run(0).state, RunState::Succeeded);
}

#[test]
fn past_its_timeout_a_transfer_is_canceled_though_the_agent_lists_nothing_after_a_restart() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    let transfer = stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    stage.now = at("01:40:00");
    stage.restart_unanswered();
    stage.input(Input::Looked(Err(LookFailure::Unreachable("refused".to_owned()))));
    assert_eq!(stage.run(0).state, RunState::Canceling);
    assert_eq!(stage.cancels, [transfer]);
}

#[test]
fn a_clock_that_is_set_back_stretches_neither_search_nor_back_off() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
    stage.pass(secs(10));
    stage.step_clock(secs(-3600));
    stage.pass(secs(150));
    assert_eq!(stage.submits.len(), 2, "{:?}", stage.run(0));
}

#[test]
fn a_clock_that_is_set_forward_is_not_a_slow_listing() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(10));
    stage.step_clock(secs(3600));
    stage.pass(secs(70));
    stage.list(1, TransferStatus::Completed);
    stage.pass(secs(70));
    assert!(stage.engine.adopt_window() < secs(600), "{}", stage.engine.adopt_window());
}

#[test]
fn a_look_that_the_clock_was_set_under_is_heard() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.restart_unanswered();
    let began_at = stage.now;
    stage.step_clock(secs(600));
    stage.input(Input::Looked(Ok(Look {
        began_at,
        as_of: began_at,
        complete: true,
        agent: AgentState::Started,
        user: Some(OURS),
        clock_offset: Some(SignedDuration::ZERO),
        transfers: stage.listed.clone(),
    })));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
}

#[test]
fn a_night_asleep_is_no_stall() {
    let stall = Some(SignedDuration::from_mins(5));
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms { stall_timeout: stall, ..Terms::default() });
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:02:00"));
    stage.now = at("08:00:00");
    stage.input(Input::TimeReached);
    assert_eq!(stage.run(0).state, RunState::Running);
    stage.until(at("08:06:00"));
    assert_eq!(stage.run(0).state, RunState::Canceling, "awake, it has stalled");
}

#[test]
fn a_late_failure_of_a_lost_request_leaves_the_next_request_its_chance() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms::default();
        terms.retry.max_attempts = 2;
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    let first_asked = stage.now;
    stage.pass(secs(150));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Error);
    stage.listed[0].requested_at = Some(first_asked);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Queued, "{}", stage.run(0).reason);
    stage.list(2, TransferStatus::Completed);
    stage.listed[1].requested_at = Some(first_asked + secs(150));
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    assert_eq!(stage.cancels, []);
}

#[test]
fn a_second_transfer_that_completes_after_the_first_failed_is_the_runs_success() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    let first_asked = stage.now;
    stage.pass(secs(150));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    stage.list(1, TransferStatus::Running);
    stage.listed[1].requested_at = Some(first_asked);
    stage.pass(secs(10));
    stage.status(2, TransferStatus::Error);
    stage.pass(secs(10));
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Succeeded, "{}", stage.run(0).reason);
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn the_time_of_an_agent_that_is_paused_proves_no_absence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
    stage.pass(secs(20));
    stage.agent = AgentState::Paused;
    stage.pass(secs(600));
    stage.agent = AgentState::Started;
    stage.pass(secs(60));
    assert_eq!(stage.submits.len(), 1);
    stage.pass(secs(60));
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn a_full_house_does_not_hide_the_run_that_blocks() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.overlap = Overlap::Queue)]);
    let mut set = JobSet::clone(&stage.set);
    set.agent.max_active = 1;
    stage.input(Input::JobsReplaced(Arc::new(set)));
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    let first = stage.order[0];
    let request =
        OperatorRequest::Trigger { job: JobName::new("a"), run: RunId(Uuid::from_u128(1)) };
    stage.input(Input::Operator { reply: ReplyTo(1), request });
    let reason = &stage.run(1).reason;
    assert_eq!(*reason, format!("for run {first} of `a` to end"));
}

#[test]
fn a_duplicate_counts_for_the_same_runs_lost_request_though_an_older_run_lost_one_too() {
    for name in ["a", "b", "c", "d", "e", "f"] {
        let mut stage = Stage::new(vec![job(name, "to/", |job| {
            let mut terms = Terms { timeout: SignedDuration::from_mins(30), ..Terms::default() };
            terms.retry.max_attempts = 2;
            job.terms = Arc::new(terms);
        })]);
        for hour in ["01:00:00", "02:00:00"] {
            stage.until(at(hour));
            stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
            stage.pass(secs(150));
            if hour == "01:00:00" {
                stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
            }
        }
        stage.answer(SubmitAnswer::Refused(Refusal::Duplicate("DUPLICATE".to_owned())));
        assert_eq!(stage.run(1).state, RunState::Queued, "{}", stage.run(1).reason);
        assert_eq!(stage.run(1).follows, Some(1));
    }
}

#[test]
fn a_transfer_that_vanished_and_comes_back_does_not_take_a_promised_retry() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms { timeout: SignedDuration::from_mins(5), ..Terms::default() };
        terms.retry.on_timeout = true;
        terms.retry.initial_delay = secs(600);
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(60));
    let gone = stage.listed.pop().expect("listed");
    stage.until(at("01:08:00"));
    assert_eq!(stage.run(0).state, RunState::BackingOff);
    stage.listed.push(gone);
    stage.pass(secs(120));
    assert_eq!(stage.run(0).state, RunState::BackingOff, "{}", stage.run(0).reason);
}

#[test]
fn an_agent_that_lists_slowly_is_submitted_to_all_the_same() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.look_takes = secs(2);
    stage.until(at("01:00:00"));
    assert_eq!((stage.looks, stage.submits.len()), (1, 1));
}

#[test]
fn of_two_late_records_for_one_lost_request_neither_is_canceled() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    let first_asked = stage.now;
    stage.pass(secs(350));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    for id in [1, 3] {
        stage.list(id, TransferStatus::Running);
        stage.listed.last_mut().expect("listed").requested_at = Some(first_asked);
    }
    stage.pass(secs(20));
    assert!(stage.attempts.values().any(|attempt| attempt.ambiguous));
    assert_eq!(stage.cancels, [], "one of them is not ours");
}

#[test]
fn an_ambiguous_transfer_that_vanishes_blocks_its_job_no_longer_than_its_timeout() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    let first_asked = stage.now;
    stage.pass(secs(350));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    for id in [1, 3] {
        stage.list(id, TransferStatus::Running);
        stage.listed.last_mut().expect("listed").requested_at = Some(first_asked);
    }
    stage.pass(secs(20));
    // Both are taken off the list before their ends were seen.
    stage.listed.retain(|transfer| transfer.id.0.as_u128() == 2);
    stage.status(2, TransferStatus::Completed);
    stage.until(at("02:00:00"));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    assert_eq!(stage.run(1).state, RunState::Submitting, "{}", stage.run(1).reason);
}

#[test]
fn without_a_date_a_transfer_goes_to_the_request_under_way_and_not_to_one_given_up() {
    for name in ["a", "b", "c", "d", "e", "f"] {
        let mut stage = Stage::new(vec![job(name, "to/", |job| {
            let mut terms = Terms { timeout: SignedDuration::from_mins(30), ..Terms::default() };
            terms.retry.max_attempts = 1;
            job.terms = Arc::new(terms);
        })]);
        let mut exclusive = JobSet::clone(&stage.set);
        exclusive.agent.exclusive_user = true;
        stage.input(Input::JobsReplaced(Arc::new(exclusive)));
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
        stage.until(at("02:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        stage.listed[0].requested_at = None;
        stage.pass(secs(10));
        assert_eq!(stage.run(1).state, RunState::Running);
        assert_eq!(stage.cancels, []);
    }
}
