//! Cancels of a run: who asks for one, when the agent is asked again, and how it ends.

use super::*;

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
    let requests = canceling.observations_mut(1).expect("the attempt").cancel_mut();
    assert!(requests.note_request());
    assert_eq!(canceling.cancel_due(1, now), None, "one is under way");
    let requests = canceling.observations_mut(1).expect("the attempt").cancel_mut();
    let refused = CancelAnswer::NotTaken("busy".to_owned());
    assert_eq!(requests.answered(&refused, now), Some("busy".to_owned()));
    assert_eq!(canceling.cancel_due(1, now), None, "not at once");
    let next = canceling.wake(secs(120), now).expect("a time");
    assert_eq!(canceling.cancel_due(1, next), Some(transfer(1)));
    let requests = canceling.observations_mut(1).expect("the attempt").cancel_mut();
    assert!(!requests.note_request());
    assert_eq!(requests.answered(&refused, next), None, "it was said");
    assert_eq!(canceling.stuck_from(), Some(at("01:30:00") + STUCK_AFTER));
    let looked = LookedFor { in_vain: true, past_deadline: true, completely: true };
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
fn a_cancel_is_asked_for_ever_more_rarely() {
    let mut canceling = with(run(RunState::Canceling, |_| ()), 1, listed);
    let requests = canceling.observations_mut(1).expect("the attempt").cancel_mut();
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
