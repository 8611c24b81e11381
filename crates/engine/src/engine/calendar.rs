//! Occurrences: when they are due, which were missed, and whether each becomes a run or a skip.
//!
//! An occurrence is identified by job and instant, and runs at most once whatever the clock does:
//! `JobRow::handled_times` holds those that have their run, also ones that lie ahead of a clock
//! that was set back. Whether a run may then start is decided in `admission`.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::handled::HandledTimes;
use crate::ids::{JobName, RunId};
use crate::input::Level;
use crate::job::{CatchUp, Job, Overlap, PlaceTemplate};
use crate::limits::{LATE_START, MISSED_MAX, OVERTAKEN};
use crate::place::{Place, TransferRequest};
use crate::reason::{AttemptEnd, CancelReason, Reason, SkipReason};
use crate::record::{JobRow, Pause, Record};
use crate::run::{CancelCause, Run, RunMachine, RunState, Trigger};
use crate::schedule::Missed;
use crate::template::TemplateValues;

impl Engine {
    /// Sets when the job's next occurrence is due.
    pub(super) fn schedule_next(&mut self, name: &JobName) {
        if self.job(name).is_none() {
            return;
        }
        let waits = self.held.contains_key(name);
        let next = if waits { None } else { self.first_unhandled(name) };
        self.dues.set(name.clone(), next.map(|(_, due)| due));
    }

    /// When an occurrence is due: `jitter` delays it.
    pub(super) fn due_at(&self, job: &Job, occurrence: Timestamp) -> Timestamp {
        job.delays(self.host.jitter_seed).due_at(occurrence)
    }

    /// Handles all occurrences of a job that are due.
    pub(super) fn occurrences_due(&mut self, name: &JobName) {
        if !self.hold_back_if_stale(name) {
            self.handle_until(name, self.now, Handling::InTime);
        }
        self.schedule_next(name);
    }

    /// The newest occurrences that are due by `until`, and whether there are older ones.
    pub(super) fn due_until(&self, job: &Job, job_row: &JobRow, until: Timestamp) -> Missed {
        let mut due = job.timetable.missed(job_row.handled, until, MISSED_MAX);
        let is_due = |occurrence: &Timestamp| self.due_at(job, *occurrence) <= until;
        let held_back = due.newest.iter().position(|occurrence| !is_due(occurrence));
        due.newest.truncate(held_back.unwrap_or(due.newest.len()));
        if due.newest.is_empty() {
            // Jitter may hold back the oldest of the newest, but not the very first.
            due.newest.extend(job.timetable.next_after(job_row.handled).filter(is_due));
        }
        due
    }

    /// Handles the occurrences of a job that are due by `until`, which is now, or the instant from
    /// which the clock was just set forward.
    pub(super) fn handle_until(&mut self, name: &JobName, until: Timestamp, handling: Handling) {
        let Some(job) = self.job(name).cloned() else { return };
        let job_row = Arc::clone(self.state.job_row(name));
        if !job_row.scheduled {
            return;
        }
        // What came due before a pause may have waited for a look.
        let until = until.min(self.unpaused_until(&job_row));
        let is_over = |pause: &&Pause| !pause.holds(self.now) && pause.at < until;
        if let Some(end) = job_row.pause.as_ref().filter(is_over).and_then(|pause| pause.until) {
            self.end_pause(name, end);
        }
        let job_row = Arc::clone(self.state.job_row(name));
        let Missed { newest: mut due, more } = self.due_until(&job, &job_row, until);
        let Some(&last) = due.last() else { return };
        due.retain(|at| job_row.handled_times.end_of_stretch(*at).is_none());
        if more {
            self.log_event(
                Level::Warn,
                Some(name),
                None,
                format!(
                    "more than {MISSED_MAX} occurrences were missed; the oldest are not listed"
                ),
            );
        }
        let open: Vec<DueOccurrence> =
            due.iter().map(|at| self.due_occurrence(&job, *at, until, last, handling)).collect();
        let fates = self.fates(&job, &open);
        let turns = fates.iter().filter(|(_, fate)| *fate != Fate::Dropped).count();
        self.change_job(name, |job_row| {
            // An occurrence that is only listed as missed has not been handled yet, and breaks the
            // stretch.
            if more || turns < open.len() {
                job_row.pass_over(job_row.handled);
            }
            match fates.iter().find(|(_, fate)| *fate != Fate::Dropped) {
                Some((first, _)) => job_row.handle_one_by_one(first.at, last),
                // All are in earlier stretches, or were only listed.
                None => job_row.handled = last,
            }
        });
        let mut previous = None;
        for (DueOccurrence { at, trigger, .. }, fate) in fates {
            match fate {
                Fate::Dropped => {}
                Fate::Occurs => {
                    let late = trigger == Trigger::CatchUp;
                    let reason = if late { Reason::CaughtUp } else { Reason::Due };
                    self.occurrence(&job, at, trigger, reason);
                }
                Fate::InTurn => {
                    let behind = previous.or_else(|| self.last_ahead(&job.name));
                    let reason = Reason::CaughtUp;
                    previous = Some(self.open_run(&job, trigger, Some(at), behind, reason, None));
                }
            }
        }
    }

