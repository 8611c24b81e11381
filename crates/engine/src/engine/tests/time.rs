//! Restarts, sleep and clocks that are set: nothing timed happens early or twice.

use std::sync::Arc;

use jiff::SignedDuration;

use super::stage::{Stage, at, job, look, secs};
use crate::input::Input;
use crate::job::Terms;
use crate::run::{Phase, RunState};
use crate::transfer::{LookFailure, SubmitAnswer, TransferStatus};

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
    assert!(stage.engine().adopt_window() < secs(600), "{}", stage.engine().adopt_window());
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
fn a_look_that_the_clock_was_set_under_is_heard() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.restart_unanswered();
    let began_at = stage.now;
    stage.step_clock(secs(600));
    stage.input(Input::Looked(Ok(look(began_at, stage.listed.clone()))));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
}

#[test]
fn a_look_that_is_lost_is_noticed_though_nothing_else_happens() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.restart_unanswered();
    let patience = SignedDuration::from_mins(5);
    assert!(stage.engine().next_wakeup().is_some_and(|next| next < stage.now + patience));
    let looks = stage.looks;
    stage.pass(patience);
    assert!(stage.looks > looks, "another look is made");
}

#[test]
fn a_time_in_which_nobody_looked_proves_no_absence() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms::default());
    })]);
    stage.until(at("01:00:00"));
    let id = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.pass(secs(10));
    stage.now = at("01:30:00");
    stage.input(Input::TimeReached);
    assert_eq!(stage.rows.attempts[&id].phase, Phase::Uncertain, "asleep, it was not looked for");
    stage.pass(secs(120));
    assert_eq!(stage.rows.attempts[&id].phase, Phase::GivenUp);
}

#[test]
fn a_step_of_the_clock_is_heard_once() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.step_clock(secs(-600));
    stage.input(Input::Notified);
    stage.pass(secs(60));
    let said = stage.warnings.iter().filter(|line| line.contains("the clock was set back"));
    assert_eq!(said.count(), 1);
}
