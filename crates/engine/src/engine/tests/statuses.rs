//! The agent's reports on a transfer's state: unknown values, counters that do not add up,
//! progress, and cancels that never end.

use std::sync::Arc;

use jiff::SignedDuration;
use rstest::rstest;

use super::stage::{Stage, at, job, secs};
use crate::input::Input;
use crate::job::{JobSet, Terms, Verdict};
use crate::run::RunState;
use crate::transfer::{CancelAnswer, Progress, SubmitAnswer, TransferStatus};

/// A stage whose first run is queued, with its transfer listed as number 1.
fn running(change: impl FnOnce(&mut Terms)) -> Stage {
    let mut terms = Terms { timeout: SignedDuration::from_mins(30), ..Terms::default() };
    terms.retry.max_attempts = 1;
    change(&mut terms);
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.terms = Arc::new(terms))]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage
}

fn unknown(stage: &mut Stage, value: &str) {
    stage.record(1).status = TransferStatus::Unknown;
    stage.record(1).unknown_status = Some(value.to_owned());
}

#[test]
fn an_unknown_status_is_said_once_for_each_value() {
    let mut stage = running(|_| {});
    unknown(&mut stage, "256");
    stage.pass(secs(300));
    let said = |stage: &Stage| {
        stage.warnings.iter().filter(|text| text.contains("`transferStatus`")).count()
    };
    assert_eq!(said(&stage), 1, "{:?}", stage.warnings);
    let reason = stage.run(0).reason.to_string();
    assert!(reason.contains("the `transferStatus` 256, which this version does not"), "{reason}");
    assert!(stage.happened("unknown_status"));
    unknown(&mut stage, "512");
    stage.pass(secs(300));
    assert_eq!(said(&stage), 2);
    assert_eq!(stage.run(0).state, RunState::Running, "it may be at work");
}

#[test]
fn an_unknown_status_with_an_end_date_is_an_end() {
    let mut stage = running(|_| {});
    unknown(&mut stage, "256");
    stage.record(1).ended_at = Some(at("01:00:05"));
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Failed, "{}", stage.run(0).reason);
    assert!(stage.run(0).reason.to_string().contains("256"), "{}", stage.run(0).reason);
    assert_eq!(stage.submits.len(), 1, "it may have succeeded: nothing is sent again");
    stage.until(at("02:00:00"));
    assert_eq!(stage.submits.len(), 2, "the job goes on");
}

#[test]
fn a_status_that_is_left_out_once_at_the_end_is_waited_for() {
    let mut stage = running(|_| {});
    unknown(&mut stage, "");
    stage.record(1).ended_at = Some(at("01:00:05"));
    let before = stage.looks;
    while stage.looks == before {
        stage.pass(secs(1));
    }
    stage.record(1).status = TransferStatus::Completed;
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Succeeded, "{}", stage.run(0).reason);
}

#[test]
fn an_unknown_status_at_100_percent_that_can_not_be_canceled_is_an_end() {
    let mut stage = running(|_| {});
    unknown(&mut stage, "256");
    stage.record(1).progress = Progress { percent: 100.0, ..Progress::default() };
    stage.until(at("01:29:00"));
    assert_eq!(stage.run(0).state, RunState::Running);
    stage.until(at("01:31:00"));
    assert_eq!(stage.run(0).state, RunState::Canceling);
    let transfer = stage.cancels[0];
    let answer = CancelAnswer::NotTaken("NOT_FOUND".to_owned());
    stage.input(Input::CancelAnswered { transfer, answer });
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::TimedOut, "{}", stage.run(0).reason);
}

