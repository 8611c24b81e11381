//! Operators' requests to the engine, and the way of its answers back to them.

use super::driver::Driver;
use super::past::{no_run, not_yet_run, several};
use crate::clock;
use crate::control::document::{DoneDocument, RunDocument};
use crate::control::repeats::BackfillDocument;
use crate::control::request::{CancelQuery, JobQuery, PauseAllQuery, PauseQuery, Refused, Reply};
use crate::core::ids::{JobName, RunId};
use crate::core::input::{Answer, Input, OperatorRequest, ReplyTo};
use crate::core::plain::plain;
use crate::core::record::Pause;
use crate::core::repeat::BackfillPlan;
use crate::core::run::{Attempt, RunState};
use crate::core::suggest;
use crate::store::RunMatch;

/// The operator, as far as known.
pub(super) type By = Option<String>;

/// A waiting operator.
#[derive(Debug)]
pub(super) enum Pending {
    /// Waits for the runs that were triggered or repeated.
    Runs(Reply<Vec<RunDocument>>),
    /// Waits for the runs of a backfill.
    Backfill(JobName, Reply<BackfillDocument>),
    /// Waits for the affected runs.
    Done(Reply<DoneDocument>),
}

impl Pending {
    /// Refuses the request. The caller may have gone away; ignore the send error.
    pub(super) fn refuse(self, why: Refused) {
        match self {
            Self::Runs(reply) => drop(reply.send(Err(why))),
            Self::Backfill(_, reply) => drop(reply.send(Err(why))),
            Self::Done(reply) => drop(reply.send(Err(why))),
        }
    }
}

impl Driver {
    /// Ends a job's runs, or one run.
    pub(super) fn cancel(&mut self, query: &CancelQuery, by: By, reply: Reply<DoneDocument>) {
        let what = query.what.trim();
        let job = JobName::new(what);
        let active: Vec<_> = self
            .engine()
            .active_runs()
            .filter_map(|id| self.engine().run_view(id))
            .map(|view| (view.run.id, view.run.job.clone()))
            .collect();
        // A job that is gone from the file may still have a run.
        let is_job = self.engine().job_view(&job, clock::now()).is_some()
            || active.iter().any(|(_, name)| *name == job);
        if is_job {
            if query.dry_run {
                let nothing = self.engine().nothing_to_cancel(&job).map(Refused::No);
                drop(reply.send(nothing.map_or_else(|| Ok(DoneDocument::default()), Err)));
                return;
            }
            let request = OperatorRequest::CancelJob(job);
            self.ask_engine(Pending::Done(reply), by, request);
            return;
        }
        let begins = |id: &RunId| begins_with(*id, what);
        let fitting: Vec<_> = active.into_iter().map(|(id, _)| id).filter(begins).collect();
        match fitting.as_slice() {
            [_] if query.dry_run => drop(reply.send(Ok(DoneDocument::default()))),
            [one] => {
                let request = OperatorRequest::CancelRun(*one);
                self.ask_engine(Pending::Done(reply), by, request);
            }
            [] => self.refuse_cancel(what, reply),
            ids => drop(reply.send(Err(Refused::No(several(what, ids))))),
        }
    }

    /// Refuses a cancel that names nothing active; says what is active.
    fn refuse_cancel(&self, what: &str, reply: Reply<DoneDocument>) {
        let (store, what) = (self.store.clone(), what.to_owned());
        let unknown = self.unknown("job or run", &what);
        tokio::spawn(async move {
            let refused = match store.run(&what).await {
                Ok(RunMatch::One(found)) => {
                    let (id, state) = (found.run.id, found.run.state.word());
                    Refused::No(format!("run {id} of `{}` is over: {state}", found.run.job))
                }
                Ok(RunMatch::Several(ids)) => Refused::No(several(&what, &ids)),
                Ok(RunMatch::None) => unknown,
                Err(error) => Refused::Unavailable(error.to_string()),
            };
            drop(reply.send(Err(refused)));
        });
    }

    /// Stops the scheduling of a job.
    pub(super) fn pause(&mut self, query: PauseQuery, by: By, reply: Reply<DoneDocument>) {
        let pending = Pending::Done(reply);
        let job = match self.known_job(&query.job) {
            Ok(job) => job,
            Err(unknown) => return pending.refuse(unknown),
        };
        // It is shown in lines and tables from now on.
        let reason = query.reason.as_deref().map(plain);
        let pause = Pause { at: clock::now(), until: query.until, reason };
        self.ask_engine(pending, by, OperatorRequest::Pause { job, pause });
    }

