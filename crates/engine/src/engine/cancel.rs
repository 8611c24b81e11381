//! Canceling: records the run's decisions about a cancel, and sends the cancel requests (protocol,
//! rule 10).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::event::Happening;
use crate::ids::{AttemptId, RunId, TransferId};
use crate::input::{Effect, Level};
use crate::reason::{NothingLeft, Reason};
use crate::run::{CancelCause, CancelRequest, OnCancel, RunState};
use crate::transfer::CancelAnswer;

impl Engine {
    /// Requests that a run be canceled. A run with nothing at the agent ends at once.
    pub(super) fn cancel_run(&mut self, id: RunId, cause: CancelCause, reason: Reason) {
        let machine = self.state.run(id);
        match machine.on_cancel(cause) {
            OnCancel::Nothing => {}
            OnCancel::Ends(state) => self.end_run(id, state, reason),
            OnCancel::Requested(active) => {
                let cancel =
                    CancelRequest { at: self.now, cause, reason: reason.clone(), reported: false };
                self.change_run(id, |run| run.cancel = Some(cancel.clone()));
                self.move_run(id, RunState::Canceling, reason, Level::Info);
                if let Some(attempt) = active {
                    self.request_cancel(attempt, cancel);
                }
            }
            OnCancel::Outranks => {
                self.change_run(id, |run| {
                    if let Some(cancel) = &mut run.cancel {
                        (cancel.cause, cancel.reason) = (cause, reason.clone());
                    }
                });
                self.move_run(id, RunState::Canceling, reason, Level::Info);
            }
        }
    }

    /// Records the request to cancel an attempt's transfer; `advance` sends the request.
    pub(super) fn request_cancel(&mut self, id: AttemptId, cancel: CancelRequest) {
        if self.state.attempt(id).cancel.is_none() {
            self.state.observations(id).count_absence_anew();
        }
        self.change_attempt(id, |attempt| {
            attempt.cancel.get_or_insert(cancel);
        });
        self.changed_runs.insert(id.run);
    }

    /// The agent is back: what could not be asked meanwhile is asked at once.
    pub(super) fn ask_cancels_again(&mut self) {
        let canceling = self.state.open_attempts().filter(|attempt| attempt.cancel.is_some());
        let canceling: Vec<AttemptId> = canceling.map(|attempt| attempt.id).collect();
        for id in canceling {
            self.state.observations(id).cancel_mut().allow_at_once();
            self.changed_runs.insert(id.run);
        }
    }

    /// Sends a cancel request if one is due.
    pub(super) fn send_cancel(&mut self, id: AttemptId) {
        let machine = self.state.run(id.run);
        let Some(transfer) = machine.cancel_due(id.number, self.now) else { return };
        let observations = self.state.observations(id);
        if observations.cancel_mut().note_request() {
            self.record_event(id.run, Happening::CancelRequested { transfer });
        }
        self.then(Effect::Cancel { transfer });
    }

    /// Transfers that are to be canceled, or are past their time: the requests to make where
    /// nothing can be recorded. No last look is needed first: the agent does not mind a cancel of a
    /// transfer that is over, and a completed one stays completed.
    pub fn overdue(&self, now: Timestamp) -> Vec<TransferId> {
        self.state.in_flight().flat_map(|machine| machine.overdue(now)).collect()
    }

    /// The request to cancel a transfer.
    pub fn cancel_request(&self, transfer: TransferId) -> Option<&CancelRequest> {
        let id = self.state.owner(transfer)?;
        self.state.find_attempt(id)?.cancel.as_ref()
    }

    /// Takes in cancels that were sent though their requests could not be recorded, as nothing can
    /// be while the disk is full: they are recorded now, and followed up.
    pub(super) fn on_cancels_sent(&mut self, cancels: BTreeMap<TransferId, CancelRequest>) {
        for (transfer, cancel) in cancels {
            let Some(id) = self.state.owner(transfer) else { continue };
            if !self.state.attempt(id).is_active() {
                continue;
            }
            let CancelRequest { cause, reason, .. } = cancel;
            let of_run = match cause {
                CancelCause::Operator
                | CancelCause::Replaced
                | CancelCause::Timeout
                | CancelCause::Stall => self.state.run(id.run).follows(id.number),
                CancelCause::Double => false,
            };
            if of_run {
                self.cancel_run(id.run, cause, reason.clone());
            }
            self.request_cancel(id, CancelRequest { at: self.now, cause, reason, reported: false });
        }
    }

    /// Takes in the answer to a cancel request.
    pub(super) fn on_cancel_answered(&mut self, transfer: TransferId, answer: &CancelAnswer) {
        let now = self.now;
        // It may come so late that its run was dropped from memory.
        let Some(id) = self.state.owner(transfer) else { return };
        let observations = self.state.observations(id);
        let refusal = observations.cancel_mut().answered(answer, now);
        self.changed_runs.insert(id.run);
        self.looks.hint();
        if let Some(words) = refusal {
            self.report(Level::Warn, id.run, Happening::CancelRefused { words });
        }
    }

    /// Ends a run that was to be canceled and has nothing left at the agent.
    pub(super) fn end_canceling(&mut self, id: RunId, how: NothingLeft) {
        let machine = self.state.run(id);
        let Some((state, reason)) = machine.nothing_left(how) else { return };
        if state != RunState::TimedOut {
            self.end_run(id, state, reason);
            return;
        }
        self.change_run(id, |run| run.cancel = None);
        let machine = self.state.run(id);
        let next = machine.on_timeout(reason, self.now);
        self.apply_next_step(id, next);
    }

    /// True while the canceling of an attempt has lasted so long that it gives its slot back. While
    /// the agent could not be asked, it was not asked to cancel.
    pub(super) fn is_stuck(&self, since: Timestamp) -> bool {
        let asked_since = self.agent_link.recovered_at().unwrap_or(self.began);
        let lasted = self.now.duration_since(since.max(asked_since));
        lasted >= self.set.agent.adopt_window.max(SignedDuration::ZERO)
    }
}
