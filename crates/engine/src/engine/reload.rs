//! Replaces the job set with a new one, in one step.
//!
//! Runs are not touched: they go on under the terms that they started with. Keeps true: nothing of
//! a set is kept once it is replaced, not even a name, as its memory is given back as a whole.

use std::sync::Arc;

use super::Engine;
use crate::ids::JobName;
use crate::job::{Job, JobSet};
use crate::record::Record;

impl Engine {
    /// Takes the new set; only jobs that differ get new timers.
    pub(super) fn replace_jobs(&mut self, set: Arc<JobSet>) {
        // Occurrences that were held back came due by the old schedule.
        let held: Vec<JobName> = self.held.keys().cloned().collect();
        for name in held {
            let (old, new) = (self.jobs.get(&name), set.jobs.get(&name));
            if !old.zip(new).is_some_and(|(old, new)| is_scheduled_alike(old, new)) {
                self.judge_now(&name);
            }
        }
        // Both are sorted: one walk along them, rather than a search for each of 10,000 jobs.
        let mut before = std::mem::take(&mut self.jobs).into_iter().peekable();
        let mut after = Vec::with_capacity(set.jobs.len());
        let (mut gone, mut changed) = (Vec::new(), Vec::new());
        for (name, job) in &set.jobs {
            while let Some(old) = before.next_if(|(old, _)| old < name) {
                gone.push(old);
            }
            let job = Arc::clone(job);
            let name = match before.next_if(|(old, _)| old == name) {
                Some((name, old)) => {
                    if !is_scheduled_alike(&old, &job) {
                        changed.push(name.clone());
                    }
                    name
                }
                None => {
                    let name = name.clone();
                    changed.push(name.clone());
                    name
                }
            };
            after.push((name, job));
        }
        gone.extend(before);
        self.jobs = after.into_iter().collect();
        for (name, _) in gone {
            self.dues.set(name.clone(), None);
            self.lates.set(name.clone(), None);
            self.adopt(&name);
        }
        for name in changed {
            self.adopt(&name);
        }
        self.set = set;
        self.take_entries();
        self.admission_due = true;
    }

    /// Adjusts a job's mark to its new definition, and sets its timer.
    pub(super) fn adopt(&mut self, name: &JobName) {
        let Some((name, planned)) = self.jobs.get_key_value(name) else {
            self.change_mark(name, |mark| mark.scheduled = false);
            return;
        };
        let (name, mark) = (name.clone(), self.mark_for(name, planned));
        if self.state.find_mark(&name).is_none_or(|old| **old != mark) {
            self.record(Record::Mark(Arc::new(mark)));
        }
        self.arm(&name);
        self.arm_late(&name);
    }
}

/// True when two definitions are due at the same times: the timer can stay.
fn is_scheduled_alike(a: &Arc<Job>, b: &Arc<Job>) -> bool {
    Arc::ptr_eq(a, b)
        || (a.timetable == b.timetable
            && a.jitter == b.jitter
            && a.enabled == b.enabled
            && a.max_age == b.max_age)
}
