//! `jitter`: when a delayed occurrence is due, and what an operator does to it meanwhile.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::reload::scheduled;
use super::stage::{Stage, at, job, secs, set};
use crate::ids::JobName;
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::job::Job;
use crate::limits::MISSED_MAX;
use crate::record::Pause;
use crate::run::RunState;
use crate::schedule::{Schedule, Timetable};

fn ask(stage: &mut Stage, request: OperatorRequest) {
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
}

#[test]
fn jitter_is_the_same_after_a_restart_and_less_than_it_may_be() {
    let jittered = |name: &str| -> Arc<Job> {
        job(name, "to/", |job| job.jitter = SignedDuration::from_mins(20))
    };
    let mut stage = Stage::new(vec![jittered("a")]);
    let due = stage.engine().next_wakeup().expect("it is due");
    assert!(at("01:00:00") < due && due < at("01:20:00"), "{due}");
    stage.restart();
    assert_eq!(stage.engine().next_wakeup(), Some(due));
    stage.now = at("01:00:00") + secs(1);
    stage.restart();
    assert_eq!(stage.engine().next_wakeup(), Some(due), "also while it holds the occurrence back");
    let others =
        ["b", "c", "d"].map(|name| Stage::new(vec![jittered(name)]).engine().next_wakeup());
    assert!(others.iter().any(|other| *other != Some(due)), "not one delay for all jobs");
}

#[test]
fn a_cancel_of_its_job_is_for_an_occurrence_that_jitter_delays() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.jitter = secs(20 * 60))]);
    let name = JobName::new("a");
    stage.until(at("00:59:59"));
    ask(&mut stage, OperatorRequest::CancelJob(name.clone()));
    assert_eq!(stage.rows.order.len(), 0, "there is nothing to cancel yet");
    stage.until(at("01:00:00"));
    ask(&mut stage, OperatorRequest::CancelJob(name));
    stage.until(at("01:59:59"));
    let fates: Vec<_> =
        stage.rows.runs.values().map(|run| (run.scheduled_for, run.state)).collect();
    assert_eq!(fates, [(Some(at("01:00:00")), RunState::Canceled)]);
}

#[test]
fn an_occurrence_is_due_before_the_next_one_however_long_the_jitter() {
    let mut job = Job::clone(&scheduled("a", "*/5 * * * *"));
    job.jitter = SignedDuration::from_mins(30);
    let stage = Stage::new(Vec::new());
    let mut delays = Vec::new();
    let mut occurrence = at("01:00:00");
    for _ in 0..24 {
        let next = job.timetable.next_after(occurrence).expect("one every five minutes");
        let due = stage.engine().due_at(&job, occurrence);
        assert!(occurrence <= due && due < next, "{occurrence} is due at {due}");
        delays.push(due.duration_since(occurrence));
        occurrence = next;
    }
    let longest = delays.iter().max().expect("delays");
    assert!(secs(200) < *longest, "they spread over the whole gap: {delays:?}");
}

#[test]
fn an_occurrence_that_jitter_holds_back_when_its_job_is_paused_falls_into_the_pause() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.jitter = secs(20 * 60))]);
    let name = stage.set.jobs.keys().next().expect("a job").clone();
    let due = stage.engine().next_wakeup().expect("it is due");
    assert!(at("01:00:01") < due, "{due}");
    stage.until(at("01:00:01"));
    // Paused again meanwhile: it stays one pause.
    for now in [at("01:00:01"), at("01:30:00")] {
        stage.until(now);
        let pause = Pause { at: now, until: None, reason: None };
        ask(&mut stage, OperatorRequest::Pause { job: name.clone(), pause });
    }
    stage.until(at("02:40:00"));
    ask(&mut stage, OperatorRequest::Resume(name.clone()));
    let pauses = stage.rows.job_rows[&name].pauses.iter();
    let counts: Vec<u32> = pauses.map(|past| past.occurrences).collect();
    assert_eq!(counts, [2], "01:00 and 02:00");
    stage.until(at("02:59:59"));
    assert_eq!(stage.rows.order.len(), 0, "neither run nor skip");
}

#[test]
fn of_a_dense_schedule_that_jitter_spreads_the_first_comes_due_before_the_last_hundred() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| {
        job.timetable = scheduled("a", "* * * * * *").timetable.clone();
        job.jitter = SignedDuration::from_mins(10);
    })]);
    stage.until(at("00:45:00"));
    assert!(stage.rows.order.len() > MISSED_MAX, "{}", stage.rows.order.len());
}

#[test]
fn a_cancel_of_a_paused_job_is_for_an_occurrence_that_jitter_delays() {
    let mut stage = Stage::new(vec![job("a", "to/", |job| job.jitter = secs(20 * 60))]);
    let name = JobName::new("a");
    stage.until(at("01:00:00"));
    let pause = Pause { at: stage.now, until: None, reason: None };
    ask(&mut stage, OperatorRequest::Pause { job: name.clone(), pause });
    ask(&mut stage, OperatorRequest::CancelJob(name.clone()));
    stage.until(at("01:00:01"));
    ask(&mut stage, OperatorRequest::Resume(name));
    stage.until(at("02:30:00"));
    let fates: Vec<_> = stage
        .rows
        .order
        .iter()
        .map(|id| (stage.rows.runs[id].scheduled_for, stage.rows.runs[id].state))
        .collect();
    let canceled = (Some(at("01:00:00")), RunState::Canceled);
    assert_eq!(fates, [canceled, (Some(at("02:00:00")), RunState::Submitting)]);
}

#[test]
fn an_occurrence_that_jitter_delays_runs_after_an_edit_that_still_names_it() {
    let edited = |schedules: &[&str]| {
        job("a", "to/", |job| {
            let schedules = schedules.iter().map(|text| Schedule::parse(text).expect("valid"));
            job.timetable = Timetable::new(schedules.collect(), "UTC", TimeZone::UTC);
            job.jitter = secs(20 * 60);
        })
    };
    for (schedules, runs) in
        [(["0 1 * * *", "0 4 * * *"], true), (["10 1 * * *", "0 4 * * *"], false)]
    {
        let mut stage = Stage::new(vec![edited(&["0 * * * *"])]);
        stage.until(at("01:00:01"));
        stage.set = set(vec![edited(&schedules)]);
        stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
        stage.until(at("01:09:00"));
        stage.restart();
        stage.until(at("03:00:00"));
        let is_there =
            stage.rows.runs.values().any(|run| run.scheduled_for == Some(at("01:00:00")));
        assert_eq!(is_there, runs, "{schedules:?}");
        let due: Vec<_> = stage
            .rows
            .runs
            .values()
            .map(|run| (run.scheduled_for, run.trigger, run.state))
            .collect();
        assert_eq!(due.len(), 1, "{schedules:?}: {due:?}");
    }
}
