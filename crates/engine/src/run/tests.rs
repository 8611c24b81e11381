//! A run by itself: no engine, no other run, no agent.

mod cancels;
mod times;

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    AtAgent, Attempt, CancelCause, CancelRequest, CauseWait, Ended, LookedFor, NextStep, OnCancel,
    OnTime, PendingQuery, Phase, Run, RunMachine, RunState, Trigger,
};
use crate::fixtures::{at, attempt, record, secs};
use crate::ids::{AccountId, AttemptId, JobName, RunId, TransferId};
use crate::job::{RetryPolicy, Terms};
use crate::limits::{CAUSE_PATIENCE, STUCK_AFTER};
use crate::place::{Place, TransferRequest};
use crate::reason::{AttemptEnd, CancelReason, NothingLeft, Reason, UnderWay};
use crate::run::Changes;
use crate::transfer::{CancelAnswer, Progress, Transfer, TransferStatus};

const ID: RunId = RunId(Uuid::from_u128(1));

/// A run with a timeout of half an hour that makes up to three attempts.
fn run(state: RunState, change: impl FnOnce(&mut Run)) -> RunMachine {
    let place = |number, path: &str| Place {
        account: AccountId(Uuid::from_u128(number)),
        bucket: "bucket".to_owned(),
        bucket_id: String::new(),
        path: path.to_owned(),
        id: String::new(),
    };
    let retry = RetryPolicy { max_attempts: 3, ..RetryPolicy::default() };
    let terms = Terms { timeout: secs(1_800), retry, ..Terms::default() };
    let mut row = Run {
        id: ID,
        job: JobName::new("job"),
        trigger: Trigger::Schedule,
        scheduled_for: Some(at("01:00:00")),
        created_at: at("01:00:00"),
        state,
        reason: Reason::Due,
        ended_at: None,
        ready_at: at("01:00:00"),
        cancel: None,
        follows: None,
        behind: None,
        retry_of: None,
        changes: Changes::default(),
        request: TransferRequest {
            source: place(1, "from/"),
            destination: place(2, "to/"),
            allow_skip: true,
            keep_source_tree: false,
        },
        terms: Arc::new(terms),
    };
    change(&mut row);
    RunMachine::new(Arc::new(row))
}

/// The run after it follows an attempt that was sent at one o'clock, too.
fn with(mut run: RunMachine, number: u32, change: impl FnOnce(&mut Attempt)) -> RunMachine {
    let mut row = attempt(AttemptId { run: ID, number }, run.fingerprint());
    change(&mut row);
    run.put_attempt(Arc::new(row));
    let row = Run { follows: Some(number), ..Run::clone(run.row()) };
    run.put(Arc::new(row));
    run
}

fn transfer(number: u128) -> TransferId {
    TransferId(Uuid::from_u128(number))
}

fn listed(attempt: &mut Attempt) {
    attempt.transfer = Some(transfer(u128::from(attempt.id.number)));
}

fn cancel(cause: CancelCause, at: Timestamp) -> CancelRequest {
    CancelRequest { at, cause, reason: CancelReason::NewerOccurrence.into(), reported: false }
}

#[test]
fn an_attempts_transfer_is_in_one_of_five_places() {
    let place = |change: &dyn Fn(&mut Attempt)| {
        let run = with(run(RunState::Running, |_| ()), 1, change);
        run.attempt(1).expect("the attempt").at_agent()
    };
    assert_eq!(place(&|it| it.phase = Phase::Intent), AtAgent::Unlisted);
    assert_eq!(place(&|it| it.phase = Phase::Uncertain), AtAgent::Unlisted);
    assert_eq!(place(&|_| ()), AtAgent::Unlisted, "accepted");
    assert_eq!(place(&listed), AtAgent::Listed(transfer(1)));
    let ending = |it: &mut Attempt| {
        listed(it);
        it.ended_at = Some(at("01:10:00"));
    };
    assert_eq!(place(&ending), AtAgent::Ending(transfer(1)), "its cause is asked for");
    assert_eq!(place(&|it| it.phase = Phase::GivenUp), AtAgent::Missing);
    assert_eq!(place(&|it| it.phase = Phase::Refused), AtAgent::Over);
    assert_eq!(place(&|it| it.phase = Phase::Closed), AtAgent::Over);
}

