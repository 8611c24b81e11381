//! Occurrences that are due and have no row yet: `jitter` delays them, or they wait for a look
//! (`overlap`).
//!
//! Keeps true: each of them runs once. Nobody else's request is for the same time while it does not
//! have its row, and a cancel of its job is for it too.

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::ids::{JobName, RunId};
use crate::job::Job;
use crate::limits::MISSED_MAX;
use crate::reason::Reason;
use crate::run::Trigger;
use crate::time::shift;

impl Engine {
    /// When the last occurrence of a job that is due by now was due.
    pub(super) fn last_due(&self, name: &JobName) -> Option<Timestamp> {
        let job = self.job(name)?;
        let job_row = self.state.job_row(name);
        let last = self.due_until(job, job_row, self.unpaused_until(job_row)).newest.pop()?;
        Some(self.due_at(job, last))
    }

    /// The first unhandled occurrence of a job that falls into no pause, and when it is due. It may
    /// have come due before a pause that is in force.
    pub(super) fn first_unhandled(&self, name: &JobName) -> Option<(Timestamp, Timestamp)> {
        let job = self.job(name)?;
        let job_row = self.state.find_job_row(name).filter(|job_row| job_row.scheduled)?;
        let after = |after| {
            let occurrence = job_row.next_unhandled(&job.timetable, after)?;
            Some((occurrence, self.due_at(job, occurrence)))
        };
        if self.pause_in_force(job_row, self.now).is_some() {
            let before = after(job_row.handled);
            let until = self.unpaused_until(job_row);
            if let Some(before) = before.filter(|(_, due)| *due <= until) {
                return Some(before);
            }
        }
        after(self.quiet_until(job, job_row)?)
    }

    /// The first unhandled occurrence of a job, and when it was due, if it is due by now.
    pub(super) fn first_due(&self, name: &JobName) -> Option<(Timestamp, Timestamp)> {
        self.first_unhandled(name).filter(|(_, due)| *due <= self.now)
    }

    /// The coming run of an occurrence that is due at that time and has no row yet, and when it
    /// begins by itself.
    pub(super) fn coming_run(&self, job: &Job, at: Timestamp) -> Option<(RunId, Timestamp)> {
        let mut next = self.first_unhandled(&job.name).map(|(occurrence, _)| occurrence);
        let job_row = self.state.find_job_row(&job.name)?;
        let is_paused = self.pause_in_force(job_row, self.now).is_some();
        let until = self.unpaused_until(job_row);
        for _ in 0..MISSED_MAX {
            let occurrence = next.filter(|occurrence| *occurrence <= at)?;
            if occurrence.as_millisecond() == at.as_millisecond() {
                let due = self.due_at(job, occurrence);
                let id = RunId::for_occurrence(&job.name, occurrence, job_row.generation);
                return (!is_paused || due <= until).then_some((id, due));
            }
            next = job_row.next_unhandled(&job.timetable, occurrence);
        }
        None
    }

    /// Notes that a requested run is for an occurrence of its job: a clock that is set back does not
    /// bring it again.
    pub(super) fn note_handled(&mut self, name: &JobName, at: Option<Timestamp>) {
        let (Some(job), Some(at)) = (self.job(name).cloned(), at) else { return };
        if self.state.find_job_row(name).is_none() {
            return;
        }
        let before = |at| shift(at, SignedDuration::from_nanos(-1));
        if job.timetable.next_after(before(at)) != Some(at) {
            return;
        }
        self.change_job(name, |job_row| {
            // One stretch with the occurrence before it, where that is handled too.
            let previous = job.timetable.last_at_or_before(before(at), Timestamp::MIN);
            let from = previous.filter(|it| job_row.handled_times.end_of_stretch(*it).is_some());
            job_row.handled_times.add(from.unwrap_or(at), at, job_row.handled);
        });
    }

    /// The occurrences of a job that have come and have no row yet. One that `jitter` delays is
    /// among them also while the job is paused, if it came before that: it runs if the pause ends
    /// before its time.
    fn coming(&self, name: &JobName) -> Vec<Timestamp> {
        let Some(job) = self.job(name) else { return Vec::new() };
        let job_row = self.state.find_job_row(name).filter(|job_row| job_row.scheduled);
        let Some(job_row) = job_row else { return Vec::new() };
        let until = self.unpaused_until(job_row);
        let mut coming = self.due_until(job, job_row, until).newest;
        coming.retain(|at| job_row.handled_times.end_of_stretch(*at).is_none());
        let last_due = job.delays(self.host.jitter_seed).last_before(self.now);
        let last = coming.last().copied();
        let after = last.into_iter().chain([job_row.handled]).fold(last_due, Timestamp::max);
        let delayed = job_row.next_unhandled(&job.timetable, after);
        coming.extend(delayed.filter(|at| *at <= until));
        coming
    }

    /// The error if a job has nothing to cancel: no run, and no occurrence that will have one.
    pub fn nothing_to_cancel(&self, name: &JobName) -> Option<String> {
        let nothing = self.state.unfinished_of(name).is_empty() && self.coming(name).is_empty();
        nothing.then(|| format!("job `{name}` has no active run"))
    }

    /// Opens a run for each occurrence of a job that has come and has no row yet, so that it can be
    /// canceled: what it may overlap does not matter.
    pub(super) fn open_coming(&mut self, name: &JobName) {
        let Some(job) = self.job(name).cloned() else { return };
        let coming = self.coming(name);
        if coming.is_empty() {
            return;
        }
        self.held.remove(name);
        for at in coming {
            self.open_run(&job, Trigger::Schedule, Some(at), None, Reason::Due, None);
            self.note_handled(name, Some(at));
        }
        self.change_job(name, |job_row| job_row.held_due = None);
        self.schedule_next(name);
    }
}
