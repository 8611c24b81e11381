//! What operators ask for. Every request is answered, after the commit.

use std::sync::Arc;

use super::Engine;
use crate::core::ids::{JobName, RunId};
use crate::core::input::{Answer, Effect, Level, OperatorRequest, ReplyTo};
use crate::core::reason::{CancelReason, Reason};
use crate::core::record::Pause;
use crate::core::run::{CancelCause, Trigger};

impl Engine {
    /// Takes a request in.
    pub(super) fn operator(&mut self, to: ReplyTo, request: OperatorRequest) {
        if let OperatorRequest::Trigger { job, .. }
        | OperatorRequest::Pause { job, .. }
        | OperatorRequest::Resume(job) = &request
        {
            self.adopt_now(job);
        }
        let answer = match request {
            OperatorRequest::Trigger { job, run } => self.trigger(&job, run),
            OperatorRequest::CancelRun(run) => self.cancel_by_operator(vec![run]),
            OperatorRequest::CancelJob(job) => {
                let runs = self.state.unfinished.get(&job).cloned().unwrap_or_default();
                if runs.is_empty() {
                    Answer::No(format!("job `{job}` has no active run"))
                } else {
                    self.cancel_by_operator(runs)
                }
            }
            OperatorRequest::Pause { job, pause } => self.pause(&job, pause),
            OperatorRequest::Resume(job) => self.resume(&job),
        };
        self.then(Effect::Reply { to, answer });
    }

    /// Runs a job now, or behind its active run.
    fn trigger(&mut self, name: &JobName, run: RunId) -> Answer {
        let Some(planned) = self.jobs.get(name) else { return unknown_job(name) };
        let job = Arc::clone(&planned.job);
        self.end_hopeful_run(name);
        let unfinished = self.state.unfinished.get(name).cloned().unwrap_or_default();
        let held = unfinished.iter().skip(1).find(|id| {
            self.state.runs.get(id).is_some_and(|live| live.run.trigger == Trigger::Manual)
        });
        if let Some(held) = held {
            return Answer::No(format!(
                "run {held}, triggered before, is still waiting; it can be canceled"
            ));
        }
        let behind = unfinished.last().copied();
        let reason = Reason::Triggered { by: self.asker.clone() };
        self.open_run_as(run, &job, Trigger::Manual, None, behind, reason, None);
        Answer::Done(vec![run])
    }

    /// Cancels runs.
    fn cancel_by_operator(&mut self, runs: Vec<RunId>) -> Answer {
        let active =
            |id: &RunId| self.state.runs.get(id).is_some_and(|live| !live.run.state.is_over());
        if let Some(over) = runs.iter().find(|id| !active(id)) {
            return Answer::No(format!("run {over} is not active"));
        }
        let reason = Reason::from(CancelReason::Operator { name: self.asker.clone() });
        for run in &runs {
            self.cancel_run(*run, CancelCause::Operator, reason.clone());
        }
        Answer::Done(runs)
    }

    /// Stops the scheduling of a job.
    fn pause(&mut self, name: &JobName, pause: Pause) -> Answer {
        if !self.jobs.contains_key(name) {
            return unknown_job(name);
        }
        if pause.until.is_some_and(|until| until <= self.now) {
            return Answer::No("the time until which to pause is past".to_owned());
        }
        let until = pause.until.map(|at| format!(" until {at:.0}")).unwrap_or_default();
        let asker = self.asker_words();
        let why = pause.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        self.announce(Level::Info, Some(name), format!("paused by {asker}{until}{why}"));
        self.change_mark(name, |mark| mark.pause = Some(pause));
        self.arm_late(name);
        Answer::Done(Vec::new())
    }

    /// Schedules a job again. What was due meanwhile is not caught up.
    fn resume(&mut self, name: &JobName) -> Answer {
        if !self.jobs.contains_key(name) {
            return unknown_job(name);
        }
        let Some(mark) = self.state.marks.get(name) else { return unknown_job(name) };
        if mark.pause.is_none() {
            return Answer::No(format!("job `{name}` is not paused"));
        }
        let now = self.now;
        self.change_mark(name, |mark| {
            mark.pause = None;
            mark.handled = mark.handled.max(now);
        });
        let asker = self.asker_words();
        self.announce(Level::Info, Some(name), format!("resumed by {asker}"));
        self.arm(name);
        self.arm_late(name);
        Answer::Done(Vec::new())
    }
}

impl Engine {
    /// Who asks, for a sentence.
    fn asker_words(&self) -> String {
        self.asker.clone().unwrap_or_else(|| "an operator".to_owned())
    }
}

/// There is no such job.
fn unknown_job(name: &JobName) -> Answer {
    Answer::No(format!("there is no job `{name}`"))
}
