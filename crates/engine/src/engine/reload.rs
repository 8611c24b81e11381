//! Replaces the job set with a new one, in one step.
//!
//! Runs are not touched: they go on under the terms that they started with.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::ids::JobName;
use crate::jitter::JUST_BEFORE;
use crate::job::{Job, JobSet};
use crate::record::Record;
use crate::time::shift;

impl Engine {
    /// Takes the new set; only jobs that differ get new timers.
    pub(super) fn replace_jobs(&mut self, set: Arc<JobSet>) {
        self.decide_held_of_changed(&set);
        let old = std::mem::replace(&mut self.set, set);
        let (before, after) = (&old.jobs, &self.set.jobs);
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        let changed = after.iter().filter(|(name, job)| {
            before.get(*name).is_none_or(|old| !is_scheduled_alike(old, job))
        });
        let gone: Vec<JobName> = gone.cloned().collect();
        let changed: Vec<JobName> = changed.map(|(name, _)| name.clone()).collect();
        for name in gone {
            self.dues.set(name.clone(), None);
            self.lates.set(name.clone(), None);
            self.schedule_job(&name, None);
        }
        for name in changed {
            self.schedule_job(&name, before.get(&name));
        }
        self.take_entries();
        self.admission_due = true;
    }

    /// Takes the first set: all of its jobs are new to this engine.
    pub(super) fn schedule_all(&mut self) {
        let jobs: Vec<JobName> = self.set.jobs.keys().cloned().collect();
        for name in jobs {
            self.schedule_job(&name, None);
        }
        self.take_entries();
    }

    /// Judges the occurrences of jobs that the new set schedules otherwise, or not at all: they came
    /// due by the old schedule.
    fn decide_held_of_changed(&mut self, set: &JobSet) {
        let held: Vec<JobName> = self.held.keys().cloned().collect();
        for name in held {
            let (old, new) = (self.job(&name), set.jobs.get(&name));
            if !old.zip(new).is_some_and(|(old, new)| have_same_occurrences(old, new)) {
                self.decide_held(&name);
            }
        }
    }

    /// Adjusts a job's row to its new definition, which replaces `old`, and sets its timer.
    pub(super) fn schedule_job(&mut self, name: &JobName, old: Option<&Arc<Job>>) {
        let Some(job) = self.job(name) else {
            self.change_job(name, |job_row| job_row.scheduled = false);
            return;
        };
        let mut job_row = self.job_row_for(name, job);
        if let Some(delayed) = old.and_then(|old| self.delayed_in_both(old, job)) {
            job_row.handled = job_row.handled.min(shift(delayed, JUST_BEFORE));
        }
        if self.state.find_job_row(name).is_none_or(|old| **old != job_row) {
            self.record(Record::Job(Arc::new(job_row)));
        }
        self.schedule_next(name);
        self.schedule_late_check(name);
    }

    /// The occurrence that has come, is delayed by `jitter`, and that both definitions of a job name:
    /// it still runs.
    fn delayed_in_both(&self, old: &Job, new: &Job) -> Option<Timestamp> {
        let job_row = self.state.find_job_row(&new.name).filter(|job_row| job_row.scheduled)?;
        let last =
            |job: &Job| job.timetable.last_at_or_before(self.now, shift(self.now, -old.jitter));
        let last =
            last(old).filter(|at| last(new) == Some(*at) && self.now < self.due_at(old, *at))?;
        let is_open =
            job_row.next_unhandled(&old.timetable, shift(last, JUST_BEFORE)) == Some(last);
        (new.enabled && is_open && job_row.handled < last).then_some(last)
    }
}

/// True when two definitions have the same occurrences.
fn have_same_occurrences(a: &Job, b: &Job) -> bool {
    a.timetable == b.timetable && a.enabled == b.enabled
}

/// True when two definitions are due, and late, at the same times: the timers can stay.
fn is_scheduled_alike(a: &Arc<Job>, b: &Arc<Job>) -> bool {
    Arc::ptr_eq(a, b)
        || (have_same_occurrences(a, b) && a.jitter == b.jitter && a.max_age == b.max_age)
}
