//! Runs that people request: now, for a past time, or as a repetition.
//!
//! Several that are requested at once are all recorded, or none. Retries and backfills yield: until
//! one has begun, any other run of its job goes first. Keeps true: a time that has succeeded is not
//! run again unless that is requested, and one that is active never is. A run that only waits for a
//! lost request to turn up counts as failed here: it gives way (protocol, rule 6), and goes on
//! waiting where the request is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Engine;
use crate::ids::{JobName, RunId};
use crate::input::Answer;
use crate::job::{Job, Terms};
use crate::limits::{BACKFILL_MAX, OCCURRENCES_MAX, REPEATS_WAITING_MAX};
use crate::place::TransferRequest;
use crate::reason::{Reason, ReasonCode};
use crate::repeat::{Backfill, BackfillPlan, LeftOut, PastRun, RunRequest, Wanted};
use crate::run::{Changes, Run, RunState, Trigger};
use crate::template::PathTemplate;

impl Engine {
    /// Records the requested runs: all of them, or none.
    pub(super) fn runs_asked_for(&mut self, requests: &[RunRequest]) -> Answer {
        let mut runs = Vec::with_capacity(requests.len());
        for asked in requests {
            match self.requested_run(asked) {
                Ok(run) => runs.push(run),
                Err(words) => return Answer::No(words),
            }
        }
        let mut times = BTreeMap::new();
        for run in &runs {
            let time = run.scheduled_for.map(|at| (&run.job, at.as_millisecond()));
            if let Some(time) = time
                && times.insert(time, run.id).is_some()
            {
                let at = self.job_time(&run.job, run.scheduled_for.unwrap_or(self.now));
                let words = format!("two of these runs are for the same time of `{}`", run.job);
                return Answer::No(format!("{words}, {at}; name one of them"));
            }
        }
        if let Some(words) = self.too_many(runs.iter()) {
            return Answer::No(words);
        }
        for asked in requests {
            self.end_awaiting_run(&asked.job);
        }
        Answer::Done(self.open_all(runs))
    }

    /// Records the runs of a backfill.
    pub(super) fn backfill(&mut self, wanted: &Backfill) -> Answer {
        match self.backfill_plan(wanted) {
            Ok(plan) => {
                if !plan.runs.is_empty() {
                    self.end_awaiting_run(&wanted.job);
                }
                self.open_all(plan.runs.clone());
                Answer::Planned(Box::new(plan))
            }
            Err(words) => Answer::No(words),
        }
    }

    /// The runs that a backfill would create now.
    ///
    /// # Errors
    /// A message: there is no such job, its time lies ahead, or there are too many.
    pub fn backfill_plan(&self, wanted: &Backfill) -> Result<BackfillPlan, String> {
        let name = &wanted.job;
        let job = self.job(name).ok_or_else(|| format!("there is no job `{name}`"))?;
        if job.timetable.is_empty() {
            return Err(format!("job `{name}` has no schedule, and so no occurrences"));
        }
        let to = wanted.to.min(self.now);
        let before = wanted.from.checked_sub(SignedDuration::from_nanos(1));
        let found = job.timetable.missed(before.unwrap_or(wanted.from), to, OCCURRENCES_MAX);
        if found.more {
            return Err(format!(
                "`{name}` has more than {OCCURRENCES_MAX} occurrences in that time, and \
                 {BACKFILL_MAX} runs are the most; name a shorter time"
            ));
        }
        let mut plan = BackfillPlan::default();
        let (past, active) = (by_time(&wanted.past), self.active_by_time(name));
        let mut times = Vec::new();
        for at in found.newest {
            let key = at.as_millisecond();
            let past = past.get(&key).map(Vec::as_slice).unwrap_or_default();
            match self.left_out(wanted, at, active.get(&key).copied(), past) {
                Some(left_out) => plan.left_out.push(left_out),
                None => times.push(at),
            }
        }
        if times.len() > BACKFILL_MAX {
            let runs = times.len();
            return Err(format!(
                "that would be {runs} runs, and {BACKFILL_MAX} are the most; name a shorter time"
            ));
        }
        for at in times {
            let key = at.as_millisecond().to_be_bytes();
            let id = RunId(Uuid::new_v5(&wanted.seed.0, &key));
            let reason = Reason::Backfilled { by: self.requested_by.clone() };
            let request = self.render(job, at, id);
            let (of, trigger) = ((id, name), Trigger::Backfill);
            plan.runs.push(self.new_run(of, trigger, Some(at), reason, request, &job.terms));
        }
        self.too_many(plan.runs.iter()).map_or(Ok(plan), Err)
    }

