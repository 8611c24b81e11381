//! Records that are no evidence and may still be the transfer of a lost request: the request is not
//! sent again beside them, and is waited for as an accepted one.

use std::sync::Arc;

use uuid::Uuid;

use super::stage::{Stage, at, job, secs};
use crate::ids::UserId;
use crate::input::Input;
use crate::job::Terms;
use crate::place::Fingerprint;
use crate::run::RunState;
use crate::transfer::{SubmitAnswer, Transfer, TransferStatus};

#[test]
fn a_lost_request_is_not_sent_again_beside_a_new_record_without_a_date() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = None;
    stage.until(at("01:20:00"));
    assert_eq!((stage.submits.len(), stage.run(0).state), (1, RunState::Queued));
}

#[test]
fn a_lost_request_is_not_sent_again_beside_a_new_record_that_is_spelled_otherwise() {
    for after_crash in [false, true] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        if after_crash {
            stage.restart();
        } else {
            stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
        }
        stage.list(1, TransferStatus::Running);
        stage.record(1).fingerprint = Fingerprint(Uuid::from_u128(1));
        stage.until(at("01:20:00"));
        assert_eq!(
            (stage.submits.len(), stage.run(0).state),
            (1, RunState::Queued),
            "{after_crash}"
        );
        assert!(stage.happened("near_miss"), "{after_crash}");
    }
}

#[test]
fn a_request_that_may_be_listed_keeps_its_places_as_long_as_an_accepted_one() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms { timeout: secs(1_800), ..Terms::default() });
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.list(1, TransferStatus::Running);
    stage.record(1).fingerprint = Fingerprint(Uuid::from_u128(1));
    stage.until(at("01:30:30"));
    assert_eq!(stage.run(0).state, RunState::TimedOut);
    stage.trigger("a", 7);
    stage.until(at("01:31:50"));
    assert_eq!(stage.submits.len(), 1, "`adopt_window` after its `timeout`");
    stage.until(at("01:34:00"));
    assert_eq!(stage.submits.len(), 2);
}

#[test]
fn a_record_of_somebody_else_or_of_a_sync_is_never_our_own_however_it_is_spelled() {
    let changes: [fn(&mut Transfer); 3] = [
        |record| record.user = Some(UserId(Uuid::from_u128(99))),
        |record| record.of_sync = true,
        |record| record.kind = Some(2),
    ];
    for (which, change) in changes.into_iter().enumerate() {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        stage.until(at("01:00:00"));
        stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
        stage.list(1, TransferStatus::Running);
        stage.record(1).fingerprint = Fingerprint(Uuid::from_u128(1));
        change(stage.record(1));
        stage.until(at("01:10:00"));
        assert_eq!(stage.submits.len(), 2, "{which}: it is sent again");
    }
}

#[test]
fn a_record_without_the_part_that_tells_lost_requests_apart_holds_each_of_them() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {}), job("b", "elsewhere/", |_| {})]);
    stage.until(at("01:00:00"));
    let mut asked = Vec::new();
    for (attempt, request) in stage.submits.clone() {
        asked.push(request.loose_fingerprint());
        let answer = SubmitAnswer::Uncertain("reset".to_owned());
        stage.input(Input::Submitted { attempt, answer });
    }
    stage.list(1, TransferStatus::Running);
    let record = stage.record(1);
    record.fingerprint = Fingerprint(Uuid::from_u128(1));
    record.loose_fingerprint = Fingerprint(Uuid::from_u128(2));
    record.may_be_of = asked;
    stage.until(at("01:20:00"));
    assert_eq!(stage.submits.len(), 2, "neither is sent again");
}
