//! Look before overlap (docs/protocol.md, rule 13): an occurrence that came due while the daemon
//! did not look is judged by the first look after that.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::reload::scheduled;
use super::stage::{Stage, at, job, secs};
use crate::ids::RunId;
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::job::{CatchUp, Overlap, Terms};
use crate::limits::MISSED_MAX;
use crate::reason::ReasonCode;
use crate::record::Pause;
use crate::repeat::{RunRequest, Wanted};
use crate::run::{Changes, RunState, Trigger};
use crate::transfer::{Gap, LookFailure, SubmitAnswer, TransferStatus};

/// A job at every full hour whose run of 01:00 is active.
pub(super) fn at_work(overlap: Overlap, catch_up: CatchUp) -> Stage {
    let timeout = SignedDuration::from_hours(20);
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms { timeout, ..Terms::default() });
        (job.overlap, job.catch_up) = (overlap, catch_up);
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:10:00"));
    stage
}

/// The fate of each occurrence after the first: its time, trigger and state.
pub(super) fn fates(stage: &Stage) -> Vec<(Timestamp, Trigger, RunState)> {
    let mut runs: Vec<_> = stage.rows.order.iter().skip(1).map(|id| &stage.rows.runs[id]).collect();
    runs.sort_by_key(|run| run.scheduled_for);
    runs.iter().map(|run| (run.scheduled_for.expect("due"), run.trigger, run.state)).collect()
}

/// The state of the last occurrence that was missed.
pub(super) fn latest(stage: &Stage) -> RunState {
    fates(stage).last().expect("an occurrence").2
}

#[test]
fn what_came_due_after_the_transfer_had_ended_is_caught_up() {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.ends(1, TransferStatus::Completed, Some(at("01:20:00")));
    stage.now = at("03:30:00");
    stage.restart();
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    let missed = (at("02:00:00"), Trigger::CatchUp, RunState::Skipped);
    let caught_up = (at("03:00:00"), Trigger::CatchUp, RunState::Submitting);
    assert_eq!(fates(&stage), [missed, caught_up]);
}

#[test]
fn what_came_due_before_the_transfer_ended_overlaps_it() {
    for (ended, state) in [
        ("02:59:57", RunState::Submitting),
        ("02:59:59", RunState::Skipped),
        ("03:10:00", RunState::Skipped),
    ] {
        let mut stage = at_work(Overlap::Skip, CatchUp::Once);
        stage.ends(1, TransferStatus::Completed, Some(at(ended)));
        stage.now = at("03:30:00");
        stage.restart();
        assert_eq!(latest(&stage), state, "{ended}");
        let skip = stage
            .rows
            .runs
            .values()
            .find(|run| run.reason.to_string().contains("was active until"));
        assert_eq!(skip.is_some(), state == RunState::Skipped, "{ended}");
    }
}

#[test]
fn a_transfer_that_is_still_at_work_or_tells_no_end_overlaps() {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.now = at("03:30:00");
    stage.restart();
    assert_eq!(latest(&stage), RunState::Skipped, "still at work");
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.ends(1, TransferStatus::Completed, None);
    stage.now = at("03:30:00");
    stage.restart();
    assert_eq!(latest(&stage), RunState::Skipped, "it may have ended just now");
}

#[test]
fn each_policy_judges_by_the_end_at_the_agent() {
    for overlap in [Overlap::Queue, Overlap::Replace] {
        for ended in ["01:20:00", "03:10:00"] {
            let mut stage = at_work(overlap, CatchUp::Once);
            stage.ends(1, TransferStatus::Completed, Some(at(ended)));
            stage.now = at("03:30:00");
            stage.restart();
            assert_eq!(stage.run(0).state, RunState::Succeeded, "{overlap:?}: not canceled");
            assert_eq!(latest(&stage), RunState::Submitting, "{overlap:?}, {ended}");
        }
    }
}

#[test]
fn a_machine_that_slept_looks_before_it_judges() {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.ends(1, TransferStatus::Completed, Some(at("01:20:00")));
    stage.now = at("03:00:00");
    stage.input(Input::TimeReached);
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    let caught_up = (at("03:00:00"), Trigger::Schedule, RunState::Submitting);
    assert_eq!(fates(&stage).last(), Some(&caught_up));
}

