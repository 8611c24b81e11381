//! Situations that need a person: unconfirmed cancels, transfers that can't be told apart, doubles.

use std::sync::Arc;

use super::stage::{Stage, at, job, secs, set};
use crate::ids::JobName;
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::job::{Alert, AlertChannel, AlertEvent, JobSet};
use crate::run::RunState;
use crate::transfer::{SubmitAnswer, TransferStatus};

/// A stage whose alerts are never delivered, so that they can be counted.
fn stage() -> Stage {
    let on = vec![AlertEvent::Stuck, AlertEvent::Doubled];
    let channel = AlertChannel::Command(vec!["tell".to_owned()]);
    let alerts = vec![Alert { on, jobs: Vec::new(), channel }];
    let jobs = set(vec![job("a", "to/", |_| {})]);
    Stage::with(Arc::new(JobSet { alerts, ..JobSet::clone(&jobs) }))
}

fn told(stage: &Stage) -> Vec<(&'static str, String)> {
    stage.rows.outbox().iter().map(|row| (row.occasion.word(), row.text.clone())).collect()
}

/// A stage whose run is to be canceled since 01:00:10, which the agent ignores.
fn canceling() -> Stage {
    let mut stage = stage();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:00:10"));
    let request = OperatorRequest::CancelJob(JobName::new("a"));
    stage.input(Input::Operator { reply: ReplyTo(0), request, by: None });
    assert_eq!(stage.run(0).state, RunState::Canceling);
    stage
}

#[test]
fn a_cancel_that_is_not_confirmed_is_told_of_once_over_restarts() {
    let mut stage = canceling();
    stage.until(at("01:15:09"));
    assert_eq!(told(&stage), []);
    stage.until(at("01:15:10"));
    let words = told(&stage);
    assert_eq!(words.len(), 1, "{words:?}");
    let (event, text) = &words[0];
    assert_eq!(*event, "stuck");
    let start = "a is stuck on station: asked to cancel at 2026-03-02 01:00:10 +00:00, and not \
                 confirmed by the agent since: ";
    assert!(text.starts_with(start), "{text}");
    stage.restart();
    stage.pass(secs(3_600));
    assert_eq!(told(&stage).len(), 1, "once");
}

#[test]
fn a_cancel_that_is_confirmed_in_time_is_not_told_of_and_a_clock_that_is_set_makes_it_no_longer() {
    let mut stage = canceling();
    stage.pass(secs(60));
    stage.step_clock(secs(3_000));
    stage.pass(secs(60));
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Canceled);
    stage.pass(secs(1_200));
    assert_eq!(told(&stage), []);
}

#[test]
fn a_run_that_is_doubled_or_ambiguous_is_told_of() {
    let mut stage = stage();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.pass(secs(300));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.listed[0].requested_at = Some(at("01:00:01"));
    stage.list(2, TransferStatus::Completed);
    stage.pass(secs(10));
    let words = told(&stage);
    let events: Vec<_> = words.iter().map(|(event, _)| *event).collect();
    assert_eq!(events, ["doubled"], "{words:?}");

    stage.until(at("02:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(3, TransferStatus::Running);
    stage.list(4, TransferStatus::Running);
    stage.pass(secs(10));
    let words = told(&stage);
    let events: Vec<_> = words.iter().map(|(event, _)| *event).collect();
    assert_eq!(events, ["doubled", "stuck"], "{words:?}");
    assert!(words[1].1.contains("can't be told apart"), "{words:?}");
}

#[test]
fn an_answer_to_the_request_of_a_run_that_is_canceled_does_not_call_it_back() {
    for answer in [SubmitAnswer::Accepted, SubmitAnswer::Uncertain("reset".to_owned())] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        let request = OperatorRequest::CancelJob(JobName::new("a"));
        stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
        assert_eq!(stage.run(0).state, RunState::Canceling);
        stage.answer(answer.clone());
        assert_eq!(stage.run(0).state, RunState::Canceling, "{answer:?}");
    }
}
