//! A new job set is in force after one step, however many jobs it has.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::stage::{Stage, at, job, set};
use crate::ids::JobName;
use crate::input::Input;
use crate::job::{Job, JobSet};
use crate::schedule::{Schedule, Timetable};

/// The number of jobs in the new set, besides the last one.
const MANY: usize = 1_007;

pub(super) fn scheduled(name: &str, schedule: &str) -> Arc<Job> {
    let schedule = Schedule::parse(schedule).expect("a schedule");
    job(name, "to/", |job| job.timetable = Timetable::new(vec![schedule], "UTC", TimeZone::UTC))
}

/// Many jobs that are due at night, and one after them in the order of names.
fn many(last: Arc<Job>) -> Arc<JobSet> {
    let name = |n| format!("j{n:05}");
    let mut jobs: Vec<_> = (0..MANY).map(|n| scheduled(&name(n), "0 23 * * *")).collect();
    jobs.push(last);
    set(jobs)
}

/// A stage with a job `z` at every full hour, just before the first; then a new set with `last` as
/// its `z`.
fn replaced(last: Arc<Job>) -> Stage {
    let mut stage = Stage::new(vec![job("z", "to/", |_| {})]);
    stage.until(at("00:59:59.9"));
    stage.set = many(last);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    stage
}

fn z() -> JobName {
    JobName::new("z")
}

#[test]
fn all_jobs_of_a_set_are_armed_in_the_step_that_takes_it() {
    let stage = replaced(scheduled("z", "30 * * * *"));
    assert_eq!(stage.rows.job_rows.len(), 1 + MANY);
    assert!(stage.rows.job_rows.values().all(|job_row| job_row.handled == at("00:59:59.9")));
    assert_eq!(stage.engine().next_wakeup(), Some(at("01:30:00")));
}

#[test]
fn what_falls_due_just_after_runs() {
    let mut stage = replaced(scheduled("z", "0 1 * * *"));
    stage.until(at("01:00:00.2"));
    let due: Vec<_> = stage.rows.runs.values().map(|run| (&run.job, run.scheduled_for)).collect();
    assert_eq!(due, [(&z(), Some(at("01:00:00")))]);
}

#[test]
fn neither_the_old_schedule_fires_nor_the_new_ones_past() {
    let mut stage = replaced(scheduled("z", "45 * * * *"));
    stage.until(at("01:00:00.2"));
    assert_eq!(stage.rows.order.len(), 0);
    assert_eq!(stage.engine().next_wakeup(), Some(at("01:45:00")));
}

#[test]
fn jobs_that_are_gone_are_let_go_of_at_once() {
    let mut stage = replaced(scheduled("z", "30 * * * *"));
    stage.set = set(vec![scheduled("z", "30 * * * *")]);
    stage.input(Input::JobsReplaced(Arc::clone(&stage.set)));
    let scheduled: Vec<_> =
        stage.rows.job_rows.values().filter(|job_row| job_row.scheduled).collect();
    assert_eq!(scheduled.iter().map(|job_row| &job_row.job).collect::<Vec<_>>(), [&z()]);
    stage.until(at("23:30:00"));
    assert!(stage.rows.runs.values().all(|run| run.job == z()));
}
