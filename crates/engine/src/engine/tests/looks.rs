//! When the agent is looked at, for what, and what a look leaves for the decisions after it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::stage::{Stage, at, job, secs};
use crate::input::Input;
use crate::job::Job;
use crate::limits::HINTED_LOOK_GAP;
use crate::run::{Phase, RunState};
use crate::schedule::{Schedule, Timetable};
use crate::transfer::{Gap, Incomplete, LookFailure, Refusal, SubmitAnswer, TransferStatus};

/// A stage on which a transfer of job `b` is active, a moment before job `a` is due.
fn beside_another() -> Stage {
    let early = |job: &mut Job| {
        let schedule = Schedule::parse("59 * * * *").expect("a schedule");
        job.timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC);
    };
    let mut stage = Stage::new(vec![job("a", "to/", |_| {}), job("b", "other/", early)]);
    stage.until(at("00:59:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("00:59:59"));
    assert_eq!(stage.run(0).state, RunState::Running);
    stage
}

#[test]
fn an_idle_engine_that_hears_of_a_change_asks_nothing() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.input(Input::Notified);
    stage.pass(secs(60));
    assert_eq!(stage.looks, 0);
}

#[test]
fn a_clock_that_went_back_unseen_delays_no_look() {
    let goes_back = |stage: &mut Stage, why: &str| {
        let looks = stage.looks;
        stage.now -= secs(1_200);
        stage.input(Input::TimeReached);
        stage.pass(secs(31));
        assert!(stage.looks > looks, "{why}");
    };
    for failure in [None, Some(LookFailure::Unreachable("refused".to_owned()))] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(1, TransferStatus::Running);
        stage.failure = failure.clone();
        stage.pass(secs(20));
        goes_back(&mut stage, &format!("one is followed: {failure:?}"));
    }
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.gap = Some(Gap::Shifted);
    stage.until(at("01:00:00"));
    goes_back(&mut stage, "one waits for a complete look");
}

#[test]
fn the_time_of_a_look_that_is_lost_proves_no_absence() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let id = stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.pass(secs(100));
    stage.hold_looks = true;
    stage.pass(secs(10));
    assert!(stage.looking);
    (stage.hold_looks, stage.looking) = (false, false);
    let looks = stage.looks;
    while stage.looks == looks {
        stage.pass(secs(1));
    }
    assert_eq!(stage.rows.attempts[&id].phase, Phase::Uncertain, "nobody has looked meanwhile");
    stage.pass(secs(30));
    assert_eq!(stage.rows.attempts[&id].phase, Phase::GivenUp);
}

#[test]
fn a_look_asks_for_our_transfers_and_until_one_is_found_for_other_spellings_of_it() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    let request = stage.submits[0].1.clone();
    let (exact, loose) = (request.fingerprint(), request.loose_fingerprint());
    stage.pass(secs(10));
    let last = stage.requests.last().expect("a look");
    assert_eq!(last.fingerprints, BTreeSet::from([exact, loose]));
    assert_eq!(last.transfers, BTreeSet::new());
    let id = stage.list(1, TransferStatus::Running);
    stage.pass(secs(20));
    let last = stage.requests.last().expect("a look");
    assert_eq!(last.fingerprints, BTreeSet::from([exact]));
    assert_eq!(last.transfers, BTreeSet::from([id]));
}

#[test]
fn the_second_incomplete_look_in_a_row_is_an_outage_and_another_gap_is_another_reason() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    let words = |stage: &Stage| stage.engine().agent_view().words;
    stage.gap = Some(Gap::TooSlow);
    stage.until(at("01:00:00"));
    while stage.looks < 2 {
        assert_eq!(words(&stage), "");
        stage.pass(secs(1));
    }
    assert!(words(&stage).contains("its end is not reached in time"), "{}", words(&stage));
    stage.gap = Some(Gap::Shifted);
    stage.pass(secs(30));
    assert!(words(&stage).contains("records move or disappear"), "{}", words(&stage));
}

