//! Pauses: while a job is paused, nothing of it is due, nothing wakes the daemon, and nothing is
//! recorded. The pause itself is the record, with the number of occurrences that fell into it.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::ids::JobName;
use crate::input::{Answer, Level};
use crate::job::Job;
use crate::limits::PAUSES_KEPT;
use crate::pauses;
use crate::record::{JobRow, PastPause, Pause, PauseOfAll, Record};

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

    /// The time up to which occurrences of a job are to be handled now: what comes due after the
    /// beginning of a pause falls into it.
    pub(super) fn unpaused_until(&self, job_row: &JobRow) -> Timestamp {
        let in_force = self.pauses_of(job_row).filter(|pause| pause.holds(self.now));
        in_force.map(|pause| pause.at).fold(self.now, Timestamp::min)
    }

    /// Judges what came due before a pause that ends, and still waits for a look, whatever is known:
    /// the occurrences of the pause are about to be passed over.
    fn decide_before(&mut self, pause: &Pause, name: &JobName) {
        let Some(job) = self.job(name) else { return };
        let job_row = self.state.job_row(name);
        let first = job_row.next_unhandled(&job.timetable, job_row.handled);
        if first.is_some_and(|first| self.due_at(job, first) <= pause.at) {
            self.decide_held_by(name, pause.at);
        }
    }

    /// From when a job is under no pause, which may be past; absent if no end is set.
    pub(super) fn unpaused_from(&self, job_row: &JobRow) -> Option<Timestamp> {
        self.pauses_of(job_row).try_fold(Timestamp::MIN, |from, pause| Some(from.max(pause.until?)))
    }

    /// The time up to which a job's occurrences have been handled, or fall into a pause; absent if
    /// the pause has no end.
    pub(super) fn quiet_until(&self, job: &Job, job_row: &JobRow) -> Option<Timestamp> {
        let from = self.unpaused_from(job_row)?;
        Some(job_row.handled.max(job.delays(self.host.jitter_seed).last_before(from)))
    }

    /// Ends a job's pause as of `until`, or as of its own end before: it becomes a record, and its
    /// occurrences are not made up for.
    pub(super) fn end_pause(&mut self, name: &JobName, until: Timestamp) {
        let Some(job) = self.job(name) else { return };
        let delays = job.delays(self.host.jitter_seed);
        let job_row = self.state.job_row(name);
        let Some(pause) = job_row.pause.clone() else { return };
        let past = pauses::ended(Some(delays), job_row, &pause, until);
        let passed = delays.last_before(past.until);
        let passes_over = past.occurrences > 0;
        if passes_over {
            self.decide_before(&pause, name);
        }
        self.change_job(name, |job_row| {
            job_row.pause = None;
            if passes_over {
                job_row.pass_over(job_row.handled.max(passed));
            }
            keep(&mut job_row.pauses, past);
        });
    }

    /// Ends the jobs' own pauses that are over by the clock: a new definition of a job must not
    /// count the occurrences of its old one.
    pub(super) fn end_pauses_that_ran_out(&mut self) {
        let jobs: Vec<JobName> = self.set.jobs.keys().cloned().collect();
        jobs.iter().for_each(|name| self.end_pause_that_ran_out(name));
    }

    pub(super) fn end_pause_that_ran_out(&mut self, name: &JobName) {
        let pause = self.state.find_job_row(name).and_then(|job_row| job_row.pause.as_ref());
        if pause.is_some_and(|pause| !pause.holds(self.now)) {
            self.end_pause(name, self.now);
        }
    }

    /// Stops the scheduling of all jobs, or changes the pause that they are under.
    pub(super) fn pause_all(&mut self, pause: Pause) -> Answer {
        if pause.until.is_some_and(|until| until <= self.now) {
            return Answer::No("the time until which to pause is past".to_owned());
        }
        // Occurrences due until now were not paused yet. Those that wait for a look go on doing so.
        self.handle_due();
        self.end_pause_of_all_in_time();
        let before = self.state.pause_of_all().pause.as_ref();
        let pause = pause.going_on_from(before);
        let done = match before {
            Some(_) => "the pause of all jobs was changed",
            None => "all jobs are paused",
        };
        let text = words(&pause, |at| self.machine_time(at));
        let text = format!("{done} by {}{text}", self.asker_words());
        self.log_event(Level::Info, None, Some("paused"), text);
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
        self.log_event(Level::Info, None, Some("resumed"), text);
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

    /// Ends the pause of all jobs as of `until`, or as of its own end before; occurrences that came
    /// due meanwhile are not made up for.
    fn end_pause_of_all(&mut self, until: Timestamp) {
        let Some(pause) = self.state.pause_of_all().pause.clone() else { return };
        let ended = pauses::ended_of_all(&pause, until);
        let until = ended.until;
        let mut past = self.state.pause_of_all().past.clone();
        keep(&mut past, ended);
        let jobs: Vec<(JobName, Arc<Job>)> =
            self.set.jobs.iter().map(|(name, job)| (name.clone(), Arc::clone(job))).collect();
        for (name, job) in jobs {
            self.end_pause_that_ran_out(&name);
            let job_row = self.state.job_row(&name);
            // Occurrences in the job's own pause are counted when that ends.
            let own = job_row.pause.as_ref().map(|pause| pause.at);
            let until = own.map_or(until, |own| until.min(own));
            let delays = job.delays(self.host.jitter_seed);
            let from = job_row.handled.max(delays.last_before(pause.at));
            let passed = delays.last_before(until);
            let next = job.timetable.next_after(from);
            if !job_row.scheduled || next.is_none_or(|next| passed < next) {
                continue;
            }
            self.decide_before(&pause, &name);
            self.change_job(&name, |job_row| {
                job_row.pass_over(job_row.handled.max(passed));
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

    /// The pauses of a job that are over by `now`, its own and those of all jobs, oldest first.
    pub fn past_pauses(&self, name: &JobName, now: Timestamp) -> Vec<PastPause> {
        let Some(job) = self.job(name) else { return Vec::new() };
        let delays = job.delays(self.host.jitter_seed);
        let job_row = self.state.job_row(name);
        pauses::past_pauses(Some(delays), Some(job_row), self.state.pause_of_all(), now)
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

/// Adds a pause that is over to those that are kept.
fn keep(pauses: &mut Vec<PastPause>, past: PastPause) {
    pauses.push(past);
    let surplus = pauses.len().saturating_sub(PAUSES_KEPT);
    pauses.drain(..surplus);
}
