//! The lives of batches: committed, refused, and decided anew by a rebuilt engine.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Epoch, EventLoop, Output, StoreRequest};
use crate::engine::Engine;
use crate::fixtures::{OURS, Rows, at, job, look, machine, secs, set};
use crate::ids::{AttemptId, JobName, RunId, TransferId};
use crate::input::{Effect, Input, OperatorRequest, ReplyTo};
use crate::job::{Alert, AlertChannel, AlertEvent, JobSet};
use crate::limits::{BATCH_MAX, OUTAGE_REPORTED, OUTAGE_RETRY};
use crate::record::Record;
use crate::run::{Phase, RunState};
use crate::transfer::{CancelAnswer, Progress, SubmitAnswer, Transfer, TransferStatus};

mod clock;

const FULL: &str = "the disk is full";

/// A loop, its store, and its outputs.
struct Desk {
    event_loop: EventLoop,
    now: Timestamp,
    rows: Rows,
    disk_is_full: bool,
    /// The requests to the store.
    requests: Vec<StoreRequest>,
    effects: Vec<(Epoch, Effect)>,
    log: Vec<String>,
    settled: Vec<Result<(), String>>,
}

impl Desk {
    fn new(jobs: Arc<JobSet>) -> Self {
        let now = at("00:30:00");
        let mut rows = Rows::default();
        let event_loop = EventLoop::recover(rows.load(), jobs, machine(), now);
        let mut desk = Self {
            event_loop,
            now,
            rows,
            disk_is_full: false,
            requests: Vec::new(),
            effects: Vec::new(),
            log: Vec::new(),
            settled: Vec::new(),
        };
        desk.turn();
        desk.forget();
        desk
    }

    /// A desk with a job whose transfer is running at the agent.
    fn at_work() -> (Self, TransferId) {
        let mut desk = Self::new(set(vec![job("a", "to/", |_| {})]));
        desk.operator(trigger("a", 1));
        desk.push_look(Vec::new());
        desk.turn();
        let attempt = desk.submits()[0];
        desk.answer(Input::Submitted { attempt, answer: SubmitAnswer::Accepted });
        desk.turn();
        let id = desk.rows.attempts[&attempt].id;
        let transfer = desk.listed(id, 1);
        let found = transfer.id;
        desk.now += secs(10);
        desk.push_look(vec![transfer]);
        desk.turn();
        assert_eq!(desk.state(1), RunState::Running);
        desk.forget();
        (desk, found)
    }

    /// Carries out the loop's requests to the store, until there is none, and takes all outputs.
    fn turn(&mut self) {
        while let Some(request) = self.event_loop.poll_store(self.now) {
            self.answer_store(request);
        }
        self.take_out();
    }

    fn answer_store(&mut self, request: StoreRequest) {
        match &request {
            StoreRequest::Commit(_) if self.disk_is_full => {
                self.event_loop.committed(Err(FULL.to_owned()), self.now);
            }
            StoreRequest::Commit(records) => {
                self.rows.commit(records);
                self.event_loop.committed(Ok(()), self.now);
            }
            StoreRequest::Load => self.event_loop.loaded(Ok(self.rows.load()), self.now),
        }
        self.requests.push(request);
    }

    fn take_out(&mut self) {
        while let Some(output) = self.event_loop.poll_output() {
            match output {
                Output::Recorded(_) => {}
                Output::Log(line) => self.log.push(line.text),
                Output::Perform { epoch, effect } => self.effects.push((epoch, effect)),
                Output::Settled(result) => self.settled.push(result),
            }
        }
    }

    fn forget(&mut self) {
        self.requests.clear();
        self.effects.clear();
        self.log.clear();
        self.settled.clear();
    }

    fn operator(&mut self, request: OperatorRequest) {
        self.event_loop.push(Input::Operator { reply: ReplyTo(7), request, by: None });
    }

    /// Answers a request of this engine.
    fn answer(&mut self, input: Input) {
        self.event_loop.push_answer(self.event_loop.epoch(), input);
    }

    /// Returns a complete look.
    fn push_look(&mut self, transfers: Vec<Transfer>) {
        self.turn();
        self.answer(Input::Looked(Ok(look(self.now, transfers))));
    }

    fn listed(&self, attempt: AttemptId, id: u128) -> Transfer {
        let request = &self.rows.runs[&attempt.run].request;
        Transfer {
            id: TransferId(Uuid::from_u128(id)),
            user: Some(OURS),
            fingerprint: request.fingerprint(),
            if_it_skips: None,
            may_be_of: Vec::new(),
            tells_no_progress: false,
            loose_fingerprint: request.loose_fingerprint(),
            of_sync: false,
            of_retry_batch: false,
            kind: Some(1),
            requested_at: Some(self.now),
            ended_at: None,
            status: TransferStatus::Running,
            unknown_status: None,
            progress: Progress { objects_total: 2, ..Progress::default() },
        }
    }