#[test]
fn a_look_by_a_clock_that_is_days_off_is_no_ground() {
    let mut stage = beside_another();
    stage.clock_offset = SignedDuration::from_hours(49);
    stage.until(at("01:00:00"));
    assert_eq!(stage.submits.len(), 1);
    // The clock is right again within a second, by a look that may stand for nothing itself.
    stage.clock_offset = SignedDuration::ZERO;
    stage.gap = Some(Gap::Shifted);
    let looks = stage.looks;
    stage.input(Input::Notified);
    stage.pass(SignedDuration::from_millis(500));
    assert_eq!((stage.looks, stage.submits.len()), (looks + 1, 1));
    stage.gap = None;
    stage.pass(secs(10));
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn what_an_incomplete_look_shows_is_not_taken_for_the_next_request() {
    let mut stage = beside_another();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Refused(Refusal::Final("ACCESS".to_owned())));
    // Somebody else queues the same, and the list changes while it is read.
    stage.shows_all = true;
    let other = stage.list(9, TransferStatus::Running);
    stage.gap = Some(Gap::Shifted);
    let looks = stage.looks;
    stage.input(Input::Notified);
    stage.pass(SignedDuration::from_millis(500));
    assert_eq!(stage.looks, looks + 1);
    stage.trigger("a", 5);
    assert_eq!(stage.submits.len(), 3, "the complete look is half a second old");
    assert_eq!(stage.rows.attempts[&stage.submits[2].0].baseline, [other]);
}

#[test]
fn a_clock_that_differs_widens_the_evidence_of_what_is_not_listed_and_of_nothing_else() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let id = stage.answer(SubmitAnswer::Accepted);
    let widest = (-60_000, 60_000);
    for (offset, slack) in [(60, (0, 60_000)), (-60, widest), (10, widest)] {
        stage.clock_offset = secs(offset);
        stage.pass(secs(10));
        assert_eq!(stage.rows.attempts[&id].slack_ms, slack, "{offset}");
    }
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Running);
    stage.clock_offset = secs(100);
    stage.pass(secs(10));
    assert_eq!(stage.rows.attempts[&id].slack_ms, widest, "its record is known");
}

#[test]
fn a_transfer_that_stands_still_after_an_outage_is_stalled() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let terms = Arc::make_mut(&mut job.terms);
        terms.stall_timeout = Some(SignedDuration::from_mins(5));
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    let goes_on_until = |stage: &mut Stage, time: Timestamp, state| {
        stage.until(time);
        assert_eq!(stage.run(0).state, state, "{time}");
    };
    goes_on_until(&mut stage, at("01:02:00"), RunState::Running);
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    goes_on_until(&mut stage, at("01:07:00"), RunState::Running);
    stage.failure = None;
    goes_on_until(&mut stage, at("01:09:00"), RunState::Running);
    goes_on_until(&mut stage, at("01:12:00"), RunState::Canceling);
}

#[test]
fn changes_in_quick_succession_are_looked_at_a_moment_apart() {
    let mut stage = beside_another();
    stage.pass(SignedDuration::from_millis(400));
    let looks = stage.looks;
    for _ in 0..5 {
        stage.input(Input::Notified);
    }
    assert_eq!(stage.looks, looks + 1);
    stage.pass(HINTED_LOOK_GAP);
    assert_eq!(stage.looks, looks + 2, "for those that came while it looked, or after it");
    stage.pass(SignedDuration::from_millis(100));
    assert_eq!(stage.looks, looks + 2);
}

#[test]
fn an_agent_that_names_no_user_and_lists_no_page_is_taken_at_its_word() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.hold_looks = true;
    stage.until(at("01:00:00"));
    for (pages, token_valid) in [(0, None), (1, Some(true)), (1, Some(true))] {
        let mut look = stage.look(stage.now);
        let (gap, took) = (Gap::PageFailed("500".to_owned()), secs(1));
        look.user = None;
        look.incomplete = Some(Incomplete { gap, pages, records: 0, total: None, took });
        stage.looking = false;
        stage.input(Input::Looked(Ok(look)));
        assert_eq!(stage.engine().agent_view().token_valid, token_valid, "{pages}");
        stage.pass(secs(20));
        assert!(stage.looking, "another one is under way");
    }
    let said = stage.warnings.iter().filter(|text| text.contains("whose transfers are whose"));
    assert_eq!(said.count(), 1);
}
