//! A run by itself: no engine, no other run, no agent.

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
use crate::repeat::Changes;
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
fn a_wish_to_cancel_ends_what_has_nothing_at_the_agent_and_is_recorded_for_what_has() {
    use CancelCause::{Operator, Replaced, Stall, Timeout};
    let waits = run(RunState::Waiting, |_| ());
    assert_eq!(waits.on_cancel(Operator), OnCancel::Ends(RunState::Canceled));
    let backs_off = run(RunState::BackingOff, |_| ());
    assert_eq!(backs_off.on_cancel(Timeout), OnCancel::Ends(RunState::TimedOut));
    let hopes = with(run(RunState::Queued, |_| ()), 1, |it| it.phase = Phase::GivenUp);
    assert_eq!(hopes.on_cancel(Operator), OnCancel::Ends(RunState::Canceled));
    let queued = with(run(RunState::Queued, |_| ()), 1, |_| ());
    assert_eq!(queued.on_cancel(Operator), OnCancel::Requested(None), "nothing is listed yet");
    let running = with(run(RunState::Running, |_| ()), 1, listed);
    let id = AttemptId { run: ID, number: 1 };
    assert_eq!(running.on_cancel(Stall), OnCancel::Requested(Some(id)));
    let canceling = with(run(RunState::Canceling, |_| ()), 1, listed);
    assert_eq!(canceling.on_cancel(Timeout), OnCancel::Nothing);
    assert_eq!(canceling.on_cancel(Replaced), OnCancel::Outranks);
    assert_eq!(run(RunState::Succeeded, |_| ()).on_cancel(Operator), OnCancel::Nothing);
}

#[test]
fn a_cancel_is_asked_for_again_until_the_transfer_is_over_and_ends_by_its_cause() {
    let asked_for = |it: &mut Attempt| {
        listed(it);
        it.cancel = Some(cancel(CancelCause::Timeout, at("01:30:00")));
    };
    let canceling = run(RunState::Canceling, |row| {
        row.cancel = Some(cancel(CancelCause::Timeout, at("01:30:00")));
    });
    let mut canceling = with(canceling, 1, asked_for);
    let now = at("01:30:00");
    assert_eq!(canceling.cancel_due(1, now), Some(transfer(1)));
    let requests = canceling.sighting_mut(1).expect("the attempt").cancel_mut();
    assert!(requests.note_request());
    assert_eq!(canceling.cancel_due(1, now), None, "one is under way");
    let requests = canceling.sighting_mut(1).expect("the attempt").cancel_mut();
    let refused = CancelAnswer::NotTaken("busy".to_owned());
    assert_eq!(requests.answered(&refused, now), Some("busy".to_owned()));
    assert_eq!(canceling.cancel_due(1, now), None, "not at once");
    let next = canceling.wake(secs(120), now).expect("a time");
    assert_eq!(canceling.cancel_due(1, next), Some(transfer(1)));
    let requests = canceling.sighting_mut(1).expect("the attempt").cancel_mut();
    assert!(!requests.note_request());
    assert_eq!(requests.answered(&refused, next), None, "it was said");
    assert_eq!(canceling.stuck_from(), Some(at("01:30:00") + STUCK_AFTER));
    let looked = LookedFor { in_vain: true, past_deadline: true };
    let attempt = Arc::clone(canceling.attempt(1).expect("the attempt"));
    assert_eq!(canceling.on_time(&attempt, looked), OnTime::Vanished { canceling: true });
    let (state, _) = canceling.nothing_left(NothingLeft::Gone).expect("a cancel");
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
    let next = |run: &RunMachine, searched| {
        run.on_not_found(run.attempt(1).expect("the attempt"), searched, now)
    };
    let queued = with(run(RunState::Queued, |_| ()), 1, lost);
    let NextStep::BacksOff(ready_at, Reason::BackingOff { at: None, .. }) = next(&queued, true)
    else {
        panic!("{:?}", next(&queued, true));
    };
    assert_eq!(ready_at, now, "the search has taken longer than the delay");
    let soon = queued.on_not_found(queued.attempt(1).expect("the attempt"), true, at("01:00:01"));
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
    let never_listed = || AttemptEnd::NeverListed { limit: secs(1_800) };
    assert_eq!(
        two.on_never_listed(1, never_listed(), now),
        NextStep::Stays,
        "it follows the second"
    );
    assert_ne!(two.on_never_listed(2, never_listed(), now), NextStep::Stays);
    let canceling = with(run(RunState::Canceling, |_| ()), 1, lost);
    assert_eq!(next(&canceling, true), NextStep::NothingLeft(NothingLeft::NotFound));
    assert_eq!(next(&with(run(RunState::Failed, |_| ()), 1, lost), true), NextStep::Stays);
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
        row.cancel = Some(cancel(CancelCause::Timeout, at("01:30:00")));
    });
    assert_eq!(on_time(&with(canceling, 1, listed), late), OnTime::Nothing);
    let unlisted = with(run(RunState::Queued, |_| ()), 1, |_| ());
    assert!(matches!(on_time(&unlisted, late), OnTime::NeverListed(_)));
    let hopes = with(run(RunState::Queued, |_| ()), 1, |it| it.phase = Phase::GivenUp);
    assert!(matches!(on_time(&hopes, late), OnTime::LostUntilTimeout(_)));
    let waits = run(RunState::Waiting, |row| {
        Arc::make_mut(&mut row.terms).start_within = Some(secs(600));
    });
    assert_eq!(waits.wake(secs(120), at("01:00:00")), Some(at("01:10:00")));
    assert_eq!(waits.is_too_late_to_start(at("01:09:59")), None);
    assert_eq!(waits.is_too_late_to_start(at("01:10:00")), Some(secs(600)));
    let begun = with(waits, 1, |_| ());
    assert_eq!(begun.is_too_late_to_start(at("01:10:00")), None, "it was queued in time");
}

