//! A pause is over by the clock, with its count, whenever it is asked about.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::reload::scheduled;
use super::stage::{Stage, at, job, secs, set};
use crate::fixtures::machine;
use crate::ids::JobName;
use crate::input::{Input, OperatorRequest, ReplyTo};
use crate::pauses::past_pauses;
use crate::record::{PastPause, Pause};

/// A job at every tenth minute.
fn stage() -> (Stage, JobName) {
    (Stage::new(vec![scheduled("a", "*/10 * * * *")]), JobName::new("a"))
}

fn ask(stage: &mut Stage, request: OperatorRequest) {
    stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
}

fn pause(stage: &mut Stage, job: Option<&JobName>, until: Option<Timestamp>) {
    let pause = Pause { at: stage.now, until, reason: None };
    ask(
        stage,
        match job {
            Some(job) => OperatorRequest::Pause { job: job.clone(), pause },
            None => OperatorRequest::PauseAll(pause),
        },
    );
}

/// The pauses that are over, as the engine tells and as the rows do.
fn past(stage: &Stage, name: &JobName) -> Vec<(Timestamp, Timestamp, u32)> {
    let told = stage.engine().past_pauses(name, stage.now);
    let seed = machine().jitter_seed;
    let job = stage.set.jobs.get(name).map(|job| job.delays(seed));
    let job_row = stage.rows.job_rows.get(name).map(AsRef::as_ref);
    assert_eq!(told, past_pauses(job, job_row, &stage.rows.pause_of_all, stage.now), "the rows");
    let short = |past: PastPause| (past.since, past.until, past.occurrences);
    told.into_iter().map(short).collect()
}

/// The occurrences that have a run or a skip.
fn dues(stage: &Stage) -> Vec<Timestamp> {
    let runs = stage.rows.order.iter().map(|id| &stage.rows.runs[id]);
    runs.filter_map(|run| run.scheduled_for).collect()
}

#[test]
fn a_pause_that_ran_out_is_known_before_the_next_occurrence() {
    for all in [false, true] {
        let (mut stage, name) = stage();
        stage.until(at("00:55:00"));
        pause(&mut stage, Some(&name).filter(|_| !all), Some(at("01:05:00")));
        stage.until(at("01:04:59"));
        assert_eq!(past(&stage, &name), [], "{all}: it lasts");
        stage.until(at("01:05:00"));
        let whole = [(at("00:55:00"), at("01:05:00"), 1)];
        assert_eq!(past(&stage, &name), whole, "{all}");
        stage.restart();
        assert_eq!(past(&stage, &name), whole, "{all}: after a restart, too");
        stage.until(at("01:10:00"));
        assert_eq!(past(&stage, &name), whole, "{all}: once it is recorded, too");
    }
}

#[test]
fn a_pause_of_all_takes_no_occurrence_from_the_pause_of_a_job() {
    let (mut stage, name) = stage();
    stage.until(at("00:55:00"));
    pause(&mut stage, Some(&name), Some(at("01:05:00")));
    stage.until(at("01:06:00"));
    pause(&mut stage, None, Some(at("01:08:00")));
    stage.until(at("01:10:00"));
    let own = (at("00:55:00"), at("01:05:00"), 1);
    assert_eq!(past(&stage, &name), [own, (at("01:06:00"), at("01:08:00"), 0)]);
    assert_eq!(dues(&stage), [at("00:40:00"), at("00:50:00"), at("01:10:00")]);
}

#[test]
fn a_pause_of_all_within_that_of_a_job_leaves_its_count_and_makes_up_for_nothing() {
    let (mut stage, name) = stage();
    stage.until(at("00:55:00"));
    pause(&mut stage, None, None);
    stage.until(at("01:05:00"));
    pause(&mut stage, Some(&name), None);
    stage.until(at("01:25:00"));
    ask(&mut stage, OperatorRequest::ResumeAll);
    stage.until(at("01:35:00"));
    ask(&mut stage, OperatorRequest::Resume(name.clone()));
    let all = (at("00:55:00"), at("01:25:00"), 3);
    assert_eq!(past(&stage, &name), [all, (at("01:05:00"), at("01:35:00"), 3)]);
    stage.until(at("01:40:00"));
    assert_eq!(dues(&stage), [at("00:40:00"), at("00:50:00"), at("01:40:00")]);
}

