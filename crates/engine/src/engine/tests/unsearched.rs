//! Requests that may have been accepted, and could not be looked for before their time was over.

use std::sync::Arc;

use jiff::SignedDuration;

use super::stage::{Stage, at, job, secs, set};
use crate::job::{AgentSettings, JobSet, Terms};
use crate::run::RunState;
use crate::transfer::{LookFailure, SubmitAnswer, TransferStatus};

/// A job whose runs are past their time after a minute, and try again then.
fn in_a_hurry() -> Stage {
    Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms { timeout: secs(60), ..Terms::default() };
        terms.retry.on_timeout = true;
        terms.retry.initial_delay = secs(1);
        job.terms = Arc::new(terms);
    })])
}

#[test]
fn a_lost_request_is_looked_for_before_another_is_sent_though_its_time_is_over() {
    let answers = [SubmitAnswer::Uncertain("500".to_owned()), SubmitAnswer::Accepted];
    for answer in answers {
        let mut stage = in_a_hurry();
        stage.until(at("01:00:00"));
        stage.answer(answer.clone());
        stage.failure = Some(LookFailure::Unusable("the agent answered 500".to_owned()));
        stage.until(at("01:20:00"));
        assert_eq!(stage.run(0).state, RunState::Waiting, "{answer:?}: for the other attempt");
        stage.failure = None;
        stage.pass(secs(110));
        assert_eq!(stage.submits.len(), 1, "{answer:?}: looks over two minutes prove absence");
        stage.restart();
        stage.pass(secs(110));
        assert_eq!(stage.submits.len(), 1, "{answer:?}: nothing is known of looks before");
        stage.pass(secs(60));
        assert_eq!(stage.submits.len(), 2, "{answer:?}");
    }
}

#[test]
fn a_lost_request_that_turns_up_past_its_time_is_canceled_before_another_is_sent() {
    let mut stage = in_a_hurry();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    stage.failure = Some(LookFailure::Unusable("the agent answered 500".to_owned()));
    stage.until(at("01:00:10"));
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:20:00"));
    stage.failure = None;
    stage.pass(secs(90));
    assert_eq!((stage.submits.len(), stage.run(0).state), (1, RunState::Canceling));
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(30));
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn what_was_never_looked_for_is_watched_for_longer_than_a_day() {
    let mut stage = in_a_hurry();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.pass(SignedDuration::from_hours(60));
    stage.failure = None;
    stage.pass(secs(60));
    assert_eq!(stage.submits.len(), 1, "the agent is back from a weekend");
    stage.pass(secs(120));
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn a_machine_that_slept_has_not_looked_meanwhile() {
    let agent = AgentSettings {
        adopt_window: secs(20),
        poll_interval: secs(5),
        ..AgentSettings::default()
    };
    let jobs = set(vec![job("a", "to/", |_| {})]);
    let mut stage = Stage::with(Arc::new(JobSet { agent, ..JobSet::clone(&jobs) }));
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    stage.pass(secs(6));
    // Nothing wakes it for half a minute.
    stage.now += secs(30);
    stage.pass(secs(6));
    assert_eq!(stage.submits.len(), 1, "it was awake for twelve seconds");
    stage.pass(secs(30));
    assert_eq!(stage.submits.len(), 2);
}
