//! Look before overlap (docs/protocol.md, rule 13).
//!
//! A row that says "running" is as old as the last complete look. After a start, a wake-up or an
//! outage the transfer may have ended long ago, and an occurrence that came due since must not be
//! skipped because of it: it is held back until a look has shown the current state. Keeps true: an
//! occurrence that is held back is judged once, and never wakes the daemon by itself.

use jiff::Timestamp;

use super::Engine;
use super::calendar::Handling;
use crate::ids::{AttemptId, JobName, RunId};
use crate::job::{Job, Overlap};
use crate::limits::{AHEAD_MAX, OVERLAP_SLACK, SKEW};
use crate::reason::{Reason, SkipReason, WaitReason};
use crate::time::shift;
use crate::transfer::Transfer;

/// A run that has ended while occurrences of its job were held back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// The run.
    run: RunId,
    /// The end of the time in which it counts as active.
    until: Timestamp,
}

impl Engine {
    /// Jobs with a due occurrence that waits for a look.
    pub fn held_back(&self) -> impl Iterator<Item = &JobName> {
        self.held.keys()
    }

    /// The occurrence of a job that waits for a look, and the reason; the first where more are due.
    pub(super) fn held_back_view(&self, name: &JobName) -> Option<(Timestamp, Reason)> {
        if !self.held.contains_key(name) {
            return None;
        }
        let (occurrence, _) = self.first_due(name)?;
        let wait = self.agent_wait().unwrap_or(WaitReason::Look);
        Some((occurrence, Reason::Waits(wait)))
    }

    /// Handles due occurrences, job by job.
    pub(super) fn handle_due(&mut self) {
        while let Some(job) = self.dues.first_due(self.now) {
            self.occurrences_due(&job);
        }
    }

    /// Holds back the due occurrences of a job if they have to wait for a look; true if they do.
    pub(super) fn hold_back_if_stale(&mut self, name: &JobName) -> bool {
        if !self.must_look_first(name) {
            return false;
        }
        if !self.held.contains_key(name) {
            self.held.insert(name.clone(), Vec::new());
            let due = self.first_due(name).map(|(_, due)| due);
            // One that was missed, or was held back before a restart, is known as that already.
            if due.is_some_and(|due| self.awake_since <= due) {
                self.change_job(name, |job_row| job_row.held_due = due);
            }
        }
        self.looks.hint();
        true
    }

    /// True if an occurrence of a job is due whose transfer was last seen before that, or is over
    /// while its run waits for the cause. All due occurrences are judged together: the last of them
    /// too, unless it came due while the last look was under way.
    fn must_look_first(&self, name: &JobName) -> bool {
        let Some((_, first)) = self.first_due(name) else { return false };
        let complete = self.looks.last_complete();
        self.state.in_flight_of(name).any(|machine| {
            let mut open = machine.attempts().filter(|attempt| attempt.phase.is_underway());
            !machine.is_over()
                && open.any(|attempt| {
                    // The usual age of the last sighting while all is well.
                    let usual = self.look_interval(attempt) + OVERLAP_SLACK;
                    let is_unshown =
                        |due| complete.is_none_or(|(began, _)| began < shift(due, -usual));
                    let is_newer = |due: &Timestamp| complete.is_none_or(|(_, came)| came < *due);
                    attempt.is_ending()
                        || is_unshown(first)
                        || self.last_due(name).filter(is_newer).is_some_and(is_unshown)
                })
        })
    }

    /// Judges the occurrences that were held back, of the jobs of which enough is known now.
    pub(super) fn decide_held_back(&mut self) {
        let known = |name: &&JobName| !self.must_look_first(name);
        let known: Vec<JobName> = self.held.keys().filter(known).cloned().collect();
        for name in known {
            self.decide_held(&name);
        }
    }

    /// Judges the occurrences of a job that were held back, whatever is known: its schedule is
    /// about to change.
    pub(super) fn decide_held(&mut self, name: &JobName) {
        if self.held.contains_key(name) {
            self.decide_held_by(name, self.now);
        }
    }

    /// Judges the occurrences of a job that were due by `until`, as after a look.
    pub(super) fn decide_held_by(&mut self, name: &JobName, until: Timestamp) {
        self.ended = self.held.remove(name).unwrap_or_default();
        self.handle_until(name, until, Handling::AfterLook);
        self.ended.clear();
        self.change_job(name, |job_row| job_row.held_due = None);
        self.schedule_next(name);
    }

    /// Notes that the end of a transfer was seen, and when it ended at the agent, by our clock as
    /// far as both are known.
    pub(super) fn note_finish(&mut self, id: AttemptId, record: &Transfer) {
        let now = self.now;
        let offset = self.agent_link.offset();
        let finished = record.ended_at.map(|at| shift(at, -offset));
        self.change_attempt(id, |attempt| {
            attempt.ended_at.get_or_insert(now);
            let is_possible = |at: &Timestamp| {
                shift(attempt.not_before, -SKEW) <= *at && *at <= shift(now, AHEAD_MAX)
            };
            if let Some(finished) = finished {
                attempt.finished_at = Some(finished).filter(is_possible).map(|at| at.min(now));
            }
        });
    }

    /// Notes the end of a run: until then it was in the way of occurrences that were held back.
    pub(super) fn note_end(&mut self, id: RunId) {
        let machine = self.state.run(id);
        // A run that repeats another never keeps an occurrence from running.
        if !self.held.contains_key(&machine.row().job) || machine.row().trigger.steps_behind() {
            return;
        }
        let followed = machine.followed();
        let finished = followed.and_then(|attempt| attempt.finished_at);
        let seen = followed.and_then(|attempt| attempt.ended_at).unwrap_or(self.now).min(self.now);
        let slack = if self.agent_link.knows_clock() { OVERLAP_SLACK } else { SKEW };
        let until = finished.map_or(seen, |at| shift(at, slack).min(seen));
        let ended = Ended { run: id, until };
        let job = machine.row().job.clone();
        self.held.entry(job).or_default().push(ended);
    }

    /// Whether an occurrence came due while a run was active that has ended since, and does not run
    /// because of that.
    pub(super) fn overlapped_by_ended(&self, job: &Job, at: Timestamp) -> Option<SkipReason> {
        let ended = self.ended.iter().find(|ended| at < ended.until)?;
        let skips = match job.overlap {
            Overlap::Skip => true,
            // One run may wait, and it is there already.
            Overlap::Queue => !self.state.ahead(&job.name).is_empty(),
            Overlap::Replace => false,
        };
        let (active, until) = (ended.run, ended.until);
        skips.then_some(SkipReason::OverlapOfEnded { active, until })
    }
}
