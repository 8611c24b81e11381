//! Occurrences: when they are due, which were missed, and what becomes of each.
//!
//! An occurrence is dealt with once: `Mark::handled` only moves forward, and a run's id follows
//! from job and occurrence. Whether a run may then start is decided in `admission`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Engine;
use crate::core::ids::{JobName, RunId};
use crate::core::input::Level;
use crate::core::job::{CatchUp, Job, Overlap, PlaceTemplate, Terms};
use crate::core::limits::{CLOCK_WAS_WRONG, LATE_START, MISSED_MAX};
use crate::core::matching::shift;
use crate::core::place::{Place, TransferRequest};
use crate::core::reason::{AttemptEnd, CancelReason, Reason, SkipReason};
use crate::core::record::{Mark, Record};
use crate::core::run::{CancelCause, Run, RunState, Trigger};
use crate::core::template::TemplateValues;

/// A job of the file, and its next occurrence.
#[derive(Debug)]
pub(super) struct Planned {
    /// Its definition.
    pub(super) job: Arc<Job>,
    /// When its next occurrence is due, jitter included.
    pub(super) due: Option<Timestamp>,
    /// When it is to be told that it is late.
    pub(super) late_at: Option<Timestamp>,
}

impl Engine {
    /// Sets when the job's next occurrence is due.
    pub(super) fn arm(&mut self, name: &JobName) {
        let Some(planned) = self.jobs.get(name) else { return };
        let job = Arc::clone(&planned.job);
        let due = self.state.marks.get(name).filter(|mark| mark.scheduled).and_then(|mark| {
            let occurrence = job.timetable.next_after(mark.handled)?;
            Some(self.due_at(&job, occurrence))
        });
        let Some(planned) = self.jobs.get_mut(name) else { return };
        if let Some(old) = std::mem::replace(&mut planned.due, due) {
            self.dues.remove(&(old, name.clone()));
        }
        if let Some(due) = due {
            self.dues.insert((due, name.clone()));
        }
    }

