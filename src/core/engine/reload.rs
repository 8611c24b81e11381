//! A new job set takes the old one's place, and the clock is set.
//!
//! Runs are not touched: they go on under the terms that they started with. A set is in force at
//! once; the marks of its jobs are brought in line with it a few at a time, as if all had been at
//! that instant, so that nobody waits while thousands are rescheduled. Keeps true: nothing of a set
//! is kept once it is replaced, not even a name, as its memory is given back as a whole.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::calendar::Planned;
use crate::core::duration;
use crate::core::ids::{AttemptId, JobName};
use crate::core::input::Level;
use crate::core::job::{Job, JobSet};
use crate::core::limits::ADOPTED_MAX;
use crate::core::matching::shift;
use crate::core::record::Record;

impl Engine {
    /// Takes the new set; only jobs that differ are armed anew.
    pub(super) fn replace_jobs(&mut self, set: Arc<JobSet>) {
        // Both are sorted: one walk along them, rather than a search for each of 10,000 jobs.
        let mut before = std::mem::take(&mut self.jobs).into_iter().peekable();
        let mut after = Vec::with_capacity(set.jobs.len());
        let mut gone = Vec::new();
        for (name, job) in &set.jobs {
            while let Some(old) = before.next_if(|(old, _)| old < name) {
                gone.push(old);
            }
            let job = Arc::clone(job);
            let (name, due, late_at) = match before.next_if(|(old, _)| old == name) {
                Some((name, old)) => {
                    if !is_scheduled_alike(&old.job, &job) {
                        self.to_adopt.insert(name.clone(), self.now);
                    }
                    (name, old.due, old.late_at)
                }
                None => {
                    let name = name.apart();
                    self.to_adopt.insert(name.clone(), self.now);
                    (name, None, None)
                }
            };
            after.push((name, Planned { job, due, late_at }));
        }
        gone.extend(before);
        self.jobs = after.into_iter().collect();
        for (name, planned) in gone {
            if let Some(due) = planned.due {
                self.dues.remove(&(due, name.clone()));
            }
            if let Some(late_at) = planned.late_at {
                self.lates.remove(&(late_at, name.clone()));
            }
            self.to_adopt.insert(name, self.now);
        }
        self.set = set;
        self.take_entries();
        self.admission_due = true;
    }

    /// True while marks are not yet in line with the job set: it wants [`Input::TimeReached`] at
    /// once, and what was told of the set is not durable.
    ///
    /// [`Input::TimeReached`]: crate::core::input::Input::TimeReached
    pub fn is_adopting(&self) -> bool {
        !self.to_adopt.is_empty()
    }

    /// Adopts the definitions of as many jobs as one step may.
    pub(super) fn adopt_some(&mut self) {
        for _ in 0..ADOPTED_MAX {
            let Some((name, since)) = self.to_adopt.pop_first() else { return };
            self.adopt(&name, since);
        }
    }

    /// Adopts a job's definition now, if that is still to be done: something happens to it.
    pub(super) fn adopt_now(&mut self, name: &JobName) {
        if let Some((name, since)) = self.to_adopt.remove_entry(name) {
            self.adopt(&name, since);
        }
    }

    /// Brings a job's mark in line with what the file has said of it since then, and arms it.
    fn adopt(&mut self, name: &JobName, since: Timestamp) {
        let Some((name, planned)) = self.jobs.get_key_value(name) else {
            self.change_mark(name, |mark| mark.scheduled = false);
            return;
        };
        let (name, mark) = (name.clone(), self.mark_for(name, &planned.job, since));
        if self.state.marks.get(&name).is_none_or(|old| **old != mark) {
            self.record(Record::Mark(Arc::new(mark)));
        }
        self.arm(&name);
        self.arm_late(&name);
    }

    /// The wall clock was set. What is measured as a span of time (deadlines, back-off) moves
    /// with it, and the dates of open attempts may lie on either side of the step.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(0);
        let way = if by.is_negative() { "back" } else { "forward" };
        let text = format!("the clock was set {way} by {}", duration::format_short(by.abs()));
        self.announce(Level::Warn, None, text);
        let runs: Vec<_> = self.state.runs.keys().copied().collect();
        for run in runs {
            let Some(live) = self.state.runs.get_mut(&run) else { continue };
            for sighting in live.sightings.values_mut() {
                sighting.absent_at = None;
                sighting.seen_at = sighting.seen_at.map(|at| shift(at, by));
                sighting.moved_at = sighting.moved_at.map(|at| shift(at, by));
                sighting.recorded_at = None;
                sighting.cancel_next = sighting.cancel_next.map(|at| shift(at, by));
            }
            let open: Vec<u32> = live
                .attempts
                .iter()
                .filter(|(_, attempt)| attempt.phase.is_open())
                .map(|(number, _)| *number)
                .collect();
            for number in open {
                self.change_attempt(AttemptId { run, number }, |attempt| {
                    attempt.deadline = shift(attempt.deadline, by);
                    attempt.moved_at = shift(attempt.moved_at, by);
                    attempt.holds_until = attempt.holds_until.map(|at| shift(at, by));
                    attempt.watched_until = attempt.watched_until.map(|at| shift(at, by));
                    // One that was given up was processed before, by the old clock, or never.
                    if attempt.phase.is_underway() && attempt.transfer.is_none() {
                        attempt.slack_ms.0 = attempt.slack_ms.0.saturating_add(millis.min(0));
                        attempt.slack_ms.1 = attempt.slack_ms.1.saturating_add(millis.max(0));
                    }
                    if let Some(wish) = &mut attempt.cancel {
                        wish.at = shift(wish.at, by);
                    }
                });
            }
            if self.state.runs.get(&run).is_some_and(|live| !live.run.state.is_over()) {
                self.change_run(run, |run| run.ready_at = shift(run.ready_at, by));
            }
        }
        self.contact.clock_stepped(by);
        let now = self.now;
        self.to_adopt.extend(self.jobs.keys().map(|name| (name.clone(), now)));
    }
}

/// True when nothing differs that decides when a job is due: it need not be armed anew.
fn is_scheduled_alike(a: &Arc<Job>, b: &Arc<Job>) -> bool {
    Arc::ptr_eq(a, b)
        || (a.timetable == b.timetable
            && a.jitter == b.jitter
            && a.enabled == b.enabled
            && a.max_age == b.max_age)
}