    /// Schedules a job again.
    pub(super) fn resume(&mut self, query: &JobQuery, by: By, reply: Reply<DoneDocument>) {
        let pending = Pending::Done(reply);
        match self.known_job(&query.job) {
            Ok(job) => self.ask_engine(pending, by, OperatorRequest::Resume(job)),
            Err(unknown) => pending.refuse(unknown),
        }
    }

    /// Stops the scheduling of all jobs.
    pub(super) fn pause_all(&mut self, query: PauseAllQuery, by: By, reply: Reply<DoneDocument>) {
        let reason = query.reason.map(|reason| plain(&reason));
        let pause = Pause { at: clock::now(), until: query.until, reason };
        self.ask_engine(Pending::Done(reply), by, OperatorRequest::PauseAll(pause));
    }

    /// Schedules all jobs again.
    pub(super) fn resume_all(&mut self, by: By, reply: Reply<DoneDocument>) {
        self.ask_engine(Pending::Done(reply), by, OperatorRequest::ResumeAll);
    }

    /// Hands the engine an operator's request, in the batch that is collected now.
    pub(super) fn ask_engine(&mut self, pending: Pending, by: By, request: OperatorRequest) {
        self.replies += 1;
        let reply = ReplyTo(self.replies);
        self.pending.insert(reply, pending);
        self.event_loop.push(Input::Operator { reply, request, by });
    }

    /// Answers an operator, now that the engine's answer is durable.
    pub(super) fn reply(&mut self, to: ReplyTo, answer: Answer) {
        // The requests of an outage were refused when it began; the engine may answer one after it.
        let Some(pending) = self.pending.remove(&to) else { return };
        let (runs, note, plan) = match answer {
            Answer::Done(runs) => (runs, None, BackfillPlan::default()),
            Answer::DoneBut(words) => (Vec::new(), Some(words), BackfillPlan::default()),
            Answer::Planned(plan) => (Vec::new(), None, *plan),
            Answer::No(words) => return pending.refuse(Refused::No(words)),
        };
        match pending {
            Pending::Done(reply) => drop(reply.send(Ok(DoneDocument { runs, note }))),
            Pending::Backfill(job, reply) => {
                let accounts = self.engine().accounts();
                drop(reply.send(Ok(BackfillDocument::new(job, &plan, true, accounts))));
            }
            Pending::Runs(reply) => {
                let runs: Option<Vec<_>> = runs.iter().map(|run| self.live(*run)).collect();
                let gone = || Refused::No("a run is over already; see `history`".to_owned());
                drop(reply.send(runs.ok_or_else(gone)));
            }
        }
    }

    /// A run in memory, as a document.
    pub(super) fn live(&self, run: RunId) -> Option<RunDocument> {
        let view = self.engine().run_view(run)?;
        let attempts = view.attempts.iter().map(|attempt| -> &Attempt { attempt });
        Some(RunDocument::new(&view.run, attempts, self.engine().accounts()))
    }

    /// The runs in memory that are not over, as documents.
    pub(super) fn all_live(&self) -> Vec<RunDocument> {
        let live = self.engine().active_runs().filter_map(|run| self.live(run));
        live.filter(|run| run.state != RunState::Skipped).collect()
    }

    /// Finds a job of the file.
    pub(super) fn known_job(&self, name: &str) -> Result<JobName, Refused> {
        let job = JobName::new(name);
        if self.engine().job_view(&job, clock::now()).is_some() {
            return Ok(job);
        }
        Err(self.unknown("job", name))
    }

    /// The error for an unknown name, with the job that was probably meant.
    pub(super) fn unknown(&self, what: &str, name: &str) -> Refused {
        let jobs: Vec<_> = self.engine().jobs().map(JobName::as_str).collect();
        if jobs.contains(&name) {
            return Refused::Unknown(not_yet_run(&JobName::new(name)));
        }
        let near = suggest::closest(name, &jobs);
        if what != "job" {
            return Refused::Unknown(no_run(name, near));
        }
        let next = match near {
            Some(job) => format!("did you mean `{job}`?"),
            None => "`transferd status` lists the jobs".to_owned(),
        };
        Refused::Unknown(format!("there is no job `{name}`; {next}"))
    }
}

/// Whether an id begins so, in either spelling of its letters, with or without its hyphens.
fn begins_with(id: RunId, start: &str) -> bool {
    let start: String = start.chars().filter(|c| *c != '-').collect();
    !start.is_empty() && id.0.simple().to_string().starts_with(&start.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_meant_by_how_it_begins() {
        let id = RunId("6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01".parse().unwrap());
        for start in ["6", "6D0F", "6d0f6b0e-93", "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01"] {
            assert!(begins_with(id, start), "{start}");
        }
        for other in ["", "-", "7", "6d0f6b0e-94"] {
            assert!(!begins_with(id, other), "{other}");
        }
    }
}
