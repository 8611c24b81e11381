//! Matching records to attempts where dates, clocks and lost answers make it hard.

use std::sync::Arc;

use jiff::SignedDuration;
use uuid::Uuid;

use super::stage::{Stage, at, job, secs, set};
use crate::ids::{AccessId, AttemptId, UserId};
use crate::input::Input;
use crate::job::{JobSet, Terms};
use crate::place::{Fingerprint, TransferRequest};
use crate::reason::ReasonCode;
use crate::run::{Attempt, Phase, RunState};
use crate::transfer::{AgentState, Gap, Incomplete, Look, SubmitAnswer, Transfer, TransferStatus};

fn owner(stage: &Stage, id: u128) -> Option<AttemptId> {
    let holds = |attempt: &&Arc<Attempt>| {
        attempt.transfer.is_some_and(|transfer| transfer.0.as_u128() == id)
    };
    stage.rows.attempts.values().find(holds).map(|attempt| attempt.id)
}

#[test]
fn the_record_of_an_accepted_request_is_not_given_to_one_that_was_lost() {
    // The first request never arrived; the agent's dates are 90 s behind, which nothing shows.
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    while stage.submits.len() < 2 {
        stage.pass(secs(1));
    }
    let second = stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(stage.now - secs(90));
    stage.pass(secs(10));
    assert_eq!(owner(&stage, 1), Some(second));
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(100));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    stage.until(at("02:00:00"));
    assert_eq!(stage.submits.len(), 3, "the next run waits for nothing");
}

#[test]
fn an_old_record_is_that_of_the_lost_request_where_dates_are_known_and_not_asked() {
    // Only we queue as our user. The first request arrived, and is listed after it was given up,
    // before the second one's own.
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    let mut exclusive = JobSet::clone(&stage.set);
    exclusive.agent.exclusive_user = true;
    stage.input(Input::JobsReplaced(Arc::new(exclusive)));
    stage.until(at("01:00:00"));
    let first = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    while stage.submits.len() < 2 {
        stage.pass(secs(1));
    }
    assert!(stage.now > at("01:02:00"), "further apart than the skew");
    let second = stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(at("01:00:00"));
    stage.pass(secs(10));
    assert_eq!(owner(&stage, 1), Some(first));
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(owner(&stage, 2), Some(second));
}

#[test]
fn of_an_agent_that_hides_its_clock_a_record_is_not_given_to_a_request_that_was_given_up() {
    // The first request never arrived; the dates are 90 s behind, so that they are nearer to it.
    for clock_is_known in [false, true] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.knows_clock = clock_is_known;
        stage.until(at("01:00:00"));
        let first = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
        while stage.submits.len() < 2 {
            stage.pass(secs(1));
        }
        let second = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
        stage.list(1, TransferStatus::Running);
        stage.record(1).requested_at = Some(stage.now - secs(90));
        stage.pass(secs(10));
        let likelier = if clock_is_known { first } else { second };
        assert_eq!(owner(&stage, 1), Some(likelier), "clock told: {clock_is_known}");
    }
}

#[test]
fn the_record_of_a_request_whose_answer_is_awaited_is_kept_for_it() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    while stage.submits.len() < 2 {
        stage.pass(secs(1));
    }
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(stage.now - secs(90));
    stage.pass(secs(10));
    assert_eq!(owner(&stage, 1), None, "its 200 is on its way");
    let second = stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(10));
    assert_eq!(owner(&stage, 1), Some(second));
}

#[test]
fn of_two_records_each_request_gets_the_nearer_one() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let first = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    let asked = stage.now;
    while stage.submits.len() < 2 {
        stage.pass(secs(1));
    }
    let second = stage.answer(SubmitAnswer::Accepted);
    for (id, date) in [(1, asked + secs(50)), (2, stage.now)] {
        stage.list(id, TransferStatus::Running);
        stage.record(id).requested_at = Some(date);
    }
    stage.pass(secs(10));
    assert_eq!((owner(&stage, 1), owner(&stage, 2)), (Some(first), Some(second)));
}

#[test]
fn a_failure_and_a_late_success_in_one_look_are_a_success() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms::default();
        terms.retry.max_attempts = 2;
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    let asked = stage.now;
    while stage.submits.len() < 2 {
        stage.pass(secs(1));
    }
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    stage.status(2, TransferStatus::Error);
    stage.list(1, TransferStatus::Completed);
    stage.record(1).requested_at = Some(asked);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Succeeded, "{}", stage.run(0).reason);
    assert!(!stage.happened("doubled"));
}

#[test]
fn an_end_beside_a_late_transfer_at_work_leaves_that_one_alone() {
    for end in [TransferStatus::Error, TransferStatus::Canceled] {
        let (mut stage, first_asked) = Stage::sent_again();
        stage.list(2, TransferStatus::Running);
        stage.pass(secs(10));
        stage.status(2, end);
        stage.list(1, TransferStatus::Running);
        stage.record(1).requested_at = Some(first_asked);
        stage.pass(secs(20));
        let (state, follows) = (stage.run(0).state, stage.run(0).follows);
        assert_eq!((state, follows), (RunState::Running, Some(1)), "{end:?}");
        assert_eq!(stage.cancels, []);
    }
}