#[test]
fn what_is_remembered_of_a_transfer_moves_with_a_clock_that_is_set() {
    for by in [secs(-3_600), secs(3_600)] {
        let mut running = with(run(RunState::Running, |_| ()), 1, |it| {
            listed(it);
            it.status = Some(TransferStatus::Running);
        });
        let seen = |bytes, status| Transfer {
            status,
            progress: Progress { bytes_transferred: bytes, ..Progress::default() },
            ..record(1, running.fingerprint(), None)
        };
        let looks = [("01:00:00", 0), ("01:00:10", 1_000)]
            .map(|(time, bytes)| (at(time), seen(bytes, TransferStatus::Running)));
        let paused = seen(1_000, TransferStatus::Paused);
        let sighting = running.sighting_mut(1).expect("the attempt");
        looks.iter().for_each(|(time, record)| sighting.saw(*time, record, *time));
        let last = looks[1].0;
        sighting.ask(PendingQuery::about(transfer(1), last));
        sighting.cancel_mut().answered(&CancelAnswer::Taken, last);
        let next_cancel = sighting.cancel().next().expect("a time");
        running.clock_stepped(by);
        let attempt = running.attempt(1).expect("the attempt");
        let sighting = running.sighting(1).expect("the attempt");
        let (progress, moved_at) = sighting.latest(attempt);
        assert_eq!(moved_at, last + by);
        assert!(progress.speed.abs() < f64::EPSILON, "over the step it is not known");
        let later = last + by + secs(20);
        assert_eq!(sighting.moved_by(attempt, &paused, later), later, "paused since it was seen");
        assert_eq!(running.asked_until(1), Some(last + by + CAUSE_PATIENCE));
        assert_eq!(sighting.cancel().next(), Some(next_cancel + by));
    }
}

#[test]
fn back_offs_grow_up_to_their_limit_and_each_run_has_its_own() {
    let now = at("01:10:00");
    let delay = |id: u128, made: u32| {
        let mut failing = run(RunState::Running, |row| {
            row.id = RunId(Uuid::from_u128(id));
            let retry = &mut Arc::make_mut(&mut row.terms).retry;
            (retry.max_attempts, retry.multiplier) = (10, 2.0);
            (retry.initial_delay, retry.max_delay) = (secs(30), secs(100));
        });
        for number in 1..=made {
            failing = with(failing, number, |it| it.phase = Phase::Closed);
        }
        let next = failing.on_end(made, Ended::Failed, AttemptEnd::AgentError.into(), now);
        let NextStep::BacksOff(ready_at, _) = next else { panic!("{next:?}") };
        ready_at.duration_since(now)
    };
    for (made, plain) in [(1, secs(30)), (2, secs(60)), (3, secs(100)), (4, secs(100))] {
        let mut delays: Vec<_> = (1..=20).map(|id| delay(id, made)).collect();
        delays.sort();
        let (shortest, longest) = (delays[0], delays[19]);
        assert!(plain * 9 / 10 <= shortest && longest <= plain * 11 / 10, "{made}: {delays:?}");
        assert!(longest - shortest > plain / 10, "{made}: they are spread: {delays:?}");
    }
}

