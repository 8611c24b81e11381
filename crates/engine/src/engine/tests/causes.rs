//! Why a transfer failed: asked once, waited for briefly, and used for the retry.

use jiff::SignedDuration;
use uuid::Uuid;

use super::stage::{OURS, Stage, at, job, secs};
use crate::cause::{CauseClass, FailedObject, OurRow};
use crate::ids::TransferId;
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::job::{RetryPolicy, Terms, Verdict};
use crate::reason::ReasonCode;
use crate::run::{Attempt, RunState};
use crate::transfer::{SubmitAnswer, TransferStatus};

/// A stage whose only transfer is active.
fn at_work(partial: Verdict) -> Stage {
    at_work_by(partial, secs(0))
}

/// The same, with an agent whose clock is ahead by this much.
fn at_work_by(partial: Verdict, clock_offset: SignedDuration) -> Stage {
    let retry = RetryPolicy { max_attempts: 3, ..RetryPolicy::default() };
    let terms = Terms { retry, partial, ..Terms::default() };
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.terms = terms.into())]);
    stage.clock_offset = clock_offset;
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::Running);
    stage
}

fn ours(message: &str, certain: bool) -> Option<OurRow> {
    Some(OurRow { message: message.to_owned(), certain })
}

fn attempt(stage: &Stage) -> &Attempt {
    stage.rows.attempts.values().next().expect("an attempt")
}

fn frame(stage: &mut Stage, transfer: u128, path: &str, error: &str) {
    let object = FailedObject { path: path.to_owned(), error: error.to_owned() };
    stage.input(Input::ObjectFailed { transfer: TransferId(Uuid::from_u128(transfer)), object });
}

fn fail_in_part(stage: &mut Stage, failed: u64) {
    stage.listed[0].progress.objects_total = 20;
    stage.listed[0].progress.objects_failed = failed;
    stage.listed[0].progress.objects_transferred = 20 - failed;
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(10));
}

#[test]
fn what_a_row_of_ours_calls_denied_or_missing_is_not_tried_again() {
    for (words, code) in [
        ("Access Denied", ReasonCode::CauseAccess),
        ("The specified key does not exist.", ReasonCode::CauseMissing),
    ] {
        let mut stage = at_work(Verdict::Fail);
        stage.row = ours(words, true);
        stage.status(1, TransferStatus::Error);
        stage.pass(secs(10));
        let run = stage.run(0);
        assert_eq!((run.state, run.reason.code()), (RunState::Failed, Some(code)));
        let told = format!("the agent reports an error of the transfer: {words}");
        assert_eq!(run.reason.to_string(), told);
        assert_eq!(attempt(&stage).cause.as_ref().expect("a cause").message, words);
    }
}

#[test]
fn a_failure_of_which_a_part_may_be_mended_is_tried_again() {
    for (error, state) in
        [("checksum mismatch", RunState::BackingOff), ("NoSuchKey", RunState::Failed)]
    {
        let mut stage = at_work(Verdict::Fail);
        stage.row = ours("Access Denied", true);
        frame(&mut stage, 1, "a.mov", "Access Denied");
        frame(&mut stage, 1, "b.mov", error);
        fail_in_part(&mut stage, 2);
        assert_eq!(stage.run(0).state, state, "{error}");
    }
}

#[test]
fn a_passing_trouble_or_a_row_that_may_be_anothers_is_tried_again() {
    for row in [ours("connection reset", true), ours("Access Denied", false), None] {
        let mut stage = at_work(Verdict::Fail);
        stage.row = row.clone();
        stage.status(1, TransferStatus::Error);
        stage.pass(secs(10));
        assert_eq!(stage.run(0).state, RunState::BackingOff, "{row:?}");
        assert_eq!(attempt(&stage).cause.is_some(), row.is_some());
    }
}

#[test]
fn frames_are_shown_and_decide_nothing() {
    let mut stage = at_work(Verdict::Fail);
    // Frames may come before a listing shows whose transfer it is, or about no transfer of ours.
    for stranger in 1_000..1_500 {
        frame(&mut stage, stranger, "x", "Access Denied");
    }
    for (path, error) in [("d/a.mov", "Access Denied"), ("d/b.mov", "403"), ("c.mov", "NoSuchKey")]
    {
        frame(&mut stage, 1, path, error);
        frame(&mut stage, 1, path, error);
    }
    for stranger in 2_000..2_500 {
        frame(&mut stage, stranger, "x", "Access Denied");
    }
    fail_in_part(&mut stage, 3);
    assert_eq!(stage.run(0).state, RunState::BackingOff);
    let attempt = attempt(&stage);
    assert_eq!(
        attempt.reason.to_string(),
        "completed in part: 3 of 20 objects failed: 2 access denied (a.mov, b.mov), 1 missing \
         (c.mov)"
    );
    let cause = attempt.cause.as_ref().expect("a cause");
    assert_eq!((cause.class, cause.objects.len()), (CauseClass::Access, 3));
}

#[test]
fn a_partial_that_is_accepted_keeps_its_cause() {
    let mut stage = at_work(Verdict::Accept);
    stage.row = ours("Access Denied", true);
    fail_in_part(&mut stage, 1);
    let run = stage.run(0);
    assert_eq!(
        (run.state, run.reason.code()),
        (RunState::Succeeded, Some(ReasonCode::ObjectsFailed))
    );
    assert!(attempt(&stage).cause.is_some());
}

