//! Transfers that the agent has listed, and lists no longer.

use std::sync::Arc;

use super::stage::{Stage, at, job, secs};
use crate::job::Terms;
use crate::reason::ReasonCode;
use crate::run::RunState;
use crate::transfer::{SubmitAnswer, TransferStatus};

/// A stage whose transfer was listed at 01:00:10, and is not from then on.
fn vanished() -> Stage {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms { timeout: secs(1_800), ..Terms::default() });
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:00:10"));
    stage.listed.clear();
    stage
}

#[test]
fn a_transfer_that_is_gone_from_the_list_is_said_to_be_and_waited_for_until_its_timeout() {
    let mut stage = vanished();
    stage.pass(secs(60));
    assert_eq!((stage.run(0).reason.code(), stage.warnings.len()), (None, 0), "looks may miss it");
    stage.pass(secs(120));
    let run = stage.run(0);
    let words = run.reason.to_string();
    assert_eq!((run.state, run.reason.code()), (RunState::Running, Some(ReasonCode::Vanished)));
    assert!(
        words.contains("has been missing from the agent's list since 2026-03-02T01:00:1"),
        "{words}"
    );
    assert!(words.ends_with("it is waited for until 2026-03-02T01:30:00Z"), "{words}");
    assert_eq!(run.reason.until(), Some(at("01:30:00")));
    let attempt = stage.rows.attempts.values().next().expect("an attempt");
    assert_eq!(attempt.reason, run.reason, "the row of the attempt, too");
    assert_eq!(stage.warnings.len(), 1, "{:?}", stage.warnings);
    stage.restart();
    stage.pass(secs(600));
    assert_eq!(stage.warnings.len(), 1, "said once: {:?}", stage.warnings);
    stage.until(at("01:40:00"));
    let run = stage.run(0);
    assert_eq!((run.state, run.reason.code()), (RunState::TimedOut, Some(ReasonCode::Timeout)));
    assert!(run.reason.to_string().contains("gone from the agent's list"), "{}", run.reason);
}

#[test]
fn a_transfer_that_was_gone_before_its_timeout_is_looked_for_once_more_when_it_is_canceled() {
    let mut stage = vanished();
    stage.until(at("01:31:30"));
    assert_eq!(stage.run(0).state, RunState::Canceling, "{}", stage.run(0).reason);
    stage.trigger("a", 7);
    stage.until(at("01:31:59"));
    assert_eq!(stage.submits.len(), 1, "its place may still be written to");
    stage.until(at("01:33:00"));
    assert_eq!((stage.run(0).state, stage.submits.len()), (RunState::TimedOut, 2));
}

#[test]
fn a_transfer_that_is_listed_again_is_gone_no_more() {
    let mut stage = vanished();
    stage.pass(secs(180));
    assert!(stage.run(0).reason.is_gone());
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(60));
    let run = stage.run(0);
    assert_eq!((run.state, run.reason.code()), (RunState::Running, None), "{}", run.reason);
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
}

/// The state, the code and the words of the only attempt.
fn attempt(stage: &Stage) -> (RunState, Option<ReasonCode>, String) {
    let attempt = stage.rows.attempts.values().next().expect("an attempt");
    (attempt.state(), attempt.reason.code(), attempt.reason.to_string())
}

#[test]
fn the_only_transfer_of_a_run_is_no_second_one_though_it_is_listed_after_the_timeout() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms { timeout: secs(1_800), ..Terms::default() });
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.until(at("01:40:00"));
    assert_eq!(stage.run(0).state, RunState::TimedOut);
    stage.list(1, TransferStatus::Running);
    stage.listed[0].requested_at = Some(at("01:00:00"));
    stage.pass(secs(120));
    assert_eq!(stage.cancels.len(), 1);
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(120));
    let words = "past its `timeout` (30m); its transfer was listed after that".to_owned();
    assert_eq!(attempt(&stage), (RunState::TimedOut, Some(ReasonCode::Timeout), words));
    let says_second = |text: &String| text.contains("second transfer");
    assert!(!stage.warnings.iter().any(says_second), "{:?}", stage.warnings);
}

#[test]
fn the_only_transfer_of_a_run_is_no_second_one_though_it_vanishes_and_comes_back() {
    let mut stage = vanished();
    stage.until(at("01:40:00"));
    assert_eq!(stage.run(0).state, RunState::TimedOut);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(120));
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(120));
    let (state, code, words) = attempt(&stage);
    assert_eq!((state, code), (RunState::TimedOut, Some(ReasonCode::Timeout)), "{words}");
    let says_second = |text: &String| text.contains("second transfer");
    assert!(!stage.warnings.iter().any(says_second), "{:?}", stage.warnings);
}

#[test]
fn no_request_is_said_never_to_have_been_listed_before_a_look_after_it() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms { timeout: secs(10), ..Terms::default() });
    })]);
    stage.look_takes = secs(1);
    stage.until(at("01:00:00"));
    stage.hold_looks = true;
    stage.pass(secs(2));
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(20));
    let run = stage.run(0);
    assert_eq!(run.state, RunState::Queued, "{}: no look since", run.reason);
}