#[test]
fn time_ends_what_looks_have_not_shown_and_what_is_past_its_deadline() {
    let effect = |run: &RunMachine, in_vain, past_deadline| {
        run.on_time(run.attempt(1).expect("the attempt"), LookedFor { in_vain, past_deadline })
    };
    let uncertain = with(run(RunState::Queued, |_| ()), 1, |it| it.phase = Phase::Uncertain);
    assert_eq!(effect(&uncertain, false, false), OnTime::Nothing);
    assert_eq!(effect(&uncertain, true, false), OnTime::NotFound);
    assert_eq!(effect(&uncertain, false, true), OnTime::NotFound);
    let running = with(run(RunState::Running, |_| ()), 1, listed);
    assert_eq!(effect(&running, true, false), OnTime::Gone, "it may be listed again");
    let (transfer, since, until) = (transfer(1), at("01:05:00"), at("01:30:00"));
    let said = with(run(RunState::Running, |_| ()), 1, |it| {
        listed(it);
        it.reason = UnderWay::Gone { transfer, since, until }.into();
    });
    assert_eq!(effect(&said, true, false), OnTime::Nothing, "it was said");
    assert!(matches!(effect(&said, true, true), OnTime::PastTimeout(_)));
    let canceled = with(run(RunState::Canceling, |_| ()), 1, |it| {
        listed(it);
        it.cancel = Some(cancel(CancelCause::Operator, at("01:10:00")));
    });
    assert_eq!(effect(&canceled, false, false), OnTime::Nothing);
    assert_eq!(effect(&canceled, true, false), OnTime::Vanished { canceling: true });
    let left_alone = with(with(run(RunState::Running, |_| ()), 1, listed), 2, listed);
    assert_eq!(effect(&left_alone, true, false), OnTime::Gone);
    assert_eq!(effect(&left_alone, false, true), OnTime::Nothing);
    assert_eq!(effect(&left_alone, true, true), OnTime::Vanished { canceling: false });
    let between = with(run(RunState::BackingOff, |_| ()), 1, listed);
    assert_eq!(effect(&between, false, true), OnTime::Nothing, "it has timed out already");
    let given_up = |it: &mut Attempt| it.phase = Phase::GivenUp;
    let backs_off = with(run(RunState::BackingOff, |_| ()), 1, given_up);
    assert_eq!(effect(&backs_off, true, true), OnTime::Nothing, "another attempt is made");
    let hopes = with(with(run(RunState::Queued, |_| ()), 1, given_up), 2, given_up);
    assert_eq!(effect(&hopes, true, true), OnTime::Nothing, "the last one decides");
}

