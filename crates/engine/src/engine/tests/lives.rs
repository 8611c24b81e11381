//! The life of one run: queued, found, followed, retried, refused, timed out, canceled.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::stage::{Stage, at, job, secs};
use crate::ids::JobName;
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::job::Terms;
use crate::reason::ReasonCode;
use crate::run::{Phase, RunState};
use crate::schedule::{Schedule, Timetable};
use crate::transfer::{AgentState, CancelAnswer, Refusal, SubmitAnswer, TransferStatus};

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
    assert_eq!(stage.engine().next_wakeup(), Some(at("02:00:00")), "idle again");
    assert_eq!(stage.run(0).reason.to_string(), "2 objects transferred, 0 skipped, 0 failed");
}

#[test]
fn the_log_can_be_searched_for_what_becomes_of_a_run() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    stage.status(1, TransferStatus::Error);
    stage.pass(secs(10));
    let told: Vec<_> = stage
        .facts
        .iter()
        .map(|facts| {
            (facts.state.map(RunState::word), facts.event, facts.attempt, facts.reason_code)
        })
        .collect();
    assert!(told.contains(&(Some("running"), Some("running"), Some(1), None)), "{told:?}");
    let back = (Some("backing_off"), Some("backing_off"), Some(1), Some(ReasonCode::BackingOff));
    assert!(told.contains(&back), "{told:?}");
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
    // Late, it is canceled.
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

/// The answer to a request of a job with one attempt is lost, and its transfer is hidden for so long
/// that the run has failed when the next one begins, whose request is on its way.
fn lost_until_the_next_run(listed: bool) -> Stage {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms { timeout: SignedDuration::from_mins(90), ..Terms::default() };
        terms.retry.max_attempts = 1;
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    if listed {
        // Somebody else's: nobody knows what DUPLICATE is about.
        stage.pass(secs(600));
        stage.list(9, TransferStatus::Running);
    }
    stage.until(at("02:00:00"));
    assert_eq!((stage.run(0).state, stage.submits.len()), (RunState::Failed, 2));
    stage
}

/// The same, and the request is refused for that transfer.
fn duplicate_of_the_run_before(listed: bool) -> Stage {
    let mut stage = lost_until_the_next_run(listed);
    stage.answer(SubmitAnswer::Refused(Refusal::Duplicate("DUPLICATE: is there".to_owned())));
    stage
}

#[test]
fn a_duplicate_tells_that_the_lost_request_of_the_run_before_was_accepted() {
    let mut stage = duplicate_of_the_run_before(false);
    let waits = &stage.run(1).reason;
    assert_eq!(waits.code(), Some(ReasonCode::WaitingAttempt), "{waits}");
    stage.pass(secs(300));
    assert_eq!(stage.submits.len(), 2, "it is known that a transfer is at work");
    let late = stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(at("01:00:00"));
    stage.pass(secs(60));
    assert_eq!(stage.cancels, [late], "its own run is over");
    stage.input(Input::CancelAnswered { transfer: late, answer: CancelAnswer::Taken });
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(60));
    assert_eq!(stage.submits.len(), 3, "{}", stage.run(1).reason);
    let again = stage.answer(SubmitAnswer::Accepted);
    assert_eq!(again.number, 1, "the refusal used up no attempt");
    stage.list(2, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.run(1).state, RunState::Succeeded, "{}", stage.run(1).reason);
}

#[test]
fn a_duplicate_of_what_turns_up_before_the_answer_is_waited_for_too() {
    let mut stage = lost_until_the_next_run(false);
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(at("01:00:00"));
    stage.input(Input::Notified);
    stage.pass(secs(2));
    assert_eq!(stage.cancels.len(), 1, "its run is over");
    stage.answer(SubmitAnswer::Refused(Refusal::Duplicate("DUPLICATE: is there".to_owned())));
    assert_eq!(stage.run(1).state, RunState::Waiting, "{}", stage.run(1).reason);
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(60));
    assert_eq!(stage.submits.len(), 3, "{}", stage.run(1).reason);
}

