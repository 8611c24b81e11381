//! Handles a wall clock that is set while the daemon runs.
//!
//! Spans move with the clock; instants stay. Keeps true: an occurrence never runs twice, no
//! occurrence that the clock reaches is passed over in silence, and a step of the clock makes
//! nothing count as missed.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::calendar::{Handling, fall_back};
use crate::duration;
use crate::ids::{AttemptId, JobName};
use crate::input::{Input, Level};
use crate::jitter::JUST_BEFORE;
use crate::limits::{LATE_START, STEP_REACHES};
use crate::reason::Reason;
use crate::run::Trigger;
use crate::time::shift;

impl Engine {
    /// Follows a step of the wall clock. Times that stand for a span (deadlines, back-off) move
    /// with it, and the dates of open attempts may lie on either side of the step.
    pub(super) fn on_clock_stepped(&mut self, by: SignedDuration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(0);
        let way = if by.is_negative() { "back" } else { "forward" };
        let text = format!("the clock was set {way} by {}", duration::span(by.abs()));
        self.log(Level::Warn, text);
        let runs = self.state.run_ids();
        for run in runs {
            let machine = self.state.run_mut(run);
            machine.clock_stepped(by);
            let open: Vec<u32> = machine.open_attempts().map(|attempt| attempt.id.number).collect();
            for number in open {
                self.change_attempt(AttemptId { run, number }, |attempt| {
                    attempt.deadline = shift(attempt.deadline, by);
                    attempt.moved_at = shift(attempt.moved_at, by);
                    attempt.holds_until = attempt.holds_until.map(|at| shift(at, by));
                    attempt.watched_until = attempt.watched_until.map(|at| shift(at, by));
                    // A request that was given up was processed before, by the old clock, or never.
                    if attempt.is_unlisted() {
                        attempt.slack_ms.0 = attempt.slack_ms.0.saturating_add(millis.min(0));
                        attempt.slack_ms.1 = attempt.slack_ms.1.saturating_add(millis.max(0));
                    }
                    if let Some(cancel) = &mut attempt.cancel {
                        cancel.at = shift(cancel.at, by);
                    }
                });
            }
            if !self.state.run(run).is_over() {
                self.change_run(run, |run| {
                    run.ready_at = shift(run.ready_at, by);
                    if let Some(cancel) = &mut run.cancel {
                        cancel.at = shift(cancel.at, by);
                    }
                });
            }
        }
        self.agent_link.clock_stepped(by);
        self.looks.clock_stepped(by);
        self.starting.clock_stepped(by);
        self.schedule_digests();
        self.move_pause_of_all_back();
        let before = shift(self.now, -by);
        let jobs: Vec<JobName> = self.set.jobs.keys().cloned().collect();
        for name in jobs {
            self.shift_first_seen(&name, by);
            if by.is_negative() {
                self.step_back(&name);
            } else {
                self.step_forward(&name, before);
            }
            self.schedule_late_check(&name);
        }
        self.began = shift(self.began, by);
        self.awake_since = shift(self.awake_since, by);
    }

    /// Notices by a long overdue wake-up that the machine was asleep.
    pub(super) fn note_sleep(&mut self, input: &Input, now: Timestamp) {
        let by = if let Input::ClockStepped { by } = input { *by } else { SignedDuration::ZERO };
        let overdue = |at: Timestamp| now.duration_since(shift(at, by)) > LATE_START;
        if self.next_wakeup().is_some_and(overdue) {
            self.awake_since = shift(now, -by);
        }
    }

    /// Moves the time at which this engine first saw a job: the clock that measured it has just
    /// been corrected.
    fn shift_first_seen(&mut self, name: &JobName, by: SignedDuration) {
        let (began, now) = (self.began, self.now);
        let put_right = |at: Timestamp| if at >= began { shift(at, by) } else { at }.min(now);
        self.change_job(name, |job_row| {
            job_row.first_seen = put_right(job_row.first_seen);
            job_row.scheduled_since = job_row.scheduled_since.map(put_right);
        });
    }

    /// Follows a clock that was set back: an occurrence that it reaches again and that has no run
    /// yet is due again.
    fn step_back(&mut self, name: &JobName) {
        let now = self.now;
        self.change_job(name, |job_row| fall_back(job_row, now));
        self.schedule_next(name);
    }

    /// Follows a clock that was set forward, from `before`. Occurrences due by then are handled as
    /// usual; those that the clock has skipped were not missed. The latest of them runs if the step
    /// is no longer than [`STEP_REACHES`].
    fn step_forward(&mut self, name: &JobName, before: Timestamp) {
        let Some(job) = self.job(name).cloned() else { return };
        let Some((_, first)) = self.first_due(name) else { return };
        if self.last_due(name).is_none_or(|last| last <= before) {
            if !self.hold_back_if_stale(name) {
                self.handle_until(name, before, Handling::InTime);
            }
            return self.schedule_next(name);
        }
        // Judged now: a later look would judge it together with the occurrences that the clock has
        // skipped.
        if self.held.contains_key(name) {
            self.decide_held_by(name, before);
        } else if first <= before {
            self.handle_until(name, before, Handling::InTime);
        }
        let job_row = Arc::clone(self.state.job_row(name));
        let passed = self.due_until(&job, &job_row, self.now);
        let Some(&latest) = passed.newest.last() else { return self.schedule_next(name) };
        let reached = self.now.duration_since(before) <= STEP_REACHES;
        let wanted = reached && job_row.handled_times.end_of_stretch(latest).is_none();
        let alone = !passed.more && passed.newest.len() == 1;
        self.change_job(name, |job_row| {
            let to = if wanted { shift(latest, JUST_BEFORE) } else { latest };
            if wanted && alone {
                job_row.handled = to;
            } else {
                job_row.pass_over(to);
            }
        });
        if wanted && !self.hold_back_if_stale(name) {
            self.change_job(name, |job_row| job_row.handle_one_by_one(latest, latest));
            self.occurrence(&job, latest, Trigger::Schedule, Reason::Due);
        }
        self.schedule_next(name);
    }
}