#[test]
fn what_is_given_up_keeps_its_job_for_as_long_as_it_may_still_come() {
    let (window, now) = (secs(120), at("01:10:00"));
    let given_up = |timeout, change: &dyn Fn(&mut Attempt)| {
        let run = run(RunState::Queued, |row| Arc::make_mut(&mut row.terms).timeout = timeout);
        let mut run = with(run, 1, change);
        let sighting = run.sighting_mut(1).expect("the attempt");
        sighting.note_absence(at("01:00:00"), secs(60));
        sighting.note_absence(at("01:01:00"), secs(60));
        let attempt = run.attempt(1).expect("the attempt");
        let end = AttemptEnd::Vanished { canceling: false };
        let row = run.given_up(attempt, end, window, now);
        (row.holds_until, row.outcome, row.watched_until)
    };
    let uncertain = |it: &mut Attempt| it.phase = Phase::Uncertain;
    let (hour, day) = (secs(3_600), secs(86_400));
    let (failed, timed_out) = (Some(Ended::Failed), Some(Ended::TimedOut));
    let tomorrow = Some(now + day);
    assert_eq!(given_up(hour, &uncertain), (Some(now), failed, tomorrow));
    let accepted = |it: &mut Attempt| it.deadline = at("01:30:00");
    let until = Some(at("01:32:00"));
    assert_eq!(given_up(hour, &accepted), (until, timed_out, tomorrow));
    let late = |it: &mut Attempt| it.deadline = at("01:05:00");
    assert_eq!(given_up(hour, &late), (Some(now + window), timed_out, tomorrow));
    assert_eq!(given_up(hour, &listed), (None, timed_out, tomorrow));
    let (_, _, watched_until) = given_up(day * 2, &uncertain);
    assert_eq!(watched_until, Some(now + day * 2));
    let searched = {
        let mut run = with(run(RunState::Queued, |_| ()), 1, uncertain);
        let sighting = run.sighting_mut(1).expect("the attempt");
        (0..=2)
            .for_each(|minute| sighting.note_absence(at("01:00:00") + secs(60 * minute), secs(60)));
        let attempt = run.attempt(1).expect("the attempt");
        run.given_up(attempt, AttemptEnd::Vanished { canceling: false }, window, now)
    };
    assert_eq!(searched.holds_until, None, "complete looks have not shown it");
}

#[test]
fn a_run_wakes_at_the_first_time_to_come_that_changes_something() {
    let (window, now) = (secs(120), at("01:10:00"));
    let running = |change: &dyn Fn(&mut Attempt)| {
        with(run(RunState::Running, |_| ()), 1, |it| {
            listed(it);
            it.deadline = at("23:00:00");
            change(it);
        })
    };
    let wakes = |change: &dyn Fn(&mut Attempt)| running(change).wake(window, now);
    let soon = at("01:20:00");
    assert_eq!(wakes(&|_| ()), Some(at("23:00:00")));
    assert_eq!(wakes(&|it| it.deadline = now), None, "it is handled now");
    assert_eq!(wakes(&|it| it.holds_until = Some(soon)), Some(soon));
    assert_eq!(wakes(&|it| it.watched_until = Some(soon)), Some(soon));
    let canceled = |since: &'static str| {
        move |it: &mut Attempt| it.cancel = Some(cancel(CancelCause::Operator, at(since)))
    };
    assert_eq!(wakes(&canceled("01:09:00")), Some(at("01:11:00")), "its slot is free");
    assert_eq!(wakes(&canceled("01:00:00")), Some(at("01:00:00") + STUCK_AFTER));
    let mut asked = running(&canceled("01:00:00"));
    let sighting = asked.sighting_mut(1).expect("the attempt");
    sighting.cancel_mut().answered(&CancelAnswer::Taken, now);
    let again = sighting.cancel().next();
    assert!(again.is_some_and(|again| again < at("01:11:00")));
    assert_eq!(asked.wake(window, now), again, "the cancel is asked for again");
    let mut asked = running(&|_| ());
    asked.sighting_mut(1).expect("the attempt").ask(PendingQuery::about(transfer(1), now));
    assert_eq!(asked.wake(window, now), Some(now + CAUSE_PATIENCE));
    let backs_off = run(RunState::BackingOff, |row| row.ready_at = soon);
    assert_eq!(backs_off.wake(window, now), Some(soon));
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
fn the_end_of_a_run_and_a_full_disk_cancel_what_is_surely_ours() {
    let ambiguous = |it: &mut Attempt| {
        listed(it);
        it.ambiguous = true;
    };
    let two = with(with(run(RunState::Running, |_| ()), 1, ambiguous), 2, ambiguous);
    let followed = AttemptId { run: ID, number: 2 };
    assert_eq!(two.left_at_its_end(), [followed], "the other one may be somebody else's");
    assert_eq!(two.overdue(at("01:29:59")).count(), 0);
    assert_eq!(two.overdue(at("01:30:00")).collect::<Vec<_>>(), [transfer(2)]);
    let canceled = |it: &mut Attempt| {
        listed(it);
        it.cancel = Some(cancel(CancelCause::Double, at("01:05:00")));
    };
    let double = with(with(run(RunState::Running, |_| ()), 1, canceled), 2, listed);
    assert_eq!(double.overdue(at("01:10:00")).collect::<Vec<_>>(), [transfer(1)]);
}

