//! Ends of transfers, attempts and runs, and the effects of time alone: records what the run's
//! machine decides.

use std::sync::Arc;

use super::Engine;
use crate::event::Happening;
use crate::ids::{AttemptId, JobName, RunId};
use crate::input::Level;
use crate::reason::{AttemptEnd, CancelReason, NothingLeft, Reason, UnderWay, WaitReason};
use crate::run::{
    AtAgent, AttemptChange, CancelCause, CancelRequest, LookedFor, NextStep, Observations, OnTime,
    Phase, RunState, Trigger,
};

impl Engine {
    /// Handles the end of one of our transfers: its row holds how it ended.
    pub(super) fn transfer_ended(&mut self, id: AttemptId) {
        let now = self.now;
        let machine = self.state.run(id.run);
        let attempt = self.state.attempt(id);
        let (outcome, reason) = machine.verdict(attempt, now);
        let (doubled, transfer) = (machine.is_doubled_by(attempt), attempt.transfer);
        let (reason, cause) = self.with_cause(id, reason);
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Closed;
            attempt.outcome = Some(outcome);
            attempt.ended_at.get_or_insert(now);
            attempt.reason = reason.clone();
            attempt.cause = cause;
        });
        let (attempt, why) = (id.number, reason.clone());
        let ended = Happening::TransferEnded { attempt, transfer, reason: why };
        self.record_event(id.run, ended);
        if doubled {
            let what = Happening::Doubled;
            let text = format!("doubled: {what}");
            self.report_as(Level::Error, id.run, what, text);
        }
        let machine = self.state.run(id.run);
        let next = machine.on_end(id.number, outcome, reason, now);
        self.apply_next_step(id.run, next);
    }

    /// Records a change of an attempt, and how its run goes on.
    pub(super) fn apply_change(&mut self, change: AttemptChange) {
        let AttemptChange { row, event, next } = change;
        let id = row.id;
        self.put_attempt(row);
        if let Some(event) = event {
            self.record_event(id.run, event);
        }
        self.apply_next_step(id.run, next);
    }

    /// Records how a run goes on.
    pub(super) fn apply_next_step(&mut self, id: RunId, next: NextStep) {
        match next {
            NextStep::Stays => {}
            NextStep::Ends(state, reason) => self.end_run(id, state, reason),
            NextStep::SucceedsBy(number, reason) => {
                self.change_run(id, |run| run.follows = Some(number));
                self.end_run(id, RunState::Succeeded, reason);
            }
            NextStep::Queued(reason, level) => self.move_run(id, RunState::Queued, reason, level),
            NextStep::WaitsOn(wait) => self.move_run(id, RunState::Waiting, wait, Level::Debug),
            NextStep::AcceptedAfterAll(number, reason) => {
                self.change_run(id, |run| run.follows = Some(number));
                self.move_run(id, RunState::Queued, reason, Level::Info);
            }
            NextStep::BacksOff(ready_at, reason) => {
                self.change_run(id, |run| {
                    run.ready_at = ready_at;
                    run.cancel = None;
                });
                self.move_run(id, RunState::BackingOff, reason, Level::Warn);
            }
            NextStep::Follows(number, state, reason) => {
                self.change_run(id, |run| run.follows = Some(number));
                self.move_run(id, state, reason, Level::Warn);
            }
            NextStep::SendsAgain(ready_at) => {
                self.change_run(id, |run| run.ready_at = ready_at);
                self.move_run(id, RunState::Waiting, Reason::SentAgain, Level::Info);
            }
            NextStep::WaitsForLostRequest(answer) => {
                let lost = UnderWay::LastAnswerLost { answer };
                self.move_run(id, RunState::Queued, lost, Level::Warn);
            }
            NextStep::NothingLeft(how) => self.end_canceling(id, how),
        }
    }

    /// Ends a run. Its open attempts are still looked for (protocol, rule 9).
    pub(super) fn end_run(&mut self, id: RunId, state: RunState, reason: impl Into<Reason>) {
        let (now, reason) = (self.now, reason.into());
        let machine = self.state.run(id);
        if machine.is_over() {
            return;
        }
        let job = machine.row().job.clone();
        let left = machine.left_at_its_end();
        // Requests that are unanswered, looked for or not listed yet stay so: their own answer,
        // window and timeout settle them, and until then they occupy their job and destination.
        for attempt in left {
            let reason = CancelReason::EndOfRun.into();
            let (cause, reported) = (CancelCause::Double, false);
            self.request_cancel(attempt, CancelRequest { at: now, cause, reason, reported });
        }
        self.change_run(id, |run| {
            run.state = state;
            run.reason = reason.clone();
            run.ended_at = Some(now);
        });
        self.note_end(id);
        self.record_end(&job, id, state);
        let level = if state.is_failure() { Level::Error } else { Level::Info };
        self.record_state(id, state, reason, level);
    }

    /// Notes the end of a run in its job's row.
    fn record_end(&mut self, job: &JobName, run: RunId, state: RunState) {
        let now = self.now;
        if state != RunState::Skipped {
            self.change_job(job, |job_row| job_row.last_run = Some(run));
        }
        if state == RunState::Succeeded {
            self.change_job(job, |job_row| {
                job_row.last_success = Some(now);
                job_row.last_success_run = Some(run);
                job_row.failing = false;
                job_row.late_reported_at = None;
            });
            self.schedule_late_check(job);
        } else if state.is_failure() {
            self.change_job(job, |job_row| job_row.failing = true);
        }
    }

    /// Gives up an attempt that was not found.
    fn give_up(&mut self, id: AttemptId, end: AttemptEnd) {
        let (now, window) = (self.now, self.adopt_window());
        let machine = self.state.run(id.run);
        let attempt = self.state.attempt(id);
        let row = machine.given_up(attempt, end, window, now);
        let reason = row.reason.clone();
        self.put_attempt(row);
        self.record_event(id.run, Happening::GivenUp { attempt: id.number, reason });
    }

    /// Tends a run: everything that time, or the last records, bring about.
    pub(super) fn advance(&mut self, id: RunId) {
        let machine = self.state.run(id);
        let open: Vec<AttemptId> = machine.open_attempts().map(|attempt| attempt.id).collect();
        for attempt in open {
            self.advance_attempt(attempt);
        }
        self.report_stuck(id);
        let machine = self.state.run(id);
        match machine.state() {
            RunState::BackingOff if machine.row().ready_at <= self.now => {
                self.change_run(id, |run| {
                    run.state = RunState::Waiting;
                    run.reason = Reason::NextAttempt;
                });
            }
            RunState::Waiting => self.enforce_start_within(id),
            RunState::BackingOff
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::Canceling
            | RunState::Succeeded
            | RunState::Failed
            | RunState::TimedOut
            | RunState::Canceled
            | RunState::Skipped => {}
        }
    }

    /// Skips each run of a job that can't be queued in time any more: it is in nobody's way, also if
    /// an occurrence comes due in the same instant.
    pub(super) fn end_late_starts(&mut self, job: &JobName) {
        for run in self.state.unfinished_of(job).to_vec() {
            if self.state.run(run).state() == RunState::Waiting {
                self.enforce_start_within(run);
            }
        }
    }

    /// Skips a run that can't be queued in time.
    fn enforce_start_within(&mut self, id: RunId) {
        let machine = self.state.run(id);
        let Some(within) = machine.is_too_late_to_start(self.now) else { return };
        let lost =
            machine.attempts().map(|attempt| &attempt.reason).rfind(|it| it.proves_absence());
        // A run without an obstacle has only just begun to wait: for the look, or it was missed.
        let waited = match (lost, machine.wait(), machine.row().trigger) {
            (Some(lost), ..) => AttemptEnd::RequestLost { answer: lost.unclear_answer() }.into(),
            (None, Some(wait), _) => wait.clone().into(),
            (None, None, Trigger::CatchUp) => Reason::CaughtUp,
            (
                None,
                None,
                Trigger::Schedule | Trigger::Manual | Trigger::Retry | Trigger::Backfill,
            ) => WaitReason::List.into(),
        };
        let waited = Box::new(waited);
        self.run_was_kept_waiting();
        self.end_run(id, RunState::Skipped, Reason::StartWithin { limit: within, waited });
    }

    /// Frees job and destination of an attempt that was given up, once it may, and ends its watch
    /// after that (protocol, rule 11). Time alone does neither: an agent that could not be asked
    /// meanwhile may have the transfer.
    fn watch(&mut self, id: AttemptId, in_vain: bool) {
        let now = self.now;
        let attempt = self.state.attempt(id);
        if in_vain && attempt.holds_until.is_some_and(|until| until <= now) {
            self.change_attempt(id, |attempt| attempt.holds_until = None);
            self.admission_due = true;
        }
        let attempt = self.state.attempt(id);
        let looked_since =
            |until| self.looks.last_complete().is_some_and(|(began, _)| until <= began);
        if !attempt.occupies() && attempt.watched_until.is_some_and(looked_since) {
            self.change_attempt(id, |attempt| attempt.phase = Phase::Closed);
        }
    }

    /// Handles the effects of time on one open attempt.
    fn advance_attempt(&mut self, id: AttemptId) {
        let now = self.now;
        let machine = self.state.run(id.run);
        let attempt = Arc::clone(self.state.attempt(id));
        let searched = machine.was_searched_for(id.number, self.adopt_window());
        let may_be_listed = attempt.phase == Phase::Uncertain
            && machine.observations(id.number).is_some_and(Observations::may_be_listed);
        let looked = LookedFor {
            in_vain: searched && !may_be_listed,
            past_deadline: attempt.deadline <= now
                && self.looks.have_asked_about(machine.asked_at(&attempt), attempt.deadline),
            completely: self.looks.last_was_complete(),
        };
        let follows = machine.follows(id.number);
        match machine.on_time(&attempt, looked) {
            OnTime::Nothing => {}
            OnTime::NotFound => {
                let (words, searched) = (attempt.reason.lost_words(), looked.in_vain);
                let answer = attempt.reason.unclear_answer();
                self.give_up(id, AttemptEnd::NotFound { words, answer, searched });
                let machine = self.state.run(id.run);
                let next = machine.on_not_found(&attempt, looked, now);
                self.apply_next_step(id.run, next);
            }
            OnTime::NeverListed(end) => {
                self.give_up(id, end.clone());
                let machine = self.state.run(id.run);
                let next = machine.on_never_listed(id.number, end, now);
                self.apply_next_step(id.run, next);
            }
            OnTime::Ending => self.end_with_cause(id),
            OnTime::Gone(transfer) => self.report_gone(id, transfer),
            OnTime::Vanished { canceling } => {
                // The run is to be canceled: it ends, and its transfer's id stays under watch.
                self.give_up(id, AttemptEnd::Vanished { canceling });
                if canceling && follows {
                    self.end_canceling(id.run, NothingLeft::Gone);
                }
            }
            OnTime::PastTimeout(end) => self.cancel_run(id.run, CancelCause::Timeout, end.into()),
            OnTime::LostUntilTimeout(end) => self.end_run(id.run, RunState::Failed, end),
        }
        if let Some(reason) = self.state.run(id.run).canceled_once_listed(id.number) {
            self.change_run(id.run, |run| run.reason = reason);
        }
        match attempt.at_agent() {
            AtAgent::Listed(_) => self.send_cancel(id),
            AtAgent::Missing => self.watch(id, looked.in_vain),
            AtAgent::Unlisted | AtAgent::Ending(_) | AtAgent::Over => {}
        }
    }
}