#[test]
fn a_failed_attempt_is_tried_again_as_often_as_the_terms_say() {
    let why = || Reason::from(AttemptEnd::AgentError);
    let closed = |it: &mut Attempt| {
        it.phase = Phase::Closed;
        it.outcome = Some(Ended::Failed);
    };
    let now = at("01:10:00");
    let first = with(run(RunState::Running, |_| ()), 1, closed);
    let next = first.on_end(1, Ended::Failed, why(), now);
    let NextStep::BacksOff(ready_at, Reason::BackingOff { attempt: 2, of: 3, .. }) = next else {
        panic!("{next:?}");
    };
    assert!(now < ready_at);
    let second = with(first, 2, closed);
    let third = with(second, 3, closed);
    let next = third.on_end(3, Ended::Failed, why(), now);
    let exhausted = Reason::AttemptsExhausted { because: Box::new(why()), attempts: 3 };
    assert_eq!(next, NextStep::Ends(RunState::Failed, exhausted));
    assert_eq!(third.on_end(2, Ended::Failed, why(), now), NextStep::Stays, "it follows the third");
    let next = third.on_end(2, Ended::Succeeded, why(), now);
    assert_eq!(next, NextStep::SucceedsBy(2, why()), "none that may succeed is at work");
}

#[test]
fn another_attempt_that_may_succeed_is_followed_and_one_that_has_is_the_success() {
    let (why, now) = (|| Reason::from(AttemptEnd::AgentError), at("01:10:00"));
    let closed = |it: &mut Attempt| {
        it.phase = Phase::Closed;
        it.outcome = Some(Ended::Failed);
    };
    let other_under_way = with(with(run(RunState::Running, |_| ()), 2, |_| ()), 1, closed);
    let next = other_under_way.on_end(1, Ended::Failed, why(), now);
    assert!(matches!(next, NextStep::Follows(2, RunState::Queued, _)), "{next:?}");
    let other_succeeded = with(
        with(run(RunState::Running, |_| ()), 2, |it| {
            it.phase = Phase::Closed;
            it.outcome = Some(Ended::Succeeded);
        }),
        1,
        closed,
    );
    for ended in [Ended::Failed, Ended::TimedOut, Ended::Canceled] {
        let next = other_succeeded.on_end(1, ended, why(), now);
        assert!(matches!(next, NextStep::SucceedsBy(2, _)), "{ended:?}: {next:?}");
    }
    let completed = |it: &mut Attempt| it.status = Some(TransferStatus::Completed);
    let two = with(with(run(RunState::Running, |_| ()), 1, completed), 2, completed);
    assert!(two.is_doubled_by(two.attempt(2).expect("the attempt")));
}

#[test]
fn what_is_not_found_is_sent_again_hoped_for_or_past_its_time() {
    let now = at("01:05:00");
    let lost = |it: &mut Attempt| it.phase = Phase::GivenUp;
    let looked = |in_vain| LookedFor { in_vain, past_deadline: !in_vain, completely: true };
    let next = |run: &RunMachine, searched| {
        run.on_not_found(run.attempt(1).expect("the attempt"), looked(searched), now)
    };
    let queued = with(run(RunState::Queued, |_| ()), 1, lost);
    let NextStep::BacksOff(ready_at, Reason::BackingOff { at: None, .. }) = next(&queued, true)
    else {
        panic!("{:?}", next(&queued, true));
    };
    assert_eq!(ready_at, now, "the search has taken longer than the delay");
    let soon =
        queued.on_not_found(queued.attempt(1).expect("the attempt"), looked(true), at("01:00:01"));
    let NextStep::BacksOff(ready_at, Reason::BackingOff { at: told, .. }) = soon else {
        panic!("{soon:?}");
    };
    assert!(at("01:00:27") <= ready_at && ready_at <= at("01:00:33"), "since it was asked for");
    assert_eq!(told, Some(ready_at));
    assert!(matches!(next(&queued, false), NextStep::Ends(RunState::TimedOut, _)));
    let crashed = with(run(RunState::Queued, |_| ()), 1, |it| {
        lost(it);
        it.own_crash = true;
    });
    assert_eq!(next(&crashed, true), NextStep::SendsAgain(at("01:00:00")));
    let once = run(RunState::Queued, |row| {
        Arc::make_mut(&mut row.terms).retry.max_attempts = 1;
    });
    assert_eq!(next(&with(once, 1, lost), true), NextStep::WaitsForLostRequest(None));
    let two = with(with(run(RunState::Queued, |_| ()), 1, lost), 2, |_| ());
    let never_listed = || AttemptEnd::NeverListed { limit: secs(1_800), unseen: false };
    assert_eq!(
        two.on_never_listed(1, never_listed(), now),
        NextStep::Stays,
        "it follows the second"
    );
    assert_ne!(two.on_never_listed(2, never_listed(), now), NextStep::Stays);
    let canceling = with(run(RunState::Canceling, |_| ()), 1, lost);
    assert_eq!(next(&canceling, true), NextStep::NothingLeft(NothingLeft::NotFound));
    let blind = LookedFor { in_vain: false, past_deadline: true, completely: false };
    let nothing = canceling.on_not_found(canceling.attempt(1).expect("the attempt"), blind, now);
    assert_eq!(nothing, NextStep::NothingLeft(NothingLeft::NeverSeen));
    let attempt = queued.attempt(1).expect("the attempt");
    let NextStep::Ends(RunState::TimedOut, end) = queued.on_not_found(attempt, blind, now) else {
        panic!("it is past its `timeout`");
    };
    assert!(end.to_string().contains("its list could not be read"), "{end}");
    assert_eq!(next(&with(run(RunState::Failed, |_| ()), 1, lost), true), NextStep::Stays);
}