#[test]
fn a_machine_that_fell_asleep_just_before_an_occurrence_looks_before_it_judges_the_last() {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.until(at("01:59:59"));
    stage.input(Input::Notified);
    stage.ends(1, TransferStatus::Completed, Some(at("02:20:00")));
    stage.now = at("03:30:00");
    stage.input(Input::TimeReached);
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    let missed = (at("02:00:00"), Trigger::CatchUp, RunState::Skipped);
    let caught_up = (at("03:00:00"), Trigger::CatchUp, RunState::Submitting);
    assert_eq!(fates(&stage), [missed, caught_up]);
}

#[test]
fn what_comes_due_while_only_the_agent_is_away_is_not_missed() {
    for catch_up in [CatchUp::None, CatchUp::Once, CatchUp::All] {
        let mut stage = at_work(Overlap::Skip, catch_up);
        stage.ends(1, TransferStatus::Completed, Some(at("01:20:00")));
        stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
        stage.until(at("03:30:00"));
        assert_eq!(fates(&stage), [], "nothing is known yet");
        stage.failure = None;
        stage.until(at("03:31:00"));
        assert_eq!(stage.run(0).state, RunState::Succeeded);
        // As if the first had waited for the agent all the time.
        let first = (at("02:00:00"), Trigger::Schedule, RunState::Submitting);
        let second = (at("03:00:00"), Trigger::Schedule, RunState::Skipped);
        assert_eq!(fates(&stage), [first, second], "{catch_up:?}");
        assert_eq!(stage.run(2).reason.code(), Some(ReasonCode::Overlap));
    }
}

#[test]
fn what_comes_due_in_a_sleep_while_the_agent_is_away_is_missed() {
    let mut stage = at_work(Overlap::Skip, CatchUp::None);
    stage.ends(1, TransferStatus::Completed, Some(at("01:20:00")));
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("01:50:00"));
    stage.now = at("03:30:00");
    stage.input(Input::TimeReached);
    stage.failure = None;
    stage.until(at("03:31:00"));
    let missed = |at| (at, Trigger::CatchUp, RunState::Skipped);
    assert_eq!(fates(&stage), [missed(at("02:00:00")), missed(at("03:00:00"))]);
}