#[test]
fn of_two_transfers_that_are_found_at_once_the_older_one_is_kept() {
    let (mut stage, first_asked) = Stage::sent_again();
    let (first, second) = (stage.submits[0].0, stage.submits[1].0);
    let asked = stage.rows.attempts[&second].not_before;
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(asked - secs(30));
    let newer = stage.list(2, TransferStatus::Running);
    stage.record(2).requested_at = Some(first_asked + secs(115));
    stage.pass(secs(10));
    assert_eq!((owner(&stage, 1), owner(&stage, 2)), (Some(second), Some(first)));
    assert_eq!(stage.cancels, [newer]);
}

#[test]
fn a_record_that_is_exchanged_for_another_is_seen_anew() {
    let (mut stage, _) = Stage::sent_again();
    let (first, second) = (stage.submits[0].0, stage.submits[1].0);
    let asked = stage.rows.attempts[&second].not_before;
    // It fits both requests, of which the accepted one must have a record.
    stage.list(1, TransferStatus::Paused);
    stage.record(1).requested_at = Some(asked - secs(70));
    stage.pass(secs(10));
    assert_eq!(owner(&stage, 1), Some(second));
    // This one is too new for the first request.
    stage.list(2, TransferStatus::Running);
    stage.record(2).requested_at = Some(asked + secs(90));
    stage.pass(secs(10));
    assert_eq!((owner(&stage, 1), owner(&stage, 2)), (Some(first), Some(second)));
    assert!(stage.happened("paused") && !stage.happened("resumed"));
}

#[test]
fn a_request_whose_answer_is_awaited_is_not_ambiguous() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.list(1, TransferStatus::Running);
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    assert!(!stage.happened("ambiguous"), "it may yet be refused");
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(10));
    assert!(stage.happened("ambiguous"));
}

#[test]
fn without_a_date_there_is_no_evidence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = None;
    stage.pass(secs(60));
    assert_eq!(owner(&stage, 1), None);
    assert!(stage.happened("near_miss"));
    assert!(
        stage.run(0).reason.to_string().contains("`requestDate` is missing"),
        "{}",
        stage.run(0).reason
    );
}

#[test]
fn a_record_that_is_hours_off_is_said_with_how_far_and_what_to_do() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(stage.now - secs(5 * 3600));
    stage.pass(secs(20));
    let reason = stage.run(0).reason.to_string();
    assert!(reason.contains("is dated 5 h before it"), "{reason}");
    assert!(reason.contains("agent.exclusive_user"), "{reason}");
    assert!(stage.warnings.iter().any(|text| text == &reason), "{:?}", stage.warnings);
}

#[test]
fn nothing_is_queued_at_an_agent_whose_clock_is_more_than_a_day_off() {
    for ahead in [SignedDuration::from_hours(49), SignedDuration::from_hours(-25)] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.clock_offset = ahead;
        stage.until(at("01:05:00"));
        assert!(stage.submits.is_empty(), "{ahead:?}");
        let run = stage.run(0);
        assert_eq!(run.reason.code(), Some(ReasonCode::WaitingAgent), "{ahead:?}");
        let reason = run.reason.to_string();
        assert!(reason.contains("the agent's clock is"), "{reason}");
        let said = stage.warnings.iter().filter(|line| line.contains("agent's clock"));
        assert_eq!(said.count(), 1, "{:?}", stage.warnings);

        stage.clock_offset = SignedDuration::from_hours(2);
        stage.pass(secs(60));
        assert_eq!(stage.submits.len(), 1, "a difference of hours is a zone");
    }
}

#[test]
fn where_dates_are_not_asked_a_clock_may_be_far_off() {
    for ahead in [SignedDuration::from_hours(49), SignedDuration::from_hours(-49)] {
        let mut exclusive = JobSet::clone(&set(vec![job("a", "to/", |_| {})]));
        exclusive.agent.exclusive_user = true;
        let mut stage = Stage::with(Arc::new(exclusive));
        stage.clock_offset = ahead;
        // The first look determines how deep the next one reads.
        stage.until(at("01:00:01"));
        let attempt = stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        stage.pass(secs(10));
        assert_eq!(owner(&stage, 1), Some(attempt), "{ahead:?}");
    }
}

#[test]
fn a_clock_that_goes_days_ahead_while_a_request_is_under_way_hides_no_record_of_it() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let attempt = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.clock_offset = SignedDuration::from_hours(49);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(owner(&stage, 1), Some(attempt));
    stage.pass(SignedDuration::from_mins(10));
    assert_eq!(stage.submits.len(), 1);
}