    /// How late an occurrence is, of which `last` is the latest that is due by `until`. One that
    /// was held back for a look was not missed if the daemon was running when it came due.
    fn due_occurrence(
        &self,
        job: &Job,
        at: Timestamp,
        until: Timestamp,
        last: Timestamp,
        handling: Handling,
    ) -> DueOccurrence {
        let due = self.due_at(job, at);
        let lateness = until.duration_since(due);
        let was_held = self.state.job_row(&job.name).held_due.is_some_and(|held| due <= held);
        let away = match handling {
            _ if was_held => false,
            Handling::InTime => true,
            Handling::AfterLook => due < self.awake_since,
        };
        let late = away && lateness > LATE_START;
        DueOccurrence {
            at,
            trigger: if late { Trigger::CatchUp } else { Trigger::Schedule },
            missed: late || (away && at != last && lateness > OVERTAKEN),
        }
    }

    /// Decides about occurrences that are due, oldest first; those that are dropped are recorded.
    /// One that is hardly late was missed with the ones before it, and counts among them: `once`
    /// runs it and none before it, and with `all` it waits for its turn.
    fn fates(&mut self, job: &Arc<Job>, due: &[DueOccurrence]) -> Vec<(DueOccurrence, Fate)> {
        let any_missed = due.iter().any(|occurrence| occurrence.missed);
        let latest = due.last().map(|occurrence| occurrence.at);
        let mut fates = Vec::with_capacity(due.len());
        for occurrence in due {
            let DueOccurrence { at, trigger, missed } = *occurrence;
            let too_old = missed && self.now.duration_since(at) > job.catch_up_window;
            let dropped = match job.catch_up {
                _ if !any_missed => None,
                _ if too_old => Some(SkipReason::CatchUpWindow { limit: job.catch_up_window }),
                CatchUp::None => missed.then_some(SkipReason::CatchUpNone),
                CatchUp::Once => (Some(at) != latest).then_some(SkipReason::Superseded),
                CatchUp::All => None,
            };
            let fate = match dropped {
                Some(reason) => {
                    self.skip(job, at, trigger, reason);
                    Fate::Dropped
                }
                None if any_missed && job.catch_up == CatchUp::All => Fate::InTurn,
                None => Fate::Occurs,
            };
            fates.push((*occurrence, fate));
        }
        fates
    }