#[test]
fn an_agent_that_is_slow_to_list_does_not_keep_a_dense_schedule_from_being_judged() {
    let mut stage = Stage::new(vec![scheduled("a", "* * * * * *")]);
    stage.until(at("00:30:01"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.hold_looks = true;
    stage.until(at("00:33:00"));
    let (began_at, judged) = (stage.now, fates(&stage).len());
    stage.now = at("00:36:00");
    (stage.looking, stage.look_takes) = (false, secs(180));
    let look = stage.look(began_at);
    stage.input(Input::Looked(Ok(look)));
    assert_eq!(fates(&stage).len(), judged + MISSED_MAX);
}

#[test]
fn without_an_agent_it_is_not_judged_and_wakes_nothing_by_itself() {
    let mut stage = at_work(Overlap::Skip, CatchUp::All);
    stage.ends(1, TransferStatus::Completed, Some(at("01:20:00")));
    stage.now = at("03:30:00");
    stage.restart_unanswered();
    for _ in 0..20 {
        stage.input(Input::Looked(Err(LookFailure::Unreachable("refused".to_owned()))));
        assert_eq!(fates(&stage), [], "nothing is known yet");
        let next = stage.engine().next_wakeup().expect("the agent is asked again");
        assert!(next > stage.now, "it does not spin");
        stage.now = next;
        stage.turn_unanswered();
    }
    stage.restart();
    let states: Vec<_> = fates(&stage).iter().map(|(_, _, state)| *state).collect();
    assert_eq!(states, [RunState::Submitting, RunState::Waiting], "all, in order");
}

#[test]
fn while_nothing_is_amiss_an_overlap_is_judged_at_once() {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.until(at("01:59:59"));
    let looks = stage.looks;
    stage.until(at("02:00:00"));
    assert_eq!(latest(&stage), RunState::Skipped);
    assert!(stage.looks <= looks + 1);
}

#[test]
fn what_is_held_back_when_the_job_is_paused_was_not_paused_yet() {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.now = at("02:00:10");
    stage.restart_unanswered();
    let job = stage.set.jobs.keys().next().expect("a job").clone();
    let pause = Pause { at: stage.now, until: None, reason: None };
    let request = OperatorRequest::Pause { job, pause };
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
    assert_eq!(fates(&stage), [], "it still waits for the look");
    stage.restart();
    stage.pass(secs(3_600));
    assert_eq!(fates(&stage).len(), 1, "the next one is paused");
}

#[test]
fn after_what_was_held_back_the_next_occurrence_comes_in_time() {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.ends(1, TransferStatus::Completed, Some(at("01:20:00")));
    stage.now = at("02:30:00");
    stage.restart();
    let name = stage.set.jobs.keys().next().expect("a job").clone();
    assert_eq!(stage.engine().held_back_view(&name), None);
    stage.until(at("03:00:00"));
    let (caught_up, next) = (fates(&stage)[0], fates(&stage)[1]);
    assert_eq!(caught_up, (at("02:00:00"), Trigger::CatchUp, RunState::Submitting));
    assert_eq!(next, (at("03:00:00"), Trigger::Schedule, RunState::Skipped), "it overlaps");
}

#[test]
fn an_end_that_was_seen_at_an_occurrence_or_before_is_in_no_ones_way() {
    // Where the agent does not tell its clock, its dates are less exact.
    for (ended, now, knows_clock, state) in [
        ("02:59:59", "03:00:00", true, RunState::Submitting),
        ("02:59:59", "03:00:01", true, RunState::Skipped),
        ("02:59:00", "03:30:00", true, RunState::Submitting),
        ("02:59:00", "03:30:00", false, RunState::Skipped),
        ("02:57:00", "03:30:00", false, RunState::Submitting),
    ] {
        let mut stage = at_work(Overlap::Skip, CatchUp::Once);
        stage.ends(1, TransferStatus::Completed, Some(at(ended)));
        stage.knows_clock = knows_clock;
        stage.now = at(now);
        stage.restart();
        assert_eq!(latest(&stage), state, "{ended} {now} {knows_clock}");
    }
}

#[test]
fn an_occurrence_waits_for_a_run_that_repeats_another_and_is_not_skipped_for_it() {
    let repeating = || {
        let mut stage = at_work(Overlap::Skip, CatchUp::Once);
        stage.ends(1, TransferStatus::Completed, Some(at("01:10:00")));
        stage.pass(secs(60));
        let what = Wanted::Retry { of: Arc::new(stage.run(0).clone()), current: false };
        let (run, job) = (RunId(Uuid::from_u128(7)), stage.run(0).job.clone());
        let (changes, past) = (Changes::default(), Vec::new());
        let again = RunRequest { run, job, what, again: true, changes, past };
        let request = OperatorRequest::Repeat(vec![again]);
        stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
        stage.pass(secs(2));
        stage.answer(SubmitAnswer::Accepted);
        stage.list(2, TransferStatus::Running);
        stage.pass(secs(10));
        let repeats = (stage.run(1).trigger, stage.run(1).state);
        assert_eq!(repeats, (Trigger::Retry, RunState::Running));
        stage
    };
    let mut stage = repeating();
    stage.until(at("02:00:00"));
    let waits = (stage.run(2).state, stage.run(2).behind);
    assert_eq!(waits, (RunState::Waiting, Some(stage.run(1).id)));
    // Nor for one that has ended while nobody looked.
    let mut stage = repeating();
    stage.ends(2, TransferStatus::Completed, Some(at("03:10:00")));
    stage.now = at("03:30:00");
    stage.restart();
    assert_eq!(latest(&stage), RunState::Submitting);
}

#[test]
fn the_first_that_is_caught_up_waits_for_the_run_before_and_each_other_for_the_one_before_it() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms::default();
        (terms.retry.initial_delay, terms.retry.max_delay) = (secs(36_000), secs(36_000));
        job.terms = Arc::new(terms);
        job.catch_up = CatchUp::All;
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Error);
    stage.pass(secs(60));
    assert_eq!(stage.run(0).state, RunState::BackingOff);
    stage.now = at("03:30:00");
    stage.restart();
    let behind: Vec<_> = (1..3).map(|nth| stage.run(nth).behind).collect();
    assert_eq!(behind, [Some(stage.run(0).id), Some(stage.run(1).id)]);
}

#[test]
fn those_that_are_caught_up_in_turn_are_not_replaced_by_the_next_occurrence() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        (job.overlap, job.catch_up) = (Overlap::Replace, CatchUp::All);
    })]);
    stage.now = at("03:30:00");
    stage.restart();
    stage.until(at("05:10:00"));
    let fates: Vec<_> = (0..5).map(|nth| stage.run(nth).state).collect();
    let (first, replaced) = (RunState::Submitting, RunState::Canceled);
    let waiting = RunState::Waiting;
    assert_eq!(fates, [first, waiting, waiting, replaced, waiting], "04:00 for 05:00 alone");
    assert_eq!(stage.run(4).behind, Some(stage.run(2).id));
}