    /// The reason why an occurrence needs no run, if so: an unfinished run for its time, or past
    /// ones.
    fn left_out(
        &self,
        wanted: &Backfill,
        at: Timestamp,
        active: Option<RunId>,
        past: &[PastRun],
    ) -> Option<LeftOut> {
        let left_out = |run, code| LeftOut { scheduled_for: at, run, code };
        let coming = || self.coming_run(self.job(&wanted.job)?, at).map(|(run, _)| run);
        if let Some(run) = active.or_else(coming) {
            return Some(left_out(run, ReasonCode::Overlap));
        }
        if wanted.all {
            return None;
        }
        if let Some(run) = self.ended_since(past, &wanted.job, at) {
            return Some(left_out(run, ReasonCode::Overlap));
        }
        success_for(past, at).map(|run| left_out(run, ReasonCode::Completed))
    }

    /// The unfinished runs of a job, except one that gives way to any request.
    fn under_way(&self, job: &JobName) -> impl Iterator<Item = &Run> {
        let machine = self.state.unfinished_of(job).iter().map(|id| self.state.run(*id));
        machine
            .filter(|machine| !machine.waits_for_lost_request())
            .map(|machine| machine.row().as_ref())
    }

    /// The unfinished runs of a job, the oldest of each scheduled time, by its milliseconds.
    fn active_by_time(&self, job: &JobName) -> BTreeMap<i64, RunId> {
        let mut active = BTreeMap::new();
        for run in self.under_way(job) {
            if let Some(at) = run.scheduled_for {
                active.entry(at.as_millisecond()).or_insert(run.id);
            }
        }
        active
    }

    /// The row of a requested run, if it is allowed.
    fn requested_run(&self, asked: &RunRequest) -> Result<Run, String> {
        let name = &asked.job;
        let job = self.job(name).cloned();
        if let Some(at) = asked.scheduled_for() {
            let time = || self.job_time(name, at);
            if at > self.now {
                return Err(format!("{} lies ahead: `{name}` can't be run for it yet", time()));
            }
            if let Some(run) = self.active_for(name, at) {
                return Err(format!("run {run} of `{name}` for {} is not over", time()));
            }
            if let Some((_, due)) = job.as_deref().and_then(|job| self.coming_run(job, at)) {
                let how = if due <= self.now {
                    "once a look has shown what its job has at the agent".to_owned()
                } else {
                    format!("at {} (`jitter`)", self.job_time(name, due))
                };
                return Err(format!(
                    "the occurrence of `{name}` of {} is due and runs by itself, {how}",
                    time()
                ));
            }
            if let Some(run) = self.ended_since(&asked.past, name, at).filter(|_| !asked.again) {
                return Err(format!(
                    "run {run} of `{name}` for {} has just ended; ask once more",
                    time()
                ));
            }
            if let Some(run) = success_for(&asked.past, at).filter(|_| !asked.again) {
                return Err(format!(
                    "`{name}` has succeeded for {} (run {run}); `--again` repeats it",
                    time()
                ));
            }
        }
        let run = match &asked.what {
            Wanted::Manual(scheduled_for) => {
                let job = job.ok_or_else(|| format!("there is no job `{name}`"))?;
                self.manual_run(asked, &job, *scheduled_for)
            }
            Wanted::Retry { of, current } => self.retry_run(asked, job.as_deref(), of, *current),
        }?;
        // With the changes of that run, even if its job has changed since.
        let (source, destination) = (&run.request.source, &run.request.destination);
        if source.is_same_as(destination) {
            return Err(format!("source and destination of `{name}` would be the same"));
        }
        Ok(run)
    }

