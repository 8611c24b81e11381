//! Matching listed transfers to attempts, and requests whose answer was lost.

use std::sync::Arc;

use jiff::SignedDuration;
use uuid::Uuid;

use super::stage::{Stage, at, job, secs, stage_request};
use crate::ids::{AttemptId, RunId};
use crate::input::Input;
use crate::job::{JobSet, Terms};
use crate::limits::SKEW;
use crate::run::RunState;
use crate::transfer::{AgentState, LookFailure, Refusal, SubmitAnswer, TransferStatus};

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
    let (mut stage, first_asked) = Stage::sent_again();
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
    let counted = stage.rows.attempts.values().filter(|attempt| attempt.counts).count();
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
    assert!(stage.rows.attempts.values().all(|attempt| attempt.transfer.is_none()));
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
    assert!(stage.rows.attempts.values().any(|attempt| attempt.ambiguous));
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    assert_eq!(stage.cancels, []);
}

#[test]
fn a_failed_look_proves_no_absence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("timeout".to_owned()));
    stage.agent = AgentState::Stopped;
    // A listing of an agent that is not working is not complete.
    for _ in 0..100 {
        stage.now = stage.engine().next_wakeup().expect("a look");
        let (asked, told) = (stage.requests.len(), stage.rows.reported.clone());
        stage.turn_unanswered();
        if stage.requests.len() == asked {
            // It is reported once that the agent has been away for long.
            assert_ne!(stage.rows.reported, told);
            continue;
        }
        stage.input(Input::Looked(Err(LookFailure::Unreachable("refused".to_owned()))));
    }
    assert_eq!(stage.submits.len(), 1);
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
    assert!(stage.rows.attempts.values().any(|attempt| attempt.ambiguous));
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
    // Both leave the list before their ends were seen.
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

#[test]
fn two_transfers_of_one_run_that_are_complete_when_first_seen_are_called_doubled() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.pass(secs(300));
    assert_eq!(stage.submits.len(), 2, "given up, and asked again");
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.listed[0].requested_at = Some(at("01:00:01"));
    stage.list(2, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    assert!(stage.happened("doubled"));
}

#[test]
fn a_list_that_is_shorter_than_its_total_is_no_quick_proof_that_a_request_was_lost() {
    for (is_short, asked_again_after) in [(false, secs(130)), (true, secs(370))] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.is_short = is_short;
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
        stage.pass(asked_again_after - secs(15));
        assert_eq!(stage.submits.len(), 1, "{is_short}");
        stage.pass(secs(60));
        assert_eq!(
            stage.submits.len(),
            2,
            "{is_short}: an agent that always counts so is bearable"
        );
    }
}

#[test]
fn a_transfer_that_a_list_withheld_by_mistake_is_not_doubled() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.is_short = true;
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.pass(secs(200));
    stage.is_short = false;
    stage.list(1, TransferStatus::Running);
    stage.listed[0].requested_at = Some(at("01:00:01"));
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Running);
    assert_eq!(stage.submits.len(), 1);
}

#[test]
fn an_answer_that_is_lost_twice_is_looked_for_no_later_than_one_lost_once() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let id = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    let until = stage.rows.attempts[&id].not_after;
    stage.pass(secs(100));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    assert_eq!(stage.rows.attempts[&id].not_after, until);
}

#[test]
fn a_request_that_was_carried_out_after_its_answer_was_lost_is_found() {
    for crash in [false, true] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        let asked = stage.now;
        if crash {
            stage.restart();
        } else {
            stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
        }
        // It was hidden at the agent for 50 s, whose dates are off by as much as allowed.
        stage.list(1, TransferStatus::Running);
        stage.listed[0].requested_at = Some(asked + secs(50) + SKEW);
        stage.pass(secs(70));
        assert_eq!(stage.run(0).state, RunState::Running, "crash: {crash}");
    }
}