#[test]
fn the_oldest_cancel_that_the_agent_has_not_confirmed_is_reported() {
    let since = |run: &RunMachine| run.unconfirmed().map(|cancel| cancel.at);
    let canceled = |at: Timestamp, phase| {
        move |it: &mut Attempt| {
            listed(it);
            it.phase = phase;
            it.cancel = Some(cancel(CancelCause::Double, at));
        }
    };
    let of_run = |state| {
        let wished = Some(cancel(CancelCause::Operator, at("01:05:00")));
        run(state, |row| row.cancel = wished)
    };
    assert_eq!(since(&of_run(RunState::Canceling)), Some(at("01:05:00")));
    assert_eq!(since(&of_run(RunState::Canceled)), None, "it is over");
    let newer = with(of_run(RunState::Canceling), 1, canceled(at("01:06:00"), Phase::Accepted));
    assert_eq!(since(&newer), Some(at("01:05:00")));
    let older = with(of_run(RunState::Canceling), 1, canceled(at("01:04:00"), Phase::Accepted));
    assert_eq!(since(&older), Some(at("01:04:00")));
    let over = with(run(RunState::Running, |_| ()), 1, canceled(at("01:04:00"), Phase::Closed));
    assert_eq!(since(&over), None);
}

#[test]
fn a_transfer_that_was_canceled_ends_by_whose_wish_it_was() {
    use CancelCause::{Double, Operator, Replaced, Stall, Timeout};
    let ended = |of_run: Option<CancelCause>, of_attempt: Option<CancelCause>, now| {
        let wished = |cause: Option<CancelCause>| cause.map(|cause| cancel(cause, at("01:05:00")));
        let canceling = run(RunState::Canceling, |row| row.cancel = wished(of_run));
        let canceling = with(canceling, 1, |it| {
            it.status = Some(TransferStatus::Canceled);
            it.cancel = wished(of_attempt);
        });
        canceling.verdict(canceling.attempt(1).expect("the attempt"), now).0
    };
    let now = at("01:10:00");
    for (of_run, of_attempt, end) in [
        (Some(Timeout), Some(Timeout), Ended::TimedOut),
        (None, Some(Stall), Ended::TimedOut),
        (Some(Operator), Some(Timeout), Ended::Canceled),
        (Some(Replaced), Some(Stall), Ended::Canceled),
        (None, Some(Double), Ended::Canceled),
        (None, None, Ended::Canceled),
    ] {
        assert_eq!(ended(of_run, of_attempt, now), end, "{of_run:?} {of_attempt:?}");
    }
    assert_eq!(ended(None, None, at("01:30:00")), Ended::TimedOut, "our own, that was forgotten");
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
fn a_cause_is_asked_for_once_and_waited_for_a_little() {
    let failed = |it: &mut Attempt| {
        listed(it);
        it.status = Some(TransferStatus::Error);
    };
    let wait = |run: &RunMachine, now| run.cause_wait(run.attempt(1).expect("the attempt"), now);
    let now = at("01:10:00");
    let mut failing = with(run(RunState::Running, |_| ()), 1, failed);
    assert_eq!(wait(&failing, now), CauseWait::Ask(transfer(1)));
    failing.sighting_mut(1).expect("the attempt").ask(PendingQuery::about(transfer(9), now));
    assert_eq!(wait(&failing, now), CauseWait::Ask(transfer(1)), "that was about another one");
    failing.sighting_mut(1).expect("the attempt").ask(PendingQuery::about(transfer(1), now));
    assert_eq!(wait(&failing, now), CauseWait::Asked);
    assert_eq!(wait(&failing, now + CAUSE_PATIENCE - secs(1)), CauseWait::Asked);
    assert_eq!(wait(&failing, now + CAUSE_PATIENCE), CauseWait::Over);
    assert_eq!(wait(&failing, now - secs(1)), CauseWait::Over, "the clock went back");
    let asking = failing.sighting_mut(1).and_then(|sighting| sighting.asking_mut());
    let asking = asking.expect("it was asked");
    assert!(!asking.take_answer(transfer(9), None));
    assert!(asking.take_answer(transfer(1), None));
    let over = with(run(RunState::TimedOut, |_| ()), 1, failed);
    assert_eq!(wait(&over, now), CauseWait::Over);
    let canceled = with(run(RunState::Running, |_| ()), 1, |it| {
        failed(it);
        it.cancel = Some(cancel(CancelCause::Double, now));
    });
    assert_eq!(wait(&canceled, now), CauseWait::Over);
}

#[test]
fn a_cancel_is_asked_for_ever_more_rarely() {
    let mut canceling = with(run(RunState::Canceling, |_| ()), 1, listed);
    let requests = canceling.sighting_mut(1).expect("the attempt").cancel_mut();
    let now = at("01:10:00");
    let mut asked = |answer: CancelAnswer| {
        requests.note_request();
        requests.answered(&answer, now);
        let wait = requests.next().map(|next| next.duration_since(now));
        (wait.expect("a time"), requests.was_refused())
    };
    let refused = || CancelAnswer::NotTaken("busy".to_owned());
    assert_eq!(asked(refused()), (secs(2), true));
    assert_eq!(asked(CancelAnswer::Taken), (secs(4), false));
    assert_eq!(asked(refused()), (secs(8), true));
    for wait in [16, 32, 60, 60] {
        assert_eq!(asked(CancelAnswer::Taken), (secs(wait), false));
    }
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
fn a_transfer_moves_when_it_is_first_seen_and_never_in_the_time_to_come() {
    let mut running = with(run(RunState::Running, |_| ()), 1, |it| {
        listed(it);
        it.status = Some(TransferStatus::Running);
    });
    let record = record(1, running.fingerprint(), None);
    let moved = |run: &RunMachine, change: &dyn Fn(&mut Attempt), now| {
        let mut attempt = Attempt::clone(run.attempt(1).expect("the attempt"));
        change(&mut attempt);
        run.sighting(1).expect("the attempt").moved_by(&attempt, &record, now)
    };
    let back = at("00:50:00");
    assert_eq!(moved(&running, &|_| (), back), back, "the clock went back: by the row");
    let sighting = running.sighting_mut(1).expect("the attempt");
    sighting.saw(at("01:00:00"), &record, at("01:00:00"));
    assert_eq!(moved(&running, &|_| (), at("01:01:00")), at("01:00:00"));
    assert_eq!(moved(&running, &|_| (), back), back);
    let anew = |it: &mut Attempt| it.status = None;
    assert_eq!(moved(&running, &anew, at("01:01:00")), at("01:01:00"));
}

#[test]
fn past_its_time_a_run_tries_again_as_often_as_the_terms_say_and_if_they_say_so() {
    let now = at("01:40:00");
    let ends = |on_timeout, max_attempts| {
        let run = run(RunState::Canceling, |row| {
            let retry = &mut Arc::make_mut(&mut row.terms).retry;
            (retry.on_timeout, retry.max_attempts) = (on_timeout, max_attempts);
        });
        let timed_out = with(run, 1, |it| it.phase = Phase::Closed);
        let why = AttemptEnd::PastTimeout { limit: secs(1_800) };
        match timed_out.on_timeout(why.into(), now) {
            NextStep::Ends(state, _) => Some(state),
            NextStep::BacksOff(..) => None,
            turn => panic!("{turn:?}"),
        }
    };
    assert_eq!(ends(true, 2), None);
    assert_eq!(ends(true, 1), Some(RunState::TimedOut));
    assert_eq!(ends(false, 2), Some(RunState::TimedOut));
}

#[test]
fn a_run_that_somebody_canceled_is_canceled_though_another_of_its_transfers_has_completed() {
    let completed = |it: &mut Attempt| {
        it.phase = Phase::Closed;
        it.outcome = Some(Ended::Succeeded);
    };
    let canceling = run(RunState::Canceling, |row| {
        row.cancel = Some(cancel(CancelCause::Operator, at("01:05:00")));
    });
    let canceling = with(with(canceling, 1, completed), 2, |it| it.phase = Phase::Closed);
    let why = CancelReason::Person.into();
    let turn = canceling.on_end(2, Ended::Canceled, why, at("01:10:00"));
    assert!(matches!(turn, NextStep::Ends(RunState::Canceled, _)), "{turn:?}");
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