#[rstest]
#[case::all_there(10, 7, 3, 0, Verdict::Fail, RunState::Succeeded, "7 objects transferred")]
#[case::missing(10, 3, 0, 0, Verdict::Fail, RunState::Failed, "7 of 10 objects are missing")]
#[case::accepted(10, 3, 0, 0, Verdict::Accept, RunState::Succeeded, "7 of 10 objects are missing")]
#[case::failed(10, 9, 0, 1, Verdict::Fail, RunState::Failed, "1 of 10 objects failed")]
#[case::both(
    10,
    3,
    0,
    2,
    Verdict::Fail,
    RunState::Failed,
    "5 of 10 objects are missing (3 transferred, 2 failed)"
)]
#[case::no_total(0, 3, 0, 0, Verdict::Fail, RunState::Succeeded, "3 objects")]
#[case::more_than_the_total(2, 3, 0, 0, Verdict::Fail, RunState::Succeeded, "3 objects")]
fn what_is_missing_from_the_total_has_not_arrived(
    #[case] objects_total: u64,
    #[case] objects_transferred: u64,
    #[case] objects_skipped: u64,
    #[case] objects_failed: u64,
    #[case] partial: Verdict,
    #[case] expected: RunState,
    #[case] words: &str,
) {
    let mut stage = running(|terms| terms.partial = partial);
    stage.record(1).status = TransferStatus::Completed;
    stage.record(1).progress = Progress {
        objects_total,
        objects_transferred,
        objects_skipped,
        objects_failed,
        ..Progress::default()
    };
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, expected);
    assert!(stage.run(0).reason.to_string().contains(words), "{}", stage.run(0).reason);
}

#[test]
fn what_an_agent_does_not_count_is_not_missing() {
    let mut stage = running(|_| {});
    stage.record(1).status = TransferStatus::Completed;
    let untold = Progress { objects_total: 10, objects_incomplete: true, ..Progress::default() };
    stage.record(1).progress = untold;
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Succeeded, "{}", stage.run(0).reason);
}

#[test]
fn what_an_agent_does_not_count_is_not_empty() {
    let mut stage = running(|terms| terms.empty = Verdict::Fail);
    stage.record(1).status = TransferStatus::Completed;
    stage.record(1).progress = Progress { objects_incomplete: true, ..Progress::default() };
    stage.pass(secs(60));
    let run = stage.run(0);
    assert_eq!(run.state, RunState::Succeeded, "{}", run.reason);
    assert_eq!(run.reason.to_string(), "the agent tells no number of objects");
    let mut stage = running(|terms| terms.empty = Verdict::Fail);
    stage.record(1).status = TransferStatus::Completed;
    stage.record(1).progress = Progress::default();
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Failed, "there was none");
}

#[test]
fn progress_starts_the_stall_timer_anew() {
    let stall = SignedDuration::from_mins(5);
    let mut stage = running(|terms| {
        terms.stall_timeout = Some(stall);
        terms.timeout = SignedDuration::from_hours(4);
    });
    for _ in 0..30 {
        stage.pass(secs(60));
        stage.record(1).progress.bytes_transferred += 1;
    }
    assert_eq!(stage.run(0).state, RunState::Running, "it moves: {}", stage.run(0).reason);
    stage.pass(stall - secs(60));
    assert_eq!(stage.run(0).state, RunState::Running);
    stage.pass(secs(180));
    assert_eq!(stage.run(0).state, RunState::Canceling, "it has stopped");
}

#[test]
fn a_transfer_without_counters_has_not_stalled_and_one_that_tells_them_now_and_then_has() {
    for (told_at_times, state) in [(false, RunState::Running), (true, RunState::Canceling)] {
        let mut stage = running(|terms| {
            terms.stall_timeout = Some(SignedDuration::from_mins(5));
            terms.timeout = SignedDuration::from_hours(4);
        });
        let told = stage.record(1).progress;
        for minute in 0..30 {
            let tells = told_at_times && minute % 2 == 0;
            stage.record(1).tells_no_progress = !tells;
            stage.record(1).progress = if tells { told } else { Progress::default() };
            stage.pass(secs(60));
        }
        assert_eq!(stage.run(0).state, state, "{told_at_times}");
    }
}

