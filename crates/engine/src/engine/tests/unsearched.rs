//! Requests that may have been accepted, and could not be looked for before their time was over.

use std::sync::Arc;

use jiff::SignedDuration;
use uuid::Uuid;

use super::stage::{OURS, Stage, at, job, secs, set};
use crate::ids::UserId;
use crate::input::Input;
use crate::job::{AgentSettings, JobSet, Terms};
use crate::place::Fingerprint;
use crate::run::{Phase, RunState};
use crate::transfer::{LookFailure, Refusal, SubmitAnswer, Transfer, TransferStatus};

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

type Change = fn(&mut Transfer);

/// A run whose answer was lost at an agent that did not answer for this long; its only record, made
/// then, is changed so.
fn lost_beside(silence: SignedDuration, change: Change) -> Stage {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("no answer within 30 s".to_owned()));
    stage.failure = Some(LookFailure::Unreachable("no answer within 30 s".to_owned()));
    stage.pass(silence);
    stage.failure = None;
    stage.list(1, TransferStatus::Running);
    change(stage.record(1));
    stage
}

#[test]
fn a_lost_request_is_not_sent_again_beside_a_record_that_may_be_its_own() {
    let cases: [(i64, Change); 3] = [
        // It lay in the socket of an agent that hung.
        (600, |_| {}),
        // It is spelled otherwise.
        (1, |it| it.fingerprint = Fingerprint(Uuid::nil())),
        (1, |it| (it.fingerprint, it.requested_at) = (Fingerprint(Uuid::nil()), None)),
    ];
    for (silence, change) in cases {
        let mut stage = lost_beside(secs(silence), change);
        stage.pass(secs(600));
        assert_eq!((stage.submits.len(), stage.run(0).state), (1, RunState::Queued), "{silence}");
        assert!(stage.happened("near_miss"), "{silence}");
        stage.restart();
        stage.pass(secs(600));
        assert_eq!(stage.submits.len(), 1, "{silence}");
    }
}

#[test]
fn a_lost_request_is_sent_again_beside_a_record_that_is_somebody_elses() {
    let cases: [Change; 4] = [
        |it| it.user = Some(UserId(Uuid::from_u128(99))),
        // The agent answered all the time between.
        |it| it.requested_at = Some(at("01:10:00")),
        |it| it.requested_at = Some(at("00:50:00")),
        |it| (it.fingerprint, it.requested_at) = (Fingerprint(Uuid::nil()), Some(at("00:30:00"))),
    ];
    for (which, change) in cases.into_iter().enumerate() {
        let mut stage = lost_beside(secs(1), change);
        stage.pass(secs(200));
        assert_eq!(stage.submits.len(), 2, "{which}");
        assert_eq!(stage.happened("near_miss"), which > 0, "{which}");
    }
}

#[test]
fn a_lost_request_of_a_run_that_has_succeeded_explains_no_duplicate() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    stage.pass(secs(200));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    stage.trigger("a", 7);
    stage.pass(secs(5));
    assert_eq!(stage.submits.len(), 3);
    stage.answer(SubmitAnswer::Refused(Refusal::Duplicate("DUPLICATE: is there".to_owned())));
    stage.pass(secs(5));
    assert_eq!((stage.run(0).state, stage.run(1).state), (RunState::Succeeded, RunState::Failed));
    assert!(stage.rows.attempts.values().all(|it| it.phase != Phase::Accepted));
}

#[test]
fn requests_that_fail_together_put_the_next_look_off_once() {
    let agent = AgentSettings { max_active: 8, ..AgentSettings::default() };
    let names = ["a", "b", "c", "d", "e", "f"];
    let jobs = set(names.map(|name| job(name, &format!("{name}/"), |_| {})).into());
    let mut stage = Stage::with(Arc::new(JobSet { agent, ..JobSet::clone(&jobs) }));
    stage.until(at("01:00:00"));
    let sent: Vec<_> = stage.submits.iter().map(|(attempt, _)| *attempt).collect();
    assert_eq!(sent.len(), names.len());
    let looks = stage.looks;
    for attempt in sent {
        let answer = SubmitAnswer::Refused(Refusal::NotSent("refused".to_owned()));
        stage.input(Input::Submitted { attempt, answer });
    }
    stage.pass(secs(3));
    assert!(stage.looks > looks, "the agent was away for a moment");
    assert_eq!(stage.submits.len(), 2 * names.len());
}

#[test]
fn a_sleep_between_the_answer_and_the_listing_teaches_no_delay() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(6));
    stage.now += secs(600);
    stage.pass(secs(20));
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(at("01:00:00"));
    stage.pass(secs(60));
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(60));
    stage.trigger("a", 7);
    stage.pass(secs(5));
    stage.answer(SubmitAnswer::Uncertain("500".to_owned()));
    stage.pass(secs(200));
    assert_eq!(stage.submits.len(), 3, "it is looked for no longer than adopt_window");
}

#[test]
fn looks_with_the_token_of_another_user_do_not_prove_that_a_request_was_lost() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.user = Some(UserId(Uuid::from_u128(99)));
    stage.until(at("01:20:00"));
    assert_eq!(stage.submits.len(), 1, "nobody could have seen it");
    let said = stage.warnings.iter().filter(|text| text.contains("another user's now"));
    assert_eq!(said.count(), 1, "{:?}", stage.warnings);
    stage.user = Some(OURS);
    stage.until(at("01:30:00"));
    assert_eq!(stage.submits.len(), 2, "it was lost");
}
