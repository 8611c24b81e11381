//! Checks the decision about each occurrence against the job files that were in force, the clock,
//! and the agent's own record, apart from the engine.
//!
//! A file may change in the very step that still decides by the one before, so a decision passes if
//! any file so far allowed it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use transferd_engine::ids::{JobName, RunId};
use transferd_engine::input::Input;
use transferd_engine::job::{CatchUp, Job, JobSet, Overlap, Terms};
use transferd_engine::limits::{LATE_START, OVERTAKEN};
use transferd_engine::reason::{Reason, SkipReason};
use transferd_engine::record::Pause;
use transferd_engine::run::{Run, RunState};
use transferd_sim::world::SimTransfer;

use super::check::{Checker, OwnPost};
use super::simulation::{Observer, Simulation};

/// How much earlier than an occurrence a transfer must have ended to be certainly seen as over:
/// looks at it are up to a minute apart, and the difference of the clocks may not be known better
/// than by the skew that the protocol allows.
const SEEN_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// The facts by which decisions are checked.
#[derive(Debug, Default)]
pub(super) struct Grounds {
    /// The definitions that each job has had, oldest first.
    definitions: BTreeMap<JobName, Vec<Arc<Job>>>,
    /// The pauses of single jobs, as committed.
    pauses: BTreeMap<JobName, Pause>,
    /// The job file, an operator or the clock requires a decision at once, whatever is known.
    is_pressed: bool,
    /// When such a decision was last made.
    pressed_at: Option<Timestamp>,
}

impl Grounds {
    /// Notes a job file that is in force.
    pub(super) fn stands(&mut self, set: &JobSet) {
        for (name, job) in &set.jobs {
            let definitions = self.definitions.entry(name.clone()).or_default();
            if definitions.last().is_none_or(|last| !Arc::ptr_eq(last, job)) {
                definitions.push(Arc::clone(job));
            }
        }
    }

    /// The terms that a run starts with: the file's own. In a batch in which the file changes, a
    /// run may have begun before that.
    pub(super) fn terms(&self, run: &Run) -> Option<Arc<Terms>> {
        let definitions = self.definitions.get(&run.job)?;
        let latest = definitions.last()?;
        let before = definitions.iter().rev().nth(1).filter(|job| job.terms == run.terms);
        Some(Arc::clone(&before.unwrap_or(latest).terms))
    }

    /// Notes a job's committed pause, or its end.
    pub(super) fn paused(&mut self, job: &JobName, pause: Option<&Pause>) {
        match pause {
            Some(pause) => self.pauses.insert(job.clone(), pause.clone()),
            None => self.pauses.remove(job),
        };
    }

    /// Notes an input that waits for the engine.
    pub(super) fn heard(&mut self, input: &Input) {
        self.is_pressed |= matches!(
            input,
            Input::JobsReplaced(_) | Input::Operator { .. } | Input::ClockStepped { .. }
        );
    }

    /// Notes that the engine is about to decide about its inputs.
    pub(super) fn decides(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.is_pressed) {
            self.pressed_at = Some(now);
        }
    }
}

impl<O: Observer> Simulation<O> {
    /// Checks the record of an occurrence's run or skip.
    pub(super) fn check_decision(&mut self, number: usize, run: &Run) {
        let Some(at) = run.scheduled_for else { return };
        if let Some(fault) = self.fault_of(number, run, at) {
            let words = format!("run {} of `{}` for {at}: {fault}", run.id, run.job);
            self.violation(Checker::Decisions, number, words);
        }
    }