#[test]
fn a_pause_that_ran_out_keeps_its_end_and_its_count_when_the_job_is_paused_or_changed() {
    let until = at("01:05:00");
    let disabled = || job("a", "to/", |job| job.enabled = false);
    let mut stage = Stage::new(vec![disabled()]);
    let name = JobName::new("a");
    pause(&mut stage, Some(&name), Some(until));
    stage.until(at("02:00:00"));
    pause(&mut stage, Some(&name), None);
    assert_eq!(past(&stage, &name), [(at("00:30:00"), until, 0)], "of a disabled job");

    let (mut stage, name) = self::stage();
    stage.until(at("00:55:00"));
    pause(&mut stage, Some(&name), Some(until));
    stage.until(until + secs(60));
    stage.set = set(vec![scheduled("a", "* * * * *")]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    assert_eq!(past(&stage, &name), [(at("00:55:00"), until, 1)], "of the schedule of then");
}

#[test]
fn a_pause_takes_what_is_due_in_it_and_leaves_what_jitter_delays_beyond_its_end() {
    for all in [false, true] {
        let job = || job("a", "to/", |job| job.jitter = secs(20 * 60));
        let mut stage = Stage::new(vec![job()]);
        let name = JobName::new("a");
        let due = stage.engine().next_wakeup().expect("it is due");
        assert!(at("01:00:03") < due, "{due}");
        stage.until(at("01:00:01"));
        pause(&mut stage, Some(&name).filter(|_| !all), None);
        stage.until(at("01:00:02"));
        let resume = OperatorRequest::Resume(name.clone());
        ask(&mut stage, if all { OperatorRequest::ResumeAll } else { resume });
        assert_eq!(past(&stage, &name), [(at("01:00:01"), at("01:00:02"), 0)], "{all}");
        assert_eq!(stage.engine().next_wakeup(), Some(due), "{all}");
        pause(&mut stage, Some(&name).filter(|_| !all), Some(due));
        assert_eq!(stage.engine().next_wakeup(), Some(due), "{all}: to its end, too");
        stage.until(due);
        assert_eq!(dues(&stage), [at("01:00:00")], "{all}");
    }
}

#[test]
fn a_pause_that_a_clock_far_ahead_has_begun_is_over_after_as_long_a_time() {
    for of_all in [false, true] {
        let mut stage = Stage::new(vec![job("a", "to/", |_| {})]);
        let now = stage.now;
        stage.now += SignedDuration::from_hours(24 * 40);
        let (name, until) = (JobName::new("a"), stage.now + secs(600));
        pause(&mut stage, Some(&name).filter(|_| !of_all), Some(until));
        let before = stage.submits.len();
        stage.now = now + secs(60);
        stage.restart();
        stage.until(at("01:00:00"));
        assert_eq!(stage.submits.len(), before + 1, "{of_all}");
    }
}

#[test]
fn a_pause_of_what_is_paused_changes_its_end_and_reason_and_stays_one_pause() {
    for of_all in [false, true] {
        let (mut stage, name) = stage();
        let pause = |stage: &mut Stage, until: Option<Timestamp>, reason: Option<&str>| {
            let pause = Pause { at: stage.now, until, reason: reason.map(str::to_owned) };
            let job = name.clone();
            ask(
                stage,
                if of_all {
                    OperatorRequest::PauseAll(pause)
                } else {
                    OperatorRequest::Pause { job, pause }
                },
            );
            let row = stage.rows.job_rows[&name].pause.clone();
            let held = if of_all { stage.rows.pause_of_all.pause.clone() } else { row };
            let held = held.expect("it is paused");
            assert_eq!(held.at, at("00:55:00"), "{of_all}: it has been paused since then");
            (held.until, held.reason)
        };
        let (until, reason) = (Some(at("01:45:00")), || Some("disk swap".to_owned()));
        stage.until(at("00:55:00"));
        assert_eq!(pause(&mut stage, None, reason().as_deref()), (None, reason()));
        stage.until(at("01:05:00"));
        assert_eq!(pause(&mut stage, until, None), (until, reason()));
        let other = Some("new disks".to_owned());
        assert_eq!(pause(&mut stage, None, other.as_deref()), (until, other.clone()));
        stage.until(at("01:15:00"));
        assert_eq!(pause(&mut stage, None, None), (None, other.clone()), "its end is taken away");
        pause(&mut stage, until, None);
        stage.restart();
        stage.until(at("02:00:00"));
        assert_eq!(past(&stage, &name), [(at("00:55:00"), at("01:45:00"), 5)], "{of_all}");
        assert_eq!(dues(&stage), [at("00:40:00"), at("00:50:00"), at("01:50:00"), at("02:00:00")]);
    }
}
