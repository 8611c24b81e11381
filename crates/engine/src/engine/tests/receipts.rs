//! Receipts are hints (protocol, rule 14).

use super::stage::{Stage, at, job, secs};
use crate::ids::{AttemptId, RunId};
use crate::input::Input;
use crate::run::{Phase, RunState};
use crate::transfer::{SubmitAnswer, TransferStatus};

fn receipts(stage: &Stage) -> usize {
    stage.rows.events.iter().filter(|event| event.what.kind().word() == "receipt").count()
}

#[test]
fn a_receipt_is_noted_once_and_makes_the_next_look_come_at_once() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let attempt = stage.answer(SubmitAnswer::Accepted);
    stage.pass(secs(3));
    stage.list(1, TransferStatus::Running);
    let looks = stage.looks;
    for _ in 0..100 {
        stage.input(Input::Receipt(attempt));
    }
    assert_eq!((stage.looks, receipts(&stage)), (looks + 1, 1));
    assert_eq!(stage.run(0).state, RunState::Running);
}

#[test]
fn a_receipt_proves_nothing_and_nothing_is_noted_of_attempts_that_there_are_not() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    let attempt = stage.answer(SubmitAnswer::Uncertain("timed out".to_owned()));
    stage.input(Input::Receipt(attempt));
    assert_eq!(stage.rows.attempts[&attempt].phase, Phase::Uncertain);
    for stranger in
        [AttemptId { number: 9, ..attempt }, AttemptId { run: RunId(uuid::Uuid::nil()), ..attempt }]
    {
        stage.input(Input::Receipt(stranger));
    }
    assert_eq!(receipts(&stage), 1);
    stage.pass(secs(200));
    assert_eq!(stage.rows.attempts[&attempt].phase, Phase::GivenUp, "it was not found");
    assert_eq!(stage.submits.len(), 2, "and is asked for again");
}
