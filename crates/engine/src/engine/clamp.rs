//! Corrects times in the database that a wrong clock recorded, at a start.
//!
//! Each kind of durable time has a limit on how far it can lie ahead of now. A time beyond its
//! limit was written while the clock was ahead, and would block or silence a job until then. It is
//! set back to the limit, and this is logged once.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::ids::{AttemptId, JobName, RunId};
use crate::input::Level;
use crate::limits::{ADOPT_WINDOW_CAP, AHEAD_MAX, WATCH};
use crate::record::{Pause, PauseOfAll, Record};
use crate::run::{Attempt, Run};
use crate::time::shift;

/// Sets times back to their limit, and notes how far ahead they were.
#[derive(Default)]
struct Clamp {
    furthest: SignedDuration,
}

impl Clamp {
    fn to(&mut self, at: &mut Timestamp, latest: Timestamp) {
        let ahead = at.duration_since(latest);
        if ahead > AHEAD_MAX {
            *at = latest;
            self.furthest = self.furthest.max(ahead);
        }
    }

    fn optional(&mut self, at: &mut Option<Timestamp>, latest: Timestamp) {
        if let Some(at) = at {
            self.to(at, latest);
        }
    }
}

impl Engine {
    /// Sets every time that lies further ahead than possible back to its limit.
    pub(super) fn clamp(&mut self) {
        let mut clamp = Clamp::default();
        for run in self.state.run_ids() {
            self.clamp_run(run, &mut clamp);
        }
        let jobs: Vec<JobName> = self.state.jobs_ever_known().cloned().collect();
        for job in jobs {
            self.clamp_job(&job, &mut clamp);
        }
        self.clamp_pause_of_all(&mut clamp);
        if clamp.furthest.is_zero() {
            return;
        }
        let furthest = crate::duration::span(clamp.furthest);
        let text = format!(
            "the clock was wrong: what it recorded lies up to {furthest} further ahead than it \
             can; it is taken to be of now, and no job waits for it"
        );
        self.log(Level::Warn, text);
    }

    fn clamp_run(&mut self, id: RunId, clamp: &mut Clamp) {
        let now = self.now;
        let machine = self.state.run(id);
        let numbers: Vec<u32> = machine.open_attempts().map(|attempt| attempt.id.number).collect();
        let timeout = machine.terms().timeout;
        for number in numbers {
            self.change_attempt(AttemptId { run: id, number }, |attempt| {
                clamp_attempt(attempt, timeout, now, clamp);
            });
        }
        self.change_run(id, |run| {
            if !run.state.is_over() {
                let latest = latest_ready(run, now);
                clamp.to(&mut run.ready_at, latest);
                if let Some(cancel) = &mut run.cancel {
                    clamp.to(&mut cancel.at, now);
                }
            }
        });
    }

    fn clamp_job(&mut self, job: &JobName, clamp: &mut Clamp) {
        let now = self.now;
        self.change_job(job, |job_row| {
            // `handled` moves back and its stretch is remembered (`calendar::fall_back`).
            clamp.to(&mut job_row.handled.clone(), now);
            clamp.to(&mut job_row.first_seen, now);
            clamp.optional(&mut job_row.scheduled_since, now);
            clamp.optional(&mut job_row.held_due, now);
            clamp.optional(&mut job_row.last_success, now);
            clamp.optional(&mut job_row.late_reported_at, now);
            if let Some(pause) = &mut job_row.pause {
                clamp_pause(pause, now, clamp);
            }
        });
    }

    fn clamp_pause_of_all(&mut self, clamp: &mut Clamp) {
        let mut pauses = PauseOfAll::clone(self.state.pause_of_all());
        let Some(pause) = &mut pauses.pause else { return };
        clamp_pause(pause, self.now, clamp);
        if pauses != **self.state.pause_of_all() {
            self.record(Record::PauseOfAll(Arc::new(pauses)));
        }
    }
}

/// Sets a pause back as a whole: its end was reckoned by the same clock.
fn clamp_pause(pause: &mut Pause, now: Timestamp, clamp: &mut Clamp) {
    let ahead = pause.at.duration_since(now);
    if ahead > AHEAD_MAX {
        pause.until = pause.until.map(|until| shift(until, -ahead));
    }
    clamp.to(&mut pause.at, now);
}

/// The latest time at which an unfinished run may be ready: the longest back-off, plus a tenth.
fn latest_ready(run: &Run, now: Timestamp) -> Timestamp {
    let longest = run.terms.retry.max_delay.max(run.terms.retry.initial_delay);
    if run.state.is_between_attempts() { shift(now, longest + longest / 10) } else { now }
}

fn clamp_attempt(
    attempt: &mut Attempt,
    timeout: SignedDuration,
    now: Timestamp,
    clamp: &mut Clamp,
) {
    // A request that was sent under a wrong clock may carry a date of any clock since.
    let ahead = attempt.not_before.duration_since(now);
    if ahead > AHEAD_MAX && attempt.is_unlisted() {
        let millis = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX);
        attempt.slack_ms.0 = attempt.slack_ms.0.saturating_sub(millis);
    }
    clamp.to(&mut attempt.deadline, shift(now, timeout));
    clamp.to(&mut attempt.moved_at, now);
    clamp.optional(&mut attempt.holds_until, shift(now, timeout + ADOPT_WINDOW_CAP));
    clamp.optional(&mut attempt.watched_until, shift(now, WATCH.max(timeout)));
    if let Some(cancel) = &mut attempt.cancel {
        clamp.to(&mut cancel.at, now);
    }
}
