//! A run by itself: no engine, no other run, no agent.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    AtAgent, Attempt, CancelCause, CancelWish, Ended, LookedFor, OnCancel, OnTime, Phase, Run,
    RunMachine, RunState, Trigger, Turn,
};
use crate::fixtures::{at, secs};
use crate::ids::{AccountId, AttemptId, JobName, RunId, TransferId};
use crate::job::{RetryPolicy, Terms};
use crate::limits::STUCK_AFTER;
use crate::place::{Place, TransferRequest};
use crate::reason::{AttemptEnd, CancelReason, NothingLeft, Reason, UnderWay};
use crate::repeat::Changes;
use crate::transfer::{CancelAnswer, Progress, TransferStatus};

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
    let mut row = Attempt {
        id: AttemptId { run: ID, number },
        counts: true,
        fingerprint: run.fingerprint(),
        user: None,
        baseline: Vec::new(),
        not_before: at("01:00:00"),
        not_after: None,
        offset_ms: 0,
        slack_ms: (0, 0),
        phase: Phase::Accepted,
        own_crash: false,
        reason: UnderWay::Accepted.into(),
        transfer: None,
        ambiguous: false,
        deadline: at("01:30:00"),
        status: None,
        progress: Progress::default(),
        moved_at: at("01:00:00"),
        listed_at: None,
        cancel: None,
        outcome: None,
        ended_at: None,
        finished_at: None,
        cause: None,
        holds_until: None,
        watched_until: None,
    };
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

