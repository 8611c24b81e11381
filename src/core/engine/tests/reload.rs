//! A new job set of more jobs than one step arms.

use std::sync::Arc;

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::stage::{Stage, at, job, set};
use crate::core::ids::{JobName, RunId};
use crate::core::input::{Input, OperatorRequest, ReplyTo};
use crate::core::job::{Job, JobSet};
use crate::core::limits::ADOPTED_MAX;
use crate::core::record::{Pause, Record};
use crate::core::schedule::{Schedule, Timetable};

/// How many jobs come with the new set, besides the last one.
const MANY: usize = 2 * ADOPTED_MAX + 7;

fn scheduled(name: &str, schedule: &str) -> Arc<Job> {
    let schedule = Schedule::parse(schedule).expect("a schedule");
    job(name, "to/", |job| job.timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC))
}

/// Many jobs that are due at night, and one behind them in the order of names.
fn many(last: Arc<Job>) -> Arc<JobSet> {
    let name = |n| format!("j{n:05}");
    let mut jobs: Vec<_> = (0..MANY).map(|n| scheduled(&name(n), "0 23 * * *")).collect();
    jobs.push(last);
    set(jobs)
}

/// A stage with a job `z` at each full hour, just before the first; then a set with `last` as its
/// `z` comes, and none of its jobs is armed yet.
fn replaced(last: Arc<Job>) -> Stage {
    let mut stage = Stage::new(vec![job("z", "to/", |_| {})]);
    stage.until(at("00:59:59.9"));
    stage.set = many(last);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    assert!(stage.engine.is_adopting());
    assert_eq!(stage.engine.next_wakeup(), Some(stage.now), "it goes on at once");
    stage
}

/// Arms what is still to be armed; gives the number of marks that each step recorded.
fn adopt(stage: &mut Stage) -> Vec<usize> {
    let mut marks = Vec::new();
    while stage.engine.is_adopting() {
        let step = stage.engine.handle(Input::TimeReached, stage.now);
        marks.push(step.record.iter().filter(|r| matches!(r, Record::Mark(_))).count());
        stage.perform(step);
    }
    marks
}

fn z() -> JobName {
    JobName::new("z")
}

#[test]
fn no_step_arms_more_than_its_share() {
    let mut stage = replaced(scheduled("z", "30 * * * *"));
    assert_eq!(stage.marks.len(), 1, "to compare the sets was a step of its own");
    assert_eq!(adopt(&mut stage), [ADOPTED_MAX, ADOPTED_MAX, 8]);
    assert_eq!(stage.engine.next_wakeup(), Some(at("01:30:00")));
    assert!(stage.marks.values().all(|mark| mark.handled == at("00:59:59.9")));
}

#[test]
fn what_falls_due_before_it_is_armed_runs() {
    let mut stage = replaced(scheduled("z", "0 1 * * *"));
    stage.now = at("01:00:00.2");
    adopt(&mut stage);
    let due: Vec<_> = stage.runs.values().map(|run| (&run.job, run.scheduled_for)).collect();
    assert_eq!(due, [(&z(), Some(at("01:00:00")))]);
}

#[test]
fn an_old_due_time_that_comes_first_fires_neither_the_old_schedule_nor_the_new_ones_past() {
    let mut stage = replaced(scheduled("z", "45 * * * *"));
    stage.now = at("01:00:00.2");
    adopt(&mut stage);
    assert_eq!(stage.order.len(), 0);
    assert_eq!(stage.engine.next_wakeup(), Some(at("01:45:00")));
}

#[test]
fn a_second_set_counts_from_its_own_instant() {
    let mut stage = replaced(scheduled("z", "0 1 * * *"));
    stage.now = at("01:00:00.2");
    stage.set = many(scheduled("z", "0 1,2 * * *"));
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    adopt(&mut stage);
    assert_eq!(stage.order.len(), 0, "editing fires no past occurrence");
    assert_eq!(stage.marks.len(), 1 + MANY, "those of the first set are not forgotten");
    assert_eq!(stage.engine.next_wakeup(), Some(at("02:00:00")));
}

#[test]
fn jobs_that_are_not_armed_yet_are_shown_and_heed_operators() {
    let mut stage = replaced(scheduled("z", "30 * * * *"));
    let unarmed = JobName::new(&format!("j{:05}", MANY - 1));
    let view = stage.engine.job_view(&unarmed, stage.now).expect("a view");
    assert_eq!(view.next_run, Some(at("23:00:00")));
    let pause = Pause { at: stage.now, until: None, reason: None };
    let run = RunId(Uuid::from_u128(1));
    let requests = [
        OperatorRequest::Pause { job: z(), pause },
        OperatorRequest::Trigger { job: unarmed.clone(), run },
    ];
    for request in requests {
        stage.input(Input::Operator { reply: ReplyTo(1), request, by: None });
    }
    adopt(&mut stage);
    assert!(stage.marks[&z()].pause.is_some());
    assert_eq!(stage.marks[&unarmed].last_run, Some(run));
}

#[test]
fn a_crash_in_the_midst_fires_nothing_of_the_past() {
    let mut stage = replaced(scheduled("z", "30 0 * * *"));
    stage.now = at("01:00:07");
    stage.restart();
    assert!(!stage.engine.is_adopting());
    assert_eq!((stage.marks.len(), stage.order.len()), (1 + MANY, 0));
}

#[test]
fn jobs_that_are_gone_are_let_go_of_a_few_at_a_time() {
    let mut stage = replaced(scheduled("z", "30 * * * *"));
    adopt(&mut stage);
    stage.set = set(vec![scheduled("z", "30 * * * *")]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    assert_eq!(adopt(&mut stage), [ADOPTED_MAX, ADOPTED_MAX, 7]);
    let scheduled: Vec<_> = stage.marks.values().filter(|mark| mark.scheduled).collect();
    assert_eq!(scheduled.iter().map(|mark| &mark.job).collect::<Vec<_>>(), [&z()]);
    stage.until(at("23:30:00"));
    assert!(stage.runs.values().all(|run| run.job == z()));
}