    fn submits(&self) -> Vec<AttemptId> {
        let submit = |(_, effect): &(Epoch, Effect)| match effect {
            Effect::Submit { attempt, .. } => Some(*attempt),
            _ => None,
        };
        self.effects.iter().filter_map(submit).collect()
    }

    fn replies(&self) -> usize {
        self.effects.iter().filter(|(_, effect)| matches!(effect, Effect::Reply { .. })).count()
    }

    fn state(&self, run: u128) -> RunState {
        self.rows.runs[&RunId(Uuid::from_u128(run))].state
    }

    fn said(&self, words: &str) -> usize {
        self.log.iter().filter(|line| line.contains(words)).count()
    }
}

fn trigger(job: &str, run: u128) -> OperatorRequest {
    OperatorRequest::Trigger { job: JobName::new(job), run: RunId(Uuid::from_u128(run)) }
}

fn two_jobs() -> Arc<JobSet> {
    set(vec![job("a", "to/", |_| {}), job("b", "elsewhere/", |_| {})])
}

#[test]
fn nothing_comes_out_before_the_records_are_durable() {
    let mut desk = Desk::new(two_jobs());
    desk.operator(trigger("a", 1));
    desk.push_look(Vec::new());
    desk.forget();
    let Some(StoreRequest::Commit(records)) = desk.event_loop.poll_store(desk.now) else {
        panic!("the intent is to be recorded");
    };
    let is_intent = |record: &Record| matches!(record, Record::Attempt(attempt) if attempt.phase == Phase::Intent);
    assert!(records.iter().any(is_intent));
    assert_eq!(desk.event_loop.poll_output(), None);
    desk.event_loop.committed(Ok(()), desk.now);
    assert_eq!(desk.event_loop.poll_output(), Some(Output::Recorded(records)));
    desk.take_out();
    assert_eq!(desk.submits().len(), 1);
    assert_eq!(desk.settled, [Ok(())]);
}

#[test]
fn what_happens_together_is_committed_together() {
    let mut desk = Desk::new(two_jobs());
    desk.operator(trigger("a", 1));
    desk.operator(trigger("b", 2));
    assert!(!desk.event_loop.is_settled());
    desk.turn();
    assert_eq!((desk.requests.len(), desk.replies()), (1, 2));
    assert_eq!(desk.settled, [Ok(())]);
    assert!(desk.event_loop.is_settled());
}

#[test]
fn what_needs_no_record_is_settled_without_the_store() {
    let mut desk = Desk::new(two_jobs());
    desk.turn();
    assert_eq!(desk.settled, [], "nothing has happened");
    desk.event_loop.push(Input::Notified);
    desk.turn();
    assert_eq!((desk.requests.len(), desk.settled.as_slice()), (0, &[Ok(())][..]));
}

#[test]
fn a_batch_is_full_at_its_bound() {
    let mut desk = Desk::new(two_jobs());
    for _ in 0..BATCH_MAX {
        assert!(!desk.event_loop.is_full());
        desk.event_loop.push(Input::Notified);
    }
    assert!(desk.event_loop.is_full());
    desk.turn();
    assert!(!desk.event_loop.is_full());
}

#[test]
fn what_is_due_is_done_whatever_has_woken_the_loop() {
    let mut desk = Desk::new(two_jobs());
    desk.now = desk.event_loop.next_wakeup().expect("an occurrence");
    desk.turn();
    assert_eq!(desk.rows.runs.len(), 2);
}

#[test]
fn of_a_batch_that_could_not_be_committed_only_cancels_are_performed() {
    let (mut desk, transfer) = Desk::at_work();
    desk.disk_is_full = true;
    desk.operator(OperatorRequest::CancelJob(JobName::new("a")));
    desk.operator(trigger("a", 2));
    desk.turn();
    let cancels: Vec<_> = desk.effects.iter().map(|(_, effect)| effect.clone()).collect();
    assert_eq!(cancels, [Effect::Cancel { transfer }]);
    let words = format!("{FULL}; the agent was asked to cancel nevertheless");
    assert_eq!(desk.settled, [Err(words)]);
    assert_eq!(desk.said(&format!("nothing is queued: {FULL}")), 1);
    let outage = desk.event_loop.outage().expect("an outage");
    assert_eq!((outage.words.as_str(), outage.since), (FULL, desk.now));
    assert_eq!(desk.event_loop.next_wakeup(), Some(desk.now + OUTAGE_RETRY.0));
    assert!(!desk.event_loop.wants_notifications());
    assert!(!desk.event_loop.is_settled());
}

