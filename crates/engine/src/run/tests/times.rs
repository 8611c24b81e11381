//! Effects of time on a run: deadlines, back-offs, searches and wake-ups.

use super::*;

#[test]
fn past_its_deadline_a_run_is_canceled_once_and_never_without_a_look() {
    let (late, early) = (true, false);
    let on_time = |run: &RunMachine, past_deadline| {
        let looked = LookedFor { in_vain: false, past_deadline, completely: true };
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
    let attempt = unlisted.attempt(1).expect("the attempt");
    let unseen = LookedFor { in_vain: false, past_deadline: true, completely: false };
    let OnTime::NeverListed(end) = unlisted.on_time(attempt, unseen) else { panic!("it is late") };
    assert!(Reason::from(end).to_string().contains("its list could not be read"));
    let hopes = with(run(RunState::Queued, |_| ()), 1, |it| it.phase = Phase::GivenUp);
    assert!(matches!(on_time(&hopes, late), OnTime::LostUntilTimeout(_)));
    let waits = || {
        run(RunState::Waiting, |row| {
            Arc::make_mut(&mut row.terms).start_within = Some(secs(600));
        })
    };
    assert_eq!(waits().wake(secs(120), at("01:00:00")), Some(at("01:10:00")));
    assert_eq!(waits().is_too_late_to_start(at("01:09:59")), None);
    assert_eq!(waits().is_too_late_to_start(at("01:10:00")), Some(secs(600)));
    let begun = with(waits(), 1, |_| ());
    assert_eq!(begun.is_too_late_to_start(at("01:10:00")), None, "it was queued in time");
    for (searched, limit) in [(true, Some(secs(600))), (false, None)] {
        let lost = with(waits(), 1, |it| {
            it.phase = Phase::GivenUp;
            it.reason = AttemptEnd::NotFound { words: None, answer: None, searched }.into();
        });
        assert_eq!(lost.is_too_late_to_start(at("01:10:00")), limit, "proven absent: {searched}");
    }
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
        let observations = running.observations_mut(1).expect("the attempt");
        looks.iter().for_each(|(time, record)| observations.saw(*time, record, *time));
        let last = looks[1].0;
        observations.ask(PendingQuery::about(transfer(1), last));
        observations.cancel_mut().answered(&CancelAnswer::Taken, last);
        let next_cancel = observations.cancel().next().expect("a time");
        running.clock_stepped(by);
        let attempt = running.attempt(1).expect("the attempt");
        let observations = running.observations(1).expect("the attempt");
        let (progress, moved_at) = observations.latest(attempt);
        assert_eq!(moved_at, last + by);
        assert!(progress.speed.abs() < f64::EPSILON, "over the step it is not known");
        let later = last + by + secs(20);
        assert_eq!(
            observations.moved_by(attempt, &paused, later),
            later,
            "paused since it was seen"
        );
        assert_eq!(running.asked_until(1), Some(last + by + CAUSE_PATIENCE));
        assert_eq!(observations.cancel().next(), Some(next_cancel + by));
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
        let looked = LookedFor { in_vain, past_deadline, completely: true };
        run.on_time(run.attempt(1).expect("the attempt"), looked)
    };
    let uncertain = with(run(RunState::Queued, |_| ()), 1, |it| it.phase = Phase::Uncertain);
    assert_eq!(effect(&uncertain, false, false), OnTime::Nothing);
    assert_eq!(effect(&uncertain, true, false), OnTime::NotFound);
    assert_eq!(effect(&uncertain, false, true), OnTime::NotFound);
    let running = with(run(RunState::Running, |_| ()), 1, listed);
    assert_eq!(effect(&running, true, false), OnTime::Gone(transfer(1)), "it may be listed again");
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
    assert_eq!(effect(&left_alone, true, false), OnTime::Gone(transfer));
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
        let observations = run.observations_mut(1).expect("the attempt");
        observations.note_absence(at("01:00:00"), secs(60));
        observations.note_absence(at("01:01:00"), secs(60));
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
        let observations = run.observations_mut(1).expect("the attempt");
        (0..=2).for_each(|minute| {
            observations.note_absence(at("01:00:00") + secs(60 * minute), secs(60))
        });
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
    let observations = asked.observations_mut(1).expect("the attempt");
    observations.cancel_mut().answered(&CancelAnswer::Taken, now);
    let again = observations.cancel().next();
    assert!(again.is_some_and(|again| again < at("01:11:00")));
    assert_eq!(asked.wake(window, now), again, "the cancel is asked for again");
    let mut asked = running(&|_| ());
    asked.observations_mut(1).expect("the attempt").ask(PendingQuery::about(transfer(1), now));
    assert_eq!(asked.wake(window, now), Some(now + CAUSE_PATIENCE));
    let backs_off = run(RunState::BackingOff, |row| row.ready_at = soon);
    assert_eq!(backs_off.wake(window, now), Some(soon));
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
    failing.observations_mut(1).expect("the attempt").ask(PendingQuery::about(transfer(9), now));
    assert_eq!(wait(&failing, now), CauseWait::Ask(transfer(1)), "that was about another one");
    failing.observations_mut(1).expect("the attempt").ask(PendingQuery::about(transfer(1), now));
    assert_eq!(wait(&failing, now), CauseWait::Asked);
    assert_eq!(wait(&failing, now + CAUSE_PATIENCE - secs(1)), CauseWait::Asked);
    assert_eq!(wait(&failing, now + CAUSE_PATIENCE), CauseWait::Over);
    assert_eq!(wait(&failing, now - secs(1)), CauseWait::Over, "the clock went back");
    let asking = failing.observations_mut(1).and_then(|observations| observations.asking_mut());
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
fn a_transfer_moves_when_it_is_first_seen_and_never_in_the_time_to_come() {
    let mut running = with(run(RunState::Running, |_| ()), 1, |it| {
        listed(it);
        it.status = Some(TransferStatus::Running);
    });
    let record = record(1, running.fingerprint(), None);
    let moved = |run: &RunMachine, change: &dyn Fn(&mut Attempt), now| {
        let mut attempt = Attempt::clone(run.attempt(1).expect("the attempt"));
        change(&mut attempt);
        run.observations(1).expect("the attempt").moved_by(&attempt, &record, now)
    };
    let back = at("00:50:00");
    assert_eq!(moved(&running, &|_| (), back), back, "the clock went back: by the row");
    let observations = running.observations_mut(1).expect("the attempt");
    observations.saw(at("01:00:00"), &record, at("01:00:00"));
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
