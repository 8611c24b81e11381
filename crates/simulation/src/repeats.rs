//! Runs that people request again: for a past time, as a repetition, for a span of time; and
//! whether the resulting runs are the requested ones.
//!
//! The past is read from the committed rows, a moment before the engine is asked, as the daemon
//! does: only the engine knows what happens in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use transferd_engine::ids::{JobName, RunId};
use transferd_engine::input::{Input, OperatorRequest, ReplyTo};
use transferd_engine::repeat::{Backfill, PastRun, RunRequest, Wanted};
use transferd_engine::run::{Changes, Run, RunState, Trigger};
use transferd_engine::store::Queries;
use transferd_sim::world::Span;

use super::check::Checker;
use super::mutation::Mutation;
use super::simulation::{Answer, Event, Observer, Order, Simulation};

/// How far back people repeat runs.
const REACH: Span = Span::millis(60_000, 4 * 3_600_000);

/// From reading the past to asking the engine.
const RECALLED_WITHIN: Span = Span::millis(1, 200);

/// Runs of one time, or of a backfill's: far more than exist.
const PAST_MAX: usize = 10_000;

/// The requests for repetitions to a daemon.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    requests: BTreeMap<RunId, RunRequest>,
    /// Backfills, by the seed of their runs' ids: whether they include times that have succeeded.
    backfills: Vec<(RunId, bool)>,
}

impl Repeats {
    /// Whether somebody has requested this run; and if so, whether even if its time has succeeded.
    fn asked_for(&self, run: &Run) -> Option<bool> {
        if let Some(asked) = self.requests.get(&run.id) {
            return Some(asked.again);
        }
        let key = run.scheduled_for?.as_millisecond().to_be_bytes();
        let made = |seed: &RunId| RunId(Uuid::new_v5(&seed.0, &key)) == run.id;
        self.backfills.iter().find(|(seed, _)| made(seed)).map(|(_, all)| *all)
    }
}

impl<O: Observer> Simulation<O> {
    /// Makes an operator's request for a repetition.
    pub(super) fn repeat(&mut self, number: usize) {
        let request = match self.chance.below(3) {
            0 => self.trigger_for(number),
            1 => self.retry(number),
            _ => self.backfill(number),
        };
        let Some(request) = request else { return };
        let reply = ReplyTo(self.daemons[number].replies);
        let input = Input::Operator { reply, request, by: None };
        let asker = self.daemons[number].unasked();
        let at = self.now + self.chance.span(RECALLED_WITHIN);
        let answer = Box::new(Answer { order: Order::Any, input });
        self.schedule(at, Event::Answer { number, asker, answer });
    }

    fn any_job(&mut self, number: usize) -> Option<JobName> {
        let names: Vec<JobName> = self.daemons[number].fed.jobs.keys().cloned().collect();
        (!names.is_empty()).then(|| names[self.chance.below(names.len())].clone())
    }

    fn trigger_for(&mut self, number: usize) -> Option<OperatorRequest> {
        let job = self.any_job(number)?;
        let from = self.wall(number) - self.chance.span(REACH);
        let timetable = &self.daemons[number].fed.jobs.get(&job)?.timetable;
        let at = timetable.last_at_or_before(from, from - SignedDuration::from_hours(24))?;
        self.count("operator_triggers_for_a_time");
        self.request_run(number, job, Wanted::Manual(Some(at)))
    }

    fn retry(&mut self, number: usize) -> Option<OperatorRequest> {
        let runs = self.daemons[number].runs.values();
        let over: Vec<Arc<Run>> = runs.filter(|run| run.state.is_over()).cloned().collect();
        if over.is_empty() {
            return None;
        }
        let of = Arc::clone(&over[self.chance.below(over.len())]);
        let current = self.chance.happens(0.3);
        self.count("operator_retries");
        self.request_run(number, of.job.clone(), Wanted::Retry { of, current })
    }

    fn request_run(
        &mut self,
        number: usize,
        job: JobName,
        what: Wanted,
    ) -> Option<OperatorRequest> {
        let run = RunId(self.chance.uuid());
        let again = self.chance.happens(0.2);
        let mut asked =
            RunRequest { run, job, what, again, changes: Changes::default(), past: Vec::new() };
        if let Some(at) = asked.scheduled_for() {
            asked.past = self.past(number, &asked.job, (at, at))?;
        }
        self.daemons[number].repeats.requests.insert(run, asked.clone());
        Some(OperatorRequest::Repeat(vec![asked]))
    }

    fn backfill(&mut self, number: usize) -> Option<OperatorRequest> {
        let job = self.any_job(number)?;
        let to = self.wall(number) - self.chance.span(REACH);
        let from = to - self.chance.span(Span::millis(60_000, 2 * 3_600_000));
        let (seed, all) = (RunId(self.chance.uuid()), self.chance.happens(0.2));
        let past = self.past(number, &job, (from, to))?;
        self.count("operator_backfills");
        self.daemons[number].repeats.backfills.push((seed, all));
        Some(OperatorRequest::Backfill(Backfill { job, from, to, all, past, seed }))
    }

    fn past(
        &mut self,
        number: usize,
        job: &JobName,
        (from, to): (Timestamp, Timestamp),
    ) -> Option<Vec<PastRun>> {
        if self.mutation == Some(Mutation::PastForgotten) {
            return Some(Vec::new());
        }
        self.daemons[number].store.runs_of_time(job, from, to, PAST_MAX).ok()
    }

    /// Checks a recorded run that is not the schedule's: somebody has requested it, its time has
    /// not succeeded unless that was requested too, and it has the right places.
    pub(super) fn check_repeat(&mut self, number: usize, run: &Run) {
        if let Some(fault) = self.fault_of_repeat(number, run) {
            let words = format!("run {} of `{}`: {fault}", run.id, run.job);
            self.violation(Checker::Decisions, number, words);
        }
    }

    fn fault_of_repeat(&self, number: usize, run: &Run) -> Option<String> {
        let daemon = &self.daemons[number];
        match (run.trigger, run.scheduled_for, run.retry_of) {
            (Trigger::Schedule | Trigger::CatchUp, _, _) | (Trigger::Manual, None, _) => {
                return None;
            }
            (Trigger::Manual | Trigger::Retry | Trigger::Backfill, _, _) => {}
        }
        let Some(again) = daemon.repeats.asked_for(run) else {
            return Some("nobody has asked for it".to_owned());
        };
        let of_its_time = |other: &&Arc<Run>| {
            other.id != run.id
                && other.job == run.job
                && run.scheduled_for.is_some()
                && other.scheduled_for == run.scheduled_for
        };
        let mut others = daemon.runs.values().filter(of_its_time);
        let in_the_way = others
            .find(|other| !other.state.is_over() || (other.state == RunState::Succeeded && !again));
        if let Some(other) = in_the_way {
            let (id, state) = (other.id, other.state.word());
            return Some(format!("its time has run {id} already, which is {state}"));
        }
        let asked = daemon.repeats.requests.get(&run.id)?;
        let Wanted::Retry { of, current: false } = &asked.what else { return None };
        let (was, is) = (&of.request, &run.request);
        (was != is)
            .then(|| format!("it goes to {:?} instead of {:?}", is.destination, was.destination))
    }
}
