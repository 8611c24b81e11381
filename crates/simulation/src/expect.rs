//! Expected runs: which occurrences must have one, computed from timetables, apart from the engine.
//!
//! A window is a span of wall-clock time during which a job was in the file under one schedule,
//! unpaused. It opens and closes with the committed row of its job; an occurrence close to its ends
//! may fall to either side and is not required.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use transferd_engine::event_loop::EventLoop;
use transferd_engine::ids::JobName;
use transferd_engine::job::JobSet;
use transferd_engine::record::JobRow;
use transferd_engine::schedule::Timetable;

use super::daemon::Daemon;

/// The most occurrences in one gap that are listed individually (`MISSED_MAX`, with room).
const GAP_MAX: usize = 90;

#[derive(Clone, Debug)]
struct Window {
    timetable: Timetable,
    jitter: SignedDuration,
    from: Timestamp,
    /// Spans, first instant excluded, in which no run is required.
    passed_over: Vec<(Timestamp, Timestamp)>,
}

impl Window {
    fn asks_for(&self, at: Timestamp) -> bool {
        !self.passed_over.iter().any(|(after, to)| *after < at && at <= *to)
    }

    fn pass_over(&mut self, before: Timestamp, now: Timestamp) {
        self.passed_over.push((before - self.jitter, now));
    }
}

/// Open windows of a daemon, and the occurrences of closed ones.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    open: BTreeMap<JobName, Window>,
    due: Vec<(JobName, Timestamp)>,
}

impl Expectations {
    /// Notes a job's committed row. `until`: the time up to which due occurrences have certainly been
    /// handled.
    pub(super) fn committed(
        &mut self,
        job_row: &JobRow,
        set: &JobSet,
        until: Timestamp,
        now: Timestamp,
    ) {
        let job = set.jobs.get(&job_row.job);
        let wanted = job.filter(|job| {
            job_row.scheduled
                && job_row.pause.is_none()
                && job.timetable.identity() == job_row.timetable
        });
        let same = match (self.open.get(&job_row.job), wanted) {
            (Some(window), Some(job)) => {
                window.timetable == job.timetable && window.jitter == job.jitter
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            return;
        }
        self.close(&job_row.job, until);
        if let Some(job) = wanted {
            // Never later than now: an engine that marks the future as handled is caught.
            let window = Window {
                timetable: job.timetable.clone(),
                jitter: job.jitter,
                from: job_row.handled.min(now),
                passed_over: Vec::new(),
            };
            self.open.insert(job_row.job.clone(), window);
        }
    }

    fn close(&mut self, job: &JobName, until: Timestamp) {
        let Some(window) = self.open.remove(job) else { return };
        let until = until - window.jitter;
        let mut at = window.from;
        while let Some(next) = window.timetable.next_after(at)
            && next <= until
        {
            if window.asks_for(next) {
                self.due.push((job.clone(), next));
            }
            at = next;
        }
    }

    /// Notes that time has jumped from `until` to `now`: if more was missed than is listed
    /// individually, no run is required in the gap.
    pub(super) fn jumped(&mut self, until: Timestamp, now: Timestamp) {
        for window in self.open.values_mut() {
            let missed = window.timetable.missed(until - window.jitter, now, GAP_MAX);
            if missed.newest.len() >= GAP_MAX {
                window.pass_over(until, now);
            }
        }
    }

    /// Notes that the clock was set forward: the skipped occurrences were not missed.
    pub(super) fn stepped(&mut self, before: Timestamp, now: Timestamp) {
        for window in self.open.values_mut() {
            let first = window.timetable.next_after(before - window.jitter);
            if first.is_some_and(|first| first <= now) {
                window.pass_over(before, now);
            }
        }
    }

    /// All occurrences that must have a run.
    pub(super) fn finish(mut self, until: Timestamp) -> Vec<(JobName, Timestamp)> {
        let open: Vec<JobName> = self.open.keys().cloned().collect();
        for job in open {
            self.close(&job, until);
        }
        self.due
    }
}

impl Daemon {
    /// Notes that all due occurrences up to now were handled, or wait for a look.
    pub(super) fn note_processed(&mut self, wall: Timestamp) {
        if let Some(engine) = self.event_loop.as_ref().map(EventLoop::engine) {
            let (before, since) = (std::mem::take(&mut self.held_back), self.processed);
            let since = |job: &JobName| before.get(job).copied().unwrap_or(since);
            self.held_back = engine.held_back().map(|job| (job.clone(), since(job))).collect();
        }
        self.processed = wall;
    }
}