fn wish(cause: CancelCause, at: Timestamp) -> CancelWish {
    CancelWish { at, cause, reason: CancelReason::NewerOccurrence.into(), told: false }
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
fn a_wish_to_cancel_ends_what_has_nothing_at_the_agent_and_is_recorded_for_what_has() {
    use CancelCause::{Operator, Replaced, Stall, Timeout};
    let waits = run(RunState::Waiting, |_| ());
    assert_eq!(waits.on_cancel(Operator), OnCancel::Ends(RunState::Canceled));
    let backs_off = run(RunState::BackingOff, |_| ());
    assert_eq!(backs_off.on_cancel(Timeout), OnCancel::Ends(RunState::TimedOut));
    let hopes = with(run(RunState::Queued, |_| ()), 1, |it| it.phase = Phase::GivenUp);
    assert_eq!(hopes.on_cancel(Operator), OnCancel::Ends(RunState::Canceled));
    let queued = with(run(RunState::Queued, |_| ()), 1, |_| ());
    assert_eq!(queued.on_cancel(Operator), OnCancel::Wished(None), "nothing is listed yet");
    let running = with(run(RunState::Running, |_| ()), 1, listed);
    let id = AttemptId { run: ID, number: 1 };
    assert_eq!(running.on_cancel(Stall), OnCancel::Wished(Some(id)));
    let canceling = with(run(RunState::Canceling, |_| ()), 1, listed);
    assert_eq!(canceling.on_cancel(Timeout), OnCancel::Nothing);
    assert_eq!(canceling.on_cancel(Replaced), OnCancel::Outranks);
    assert_eq!(run(RunState::Succeeded, |_| ()).on_cancel(Operator), OnCancel::Nothing);
}

#[test]
fn a_cancel_is_asked_for_again_until_the_transfer_is_over_and_ends_by_its_cause() {
    let asked_for = |it: &mut Attempt| {
        listed(it);
        it.cancel = Some(wish(CancelCause::Timeout, at("01:30:00")));
    };
    let canceling = run(RunState::Canceling, |row| {
        row.cancel = Some(wish(CancelCause::Timeout, at("01:30:00")));
    });
    let mut canceling = with(canceling, 1, asked_for);
    let now = at("01:30:00");
    assert_eq!(canceling.cancel_due(1, now), Some(transfer(1)));
    let requests = canceling.sighting_mut(1).expect("the attempt").cancel_mut();
    assert!(requests.is_first());
    assert_eq!(canceling.cancel_due(1, now), None, "one is under way");
    let requests = canceling.sighting_mut(1).expect("the attempt").cancel_mut();
    let refused = CancelAnswer::NotTaken("busy".to_owned());
    assert_eq!(requests.answered(&refused, now), Some("busy".to_owned()));
    assert_eq!(canceling.cancel_due(1, now), None, "not at once");
    let next = canceling.wake(secs(120), now).expect("a time");
    assert_eq!(canceling.cancel_due(1, next), Some(transfer(1)));
    let requests = canceling.sighting_mut(1).expect("the attempt").cancel_mut();
    assert!(!requests.is_first());
    assert_eq!(requests.answered(&refused, next), None, "it was said");
    assert_eq!(canceling.stuck_from(), Some(at("01:30:00") + STUCK_AFTER));
    let looked = LookedFor { in_vain: true, past_deadline: true };
    let attempt = Arc::clone(canceling.attempt(1).expect("the attempt"));
    assert_eq!(canceling.on_time(&attempt, looked), OnTime::Vanished { canceling: true });
    let (state, _) = canceling.nothing_left(NothingLeft::Gone).expect("a wish");
    assert_eq!(state, RunState::TimedOut);
    let over = with(canceling, 1, |it| {
        asked_for(it);
        it.phase = Phase::Closed;
    });
    assert_eq!(over.cancel_due(1, at("02:00:00")), None, "there is nothing to cancel");
    assert_eq!(over.overdue(at("02:00:00")).count(), 0);
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
    let turn = first.on_end(1, Ended::Failed, why(), now);
    let Turn::BacksOff(ready_at, Reason::BackingOff { attempt: 2, of: 3, .. }) = turn else {
        panic!("{turn:?}");
    };
    assert!(now < ready_at);
    let second = with(first, 2, closed);
    let third = with(second, 3, closed);
    let turn = third.on_end(3, Ended::Failed, why(), now);
    let exhausted = Reason::AttemptsExhausted { because: Box::new(why()), attempts: 3 };
    assert_eq!(turn, Turn::Ends(RunState::Failed, exhausted));
    assert_eq!(third.on_end(2, Ended::Failed, why(), now), Turn::Stays, "it follows the third");
    let turn = third.on_end(2, Ended::Succeeded, why(), now);
    assert_eq!(turn, Turn::SucceedsBy(2, why()), "none that may succeed is at work");
}

#[test]
fn another_attempt_that_may_succeed_is_followed_and_one_that_has_is_the_success() {
    let (why, now) = (|| Reason::from(AttemptEnd::AgentError), at("01:10:00"));
    let closed = |it: &mut Attempt| {
        it.phase = Phase::Closed;
        it.outcome = Some(Ended::Failed);
    };
    let other_under_way = with(with(run(RunState::Running, |_| ()), 2, |_| ()), 1, closed);
    let turn = other_under_way.on_end(1, Ended::Failed, why(), now);
    assert!(matches!(turn, Turn::Follows(2, RunState::Queued, _)), "{turn:?}");
    let other_succeeded = with(
        with(run(RunState::Running, |_| ()), 2, |it| {
            it.phase = Phase::Closed;
            it.outcome = Some(Ended::Succeeded);
        }),
        1,
        closed,
    );
    for ended in [Ended::Failed, Ended::TimedOut, Ended::Canceled] {
        let turn = other_succeeded.on_end(1, ended, why(), now);
        assert!(matches!(turn, Turn::SucceedsBy(2, _)), "{ended:?}: {turn:?}");
    }
    let completed = |it: &mut Attempt| it.status = Some(TransferStatus::Completed);
    let two = with(with(run(RunState::Running, |_| ()), 1, completed), 2, completed);
    assert!(two.is_doubled_by(two.attempt(2).expect("the attempt")));
}

#[test]
fn what_is_not_found_is_sent_again_hoped_for_or_past_its_time() {
    let now = at("01:05:00");
    let lost = |it: &mut Attempt| it.phase = Phase::GivenUp;
    let turn = |run: &RunMachine, searched| {
        run.on_not_found(run.attempt(1).expect("the attempt"), searched, now)
    };
    let queued = with(run(RunState::Queued, |_| ()), 1, lost);
    assert!(matches!(turn(&queued, true), Turn::BacksOff(..)));
    assert!(matches!(turn(&queued, false), Turn::Ends(RunState::TimedOut, _)));
    let crashed = with(run(RunState::Queued, |_| ()), 1, |it| {
        lost(it);
        it.own_crash = true;
    });
    assert_eq!(turn(&crashed, true), Turn::SendsAgain(at("01:00:00")));
    let once = run(RunState::Queued, |row| {
        Arc::make_mut(&mut row.terms).retry.max_attempts = 1;
    });
    assert_eq!(turn(&with(once, 1, lost), true), Turn::Hopes(None));
    let canceling = with(run(RunState::Canceling, |_| ()), 1, lost);
    assert_eq!(turn(&canceling, true), Turn::NothingLeft(NothingLeft::NotFound));
    assert_eq!(turn(&with(run(RunState::Failed, |_| ()), 1, lost), true), Turn::Stays);
}

#[test]
fn past_its_deadline_a_run_is_canceled_once_and_never_without_a_look() {
    let (late, early) = (true, false);
    let on_time = |run: &RunMachine, past_deadline| {
        let looked = LookedFor { in_vain: false, past_deadline };
        run.on_time(run.attempt(1).expect("the attempt"), looked)
    };
    let running = with(run(RunState::Running, |_| ()), 1, listed);
    assert_eq!(on_time(&running, early), OnTime::Nothing);
    assert!(matches!(on_time(&running, late), OnTime::PastTimeout(_)));
    let canceling = run(RunState::Canceling, |row| {
        row.cancel = Some(wish(CancelCause::Timeout, at("01:30:00")));
    });
    assert_eq!(on_time(&with(canceling, 1, listed), late), OnTime::Nothing);
    let unlisted = with(run(RunState::Queued, |_| ()), 1, |_| ());
    assert!(matches!(on_time(&unlisted, late), OnTime::NeverListed(_)));
    let hopes = with(run(RunState::Queued, |_| ()), 1, |it| it.phase = Phase::GivenUp);
    assert!(matches!(on_time(&hopes, late), OnTime::HopedInVain(_)));
    let waits = run(RunState::Waiting, |row| {
        Arc::make_mut(&mut row.terms).start_within = Some(secs(600));
    });
    assert_eq!(waits.wake(secs(120), at("01:00:00")), Some(at("01:10:00")));
    assert_eq!(waits.is_too_late_to_start(at("01:09:59")), None);
    assert_eq!(waits.is_too_late_to_start(at("01:10:00")), Some(secs(600)));
    let begun = with(waits, 1, |_| ());
    assert_eq!(begun.is_too_late_to_start(at("01:10:00")), None, "it was queued in time");
}