    /// Handles an occurrence that is to run now, if the overlap policy allows it.
    pub(super) fn occurrence(
        &mut self,
        job: &Arc<Job>,
        at: Timestamp,
        trigger: Trigger,
        reason: Reason,
    ) {
        self.end_awaiting_run(&job.name);
        self.end_late_starts(&job.name);
        if let Some(reason) = self.overlapped_by_ended(job, at) {
            self.skip(job, at, trigger, reason);
            return;
        }
        // Runs that repeat others do not cause a skip: the occurrence waits for one that has begun.
        let repeats = |id: &RunId| self.state.run(*id).row().trigger.steps_behind();
        let ahead = self.state.ahead(&job.name);
        let unfinished: Vec<RunId> = ahead.iter().copied().filter(|id| !repeats(id)).collect();
        let Some(&active) = unfinished.first() else {
            self.open_run(job, trigger, Some(at), ahead.last().copied(), reason, None);
            return;
        };
        let since = self.state.run(active).row().created_at;
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
                // Those that make up for an outage run in turn, each of them.
                let in_turn = |run: &RunId| {
                    job.catch_up == CatchUp::All
                        && self.state.run(*run).row().trigger == Trigger::CatchUp
                };
                let replaced: Vec<RunId> =
                    unfinished.into_iter().filter(|run| !in_turn(run)).collect();
                // The place in the line of one that waits is not lost.
                let waiting = |run: &RunId| {
                    let machine = self.state.run(*run);
                    (machine.state() == RunState::Waiting).then_some(machine.row().ready_at)
                };
                let place = replaced.iter().filter_map(waiting).min();
                for run in replaced {
                    let reason = CancelReason::NewerOccurrence.into();
                    self.cancel_run(run, CancelCause::Replaced, reason);
                }
                let behind = self.last_ahead(&job.name);
                let run = self.open_run(job, trigger, Some(at), behind, reason, None);
                if let Some(place) = place {
                    self.change_run(run, |run| run.ready_at = place);
                }
            }
        }
    }

    /// The job's latest unfinished run, leaving aside those that step behind.
    pub(super) fn last_ahead(&self, job: &JobName) -> Option<RunId> {
        self.state.ahead(job).last().copied()
    }

    /// Ends a run that only waits for a lost request to turn up, in favour of the job's next
    /// occurrence (protocol, rule 6).
    pub(super) fn end_awaiting_run(&mut self, job: &JobName) {
        for run in self.state.unfinished_of(job).to_vec() {
            let hoping =
                Some(self.state.run(run)).filter(|machine| machine.waits_for_lost_request());
            if let Some(lost) = hoping.and_then(RunMachine::followed) {
                let answer = lost.reason.unclear_answer();
                self.end_run(run, RunState::Failed, AttemptEnd::LostUntilNext { answer });
            }
        }
    }

    /// Records an occurrence that does not run.
    fn skip(&mut self, job: &Arc<Job>, at: Timestamp, trigger: Trigger, reason: SkipReason) {
        self.open_run(job, trigger, Some(at), None, reason.into(), Some(RunState::Skipped));
    }

    /// Records a run: waiting, or with `end` one that is over before it began. Returns its id.
    pub(super) fn open_run(
        &mut self,
        job: &Arc<Job>,
        trigger: Trigger,
        scheduled_for: Option<Timestamp>,
        behind: Option<RunId>,
        reason: Reason,
        end: Option<RunState>,
    ) -> RunId {
        let generation = self.state.job_row(&job.name).generation;
        let at = scheduled_for.unwrap_or(self.now);
        let id = RunId::for_occurrence(&job.name, at, generation);
        let (of, request) = ((id, &job.name), self.render(job, at, id));
        let mut run = self.new_run(of, trigger, scheduled_for, reason, request, &job.terms);
        run.behind = behind;
        if let Some(end) = end {
            run.state = end;
            run.ended_at = Some(self.now);
        }
        self.open_row(run);
        id
    }

    /// Records a new run, waiting, or over before it began.
    pub(super) fn open_row(&mut self, run: Run) {
        let (id, state, reason) = (run.id, run.state, run.reason.clone());
        self.record(Record::Run { was: None, run: Arc::new(run) });
        let level = if state.is_over() { Level::Info } else { Level::Debug };
        self.record_state(id, state, reason, level);
        self.changed_runs.insert(id);
        self.admission_due = true;
    }

    /// The request of a run, its paths rendered.
    pub(super) fn render(&self, job: &Job, at: Timestamp, run: RunId) -> TransferRequest {
        let values = TemplateValues {
            at,
            zone: job.timetable.zone(),
            job: &job.name,
            run: Some(run),
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

    /// The row of a job that is in the file in this form from now on: `handled` moves here
    /// wherever the schedule starts anew, so that no past occurrence fires.
    pub(super) fn job_row_for(&self, name: &JobName, job: &Job) -> JobRow {
        let since = self.now;
        let identity = job.timetable.identity();
        let scheduled = job.enabled && !job.timetable.is_empty();
        let Some(old) = self.state.find_job_row(name) else {
            return JobRow {
                job: name.clone(),
                timetable: identity,
                scheduled,
                scheduled_since: Some(since),
                handled: since,
                generation: 0,
                handled_times: HandledTimes::default(),
                first_seen: since,
                last_success: None,
                last_run: None,
                last_success_run: None,
                pause: None,
                pauses: Vec::new(),
                failing: false,
                held_due: None,
                late_reported_at: None,
            };
        };
        let mut job_row = JobRow::clone(old);
        let anew = job_row.timetable != identity || (scheduled && !job_row.scheduled);
        if anew || scheduled != job_row.scheduled {
            job_row.scheduled_since = Some(since);
        }
        job_row.timetable = identity;
        job_row.scheduled = scheduled;
        fall_back(&mut job_row, self.now);
        if anew {
            job_row.pass_over(since);
        } else {
            job_row.skip_handled(self.now);
        }
        job_row
    }
}

/// The moment at which due occurrences are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handling {
    /// On time, with the daemon running.
    InTime,
    /// After a look: they were held back until it had shown the current state.
    AfterLook,
}

/// A due occurrence.
#[derive(Clone, Copy, Debug)]
struct DueOccurrence {
    /// Its time.
    at: Timestamp,
    /// The trigger of its run, if there is one.
    trigger: Trigger,
    /// Whether its time passed while the daemon was not there to see it: it is subject to
    /// `catch_up`.
    missed: bool,
}

/// The decision about a due occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was missed, and does not run.
    Dropped,
    /// It is to run now, if the overlap policy allows it.
    Occurs,
    /// It runs behind the missed ones before it (`catch_up: all`).
    InTurn,
}

/// Moves `handled` back with the clock, so that no job waits until a wrong time comes again. A
/// pause moves too: occurrences that it suppresses from here on are not made up for when it ends.
pub(super) fn fall_back(job_row: &mut JobRow, now: Timestamp) {
    if let Some(pause) = &mut job_row.pause {
        pause.at = pause.at.min(now);
    }
    if job_row.handled > now {
        job_row.pass_over(now);
        job_row.generation = job_row.generation.saturating_add(1);
    }
}