#[test]
fn a_duplicate_of_what_never_turns_up_is_waited_for_no_longer_than_its_timeout() {
    let mut stage = duplicate_of_the_run_before(false);
    stage.until(at("02:29:59"));
    assert_eq!(stage.submits.len(), 2);
    stage.until(at("02:34:00"));
    assert_eq!(stage.submits.len(), 3, "{}", stage.run(1).reason);
    stage.answer(SubmitAnswer::Refused(Refusal::Duplicate("DUPLICATE: is there".to_owned())));
    let reason = stage.run(1).reason.to_string();
    assert_eq!((stage.run(1).state, reason.contains("DUPLICATE")), (RunState::Failed, true));
}

#[test]
fn a_duplicate_of_what_the_list_shows_tells_nothing_of_a_lost_request() {
    let stage = duplicate_of_the_run_before(true);
    assert_eq!(stage.run(1).state, RunState::Failed, "{}", stage.run(1).reason);
    let lost = stage.rows.attempts.values().find(|it| it.id.run == stage.run(0).id);
    assert_eq!(lost.map(|it| it.phase), Some(Phase::GivenUp));
}

#[test]
fn a_duplicate_that_another_job_is_told_sends_nothing_again() {
    let alike = |name: &str, schedule: &str| {
        job(name, "to/", |job| {
            let mut terms = Terms { exclusive: false, ..Terms::default() };
            terms.retry.multiplier = 100.0;
            terms.retry.max_delay = secs(3600);
            job.terms = Arc::new(terms);
            let schedule = Schedule::parse(schedule).expect("a schedule");
            job.timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC);
        })
    };
    let mut stage = Stage::new(vec![alike("a", "0 1 * * *"), alike("b", "20 1 * * *")]);
    stage.until(at("01:00:00"));
    let first = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    // The second request arrives, and its transfer fails: the third one is far off.
    stage.until(at("01:05:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Error);
    stage.until(at("01:20:00"));
    assert_eq!((stage.run(0).state, stage.run(0).follows), (RunState::BackingOff, Some(2)));
    assert_eq!(stage.submits.len(), 3);
    stage.answer(SubmitAnswer::Refused(Refusal::Duplicate("DUPLICATE: is there".to_owned())));
    assert_eq!((stage.run(0).state, stage.run(0).follows), (RunState::Queued, Some(1)));
    assert_eq!(stage.run(1).state, RunState::Waiting);
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(at("01:00:00"));
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Running);
    assert_eq!(stage.rows.attempts[&first].transfer.map(|id| id.0.as_u128()), Some(1));
}