#[test]
fn an_attempt_that_was_never_taken_leaves_its_number() {
    for (phase, counts, next) in
        [(Phase::Refused, false, 1), (Phase::Refused, true, 2), (Phase::GivenUp, false, 2)]
    {
        let once = with(run(RunState::Waiting, |_| ()), 1, |it| {
            (it.phase, it.counts) = (phase, counts);
        });
        assert_eq!(once.next_number(), next, "{phase:?} {counts}");
    }
    let late = run(RunState::Waiting, |row| {
        Arc::make_mut(&mut row.terms).start_within = Some(secs(600));
        row.created_at = at("01:05:00");
    });
    let refused = with(late, 1, |it| it.phase = Phase::Refused);
    let due = Some(secs(600));
    assert_eq!(refused.is_too_late_to_start(at("01:10:00")), due, "since its time");
}

#[test]
fn of_several_attempts_under_way_the_last_one_that_may_succeed_is_followed() {
    let now = at("01:10:00");
    let failed = |it: &mut Attempt| it.phase = Phase::Closed;
    let after = |change: &dyn Fn(&mut Attempt)| {
        let others = with(with(run(RunState::Running, |_| ()), 2, |_| ()), 3, change);
        match with(others, 1, failed).on_end(1, Ended::Failed, AttemptEnd::AgentError.into(), now) {
            NextStep::Follows(number, ..) => number,
            next => panic!("{next:?}"),
        }
    };
    assert_eq!(after(&|_| ()), 3);
    assert_eq!(after(&|it| it.cancel = Some(cancel(CancelCause::Double, now))), 2);
    assert_eq!(after(&|it| it.phase = Phase::GivenUp), 2);
    assert_eq!(after(&|it| it.phase = Phase::Closed), 2);
}

#[test]
fn an_attempt_is_in_a_state_of_runs() {
    let state = |change: &dyn Fn(&mut Attempt)| {
        let run = with(run(RunState::Running, |_| ()), 1, change);
        run.attempt(1).expect("the attempt").state()
    };
    let canceled = |it: &mut Attempt| it.cancel = Some(cancel(CancelCause::Stall, at("01:10:00")));
    assert_eq!(state(&|it| it.phase = Phase::Intent), RunState::Submitting);
    assert_eq!(state(&|it| it.phase = Phase::Uncertain), RunState::Queued);
    assert_eq!(state(&|_| ()), RunState::Queued);
    assert_eq!(state(&listed), RunState::Running);
    assert_eq!(state(&canceled), RunState::Canceling);
    assert_eq!(state(&|it| it.phase = Phase::GivenUp), RunState::Failed);
    assert_eq!(state(&|it| it.outcome = Some(Ended::Canceled)), RunState::Canceled);
}

#[test]
fn an_attempt_that_was_never_taken_uses_up_none() {
    let twice = run(RunState::Running, |row| {
        Arc::make_mut(&mut row.terms).retry.max_attempts = 2;
    });
    let lost = with(twice, 1, |it| (it.phase, it.counts) = (Phase::GivenUp, false));
    let failed = with(lost, 2, |it| it.phase = Phase::Closed);
    let turn = failed.on_end(2, Ended::Failed, AttemptEnd::AgentError.into(), at("01:10:00"));
    let NextStep::BacksOff(_, Reason::BackingOff { attempt: 2, of: 2, .. }) = turn else {
        panic!("{turn:?}");
    };
}