#[test]
fn at_the_next_try_the_engine_is_rebuilt_from_the_rows() {
    let (mut desk, _) = Desk::at_work();
    desk.disk_is_full = true;
    desk.operator(OperatorRequest::CancelJob(JobName::new("a")));
    desk.turn();
    desk.disk_is_full = false;
    desk.forget();
    desk.turn();
    assert_eq!(desk.requests, [], "it is not time yet");
    desk.now += OUTAGE_RETRY.0;
    desk.turn();
    assert_eq!(desk.requests.first(), Some(&StoreRequest::Load));
    assert!(matches!(desk.requests.last(), Some(StoreRequest::Commit(_))));
    assert_eq!(desk.settled.last(), Some(&Ok(())));
    assert_eq!(desk.said("the state can be recorded again, after 1s"), 1);
    assert!(desk.event_loop.outage().is_none());
    assert_eq!(desk.event_loop.engine().active_runs().count(), 1);
}

#[test]
fn a_cancel_that_was_sent_without_a_record_is_known_to_be_ours_and_whose_it_was() {
    let (mut desk, transfer) = Desk::at_work();
    desk.disk_is_full = true;
    let request = OperatorRequest::CancelJob(JobName::new("a"));
    let by = Some("root".to_owned());
    desk.event_loop.push(Input::Operator { reply: ReplyTo(7), request, by });
    for _ in 0..3 {
        desk.turn();
        desk.now = desk.event_loop.next_wakeup().expect("the next try");
    }
    assert_eq!(desk.state(1), RunState::Running, "nothing could be recorded");
    desk.disk_is_full = false;
    desk.turn();
    assert_eq!(desk.state(1), RunState::Canceling);
    let id = *desk.rows.attempts.keys().next().expect("an attempt");
    let mut record = desk.listed(id, 1);
    assert_eq!(record.id, transfer);
    record.status = TransferStatus::Canceled;
    desk.now += secs(10);
    desk.push_look(vec![record]);
    desk.turn();
    assert_eq!(desk.state(1), RunState::Canceled);
    let run = desk.rows.runs.values().next().expect("the run");
    assert_eq!(run.reason.to_string(), "canceled by root");
}

#[test]
fn while_nothing_can_be_recorded_what_is_past_its_time_is_canceled_at_each_try() {
    let (mut desk, transfer) = Desk::at_work();
    desk.disk_is_full = true;
    desk.now += secs(31 * 60);
    desk.operator(trigger("a", 2));
    desk.turn();
    for tries in 1..4 {
        assert_eq!(desk.settled.len(), tries);
        let is_cancel =
            |effect: &Effect| matches!(effect, Effect::Cancel { transfer: of } if *of == transfer);
        assert_eq!(desk.effects.iter().filter(|(_, effect)| is_cancel(effect)).count(), tries);
        assert_eq!(desk.effects.len(), tries, "and nothing else is done");
        desk.now = desk.event_loop.next_wakeup().expect("the next try");
        desk.turn();
    }
}

#[test]
fn an_answer_to_an_engine_that_is_gone_reaches_no_other() {
    let mut desk = Desk::new(two_jobs());
    desk.operator(trigger("a", 1));
    desk.push_look(Vec::new());
    desk.turn();
    let (attempt, gone) = (desk.submits()[0], desk.event_loop.epoch);
    assert!(desk.event_loop.is_current(gone));
    let accepted = Input::Submitted { attempt, answer: SubmitAnswer::Accepted };
    desk.disk_is_full = true;
    desk.operator(trigger("b", 2));
    desk.turn();
    assert!(!desk.event_loop.is_current(gone));
    desk.event_loop.push_answer(gone, accepted.clone());
    let during = desk.event_loop.epoch();
    desk.disk_is_full = false;
    desk.now += OUTAGE_RETRY.0;
    desk.turn();
    assert!(!desk.event_loop.is_current(during), "of cancels that were asked for meanwhile, too");
    desk.event_loop.push_answer(gone, accepted);
    let transfer = TransferId(Uuid::nil());
    let answer = CancelAnswer::Taken;
    desk.event_loop.push_answer(during, Input::CancelAnswered { transfer, answer });
    assert!(desk.event_loop.is_settled(), "nothing was heard");
    desk.turn();
    assert_eq!(desk.rows.attempts[&attempt].phase, Phase::Uncertain);
}