#[test]
fn a_duplicate_of_another_jobs_transfer_says_nothing_of_the_runs_own_lost_request() {
    let alike = |name: &str| {
        job(name, "to/", |job| {
            let terms = Terms { exclusive: false, ..Terms::default() };
            job.terms = Arc::new(terms);
        })
    };
    let mut stage = Stage::new(vec![alike("a"), alike("b")]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    let second = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    while stage.submits.len() < 3 {
        stage.pass(secs(1));
    }
    stage.answer(SubmitAnswer::Refused(Refusal::Duplicate("DUPLICATE: is there".to_owned())));
    let run = &stage.rows.runs[&second.run];
    assert_eq!(run.state, RunState::Failed, "{}", run.reason);
    assert_eq!(stage.rows.attempts[&second].phase, Phase::GivenUp);
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
    assert_eq!(stage.run(0).reason.to_string(), "canceled in the desktop app");
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
        Refusal::OtherAccess,
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
    assert_eq!(stage.run(0).reason.to_string(), "the agent refused it: ACCESS: not yours");
    assert_eq!(stage.submits.len(), 1);
}

#[test]
fn runs_wait_for_an_agent_that_is_away_and_go_on_by_themselves() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.agent = AgentState::Paused;
    stage.until(at("01:05:00"));
    assert_eq!(stage.run(0).state, RunState::Waiting);
    assert_eq!(stage.run(0).reason.to_string(), "for the agent: the agent is paused");
    assert_eq!(stage.submits.len(), 0);
    stage.agent = AgentState::Started;
    stage.pass(secs(16));
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
fn a_second_transfer_that_completes_after_the_first_failed_is_the_runs_success() {
    let (mut stage, first_asked) = Stage::sent_again();
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
fn a_second_transfer_that_completed_while_the_first_was_at_work_is_the_runs_success_if_that_fails()
{
    for end in [TransferStatus::Error, TransferStatus::Canceled] {
        let (mut stage, first_asked) = Stage::sent_again();
        // The first turns up after all, and is followed; of the second only the end is seen.
        stage.list(1, TransferStatus::Running);
        stage.record(1).requested_at = Some(first_asked);
        stage.pass(secs(10));
        stage.list(2, TransferStatus::Completed);
        stage.pass(secs(10));
        assert_eq!(stage.run(0).state, RunState::Running, "{}", stage.run(0).reason);
        stage.status(1, end);
        stage.until(at("01:30:00"));
        assert_eq!(stage.run(0).state, RunState::Succeeded, "{}", stage.run(0).reason);
        assert_eq!(stage.submits.len(), 2, "nothing is sent a third time");
    }
}

#[test]
fn a_transfer_that_goes_on_though_it_was_seen_to_fail_is_canceled_with_its_run_at_the_latest() {
    let (mut stage, first_asked) = Stage::sent_again();
    // The agent is asked why the second failed, and meanwhile the first turns up.
    stage.history_is_silent = true;
    let second = stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    let look = |stage: &mut Stage, follows: u32| {
        stage.input(Input::Notified);
        stage.pass(secs(2));
        let run = stage.run(0);
        assert_eq!((run.state, run.follows), (RunState::Running, Some(follows)), "{}", run.reason);
    };
    stage.status(2, TransferStatus::Error);
    look(&mut stage, 2);
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(first_asked);
    look(&mut stage, 1);
    stage.status(2, TransferStatus::Running);
    look(&mut stage, 1);
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Succeeded, "{}", stage.run(0).reason);
    assert!(stage.cancels.contains(&second), "nobody follows it any more");
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
fn a_retry_after_a_partial_transfer_is_no_double() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.listed[0].progress.objects_failed = 1;
    stage.pass(secs(60));
    assert_eq!(stage.submits.len(), 2, "the partial one is tried again");
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Completed);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    assert!(!stage.happened("doubled"), "one came after the other, as was asked");
}

#[test]
fn delays_between_attempts_grow_up_to_the_longest() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms::default();
        terms.retry.max_attempts = 4;
        terms.retry.initial_delay = secs(100);
        terms.retry.multiplier = 4.0;
        terms.retry.max_delay = secs(600);
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    for (number, delay) in [(1, 100), (2, 400), (3, 600)] {
        stage.answer(SubmitAnswer::Accepted);
        stage.list(number, TransferStatus::Error);
        stage.pass(secs(5));
        assert_eq!(stage.run(0).state, RunState::BackingOff, "{number}");
        let left = stage.run(0).ready_at.duration_since(stage.now).as_secs();
        assert!((delay * 9 / 10 - 6..=delay * 11 / 10).contains(&left), "{number}: {left} s");
        stage.pass(secs(delay * 11 / 10 + 1));
    }
    assert_eq!(stage.submits.len(), 4);
}

#[test]
fn a_persons_wish_outranks_a_timeouts() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms { timeout: SignedDuration::from_mins(30), ..Terms::default() };
        terms.retry.on_timeout = true;
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:30:10"));
    assert_eq!(stage.run(0).state, RunState::Canceling);
    let request = OperatorRequest::CancelJob(JobName::new("a"));
    stage.input(Input::Operator { reply: ReplyTo(0), request, by: None });
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(30));
    assert_eq!(stage.run(0).state, RunState::Canceled, "{}", stage.run(0).reason);
}

#[test]
fn what_is_past_its_time_is_canceled_though_nothing_can_be_recorded() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    let transfer = stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(stage.engine().overdue(at("01:29:59")), []);
    assert_eq!(stage.engine().overdue(at("01:30:00")), [transfer]);
}