#[test]
fn an_end_that_can_not_be_is_not_believed() {
    let seen = |ended: Option<Timestamp>| {
        let mut stage = at_work(Overlap::Skip, CatchUp::Once);
        stage.ends(1, TransferStatus::Completed, ended);
        stage.pass(secs(120));
        let attempt = stage.rows.attempts.values().next().expect("an attempt");
        (attempt.finished_at, attempt.ended_at.expect("its end was seen"))
    };
    let (_, now) = seen(None);
    for (ended, believed) in [
        (at("00:57:59"), None),
        (at("00:58:00"), Some(at("00:58:00"))),
        (now - secs(1), Some(now - secs(1))),
        (now + secs(5), Some(now)),
        (now + secs(6), None),
    ] {
        assert_eq!(seen(Some(ended)), (believed, now), "{ended}");
    }
}

#[test]
fn a_run_whose_cause_is_asked_for_is_in_the_way_until_its_end_was_seen() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms { timeout: SignedDuration::from_hours(5), ..Terms::default() };
        terms.retry.max_attempts = 1;
        job.terms = Arc::new(terms);
    })]);
    stage.history_is_silent = true;
    stage.until(at("01:00:00"));
    let id = stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("01:59:55"));
    stage.ends(1, TransferStatus::Error, None);
    stage.input(Input::Notified);
    stage.input(Input::Notified);
    stage.until(at("01:59:59"));
    let seen = stage.rows.attempts[&id].ended_at.expect("its end was seen");
    stage.input(Input::Notified);
    stage.until(at("02:00:20"));
    assert_eq!(stage.rows.attempts[&id].ended_at, Some(seen), "when it was seen first");
    assert_eq!(stage.run(0).state, RunState::Failed);
    let in_time = (at("02:00:00"), Trigger::Schedule, RunState::Submitting);
    assert_eq!(fates(&stage), [in_time]);
}

#[test]
fn an_occurrence_is_judged_at_once_where_nothing_is_to_be_learned_of_its_run() {
    // The run has ended; a transfer of it that is canceled has not.
    let (mut stage, first_asked) = Stage::sent_again();
    stage.list(2, TransferStatus::Running);
    stage.pass(secs(10));
    stage.list(1, TransferStatus::Running);
    stage.record(1).requested_at = Some(first_asked);
    stage.status(2, TransferStatus::Completed);
    stage.pass(secs(20));
    assert_eq!(stage.run(0).state, RunState::Succeeded);
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("02:00:00"));
    assert_eq!(latest(&stage), RunState::Waiting);
    // Its lost request is only watched for, and the next one is far off.
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        let mut terms = Terms { timeout: SignedDuration::from_hours(5), ..Terms::default() };
        terms.retry.initial_delay = SignedDuration::from_hours(2);
        terms.retry.max_delay = SignedDuration::from_hours(2);
        job.terms = Arc::new(terms);
    })]);
    stage.until(at("01:00:00"));
    stage.answer(SubmitAnswer::Uncertain("reset".to_owned()));
    stage.until(at("01:10:00"));
    assert_eq!(stage.run(0).state, RunState::BackingOff);
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("02:00:00"));
    assert_eq!(latest(&stage), RunState::Skipped);
}

#[test]
fn a_look_that_is_as_old_as_looks_are_is_good_enough_and_an_older_one_is_made_anew_at_once() {
    let mut stage = Stage::new(vec![scheduled("a", "* * * * *")]);
    stage.until(at("00:31:00"));
    stage.answer(SubmitAnswer::Accepted);
    stage.list(1, TransferStatus::Running);
    stage.until(at("00:31:54"));
    stage.input(Input::Notified);
    stage.until(at("00:31:58"));
    // The machine is busy for two seconds.
    stage.now = at("00:32:00");
    stage.hold_looks = true;
    stage.input(Input::TimeReached);
    assert_eq!(latest(&stage), RunState::Skipped);
    // Of a transfer that has been at work for long, looks are a minute apart.
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.until(at("01:59:00"));
    let looks = stage.looks;
    stage.gap = Some(Gap::Shifted);
    stage.until(at("01:59:59"));
    assert_eq!(stage.looks, looks + 1);
    stage.gap = None;
    stage.until(at("02:00:00"));
    assert_eq!((stage.looks, latest(&stage)), (looks + 2, RunState::Skipped));
}