    fn fault_of(&self, number: usize, run: &Run, at: Timestamp) -> Option<String> {
        let wall = self.wall(number);
        let grounds = &self.daemons[number].grounds;
        let jobs = grounds.definitions.get(&run.job).map_or(&[][..], Vec::as_slice);
        let allows = |holds: &dyn Fn(&Job) -> bool| jobs.iter().any(|job| holds(job));
        let before = at - SignedDuration::from_nanos(1);
        if !allows(&|job| job.timetable.next_after(before) == Some(at)) {
            return Some("that is not an occurrence of it".to_owned());
        }
        if at > wall {
            return Some(format!("its time has not come at {wall}"));
        }
        let paused = grounds.pauses.get(&run.job).filter(|pause| pause.holds(wall));
        if paused.is_some_and(|pause| pause.at < at) {
            return Some("the job is paused".to_owned());
        }
        let Reason::Skipped(skip) = &run.reason else {
            let skipped = run.state == RunState::Skipped;
            return skipped.then(|| format!("it is skipped: {}", run.reason));
        };
        let age = wall.duration_since(at);
        let overtaken = |job: &Job| {
            let later = job.timetable.next_after(at);
            age > OVERTAKEN && later.is_some_and(|later| later <= wall)
        };
        let missed = |job: &Job| age > LATE_START || overtaken(job);
        // With `once` a later occurrence may take the place of the missed one.
        if matches!(skip, SkipReason::CatchUpNone | SkipReason::CatchUpWindow { .. })
            && self.was_there_since(number, at)
        {
            return Some("it is said to be missed, and the daemon was there".to_owned());
        }
        let justified = match skip {
            SkipReason::CatchUpNone => allows(&|job| missed(job) && job.catch_up == CatchUp::None),
            SkipReason::CatchUpWindow { .. } => {
                allows(&|job| missed(job) && age > job.catch_up_window)
            }
            SkipReason::Superseded => allows(&|job| {
                let later = job.timetable.next_after(at);
                job.catch_up == CatchUp::Once && later.is_some_and(|later| later <= wall)
            }),
            SkipReason::Overlap { active, .. } | SkipReason::OverlapOfEnded { active, .. } => {
                if let Some(fault) = self.was_over(number, &run.job, *active, at) {
                    return Some(fault);
                }
                allows(&|job| job.overlap != Overlap::Replace)
            }
            // No daemon records the occurrences of a pause any more.
            SkipReason::Paused { .. } => false,
        };
        (!justified).then(|| format!("nothing justifies the skip: {}", run.reason))
    }

    /// True if the daemon has been up and its machine awake since well before an occurrence.
    fn was_there_since(&self, number: usize, at: Timestamp) -> bool {
        let daemon = &self.daemons[number];
        let due = at - daemon.wall;
        let since = due - SEEN_WITHIN;
        daemon.up_since.is_some_and(|up| up <= since)
            && daemon.stepped_since(since).is_zero()
            && daemon.sleeps.iter().all(|(_, until)| *until <= since)
    }

    /// True if an occurrence does not overlap the run that it was skipped for (protocol, rule 13):
    /// its transfer was over and good long before, and the agent says so.
    fn was_over(&self, number: usize, job: &JobName, run: RunId, at: Timestamp) -> Option<String> {
        let daemon = &self.daemons[number];
        let Some(active) = daemon.runs.get(&run) else {
            return Some(format!("it is skipped for run {run}, which there is not"));
        };
        if active.trigger.steps_behind() {
            return Some(format!("it is skipped for run {run}, which only repeats another"));
        }
        if active.job != *job {
            return Some(format!("it is skipped for run {run}, which is of `{}`", active.job));
        }
        if daemon.grounds.pressed_at == Some(self.now) {
            return None;
        }
        let at_work = |post: &OwnPost| {
            post.transfer.and_then(|id| self.world.transfer(id)).is_some_and(SimTransfer::is_active)
        };
        if self.posts_of(number, run).any(at_work) {
            return None;
        }
        let post = self.posts_of(number, run).next_back()?;
        let row = daemon.attempts.get(&post.attempt)?;
        let id = post.transfer.filter(|id| row.transfer == Some(*id))?;
        let transfer = self.world.transfer(id).filter(|found| found.listed)?;
        let ended = transfer.ended_at.filter(|_| self.is_good(post, transfer))?;
        // The clock may have shown the instant more than once: the last time counts.
        let due = at - daemon.wall;
        let slack = SEEN_WITHIN + daemon.stepped_since(ended);
        (due.duration_since(ended) > slack).then(|| {
            format!("it is skipped for run {run}, whose transfer {id} had ended at {ended}")
        })
    }
}