/// A stage whose transfer was seen to fail once, and whose run backs off before the next attempt.
fn seen_to_fail() -> Stage {
    let mut stage = running(|terms| terms.retry.max_attempts = 3);
    stage.pass(secs(10));
    stage.history_is_silent = true;
    stage.status(1, TransferStatus::Error);
    while stage.run(0).state != RunState::BackingOff {
        stage.pass(secs(1));
    }
    stage
}

#[test]
fn nothing_is_sent_beside_a_transfer_that_goes_on_after_it_was_seen_to_fail() {
    let mut stage = seen_to_fail();
    stage.status(1, TransferStatus::Running);
    stage.pass(secs(300));
    assert_eq!(stage.submits.len(), 1, "{}", stage.run(0).reason);
    stage.status(1, TransferStatus::Completed);
    stage.pass(secs(120));
    assert_eq!(stage.run(0).state, RunState::Succeeded, "{}", stage.run(0).reason);
    assert_eq!(stage.submits.len(), 1);
}

/// A stage whose transfer is active again, and followed again, after it was seen to fail once.
fn back_at_work() -> Stage {
    let mut stage = seen_to_fail();
    stage.status(1, TransferStatus::Running);
    while stage.run(0).state != RunState::Running {
        stage.pass(secs(1));
    }
    stage
}

#[rstest]
#[case(TransferStatus::Error, RunState::Running, 2)]
#[case(TransferStatus::Canceled, RunState::Canceled, 1)]
#[case(TransferStatus::Completed, RunState::Succeeded, 1)]
#[case(TransferStatus::Paused, RunState::Running, 1)]
fn a_transfer_that_is_back_at_work_ends_as_any_other(
    #[case] status: TransferStatus,
    #[case] state: RunState,
    #[case] submits: usize,
) {
    let mut stage = back_at_work();
    stage.status(1, status);
    for _ in 0..300 {
        stage.pass(secs(1));
        if stage.submits.len() == 2 && stage.listed.len() == 1 {
            stage.answer(SubmitAnswer::Accepted);
            stage.list(2, TransferStatus::Running);
        }
    }
    assert_eq!((stage.run(0).state, stage.submits.len()), (state, submits));
}

#[test]
fn a_transfer_that_is_back_at_work_is_canceled_past_its_timeout() {
    let mut stage = back_at_work();
    stage.until(at("01:31:00"));
    assert_eq!(stage.run(0).state, RunState::Canceling, "{}", stage.run(0).reason);
    assert_eq!((stage.cancels.len(), stage.submits.len()), (1, 1));
}

#[test]
fn a_transfer_that_is_back_at_work_beside_the_next_attempt_is_canceled() {
    let mut stage = seen_to_fail();
    while stage.submits.len() < 2 {
        stage.pass(secs(1));
    }
    stage.answer(SubmitAnswer::Accepted);
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(60));
    assert!(stage.cancels.is_empty());
    stage.status(1, TransferStatus::Running);
    stage.pass(secs(60));
    let first = stage.record(1).id;
    assert_eq!(stage.cancels, [first], "two are never in flight at once");
    assert_eq!((stage.run(0).state, stage.run(0).follows), (RunState::Running, Some(2)));
}

#[test]
fn nothing_is_sent_beside_a_transfer_that_is_paused_after_it_was_seen_to_fail() {
    let mut stage = seen_to_fail();
    stage.status(1, TransferStatus::Paused);
    stage.pass(secs(300));
    assert_eq!(stage.submits.len(), 1, "{}", stage.run(0).reason);
}

#[test]
fn a_status_that_is_left_out_now_and_then_is_no_end() {
    let mut stage = running(|_| {});
    // As an agent that tells the time of its last progress as the end.
    stage.record(1).ended_at = Some(at("01:00:05"));
    for _ in 0..60 {
        for known in [false, true] {
            match known {
                true => stage.status(1, TransferStatus::Running),
                false => unknown(&mut stage, ""),
            }
            stage.input(Input::Notified);
            stage.pass(secs(1));
        }
    }
    assert_eq!(stage.run(0).state, RunState::Running, "{}", stage.run(0).reason);
}