    /// An occurrence with its jitter: the same for the same job and occurrence on one machine.
    fn due_at(&self, job: &Job, occurrence: Timestamp) -> Timestamp {
        let jitter = u64::try_from(job.jitter.as_millis()).unwrap_or(0);
        if jitter == 0 {
            return occurrence;
        }
        let key = format!("{}\n{}\n{occurrence}", self.host.jitter_seed, job.name);
        let (chance, _) = Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).as_u64_pair();
        let delay = i64::try_from(chance % jitter).unwrap_or(0);
        shift(occurrence, SignedDuration::from_millis(delay))
    }

    /// Deals with all occurrences of a job that are due.
    pub(super) fn occurrences_due(&mut self, name: &JobName) {
        self.adopt_now(name);
        let Some(planned) = self.jobs.get(name) else { return };
        let job = Arc::clone(&planned.job);
        let Some(mark) = self.state.marks.get(name).map(Arc::clone) else { return };
        let missed = job.timetable.missed(mark.handled, self.now, MISSED_MAX);
        let is_due = |occurrence: &Timestamp| self.due_at(&job, *occurrence) <= self.now;
        let mut due: Vec<Timestamp> = missed.newest.into_iter().take_while(is_due).collect();
        if due.is_empty() {
            // Jitter may hold back the oldest of the newest, but not the very first.
            due.extend(job.timetable.next_after(mark.handled).filter(is_due));
        }
        let Some(&last) = due.last() else {
            self.arm(name);
            return;
        };
        let over = mark.pause.as_ref().is_some_and(|pause| !pause.holds(self.now));
        self.change_mark(name, |mark| {
            mark.handled = last;
            if over {
                mark.pause = None;
            }
        });
        if missed.more {
            self.announce(
                Level::Warn,
                Some(name),
                format!(
                    "more than {MISSED_MAX} occurrences were missed; the oldest are not listed"
                ),
            );
        }
        let paused_till = mark.pause.as_ref().map(|p| p.until.unwrap_or(Timestamp::MAX));
        let mut open: Vec<(Timestamp, Trigger)> = Vec::new();
        for at in due {
            let late = self.now.duration_since(self.due_at(&job, at)) > LATE_START;
            let trigger = if late { Trigger::CatchUp } else { Trigger::Schedule };
            if paused_till.is_none_or(|till| till <= at) {
                open.push((at, trigger));
            } else if let Some(pause) = mark.pause.as_ref().filter(|_| !late) {
                let (since, words) = (pause.at, pause.reason.clone());
                self.skip(&job, at, trigger, SkipReason::Paused { since, words });
            }
        }
        if open.iter().any(|(_, trigger)| *trigger == Trigger::CatchUp) {
            self.catch_up(&job, &open);
        } else {
            for (at, trigger) in open {
                self.occurrence(&job, at, trigger, Reason::Due);
            }
        }
        self.arm(name);
    }

    /// Deals with occurrences that were missed while nothing ran, oldest first. One that is hardly
    /// late was missed with them, and counts among them: `once` runs it and none before it, and
    /// with `all` it waits for its turn.
    fn catch_up(&mut self, job: &Arc<Job>, missed: &[(Timestamp, Trigger)]) {
        let latest = missed.last().map(|(at, _)| *at);
        let mut previous = None;
        for &(at, trigger) in missed {
            let late = trigger == Trigger::CatchUp;
            if late && self.now.duration_since(at) > job.catch_up_window {
                let limit = job.catch_up_window;
                self.skip(job, at, trigger, SkipReason::CatchUpWindow { limit });
                continue;
            }
            match job.catch_up {
                CatchUp::None if late => {
                    self.skip(job, at, trigger, SkipReason::CatchUpNone);
                }
                CatchUp::Once if Some(at) != latest => {
                    self.skip(job, at, trigger, SkipReason::Superseded);
                }
                CatchUp::None | CatchUp::Once => {
                    let reason = if late { Reason::CaughtUp } else { Reason::Due };
                    self.occurrence(job, at, trigger, reason);
                }
                CatchUp::All => {
                    let behind = previous.or_else(|| self.last_unfinished(&job.name));
                    let reason = Reason::CaughtUp;
                    previous = Some(self.open_run(job, trigger, Some(at), behind, reason, None));
                }
            }
        }
    }

    /// An occurrence that is to run now, if the overlap policy lets it.
    fn occurrence(&mut self, job: &Arc<Job>, at: Timestamp, trigger: Trigger, reason: Reason) {
        self.end_hopeful_run(&job.name);
        let unfinished = self.state.unfinished.get(&job.name).cloned().unwrap_or_default();
        let Some(&active) = unfinished.first() else {
            self.open_run(job, trigger, Some(at), None, reason, None);
            return;
        };
        let since = self.state.runs.get(&active).map_or(at, |live| live.run.created_at);
        match job.overlap {
            Overlap::Skip => {
                self.skip(job, at, trigger, SkipReason::Overlap { active, since, held: None });
            }
            Overlap::Queue => match unfinished.get(1).copied() {
                held @ Some(_) => {
                    self.skip(job, at, trigger, SkipReason::Overlap { active, since, held });
                }
                None => {
                    self.open_run(job, trigger, Some(at), Some(active), reason, None);
                }
            },
            Overlap::Replace => {
                for run in unfinished {
                    let reason = CancelReason::NewerOccurrence.into();
                    self.cancel_run(run, CancelCause::Replaced, reason);
                }
                let behind = self.last_unfinished(&job.name);
                self.open_run(job, trigger, Some(at), behind, reason, None);
            }
        }
    }

    /// The job's unfinished run that came last.
    pub(super) fn last_unfinished(&self, job: &JobName) -> Option<RunId> {
        self.state.unfinished.get(job)?.last().copied()
    }

    /// A run that only hopes for a lost request to turn up gives way to the job's next occurrence
    /// (protocol, rule 6).
    pub(super) fn end_hopeful_run(&mut self, job: &JobName) {
        let Some(runs) = self.state.unfinished.get(job).cloned() else { return };
        for run in runs {
            if self.state.runs.get(&run).is_some_and(super::state::Live::only_hopes) {
                self.end_run(run, RunState::Failed, AttemptEnd::LostUntilNext);
            }
        }
    }

    /// Records an occurrence that does not run.
    fn skip(&mut self, job: &Arc<Job>, at: Timestamp, trigger: Trigger, reason: SkipReason) {
        self.open_run(job, trigger, Some(at), None, reason.into(), Some(RunState::Skipped));
    }

    /// Records a run: waiting, or with `end` one that is over before it began. Gives its id.
    pub(super) fn open_run(
        &mut self,
        job: &Arc<Job>,
        trigger: Trigger,
        scheduled_for: Option<Timestamp>,
        behind: Option<RunId>,
        reason: Reason,
        end: Option<RunState>,
    ) -> RunId {
        let generation = self.state.marks.get(&job.name).map_or(0, |mark| mark.generation);
        let at = scheduled_for.unwrap_or(self.now);
        let id = RunId::for_occurrence(&job.name, at, generation);
        self.open_run_as(id, job, trigger, scheduled_for, behind, reason, end);
        id
    }

    /// [`Self::open_run`] with an id that is given.
    #[expect(clippy::too_many_arguments, reason = "each is one fact of the new row")]
    pub(super) fn open_run_as(
        &mut self,
        id: RunId,
        job: &Arc<Job>,
        trigger: Trigger,
        scheduled_for: Option<Timestamp>,
        behind: Option<RunId>,
        reason: Reason,
        end: Option<RunState>,
    ) {
        let at = scheduled_for.unwrap_or(self.now);
        let run = Run {
            id,
            // A run outlives the job set, and keeps nothing of it.
            job: job.name.apart(),
            trigger,
            scheduled_for,
            created_at: self.now,
            state: end.unwrap_or(RunState::Waiting),
            reason: reason.clone(),
            ended_at: end.map(|_| self.now),
            ready_at: self.now,
            cancel: None,
            follows: None,
            behind,
            request: self.render(job, at, id),
            terms: Arc::new(Terms::clone(&job.terms)),
        };
        let state = run.state;
        self.record(Record::Run { was: None, run: Arc::new(run) });
        self.change_mark(&job.name, |mark| mark.last_run = Some(id));
        let level = if end.is_some() { Level::Info } else { Level::Debug };
        self.say_state(id, state, reason, level);
        if end.is_some() {
            self.raise_end(id, false);
        }
        self.touched.insert(id);
        self.admission_due = true;
    }

    /// The request of a run, its paths rendered.
    fn render(&self, job: &Job, at: Timestamp, run: RunId) -> TransferRequest {
        let values = TemplateValues {
            at,
            zone: job.timetable.zone(),
            job: &job.name,
            run,
            hostname: &self.host.hostname,
        };
        let place = |template: &PlaceTemplate| Place {
            account: template.account,
            bucket: template.bucket.clone(),
            bucket_id: template.bucket_id.clone(),
            path: template.path.render(&values),
            id: template.id.clone(),
        };
        TransferRequest {
            source: place(&job.source),
            destination: place(&job.destination),
            allow_skip: job.allow_skip,
            keep_source_tree: job.keep_source_tree,
        }
    }

    /// The mark of a job that has stood in the file as it is since then: `handled` moves there
    /// wherever the schedule starts anew, so that no past occurrence fires.
    pub(super) fn mark_for(&self, name: &JobName, job: &Job, since: Timestamp) -> Mark {
        let identity = job.timetable.identity();
        let scheduled = job.enabled && !job.timetable.is_empty();
        let Some(old) = self.state.marks.get(name) else {
            return Mark {
                job: name.clone(),
                timetable: identity,
                scheduled,
                scheduled_since: Some(since),
                handled: since,
                generation: 0,
                first_seen: since,
                last_success: None,
                last_run: None,
                pause: None,
                failing: false,
                told_late: None,
            };
        };
        let mut mark = Mark::clone(old);
        let anew = mark.timetable != identity || (scheduled && !mark.scheduled);
        if anew || scheduled != mark.scheduled {
            mark.scheduled_since = Some(since);
        }
        mark.timetable = identity;
        mark.scheduled = scheduled;
        if mark.handled.duration_since(self.now) > CLOCK_WAS_WRONG {
            mark.handled = self.now;
            mark.generation += 1;
        } else if anew {
            mark.handled = mark.handled.max(since);
        }
        mark
    }
}
