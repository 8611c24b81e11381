//! Pauses: while a job is paused, nothing of it is due, nothing wakes the daemon, and nothing is
//! recorded. The pause itself is the record, with the number of occurrences that fell into it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::ids::JobName;
use crate::input::{Answer, Level};
use crate::job::Job;
use crate::limits::{PAUSE_COUNT_MAX, PAUSES_KEPT};
use crate::matching::shift;
use crate::record::{JobRow, PastPause, Pause, PauseOfAll, Record};

/// Times are kept to the millisecond: just before an instant is the one before it.
const JUST_BEFORE: SignedDuration = SignedDuration::from_millis(-1);

impl Engine {
    /// The pauses that a job may be under: its own, and that of all jobs.
    fn pauses_of<'a>(&'a self, job_row: &'a JobRow) -> impl Iterator<Item = &'a Pause> {
        job_row.pause.iter().chain(&self.state.pause_of_all().pause)
    }

    /// The pause that holds for a job now: its own before that of all.
    pub(super) fn pause_in_force<'a>(
        &'a self,
        job_row: &'a JobRow,
        now: Timestamp,
    ) -> Option<&'a Pause> {
        self.pauses_of(job_row).find(|pause| pause.holds(now))
    }

    /// From when a job is under no pause, which may be past; absent if no end is set.
    pub(super) fn unpaused_from(&self, job_row: &JobRow) -> Option<Timestamp> {
        self.pauses_of(job_row).try_fold(Timestamp::MIN, |from, pause| Some(from.max(pause.until?)))
    }

    /// The time up to which no occurrence of a job is due, because it was handled or falls into a
    /// pause; absent if the pause has no end.
    pub(super) fn quiet_until(&self, job_row: &JobRow) -> Option<Timestamp> {
        let from = self.unpaused_from(job_row)?;
        Some(job_row.handled.max(from.saturating_add(JUST_BEFORE).unwrap_or(from)))
    }

    /// Ends a job's pause as of `until`: it becomes a record, and its occurrences are not made up
    /// for. An occurrence that `jitter` still held back when the pause began is one of them.
    pub(super) fn end_pause(&mut self, name: &JobName, until: Timestamp) {
        let Some(job) = self.job(name) else { return };
        let job_row = self.state.job_row(name);
        let Some(pause) = job_row.pause.clone() else { return };
        let from = job_row.handled.max(shift(pause.at, JUST_BEFORE - job.jitter));
        let until = until.max(pause.at);
        let scheduled = job_row.scheduled;
        let occurrences = if scheduled { occurrences_within(job, from, until) } else { 0 };
        self.change_job(name, |job_row| {
            job_row.pause = None;
            if occurrences > 0 {
                job_row.handled_times.break_off(job_row.handled);
                job_row.handled = job_row.handled.max(shift(until, JUST_BEFORE));
            }
            let (since, reason) = (pause.at, pause.reason);
            job_row.pauses.push(PastPause { since, until, reason, occurrences });
            let surplus = job_row.pauses.len().saturating_sub(PAUSES_KEPT);
            job_row.pauses.drain(..surplus);
        });
    }

    /// Stops the scheduling of all jobs.
    pub(super) fn pause_all(&mut self, pause: Pause) -> Answer {
        if pause.until.is_some_and(|until| until <= self.now) {
            return Answer::No("the time until which to pause is past".to_owned());
        }
        // Occurrences due until now were not paused yet.
        let held: Vec<JobName> = self.held.keys().cloned().collect();
        held.iter().for_each(|name| self.decide_held(name));
        self.handle_due();
        self.end_pause_of_all(self.now);
        let text = words(&pause, |at| self.machine_time(at));
        let text = format!("all jobs are paused by {}{text}", self.asker_words());
        self.log(Level::Info, None, text);
        let past = self.state.pause_of_all().past.clone();
        self.record(Record::PauseOfAll(Arc::new(PauseOfAll { pause: Some(pause), past })));
        self.reschedule_all();
        Answer::Done(Vec::new())
    }

    /// Schedules all jobs again, except those with a pause of their own.
    pub(super) fn resume_all(&mut self) -> Answer {
        if self.state.pause_of_all().pause.as_ref().is_none_or(|pause| !pause.holds(self.now)) {
            let hint = "`pause --all` is not in force; single jobs are resumed by their names";
            return Answer::No(hint.to_owned());
        }
        self.end_pause_of_all(self.now);
        let text = format!("all jobs are resumed by {}", self.asker_words());
        self.log(Level::Info, None, text);
        Answer::Done(Vec::new())
    }

    /// Ends the pause of all jobs if its time is over.
    pub(super) fn end_pause_of_all_in_time(&mut self) {
        let until = self.state.pause_of_all().pause.as_ref().and_then(|pause| pause.until);
        if let Some(until) = until.filter(|until| *until <= self.now) {
            self.end_pause_of_all(until);
        }
    }

    /// Moves the pause of all jobs back with the clock, which was set back, perhaps before a start.
    pub(super) fn move_pause_of_all_back(&mut self) {
        let mut pauses = PauseOfAll::clone(self.state.pause_of_all());
        let Some(pause) = pauses.pause.as_mut().filter(|pause| pause.at > self.now) else { return };
        pause.at = self.now;
        self.record(Record::PauseOfAll(Arc::new(pauses)));
    }

    /// Ends the pause of all jobs as of `until`; occurrences that came due meanwhile are not made
    /// up for.
    fn end_pause_of_all(&mut self, until: Timestamp) {
        let Some(pause) = self.state.pause_of_all().pause.clone() else { return };
        let until = until.max(pause.at);
        let mut past = self.state.pause_of_all().past.clone();
        let (since, reason) = (pause.at, pause.reason);
        past.push(PastPause { since, until, reason, occurrences: 0 });
        let surplus = past.len().saturating_sub(PAUSES_KEPT);
        past.drain(..surplus);
        let jobs: Vec<(JobName, Arc<Job>)> =
            self.set.jobs.iter().map(|(name, job)| (name.clone(), Arc::clone(job))).collect();
        for (name, job) in jobs {
            self.change_job(&name, |job_row| {
                let next = job.timetable.next_after(job_row.handled);
                if job_row.scheduled && next.is_some_and(|next| next < until) {
                    job_row.handled_times.break_off(job_row.handled);
                    job_row.handled = job_row.handled.max(shift(until, JUST_BEFORE));
                }
            });
        }
        self.record(Record::PauseOfAll(Arc::new(PauseOfAll { pause: None, past })));
        self.reschedule_all();
    }

    fn reschedule_all(&mut self) {
        let jobs: Vec<JobName> = self.set.jobs.keys().cloned().collect();
        for name in jobs {
            self.schedule_next(&name);
            self.schedule_late_check(&name);
        }
    }

    /// The pauses of a job that are over, its own and those of all jobs, oldest first. The number
    /// of its occurrences in a pause of all is counted now.
    pub fn past_pauses(&self, name: &JobName) -> Vec<PastPause> {
        let Some(job) = self.job(name) else { return Vec::new() };
        let job_row = self.state.job_row(name);
        let of_all = self.state.pause_of_all().past.iter().cloned().map(|mut past| {
            if job_row.scheduled {
                let from = shift(past.since, JUST_BEFORE);
                past.occurrences = occurrences_within(job, from, past.until);
            }
            past
        });
        let mut pauses: Vec<PastPause> = job_row.pauses.iter().cloned().chain(of_all).collect();
        pauses.sort_by_key(|past| past.since);
        pauses
    }

    /// The pause of all jobs.
    pub fn pause_of_all(&self, now: Timestamp) -> Option<&Pause> {
        self.state.pause_of_all().pause.as_ref().filter(|pause| pause.holds(now))
    }
}

/// End and reason of a pause, for the log; `local` formats a time.
pub(super) fn words(pause: &Pause, local: impl FnOnce(Timestamp) -> String) -> String {
    let until = pause.until.map(|at| format!(" until {}", local(at))).unwrap_or_default();
    let why = pause.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{until}{why}")
}

/// How many occurrences there are after `from` and before `until`, up to [`PAUSE_COUNT_MAX`].
pub(super) fn occurrences_within(job: &Job, from: Timestamp, until: Timestamp) -> u32 {
    let (mut count, mut at) = (0, from);
    while count < PAUSE_COUNT_MAX
        && let Some(next) = job.timetable.next_after(at)
        && next < until
    {
        count += 1;
        at = next;
    }
    count
}