#[test]
fn a_record_that_was_listed_before_is_no_near_miss() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.pass(secs(20));
    // Another user's, spelled differently, and listed before the second request.
    stage.list(2, TransferStatus::Running);
    stage.record(2).fingerprint = Fingerprint(Uuid::from_u128(7));
    stage.record(2).requested_at = Some(stage.now);
    stage.until(at("02:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(60));
    assert!(!stage.happened("near_miss"), "{:?}", stage.rows.events);
    stage.list(3, TransferStatus::Running);
    stage.record(3).fingerprint = Fingerprint(Uuid::from_u128(7));
    stage.pass(secs(20));
    assert!(stage.happened("near_miss"));
    assert!(
        stage.run(1).reason.to_string().contains("spelled otherwise"),
        "{}",
        stage.run(1).reason
    );
}

#[test]
fn a_clock_that_is_set_while_a_request_is_under_way_widens_its_evidence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.step_clock(secs(-3600));
    let id = stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(owner(&stage, 1), Some(id), "{:?}", stage.rows.attempts[&id]);
}

#[test]
fn a_listing_that_was_slow_makes_the_next_search_longer() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(200));
    stage.list(1, TransferStatus::Completed);
    stage.record(1).requested_at = Some(at("01:00:01"));
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    stage.until(at("02:00:00"));
    let id = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.pass(secs(500));
    assert_eq!(stage.rows.attempts[&id].phase, Phase::Uncertain, "three times 200 s");
    stage.pass(secs(200));
    assert_eq!(stage.rows.attempts[&id].phase, Phase::GivenUp);
}

#[test]
fn a_back_off_is_moved_with_the_clock() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Error);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::BackingOff);
    let delay = stage.run(0).ready_at.duration_since(stage.now);
    stage.step_clock(secs(-1800));
    stage.pass(delay + secs(5));
    assert_eq!(stage.submits.len(), 2, "{}", stage.run(0).reason);
}

#[test]
fn a_look_is_complete_or_says_why_not() {
    let look = |incomplete| Look {
        began_at: at("01:00:00"),
        as_of: at("01:00:00"),
        incomplete,
        is_short: false,
        access: AccessId::default(),
        agent: AgentState::Started,
        user: None,
        clock_offset: None,
        read_back_to: None,
        transfers: Vec::new(),
    };
    assert!(look(None).is_complete());
    let incomplete = Incomplete {
        gap: Gap::Unreadable { records: 2, first: "`id` of a transfer".to_owned() },
        pages: 1,
        records: 40,
        total: None,
        took: SignedDuration::from_secs(3),
    };
    let words = incomplete.words();
    assert_eq!(
        words,
        "2 records in it can't be read (the first: `id` of a transfer); 40 records were read on 1 page \
         in 3 s"
    );
    assert!(!look(Some(incomplete)).is_complete());
}

#[test]
fn what_somebody_else_or_a_sync_has_queued_is_not_ours() {
    let changes: [fn(&mut Transfer); 5] = [
        |record| record.user = Some(UserId(Uuid::from_u128(0xbbbb))),
        |record| record.of_sync = true,
        |record| record.of_retry_batch = true,
        |record| record.kind = Some(2),
        |record| record.kind = Some(4),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        change(stage.record(1));
        stage.pass(secs(60));
        assert_eq!(owner(&stage, 1), None, "{number}");
    }
}

/// Takes `allowSkip` out of the record of the last request.
fn leave_out_allow_skip(stage: &mut Stage, id: u128) {
    let request = stage.submits.last().expect("a submit").1.clone();
    let of = |allow_skip| TransferRequest { allow_skip, ..request.clone() }.fingerprint();
    let record = stage.record(id);
    (record.fingerprint, record.if_it_skips) = (of(false), Some(of(true)));
}

#[test]
fn a_record_that_does_not_tell_allow_skip_is_of_the_accepted_request_before_a_lost_one() {
    for lost_skips in [false, true] {
        let job = |skips| {
            job("a", "to/", move |job| {
                job.allow_skip = skips;
                let terms = Arc::make_mut(&mut job.terms);
                terms.retry.max_attempts = 1;
            })
        };
        let mut stage = Stage::new(vec![job(lost_skips)]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
        stage.until(at("01:59:00"));
        stage.input(Input::JobsReplaced(set(vec![job(!lost_skips)])));
        stage.until(at("02:00:00"));
        let second = stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        leave_out_allow_skip(&mut stage, 1);
        let mut exclusive = JobSet::clone(&stage.set);
        exclusive.agent.exclusive_user = true;
        stage.input(Input::JobsReplaced(Arc::new(exclusive)));
        stage.pass(secs(10));
        assert_eq!(owner(&stage, 1), Some(second), "{lost_skips}");
    }
}

#[test]
fn a_record_that_does_not_tell_allow_skip_and_was_listed_before_is_nobodys() {
    for skips in [false, true] {
        let mut stage = Stage::new(vec![job("a", "to/", move |job| job.allow_skip = skips)]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Completed);
        stage.until(at("01:59:30"));
        stage.list(2, TransferStatus::Completed);
        leave_out_allow_skip(&mut stage, 2);
        stage.until(at("02:00:00"));
        stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
        stage.pass(secs(10));
        assert_eq!((stage.submits.len(), owner(&stage, 2)), (2, None), "{skips}");
    }
}