#[test]
fn a_history_that_does_not_answer_holds_up_no_run() {
    let mut stage = at_work(Verdict::Fail);
    stage.history_is_silent = true;
    stage.status(1, TransferStatus::Error);
    stage.pass(secs(6));
    assert_eq!(stage.run(0).state, RunState::Running, "it is asked");
    assert_eq!(stage.asked.len(), 1);
    stage.pass(secs(10));
    assert_eq!(stage.run(0).state, RunState::BackingOff);
    assert_eq!(stage.asked.len(), 1, "once");
    // An answer that comes after that is ignored.
    let (attempt, query) = stage.asked.remove(0);
    let row = ours("Access Denied", true);
    stage.input(Input::CauseLearned { attempt, transfer: query.transfer, row });
    assert_eq!(stage.run(0).state, RunState::BackingOff);
}

/// Similar rows of another user's transfer, or of another time, are not ours.
#[test]
fn the_history_is_asked_for_a_row_of_our_user_that_ended_since_by_the_agents_clock() {
    let ahead = SignedDuration::from_hours(2);
    let mut stage = at_work_by(Verdict::Fail, ahead);
    stage.history_is_silent = true;
    stage.status(1, TransferStatus::Error);
    stage.pass(secs(6));
    let (asked_for, query) = stage.asked.remove(0);
    let row = attempt(&stage);
    assert_eq!((asked_for, Some(query.transfer)), (row.id, row.transfer));
    assert_eq!(query.user, Some(OURS));
    let (first, last) = query.ended;
    assert_eq!(first, row.not_before + ahead - secs(2), "dates may be whole seconds");
    assert!(stage.now + ahead <= last && last < stage.now + ahead + secs(600), "{last}");
}

#[test]
fn the_history_is_asked_for_the_row_that_ended_when_the_list_says() {
    let mut stage = at_work(Verdict::Fail);
    stage.history_is_silent = true;
    // The agent's clock has gone ahead since the request, and is set right again.
    stage.clock_offset = secs(3600);
    let ended = stage.now + secs(3600);
    stage.pass(secs(5));
    stage.ends(1, TransferStatus::Error, Some(ended));
    stage.pass(secs(6));
    let (_, query) = stage.asked.remove(0);
    assert_eq!(query.listed_end, Some(ended), "as the agent's own dates are");
    assert_eq!(query.ended.0, ended - secs(2), "dates may be whole seconds");
    // After a restart the date from the list is gone: the one in our own row is the next best.
    stage.restart();
    stage.pass(secs(6));
    let (_, query) = stage.asked.remove(0);
    assert!(query.listed_end.is_some());
}

#[test]
fn after_a_restart_it_is_asked_again_and_a_clock_that_was_set_holds_nobody_up() {
    let mut stage = at_work(Verdict::Fail);
    stage.history_is_silent = true;
    stage.status(1, TransferStatus::Error);
    stage.pass(secs(6));
    stage.restart();
    stage.pass(secs(6));
    assert_eq!((stage.run(0).state, stage.asked.len()), (RunState::Running, 2));
    stage.step_clock(secs(-7_200));
    stage.pass(secs(12));
    assert_eq!(stage.run(0).state, RunState::BackingOff);
}

/// A stage whose daemon dies while it asks why a transfer has failed in part, and whose agent has
/// forgotten that transfer when the daemon is back.
fn died_while_asking(partial: Verdict) -> Stage {
    let mut stage = at_work(partial);
    stage.history_is_silent = true;
    fail_in_part(&mut stage, 1);
    assert_eq!((stage.run(0).state, stage.asked.len()), (RunState::Running, 1));
    stage.listed.clear();
    stage.restart();
    stage
}

#[test]
fn an_end_that_was_seen_holds_though_the_daemon_dies_and_the_list_forgets_it() {
    let mut stage = died_while_asking(Verdict::Accept);
    stage.pass(secs(12));
    let run = stage.run(0);
    assert_eq!(
        (run.state, run.reason.code()),
        (RunState::Succeeded, Some(ReasonCode::ObjectsFailed))
    );
    assert_eq!(stage.asked.len(), 2, "it is asked again");

    let mut stage = died_while_asking(Verdict::Fail);
    let (attempt, query) = stage.asked.remove(1);
    let row = ours("Access Denied", true);
    stage.input(Input::CauseLearned { attempt, transfer: query.transfer, row });
    assert_eq!(stage.run(0).reason.code(), Some(ReasonCode::CauseAccess));
    assert_eq!(stage.rows.attempts.len(), 1, "nothing is sent again");
}

#[test]
fn what_comes_due_while_the_cause_is_asked_for_does_not_overlap_a_transfer_that_is_over() {
    let mut stage = at_work(Verdict::Accept);
    stage.history_is_silent = true;
    // The job is due each hour; the end is seen a moment before.
    stage.until(at("01:59:57"));
    stage.listed[0].progress.objects_failed = 1;
    stage.ends(1, TransferStatus::Completed, Some(at("01:59:42")));
    stage.input(Input::Notified);
    let (attempt, query) = stage.asked.remove(0);
    stage.until(at("02:00:00"));
    assert_eq!(stage.rows.runs.len(), 1, "it is held back");
    stage.input(Input::CauseLearned { attempt, transfer: query.transfer, row: None });
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    stage.pass(secs(1));
    assert_eq!(stage.run(1).state, RunState::Submitting, "{}", stage.run(1).reason);
}

#[test]
fn an_operators_cancel_wins_over_a_cause_that_is_being_learned() {
    let mut stage = at_work(Verdict::Fail);
    stage.history_is_silent = true;
    stage.status(1, TransferStatus::Error);
    stage.pass(secs(6));
    let run = stage.run(0).id;
    let request = OperatorRequest::CancelRun(run);
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
    stage.pass(secs(12));
    assert_eq!(stage.run(0).state, RunState::Canceled);
    assert!(stage.cancels.is_empty(), "there is nothing left to cancel");
}