#[test]
fn an_operator_is_answered_at_once_also_in_an_outage() {
    let mut desk = Desk::new(two_jobs());
    desk.disk_is_full = true;
    desk.operator(trigger("a", 1));
    desk.turn();
    let retry_at = desk.event_loop.next_wakeup();
    desk.forget();
    desk.event_loop.push(Input::Notified);
    desk.turn();
    assert_eq!(desk.requests, [], "nobody waits for that");
    desk.operator(trigger("a", 2));
    desk.turn();
    assert_eq!((desk.settled.as_slice(), desk.replies()), (&[Err(FULL.to_owned())][..], 0));
    assert_eq!(desk.event_loop.next_wakeup(), retry_at, "which puts the next try not off");
    desk.disk_is_full = false;
    desk.operator(trigger("a", 3));
    desk.turn();
    assert_eq!((desk.settled.last(), desk.replies()), (Some(&Ok(())), 1));
    let runs: Vec<_> = desk.rows.order.iter().map(|run| run.0.as_u128()).collect();
    assert_eq!(runs, [3], "who was refused has to ask again");
}

#[test]
fn an_outage_in_which_there_is_nothing_to_record_ends_once_something_could_be() {
    let mut desk = Desk::new(set(Vec::new()));
    desk.disk_is_full = true;
    let pause = crate::record::Pause { at: desk.now, until: None, reason: None };
    desk.operator(OperatorRequest::PauseAll(pause));
    desk.turn();
    desk.forget();
    for (is_full, settled) in [(true, Err(FULL.to_owned())), (false, Ok(()))] {
        desk.disk_is_full = is_full;
        desk.now = desk.event_loop.next_wakeup().expect("a try");
        desk.turn();
        assert_eq!(desk.requests.last(), Some(&StoreRequest::Commit(Vec::new())));
        assert_eq!(desk.settled.last(), Some(&settled));
    }
}

#[test]
fn rows_that_cannot_be_read_are_an_outage_too() {
    let mut desk = Desk::new(two_jobs());
    desk.disk_is_full = true;
    desk.operator(trigger("a", 1));
    desk.turn();
    desk.operator(trigger("a", 2));
    assert_eq!(desk.event_loop.poll_store(desk.now), Some(StoreRequest::Load));
    desk.event_loop.loaded(Err("a bad block".to_owned()), desk.now);
    desk.turn();
    assert_eq!(desk.settled.last(), Some(&Err("a bad block".to_owned())));
    assert_eq!(desk.event_loop.outage().map(|outage| outage.words.as_str()), Some("a bad block"));
}

#[test]
fn a_job_set_is_in_force_though_the_commit_with_it_has_failed() {
    let mut desk = Desk::new(two_jobs());
    desk.disk_is_full = true;
    let other = set(vec![job("c", "to/", |_| {})]);
    desk.event_loop.push(Input::JobsReplaced(Arc::clone(&other)));
    desk.turn();
    assert!(Arc::ptr_eq(desk.event_loop.jobs(), &other));
    assert_eq!(desk.settled, [Err(FULL.to_owned())]);
    desk.disk_is_full = false;
    desk.now += OUTAGE_RETRY.0;
    desk.turn();
    let names = |engine: &Engine| engine.jobs().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(desk.event_loop.engine()), ["c"]);
    assert!(desk.rows.job_rows[&JobName::new("c")].scheduled);
    assert!(!desk.rows.job_rows[&JobName::new("a")].scheduled);
}

#[test]
fn what_holds_is_told_to_the_engine_that_is_rebuilt() {
    let on = vec![AlertEvent::ConfigInvalid, AlertEvent::TokenExpiring];
    let channel = AlertChannel::Command(vec!["tell".to_owned()]);
    let alerts = vec![Alert { on, jobs: Vec::new(), channel }];
    let mut desk = Desk::new(Arc::new(JobSet { alerts, ..JobSet::clone(&two_jobs()) }));
    desk.disk_is_full = true;
    desk.event_loop.push(Input::JobFileChecked(Some("a tab".to_owned())));
    desk.event_loop.push(Input::TokenEnds(Some(desk.now + secs(3_600))));
    desk.turn();
    assert_eq!(desk.rows.load().alerts.len(), 0);
    desk.disk_is_full = false;
    desk.now += OUTAGE_RETRY.0;
    desk.turn();
    assert_eq!(desk.rows.load().alerts.len(), 2);
}

#[test]
fn people_hear_once_of_an_outage_that_lasts() {
    let mut desk = Desk::new(two_jobs());
    desk.disk_is_full = true;
    desk.operator(trigger("a", 1));
    desk.turn();
    assert!(desk.event_loop.outage_to_report(desk.now).is_none());
    desk.now += OUTAGE_REPORTED;
    let since = desk.event_loop.outage_to_report(desk.now).map(|outage| outage.since);
    assert_eq!(since, Some(at("00:30:00")));
    assert!(desk.event_loop.outage_to_report(desk.now).is_none());
}

#[test]
#[should_panic(expected = "before the store has answered")]
fn nothing_is_pushed_into_a_batch_that_is_being_committed() {
    let mut desk = Desk::new(two_jobs());
    desk.operator(trigger("a", 1));
    assert!(desk.event_loop.poll_store(desk.now).is_some());
    desk.event_loop.push(Input::Notified);
}