    /// The row of a triggered run.
    fn manual_run(
        &self,
        asked: &RunRequest,
        job: &Job,
        scheduled_for: Option<Timestamp>,
    ) -> Result<Run, String> {
        let ahead = self.under_way(&job.name).filter(|run| !self.state.steps_behind(run.id));
        let held = ahead.skip(1).find(|run| run.trigger == Trigger::Manual).map(|run| run.id);
        if let Some(held) = held {
            return Err(format!(
                "run {held}, triggered before, is still waiting; `transferd cancel {held}` \
                 cancels it"
            ));
        }
        let reason = Reason::Triggered { by: self.requested_by.clone() };
        let at = scheduled_for.unwrap_or(self.now);
        let request = self.render_changed(job, at, asked.run, &asked.changes);
        let (of, trigger) = ((asked.run, &job.name), Trigger::Manual);
        let mut run = self.new_run(of, trigger, scheduled_for, reason, request, &job.terms);
        change_terms(&mut run, &asked.changes);
        run.changes = asked.changes.clone();
        Ok(run)
    }

    /// The row of a run that repeats another.
    fn retry_run(
        &self,
        asked: &RunRequest,
        job: Option<&Job>,
        of: &Arc<Run>,
        current: bool,
    ) -> Result<Run, String> {
        if self.under_way(&of.job).any(|run| run.id == of.id) {
            return Err(format!("run {} of `{}` is not over", of.id, of.job));
        }
        if !of.state.is_over() && !self.state.unfinished_of(&of.job).contains(&of.id) {
            return Err(format!("run {} of `{}` has just ended; ask once more", of.id, of.job));
        }
        if let Some(run) = self.under_way(&of.job).find(|run| run.retry_of == Some(of.id)) {
            return Err(format!("run {} repeats run {} already", run.id, of.id));
        }
        if of.state == RunState::Succeeded && !asked.again {
            return Err(format!(
                "run {} of `{}` has succeeded; `--again` repeats it",
                of.id, of.job
            ));
        }
        let reason = Reason::Retried { of: of.id, by: self.requested_by.clone() };
        // The current policy is the better one; where the job is gone, the old one is used.
        let terms = job.map_or(&of.terms, |job| &job.terms);
        let request = if current {
            let job = job.ok_or_else(|| {
                format!(
                    "job `{}` is gone from the job file: without `--current`, the places that the \
                     run had are taken",
                    of.job
                )
            })?;
            let at = of.scheduled_for.unwrap_or(of.created_at);
            self.render_changed(job, at, asked.run, &of.changes)
        } else {
            of.request.clone()
        };
        let (about, trigger) = ((asked.run, &of.job), Trigger::Retry);
        let mut run = self.new_run(about, trigger, of.scheduled_for, reason, request, terms);
        run.retry_of = Some(of.id);
        run.changes = of.changes.clone();
        change_terms(&mut run, &of.changes);
        Ok(run)
    }

    /// The row of a waiting run.
    pub(super) fn new_run(
        &self,
        (id, job): (RunId, &JobName),
        trigger: Trigger,
        scheduled_for: Option<Timestamp>,
        reason: Reason,
        request: TransferRequest,
        terms: &Arc<Terms>,
    ) -> Run {
        Run {
            id,
            job: job.clone(),
            trigger,
            scheduled_for,
            created_at: self.now,
            state: RunState::Waiting,
            reason,
            ended_at: None,
            ready_at: self.now,
            cancel: None,
            follows: None,
            behind: None,
            retry_of: None,
            changes: Changes::default(),
            request,
            // A run outlives the job set, and shares no memory with it.
            terms: Arc::new(Terms::clone(terms)),
        }
    }

