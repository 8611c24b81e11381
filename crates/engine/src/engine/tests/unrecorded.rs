//! An older copy of the database is put back: transfers queued since then are reported before their
//! occurrences are caught up.

use super::stage::{Stage, at, job, secs};
use crate::job::CatchUp;
use crate::run::Trigger;
use crate::transfer::{SubmitAnswer, TransferStatus};

/// A stage whose database was put back to its state of 01:30, after its run of 02:00 had succeeded.
fn put_back() -> Stage {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Completed);
    stage.until(at("01:30:00"));
    let older = stage.rows.clone();
    stage.until(at("02:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Completed);
    stage.until(at("02:30:00"));
    stage.rows = older;
    stage.warnings.clear();
    stage
}

#[test]
fn an_older_copy_that_is_put_back_within_a_minute_is_said_too() {
    let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
    stage.until(at("00:59:50"));
    let older = stage.rows.clone();
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:00:07"));
    stage.rows = older;
    stage.warnings.clear();
    stage.restart();
    assert_eq!(stage.run(0).trigger, Trigger::Schedule);
    stage.pass(secs(10));
    assert_eq!(said(&stage), 1, "{:?}", stage.warnings);
}

fn said(stage: &Stage) -> usize {
    stage.warnings.iter().filter(|text| text.contains("older copy of the database")).count()
}

#[test]
fn what_an_older_copy_of_the_database_does_not_know_is_said_before_it_is_caught_up() {
    let mut stage = put_back();
    let submits = stage.submits.len();
    stage.restart();
    assert_eq!(stage.run(1).trigger, Trigger::CatchUp);
    stage.pass(secs(10));
    assert_eq!(said(&stage), 1, "{:?}", stage.warnings);
    assert!(stage.happened("unrecorded"));
    assert_eq!(stage.submits.len(), submits + 1, "it is caught up all the same");
}

#[test]
fn a_transfer_of_before_or_of_somebody_else_is_not_said() {
    let mut stage = put_back();
    stage.record(2).user = None;
    stage.restart();
    stage.pass(secs(10));
    assert_eq!(said(&stage), 0, "{:?}", stage.warnings);
}

#[test]
fn a_transfer_whose_answer_is_awaited_is_not_said_to_be_in_no_record() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.catch_up = CatchUp::All)]);
    stage.now = at("03:30:00");
    stage.restart();
    stage.pass(secs(10));
    assert_eq!((stage.rows.order.len(), stage.submits.len()), (3, 1), "two wait behind the first");
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(20));
    assert_eq!(said(&stage), 0, "{:?}", stage.warnings);
}