#[rstest]
#[case::paused(true, false)]
#[case::without_counters(false, true)]
fn a_transfer_that_could_not_move_over_a_restart_has_not_stalled(
    #[case] paused: bool,
    #[case] tells_no_progress: bool,
) {
    let mut stage = running(|terms| {
        terms.stall_timeout = Some(SignedDuration::from_mins(5));
        terms.timeout = SignedDuration::from_hours(4);
    });
    stage.record(1).tells_no_progress = tells_no_progress;
    stage.pass(secs(60));
    if paused {
        stage.status(1, TransferStatus::Paused);
    }
    stage.pass(secs(60));
    stage.now = at("01:20:00");
    stage.restart();
    stage.status(1, TransferStatus::Running);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Running, "{}", stage.run(0).reason);
}

#[test]
fn a_cancel_that_never_ends_gives_its_slot_back_and_keeps_its_destination() {
    let long = |job: &mut crate::job::Job| {
        let timeout = SignedDuration::from_mins(30);
        job.terms = Arc::new(Terms { timeout, ..Terms::default() });
    };
    let mut stage = Stage::new(vec![job("a", "to/", long), job("b", "elsewhere/", long)]);
    let mut narrow = JobSet::clone(&stage.set);
    narrow.agent.max_active = 1;
    let window = narrow.agent.adopt_window;
    stage.input(Input::JobsReplaced(Arc::new(narrow)));
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:30:30"));
    assert_eq!(stage.run(0).state, RunState::Canceling);
    stage.status(1, TransferStatus::Canceling);
    stage.pass(window - secs(60));
    assert_eq!(stage.submits.len(), 1, "the slot is taken");
    stage.pass(secs(90));
    assert_eq!(stage.submits.len(), 2, "it can't be waited for any longer");
    assert_eq!(stage.run(0).state, RunState::Canceling);
    stage.until(at("02:10:00"));
    let of_a = stage.submits.iter().filter(|(id, _)| id.run == stage.rows.order[0]).count();
    assert_eq!(of_a, 1, "its own job waits on");
}

#[test]
fn a_cancel_of_ours_that_a_full_disk_kept_no_record_of_is_not_a_persons() {
    let mut stage = running(|_| {});
    stage.pass(secs(10));
    // Past its `timeout` it was canceled, and the request could not be recorded.
    stage.status(1, TransferStatus::Canceled);
    stage.now = at("01:31:00");
    stage.restart();
    assert_eq!(stage.run(0).state, RunState::TimedOut, "{}", stage.run(0).reason);
}

#[test]
fn a_cancel_before_the_timeout_is_a_persons() {
    let mut stage = running(|_| {});
    stage.pass(secs(10));
    stage.status(1, TransferStatus::Canceled);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::Canceled);
    assert!(stage.run(0).reason.to_string().contains("desktop app"), "{}", stage.run(0).reason);
}

#[test]
fn a_cancel_before_the_timeout_is_a_persons_also_if_it_is_seen_after_that() {
    let mut stage = running(|terms| terms.retry.on_timeout = true);
    stage.pass(secs(10));
    stage.ends(1, TransferStatus::Canceled, Some(at("01:05:00")));
    stage.now = at("01:31:00");
    stage.restart();
    assert_eq!(stage.run(0).state, RunState::Canceled, "{}", stage.run(0).reason);
}

#[rstest]
#[case(Verdict::Fail, RunState::Failed)]
#[case(Verdict::Accept, RunState::Succeeded)]
fn what_an_empty_transfer_means_is_for_the_job_to_say(
    #[case] empty: Verdict,
    #[case] expected: RunState,
) {
    let mut stage = running(|terms| terms.empty = empty);
    stage.record(1).status = TransferStatus::Completed;
    stage.record(1).progress = Progress::default();
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, expected, "{}", stage.run(0).reason);
}
