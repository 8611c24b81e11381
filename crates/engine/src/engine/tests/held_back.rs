//! Occurrences that wait for a look while something else happens to their job: their time to start
//! runs out, the job is paused, the job file changes.

use std::sync::Arc;

use uuid::Uuid;

use super::overlap::{at_work, fates};
use super::reload::scheduled;
use super::stage::{Stage, at, job, secs, set};
use crate::ids::{JobName, RunId};
use crate::input::{Answer, Input, OperatorRequest, ReplyTo};
use crate::job::{CatchUp, Job, Overlap, Terms};
use crate::reason::ReasonCode;
use crate::record::Pause;
use crate::repeat::{Backfill, RunRequest, Wanted};
use crate::run::{Changes, RunState, Trigger};
use crate::transfer::{LookFailure, TransferStatus};

/// A job at every full hour whose transfer of 01:00 ends at 01:20, while the agent is away.
fn away(change: impl FnOnce(&mut Job)) -> Stage {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.set = set(vec![job("a", "to/", change)]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    stage.ends(1, TransferStatus::Completed, Some(at("01:20:00")));
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage
}

fn start_within(minutes: i64) -> impl FnOnce(&mut Job) {
    move |job: &mut Job| {
        let within = Some(secs(60 * minutes));
        job.terms = Arc::new(Terms { start_within: within, ..Terms::default() });
    }
}

fn ask(stage: &mut Stage, request: OperatorRequest) {
    let reply = ReplyTo(1);
    stage.input(Input::Operator { reply, request, by: None });
}

fn paused(stage: &mut Stage) {
    let pause = Pause { at: stage.now, until: None, reason: None };
    ask(stage, OperatorRequest::Pause { job: JobName::new("a"), pause });
}

fn back_at(stage: &mut Stage, time: &str) {
    stage.until(at(time));
    stage.failure = None;
    stage.pass(secs(90));
}

#[test]
fn what_waits_for_a_look_for_longer_than_start_within_says_so() {
    let mut stage = at_work(Overlap::Skip, CatchUp::Once);
    stage.set = super::stage::set(vec![job("a", "to/", |job| {
        job.terms = Arc::new(Terms { start_within: Some(secs(60)), ..Terms::default() });
    })]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    stage.ends(1, TransferStatus::Completed, Some(at("01:20:00")));
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    stage.until(at("02:30:00"));
    stage.failure = None;
    stage.until(at("02:31:00"));
    let skipped = stage.run(1);
    assert_eq!(skipped.reason.code(), Some(ReasonCode::StartWithin));
    assert!(!skipped.reason.to_string().ends_with("due"), "{}", skipped.reason);
}

#[test]
fn one_that_can_start_no_more_is_not_in_the_way_of_those_after_it() {
    let mut stage = away(start_within(10));
    back_at(&mut stage, "04:00:30");
    let skipped = |time| (at(time), Trigger::Schedule, RunState::Skipped);
    let begun = (at("04:00:00"), Trigger::Schedule, RunState::Submitting);
    assert_eq!(fates(&stage), [skipped("02:00:00"), skipped("03:00:00"), begun]);
    for nth in [1, 2] {
        assert_eq!(stage.run(nth).reason.code(), Some(ReasonCode::StartWithin));
    }
}

#[test]
fn a_run_whose_time_to_start_ends_as_the_next_occurrence_comes_does_not_overlap_it() {
    let mut stage = Stage::new(vec![job("a", "to/", start_within(60))]);
    stage.failure = Some(LookFailure::Unreachable("refused".to_owned()));
    back_at(&mut stage, "03:30:00");
    let states: Vec<_> = stage.rows.order.iter().map(|id| stage.rows.runs[id].state).collect();
    assert_eq!(states, [RunState::Skipped, RunState::Skipped, RunState::Submitting]);
    assert_eq!(stage.run(1).reason.code(), Some(ReasonCode::StartWithin));
}

#[test]
fn a_pause_that_begins_meanwhile_leaves_it_to_the_look() {
    for resumed in [false, true] {
        let mut stage = away(|_| ());
        stage.until(at("02:10:00"));
        paused(&mut stage);
        assert_eq!(fates(&stage), [], "nothing is known yet");
        if resumed {
            stage.until(at("02:20:00"));
            ask(&mut stage, OperatorRequest::Resume(JobName::new("a")));
        }
        back_at(&mut stage, "02:30:00");
        let begun = (at("02:00:00"), Trigger::Schedule, RunState::Submitting);
        assert_eq!(fates(&stage), [begun], "resumed: {resumed}: {}", stage.run(1).reason);
        assert_eq!(stage.run(0).state, RunState::Succeeded);
    }
}

#[test]
fn a_pause_of_all_that_begins_meanwhile_leaves_it_to_the_look() {
    let mut stage = away(|_| ());
    stage.until(at("02:10:00"));
    let pause = Pause { at: stage.now, until: None, reason: None };
    ask(&mut stage, OperatorRequest::PauseAll(pause));
    back_at(&mut stage, "03:30:00");
    let begun = (at("02:00:00"), Trigger::Schedule, RunState::Submitting);
    assert_eq!(fates(&stage), [begun], "that of 03:00 fell into the pause");
}

#[test]
fn it_is_not_lost_in_a_pause_that_ends_before_any_look() {
    let mut stage = away(|_| ());
    stage.until(at("02:10:00"));
    paused(&mut stage);
    stage.until(at("03:10:00"));
    ask(&mut stage, OperatorRequest::Resume(JobName::new("a")));
    assert_eq!(fates(&stage).len(), 1, "judged by what is known");
    let past = &stage.rows.job_rows[&JobName::new("a")].pauses[0];
    assert_eq!(past.occurrences, 1, "that of 03:00 alone fell into the pause");
}

#[test]
fn a_new_job_file_with_the_same_occurrences_leaves_it_to_the_look() {
    let longer: fn(&mut Job) = |job| job.max_age = Some(secs(93_600));
    let later: fn(&mut Job) = |job| job.jitter = secs(1);
    for change in [longer, later] {
        let mut stage = away(|_| ());
        stage.until(at("02:10:00"));
        stage.set = set(vec![job("a", "to/", change)]);
        stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
        assert_eq!(fates(&stage), [], "nothing is known yet");
        back_at(&mut stage, "02:30:00");
        let begun = (at("02:00:00"), Trigger::Schedule, RunState::Submitting);
        assert_eq!(fates(&stage), [begun]);
    }
}

#[test]
fn nobody_else_runs_an_occurrence_that_is_due_and_has_not_begun() {
    let mut late = Stage::new(vec![job("a", "to/", |job| job.jitter = secs(1_800))]);
    late.until(at("01:00:00"));
    assert_eq!(late.rows.order.len(), 0, "it is delayed");
    let mut held = away(|_| ());
    held.until(at("02:10:00"));
    for (stage, time) in [(&mut late, "01:00:00"), (&mut held, "02:00:00")] {
        let before = stage.rows.order.len();
        let (run, past) = (RunId(Uuid::from_u128(77)), Vec::new());
        let (what, changes) = (Wanted::Manual(Some(at(time))), Changes::default());
        let (job, again) = (JobName::new("a"), true);
        let request = RunRequest { job, run, what, changes, past, again };
        ask(stage, OperatorRequest::Repeat(vec![request]));
        let Some(Answer::No(words)) = stage.replies.last() else { panic!("{:?}", stage.replies) };
        assert!(words.contains("is due and runs by itself"), "{words}");
        let (from, to, all) = (at(time), at(time), true);
        let (job, seed, past) = (JobName::new("a"), RunId(Uuid::from_u128(78)), Vec::new());
        let plan = stage.engine().backfill_plan(&Backfill { job, from, to, all, seed, past });
        let plan = plan.expect("it may be asked");
        assert_eq!((plan.runs.len(), plan.left_out.len()), (0, 1));
        assert_eq!(stage.rows.order.len(), before);
    }
    back_at(&mut held, "02:30:00");
    let begun = (at("02:00:00"), Trigger::Schedule, RunState::Submitting);
    assert_eq!(fates(&held), [begun]);
    assert_eq!(held.run(1).id, {
        let generation = held.rows.job_rows[&JobName::new("a")].generation;
        RunId::for_occurrence(&JobName::new("a"), at("02:00:00"), generation)
    });
}

#[test]
fn a_cancel_of_its_job_is_for_it_too() {
    let mut stage = away(|_| ());
    stage.until(at("03:10:00"));
    ask(&mut stage, OperatorRequest::CancelJob(JobName::new("a")));
    let canceled = |time| (at(time), Trigger::Schedule, RunState::Canceled);
    assert_eq!(fates(&stage), [canceled("02:00:00"), canceled("03:00:00")]);
    back_at(&mut stage, "03:30:00");
    assert_eq!(fates(&stage).len(), 2);
    stage.until(at("04:00:00"));
    assert_eq!(fates(&stage).len(), 3, "the next one runs");
}

#[test]
fn a_clock_that_is_set_back_does_not_bring_what_was_run_by_request() {
    let hourly = || vec![job("a", "to/", |job| job.catch_up = CatchUp::None)];
    let mut stage = Stage::new(hourly());
    stage.now = at("04:30:00");
    stage.restart();
    assert_eq!(stage.rows.order.len(), 4, "all missed");
    let (from, to, all) = (at("01:00:00"), at("03:00:00"), true);
    let (job, seed, past) = (JobName::new("a"), RunId(Uuid::from_u128(78)), Vec::new());
    ask(&mut stage, OperatorRequest::Backfill(Backfill { job, from, to, all, seed, past }));
    assert_eq!(stage.rows.order.len(), 7);
    stage.step_clock(-secs(4 * 3_600));
    stage.until(at("03:30:00"));
    let scheduled = stage.rows.runs.values().filter(|run| run.trigger == Trigger::Schedule);
    assert_eq!(scheduled.count(), 0, "each of these times has its run");
    stage.until(at("04:00:00"));
    let scheduled = stage.rows.runs.values().filter(|run| run.trigger == Trigger::Schedule);
    assert_eq!(scheduled.count(), 1, "that of 04:00 has none");
}

#[test]
fn a_restart_does_not_make_it_a_missed_one() {
    for catch_up in [CatchUp::None, CatchUp::Once] {
        let mut stage = away(|job| job.catch_up = catch_up);
        stage.until(at("02:10:00"));
        stage.restart();
        stage.until(at("02:15:00"));
        stage.restart();
        back_at(&mut stage, "02:30:00");
        let begun = (at("02:00:00"), Trigger::Schedule, RunState::Submitting);
        assert_eq!(fates(&stage), [begun], "{catch_up:?}");
        assert_eq!(stage.rows.job_rows[&JobName::new("a")].held_due, None);
        stage.now = at("04:30:00");
        stage.restart();
        let late = stage.rows.runs.values().filter(|run| run.trigger == Trigger::CatchUp);
        assert_ne!(late.count(), 0, "those were missed");
    }
}

#[test]
fn what_a_step_of_the_clock_skips_is_not_made_up_for_with_what_waits_for_a_look() {
    // Where none is held, the transfer was seen at work a moment before.
    for (held_until, latest, fate, catch_up) in [
        (Some("01:20:30"), "02:20:00", RunState::Submitting, CatchUp::All),
        (Some("01:20:30"), "02:20:00", RunState::Submitting, CatchUp::None),
        (None, "02:10:00", RunState::Skipped, CatchUp::All),
    ] {
        let mut stage = away(|job| {
            job.timetable = scheduled("a", "* * * * *").timetable.clone();
            job.catch_up = catch_up;
        });
        if let Some(until) = held_until {
            stage.until(at(until));
        }
        stage.step_clock(secs(3_600));
        stage.failure = None;
        stage.pass(secs(90));
        let due = fates(&stage);
        assert!(due.len() < 15, "{catch_up:?}: {} runs: {due:?}", due.len());
        let latest = (at(latest), Trigger::Schedule, fate);
        assert!(due.contains(&latest), "{catch_up:?}: {due:?}");
    }
}
