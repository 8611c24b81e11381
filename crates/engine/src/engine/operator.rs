//! Requests from operators. Every request is answered, after the commit.

use super::Engine;
use super::pauses::words;
use crate::ids::{JobName, RunId};
use crate::input::{Answer, Effect, Level, OperatorRequest, ReplyTo};
use crate::reason::{CancelReason, Reason};
use crate::record::Pause;
use crate::repeat::RunRequest;
use crate::run::CancelCause;

impl Engine {
    /// Takes in a request.
    pub(super) fn on_operator(&mut self, to: ReplyTo, request: OperatorRequest) {
        let answer = match request {
            OperatorRequest::Trigger { job, run } => {
                self.runs_asked_for(&[RunRequest::now(job, run)])
            }
            OperatorRequest::Repeat(requests) => self.runs_asked_for(&requests),
            OperatorRequest::Backfill(wanted) => self.backfill(&wanted),
            OperatorRequest::CancelRun(run) => self.cancel_by_operator(vec![run]),
            OperatorRequest::CancelJob(job) => match self.nothing_to_cancel(&job) {
                Some(error) => Answer::No(error),
                None => {
                    self.open_coming(&job);
                    self.cancel_by_operator(self.state.unfinished_of(&job).to_vec())
                }
            },
            OperatorRequest::Pause { job, pause } => self.pause(&job, pause),
            OperatorRequest::Resume(job) => self.resume(&job),
            OperatorRequest::PauseAll(pause) => self.pause_all(pause),
            OperatorRequest::ResumeAll => self.resume_all(),
        };
        self.then(Effect::Reply { to, answer });
    }

    /// Cancels runs.
    fn cancel_by_operator(&mut self, runs: Vec<RunId>) -> Answer {
        let active =
            |id: &RunId| self.state.find_run(*id).is_some_and(|machine| !machine.is_over());
        if let Some(over) = runs.iter().find(|id| !active(id)) {
            return Answer::No(format!("run {over} is not active"));
        }
        let reason = Reason::from(CancelReason::Operator { name: self.requested_by.clone() });
        for run in &runs {
            self.cancel_run(*run, CancelCause::Operator, reason.clone());
        }
        Answer::Done(runs)
    }

    /// Stops the scheduling of a job, or changes the pause that it is under.
    fn pause(&mut self, name: &JobName, pause: Pause) -> Answer {
        if self.job(name).is_none() {
            return unknown_job(name);
        }
        if pause.until.is_some_and(|until| until <= self.now) {
            return Answer::No("the time until which to pause is past".to_owned());
        }
        // Occurrences due until now were not paused yet. Those that wait for a look go on doing so.
        self.occurrences_due(name);
        self.end_pause_that_ran_out(name);
        let before = self.state.job_row(name).pause.as_ref();
        let pause = pause.going_on_from(before);
        let done = if before.is_some() { "the pause was changed" } else { "paused" };
        let text = words(&pause, |at| self.machine_time(at));
        let text = format!("{done} by {}{text}", self.asker_words());
        self.log_event(Level::Info, Some(name), Some("paused"), text);
        self.change_job(name, |job_row| job_row.pause = Some(pause));
        self.schedule_next(name);
        self.schedule_late_check(name);
        Answer::Done(Vec::new())
    }

    /// Schedules a job again. Occurrences that were due meanwhile are not caught up.
    fn resume(&mut self, name: &JobName) -> Answer {
        if self.job(name).is_none() {
            return unknown_job(name);
        }
        let job_row = self.state.job_row(name);
        let holds = |pause: &Pause| pause.holds(self.now);
        match &job_row.pause {
            Some(pause) if holds(pause) => self.end_pause(name, self.now),
            Some(_) => {
                self.occurrences_due(name);
                return self.not_paused(name);
            }
            None => return self.not_paused(name),
        }
        let text = format!("resumed by {}", self.asker_words());
        self.log_event(Level::Info, Some(name), Some("resumed"), text);
        self.schedule_next(name);
        self.schedule_late_check(name);
        self.still_quiet(name).map_or(Answer::Done(Vec::new()), Answer::DoneBut)
    }

    /// The error for a job without a pause of its own, which can't be resumed by its name.
    fn not_paused(&self, name: &JobName) -> Answer {
        Answer::No(if self.pause_of_all(self.now).is_some() {
            format!(
                "job `{name}` is not paused by itself and stays paused: all jobs are \
                 (`transferd resume --all` ends that)"
            )
        } else {
            format!("job `{name}` is not paused")
        })
    }

    /// The reason why a job that was just resumed still has no occurrence.
    fn still_quiet(&self, name: &JobName) -> Option<String> {
        if self.pause_of_all(self.now).is_some() {
            return Some(
                "no longer paused by itself; all jobs are still paused \
                (`transferd resume --all` ends that)"
                    .to_owned(),
            );
        }
        let enabled = self.job(name)?.enabled;
        (!enabled).then(|| "no longer paused; still disabled in the job file".to_owned())
    }
}

impl Engine {
    /// The operator, as part of a sentence.
    pub(super) fn asker_words(&self) -> String {
        self.requested_by.clone().unwrap_or_else(|| "an operator".to_owned())
    }
}

/// The error for an unknown job.
fn unknown_job(name: &JobName) -> Answer {
    Answer::No(format!("there is no job `{name}`"))
}