    /// The request of a run with changes to its job.
    fn render_changed(
        &self,
        job: &Job,
        at: Timestamp,
        run: RunId,
        changes: &Changes,
    ) -> TransferRequest {
        let mut changed = job.clone();
        let path = |text: &Option<String>| PathTemplate::parse(text.as_deref()?).ok();
        if let Some(path) = path(&changes.source_path) {
            changed.source.path = path;
        }
        if let Some(path) = path(&changes.destination_path) {
            changed.destination.path = path;
        }
        changed.allow_skip = changes.allow_skip.unwrap_or(changed.allow_skip);
        self.render(&changed, at, run)
    }

    /// Records runs, each after the runs that its job has to do before.
    fn open_all(&mut self, runs: Vec<Run>) -> Vec<RunId> {
        let ids = runs.iter().map(|run| run.id).collect();
        let times: Vec<_> = runs.iter().map(|run| (run.job.clone(), run.scheduled_for)).collect();
        for (job, at) in times {
            self.note_handled(&job, at);
        }
        for mut run in runs {
            run.behind = if run.trigger.steps_behind() {
                self.state.unfinished_of(&run.job).last().copied()
            } else {
                self.last_ahead(&run.job)
            };
            self.open_row(run);
        }
        ids
    }

    /// The error for more retries and backfills of one job than may wait.
    fn too_many<'a>(&self, runs: impl Iterator<Item = &'a Run>) -> Option<String> {
        let mut more: BTreeMap<&JobName, usize> = BTreeMap::new();
        for run in runs.filter(|run| run.trigger.steps_behind()) {
            *more.entry(&run.job).or_default() += 1;
        }
        more.into_iter().find_map(|(job, more)| {
            let waiting = self.state.unfinished_of(job).len();
            (waiting + more > REPEATS_WAITING_MAX).then(|| {
                format!(
                    "{waiting} runs of `{job}` are waiting already, and {REPEATS_WAITING_MAX} are \
                     the most"
                )
            })
        })
    }

    /// The unfinished run of a job for that time.
    fn active_for(&self, job: &JobName, at: Timestamp) -> Option<RunId> {
        let is_for = |run: &&Run| run.scheduled_for.is_some_and(|other| is_same_time(other, at));
        self.under_way(job).find(is_for).map(|run| run.id)
    }

    /// A run for that time that was unfinished when the past was read, and is finished now: how it
    /// ended is not known here.
    fn ended_since(&self, past: &[PastRun], job: &JobName, at: Timestamp) -> Option<RunId> {
        let unfinished = self.state.unfinished_of(job);
        let is = |run: &&PastRun| {
            !run.state.is_over()
                && is_same_time(run.scheduled_for, at)
                && !unfinished.contains(&run.run)
        };
        past.iter().find(is).map(|run| run.run)
    }
}

/// Past runs by the milliseconds of their scheduled time.
fn by_time(past: &[PastRun]) -> BTreeMap<i64, Vec<PastRun>> {
    let mut by_time: BTreeMap<i64, Vec<PastRun>> = BTreeMap::new();
    for run in past {
        by_time.entry(run.scheduled_for.as_millisecond()).or_default().push(*run);
    }
    by_time
}

/// The successful run for a time.
fn success_for(past: &[PastRun], at: Timestamp) -> Option<RunId> {
    let is =
        |run: &&PastRun| run.state == RunState::Succeeded && is_same_time(run.scheduled_for, at);
    past.iter().find(is).map(|run| run.run)
}

/// Times are searched by the millisecond.
fn is_same_time(a: Timestamp, b: Timestamp) -> bool {
    a.as_millisecond() == b.as_millisecond()
}

/// Changes a run's terms. `--set timeout` overrides the policy.
fn change_terms(run: &mut Run, changes: &Changes) {
    if let Some(timeout) = changes.timeout {
        Arc::make_mut(&mut run.terms).timeout = timeout;
    }
}
