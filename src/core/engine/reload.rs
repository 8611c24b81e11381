//! A new job set takes the old one's place, and the clock is set.
//!
//! Runs are not touched: they go on under the terms that they started with.

use std::sync::Arc;

use jiff::SignedDuration;

use super::Engine;
use super::calendar::Planned;
use crate::core::duration;
use crate::core::ids::{AttemptId, JobName};
use crate::core::input::Level;
use crate::core::job::{Job, JobSet};
use crate::core::matching::shift;
use crate::core::record::Record;

impl Engine {
    /// Takes the new set; only jobs that differ are armed anew.
    pub(super) fn replace_jobs(&mut self, set: Arc<JobSet>) {
        // Both are sorted: one walk along them, rather than a search for each of 10,000 jobs.
        let mut before = std::mem::take(&mut self.jobs).into_iter().peekable();
        let mut after = Vec::with_capacity(set.jobs.len());
        let (mut gone, mut to_adopt) = (Vec::new(), Vec::new());
        for (name, job) in &set.jobs {
            while let Some(old) = before.next_if(|(old, _)| old < name) {
                gone.push(old);
            }
            let old = before.next_if(|(old, _)| old == name).map(|(_, planned)| planned);
            if old.as_ref().is_none_or(|old| !is_scheduled_alike(&old.job, job)) {
                to_adopt.push(name);
            }
            let due = old.and_then(|old| old.due);
            after.push((name.clone(), Planned { job: Arc::clone(job), due }));
        }
        gone.extend(before);
        self.jobs = after.into_iter().collect();
        for name in to_adopt {
            self.adopt_definition(name);
        }
        for (name, planned) in gone {
            if let Some(due) = planned.due {
                self.dues.remove(&(due, name.clone()));
            }
            self.change_mark(&name, |mark| mark.scheduled = false);
        }
        self.set = set;
        self.admission_due = true;
    }

    /// Brings a job's mark in line with its definition, and arms it.
    pub(super) fn adopt_definition(&mut self, name: &JobName) {
        let Some(planned) = self.jobs.get(name) else { return };
        let mark = self.mark_for(&planned.job);
        if self.state.marks.get(name).is_none_or(|old| **old != mark) {
            self.record(Record::Mark(Arc::new(mark)));
        }
        self.arm(name);
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
        let names: Vec<JobName> = self.jobs.keys().cloned().collect();
        for name in names {
            self.adopt_definition(&name);
        }
    }
}

/// True when nothing differs that decides when a job is due: it need not be armed anew.
fn is_scheduled_alike(a: &Arc<Job>, b: &Arc<Job>) -> bool {
    Arc::ptr_eq(a, b)
        || (a.timetable == b.timetable && a.jitter == b.jitter && a.enabled == b.enabled)
}
