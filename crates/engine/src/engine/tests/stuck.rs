//! Situations that need a person: unconfirmed cancels, transfers that can't be told apart, doubles.

use std::sync::Arc;

use jiff::SignedDuration;

use super::stage::{Stage, at, job, secs, set};
use crate::ids::JobName;
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::job::{AgentSettings, Alert, AlertChannel, AlertEvent, JobSet};
use crate::reason::ReasonCode;
use crate::run::RunState;
use crate::transfer::{CancelAnswer, LookFailure, SubmitAnswer, TransferStatus};

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

#[test]
fn a_run_that_is_canceled_before_its_transfer_is_listed_says_so_counts_and_gives_its_slot_back() {
    let jobs = set(vec![job("a", "to/", |_| {}), job("b", "there/", |_| {})]);
    let agent = AgentSettings { max_active: 1, ..jobs.agent.clone() };
    let mut stage = Stage::with(Arc::new(JobSet { agent, ..JobSet::clone(&jobs) }));
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    assert_eq!(stage.submits.len(), 1, "the other one waits for the slot");
    stage.until(at("01:00:10"));
    let request = OperatorRequest::CancelRun(stage.rows.order[0]);
    stage.input(Input::Operator { reply: ReplyTo(0), request, by: Some("root".to_owned()) });
    let run = stage.run(0);
    let words = run.reason.to_string();
    let start =
        "canceled by root; its transfer is not listed by the agent yet: it is canceled once";
    assert!(words.starts_with(start), "{words}");
    assert_eq!(run.reason.code(), Some(ReasonCode::CanceledByOperator));
    let deadline = stage.rows.attempts.values().next().map(|attempt| attempt.deadline);
    assert_eq!(run.reason.until(), deadline);
    assert_eq!(stage.engine().cancels_unconfirmed(), 1);
    let window = stage.set.agent.adopt_window;
    stage.until(at("01:00:09") + window);
    assert_eq!(stage.submits.len(), 1);
    stage.until(at("01:00:12") + window);
    assert_eq!(stage.submits.len(), 2, "the slot is free");
    let first = stage.submits[0].1.clone();
    stage.list(1, TransferStatus::Running);
    let record = stage.record(1);
    record.fingerprint = first.fingerprint();
    record.loose_fingerprint = first.loose_fingerprint();
    record.requested_at = Some(at("01:00:00"));
    stage.pass(secs(30));
    assert_eq!(stage.run(0).reason.to_string(), "canceled by root", "it is listed");
    assert_eq!(stage.cancels.len(), 1);
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(30));
    assert_eq!(stage.run(0).state, RunState::Canceled);
    assert_eq!(stage.engine().cancels_unconfirmed(), 0);
}

#[test]
fn of_two_wishes_to_cancel_a_run_the_one_in_force_is_shown() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:31:00"));
    assert_eq!(stage.run(0).reason.code(), Some(ReasonCode::Timeout));
    for by in ["root", "alice"] {
        let request = OperatorRequest::CancelJob(JobName::new("a"));
        stage.input(Input::Operator { reply: ReplyTo(0), request, by: Some(by.to_owned()) });
        let run = stage.run(0);
        assert_eq!(
            (run.state, run.reason.to_string().as_str()),
            (RunState::Canceling, "canceled by root")
        );
    }
}

/// Lets the transfer of a run that is to be canceled end in some way, and returns the state and the
/// code of the run, then of its attempt.
fn ended(end: impl FnOnce(&mut Stage)) -> [(RunState, Option<ReasonCode>); 2] {
    let mut stage = canceling();
    end(&mut stage);
    stage.pass(secs(300));
    let attempt = stage.rows.attempts.values().next().expect("an attempt");
    let run = stage.run(0);
    [(run.state, run.reason.code()), (attempt.state(), attempt.reason.code())]
}

#[test]
fn a_canceled_run_says_who_canceled_it_however_its_transfer_ended() {
    let canceled = (RunState::Canceled, Some(ReasonCode::CanceledByOperator));
    assert_eq!(ended(|stage| stage.status(1, TransferStatus::Canceled)), [canceled, canceled]);
    assert_eq!(ended(|stage| stage.listed.clear()), [canceled, canceled], "it vanished");
    let failed = (RunState::Failed, Some(ReasonCode::AgentError));
    assert_eq!(ended(|stage| stage.status(1, TransferStatus::Error)), [canceled, failed]);
}

#[test]
fn a_run_past_its_timeout_says_so_though_its_transfer_fails_while_it_is_canceled() {
    let mut stage = stage();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:31:00"));
    assert_eq!(stage.run(0).state, RunState::Canceling);
    stage.status(1, TransferStatus::Error);
    stage.pass(secs(60));
    let run = stage.run(0);
    assert_eq!((run.state, run.reason.code()), (RunState::TimedOut, Some(ReasonCode::Timeout)));
    let words = "past its `timeout` (30m); its transfer was over by then, and is not known to have succeeded";
    assert_eq!(run.reason.to_string(), words);
}

#[test]
fn an_agent_that_was_away_has_not_been_asked_to_cancel_and_keeps_the_slot() {
    for (adopt_window, restarts) in [(120, false), (120, true), (4, false)] {
        let agent = AgentSettings {
            max_active: 1,
            adopt_window: secs(adopt_window),
            ..AgentSettings::default()
        };
        let jobs = set(vec![job("a", "to/", |_| {}), job("b", "elsewhere/", |_| {})]);
        let mut stage = Stage::with(Arc::new(JobSet { agent, ..JobSet::clone(&jobs) }));
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        stage.until(at("01:00:10"));
        assert_eq!((stage.run(0).state, stage.submits.len()), (RunState::Running, 1));
        stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
        let request = OperatorRequest::CancelRun(stage.run(0).id);
        stage.input(Input::Operator { reply: ReplyTo(0), request, by: None });
        stage.until(at("01:10:00"));
        if restarts {
            stage.restart();
        }
        stage.failure = None;
        while !stage.engine().agent_view().words.is_empty() {
            stage.pass(secs(1));
        }
        let case = format!("{adopt_window} {restarts}");
        assert_eq!(stage.submits.len(), 1, "{case}: it is only just back");
        stage.pass(secs(adopt_window - 2));
        assert_eq!(stage.submits.len(), 1, "{case}: it may obey");
        stage.pass(secs(adopt_window + 60));
        assert_eq!(stage.submits.len(), 2, "{case}: it does not");
    }
}

#[test]
fn what_could_not_be_canceled_in_an_outage_is_asked_for_as_soon_as_the_agent_is_back() {
    let mut stage = stage();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    let transfer = stage.list(1, TransferStatus::Running);
    stage.until(at("01:00:10"));
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    let request = OperatorRequest::CancelRun(stage.run(0).id);
    stage.input(Input::Operator { reply: ReplyTo(0), request, by: None });
    for _ in 0..6 {
        let answer = CancelAnswer::NotTaken("refused".to_owned());
        stage.input(Input::CancelAnswered { transfer, answer });
        stage.pass(secs(70));
    }
    let answer = CancelAnswer::NotTaken("refused".to_owned());
    stage.input(Input::CancelAnswered { transfer, answer });
    let asked = stage.cancels.len();
    stage.failure = None;
    while !stage.engine().agent_view().words.is_empty() {
        stage.pass(SignedDuration::from_millis(100));
    }
    assert_eq!(stage.cancels.len(), asked + 1);
}
