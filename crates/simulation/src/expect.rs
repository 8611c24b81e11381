//! Which occurrences must have a run: computed from timetables, apart from the engine.
//!
//! A window is a span of wall-clock time during which a job stood in the file under one schedule,
//! unpaused. It opens and closes with the mark that is committed; what lies close to its ends may
//! fall to either side and is not asked for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use transferd_engine::event_loop::EventLoop;
use transferd_engine::ids::JobName;
use transferd_engine::job::JobSet;
use transferd_engine::record::Mark;
use transferd_engine::schedule::Timetable;

use super::daemon::Daemon;

/// More occurrences than this in one gap are not listed one by one (`MISSED_MAX`, with room).
const GAP_MAX: usize = 90;

#[derive(Clone, Debug)]
struct Window {
    timetable: Timetable,
    jitter: SignedDuration,
    from: Timestamp,
}

/// Open windows of a daemon, and the occurrences of those that have closed.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    open: BTreeMap<JobName, Window>,
    due: Vec<(JobName, Timestamp)>,
}

impl Expectations {
    /// A mark was committed. `until`: up to when dues have certainly been dealt with.
    pub(super) fn marked(&mut self, mark: &Mark, set: &JobSet, until: Timestamp, now: Timestamp) {
        let job = set.jobs.get(&mark.job);
        let wanted = job.filter(|job| {
            mark.scheduled && mark.pause.is_none() && job.timetable.identity() == mark.timetable
        });
        let same = match (self.open.get(&mark.job), wanted) {
            (Some(window), Some(job)) => {
                window.timetable == job.timetable && window.jitter == job.jitter
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            return;
        }
        self.close(&mark.job, until);
        if let Some(job) = wanted {
            // Never later than now: an engine that marks the future as dealt with is caught.
            let window = Window {
                timetable: job.timetable.clone(),
                jitter: job.jitter,
                from: mark.handled.min(now),
            };
            self.open.insert(mark.job.clone(), window);
        }
    }

    fn close(&mut self, job: &JobName, until: Timestamp) {
        let Some(window) = self.open.remove(job) else { return };
        let until = until - window.jitter;
        let mut at = window.from;
        while let Some(next) = window.timetable.next_after(at)
            && next <= until
        {
            self.due.push((job.clone(), next));
            at = next;
        }
    }

    /// Time has jumped from `until` to `now`: where more was missed than is listed one by one,
    /// the gap is not asked for.
    pub(super) fn jumped(&mut self, until: Timestamp, now: Timestamp) {
        let dense: Vec<JobName> = self
            .open
            .iter()
            .filter(|(_, window)| {
                let missed = window.timetable.missed(until - window.jitter, now, GAP_MAX);
                missed.newest.len() >= GAP_MAX
            })
            .map(|(job, _)| job.clone())
            .collect();
        for job in dense {
            let window = self.open.get(&job).cloned();
            self.close(&job, until);
            if let Some(window) = window {
                self.open.insert(job, Window { from: now, ..window });
            }
        }
    }

    /// The clock was set forward: what it has passed over was not missed.
    pub(super) fn stepped(&mut self, before: Timestamp, now: Timestamp) {
        let jobs: Vec<JobName> = self.open.keys().cloned().collect();
        for job in jobs {
            let Some(window) = self.open.get(&job).cloned() else { continue };
            if window.timetable.next_after(before - window.jitter).is_none_or(|next| next > now) {
                continue;
            }
            self.close(&job, before);
            self.open.insert(job, Window { from: now, ..window });
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
    /// All dues up to now were dealt with, or wait for a look.
    pub(super) fn has_processed(&mut self, wall: Timestamp) {
        if let Some(engine) = self.event_loop.as_ref().map(EventLoop::engine) {
            let (before, since) = (std::mem::take(&mut self.held_back), self.processed);
            let since = |job: &JobName| before.get(job).copied().unwrap_or(since);
            self.held_back = engine.held_back().map(|job| (job.clone(), since(job))).collect();
        }
        self.processed = wall;
    }
}
