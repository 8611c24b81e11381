//! Following transfers: a listed record is claimed as ours, or a transfer already claimed is seen
//! again. What that changes is for the run's machine to say.

use jiff::SignedDuration;

use super::Engine;
use crate::event::Happening;
use crate::ids::{AttemptId, TransferId};
use crate::input::Level;
use crate::reason::{AttemptEnd, CancelReason, UnderWay};
use crate::record::Record;
use crate::run::{CancelCause, CancelRequest, OnFound, Phase, RunState, Seen};
use crate::transfer::{Transfer, TransferStatus};

impl Engine {
    /// Gives a record to its owner (protocol, rule 4). Its status is handled by `saw`.
    pub(super) fn claim(&mut self, id: AttemptId, record: &Transfer) {
        let machine = self.state.run(id.run);
        let attempt = self.state.attempt(id);
        let row = attempt.found(record, self.now);
        let apart = self.look_interval(attempt);
        if let Some(delay) = machine.listing_delay(attempt, apart, self.now) {
            self.learn_delay(delay);
        }
        self.put_attempt(row);
        self.state.observations(id).note_found();
        self.record_event(id.run, Happening::Listed { attempt: id.number, transfer: record.id });
        self.give_part(id, record);
    }

    /// Gives a transfer that was just found, or is active again, its part in its run: the run
    /// follows it, or it is one too many.
    fn give_part(&mut self, id: AttemptId, record: &Transfer) {
        match self.state.run(id.run).on_found(self.state.attempt(id), record) {
            OnFound::TooMany(why) => self.cancel_extra_transfer(id, why),
            OnFound::Follows(reason) => {
                self.change_run(id.run, |run| run.follows = Some(id.number));
                self.follow(id, reason);
            }
        }
    }

    /// Makes the run follow this transfer from now on, or go on canceling it.
    fn follow(&mut self, id: AttemptId, reason: UnderWay) {
        let machine = self.state.run(id.run);
        if let Some(cancel) = machine.row().cancel.clone() {
            let why = cancel.reason.clone();
            self.request_cancel(id, cancel);
            if self.state.run(id.run).state() == RunState::Canceling {
                self.change_run(id.run, |run| run.reason = why);
            } else {
                self.move_run(id.run, RunState::Canceling, reason, Level::Info);
            }
            return;
        }
        if machine.state() != RunState::Running {
            self.move_run(id.run, RunState::Running, reason, Level::Info);
        }
    }

    /// Handles a second transfer for one run, or one whose run is over: canceled when seen active,
    /// unless it can't be told apart from somebody else's (protocol, rule 8).
    fn cancel_extra_transfer(&mut self, id: AttemptId, why: CancelReason) {
        if self.state.attempt(id).ambiguous {
            return;
        }
        let machine = self.state.run(id.run);
        let cancel = if machine.is_over() {
            machine.request_for_late(id.number, why, self.now)
        } else {
            let (cause, reason) = (CancelCause::Double, why.into());
            CancelRequest { at: self.now, cause, reason, reported: false }
        };
        let text = format!("{}; it is canceled if it is active", cancel.reason);
        self.log_run(Level::Warn, id.run, None, text);
        self.request_cancel(id, cancel);
    }

    /// Learns from the time between POST and listing, which bounds how long an uncertain request is
    /// looked for.
    fn learn_delay(&mut self, delay: SignedDuration) {
        if delay > self.state.agent_facts().longest_listing_delay {
            let mut agent_facts = self.state.agent_facts();
            agent_facts.longest_listing_delay = delay;
            self.record(Record::AgentFacts(agent_facts));
        }
    }

    /// Takes in a look that shows one of our transfers.
    pub(super) fn saw(&mut self, id: AttemptId, record: &Transfer) {
        let attempt = self.state.attempt(id);
        if attempt.transfer != Some(record.id) {
            return;
        }
        if attempt.phase == Phase::GivenUp {
            self.seen_again(id);
        } else if attempt.phase == Phase::Closed && record.status.is_active() {
            self.goes_on(id, record);
        } else if !attempt.phase.is_open() {
            return;
        }
        self.note_listed(id, record);
        let attempt = self.state.attempt(id);
        let was_unknown = attempt.status == Some(TransferStatus::Unknown);
        let was_ending = attempt.ended_at.is_some();
        let Seen { row, event, moved_at } =
            self.state.run_mut(id.run).on_seen(id.number, record, self.now);
        if let Some(row) = row {
            self.put_attempt(row);
        }
        if let Some(event) = event {
            self.record_event(id.run, event);
        }
        if record.status.is_terminal() {
            self.note_finish(id, record);
            self.end_with_cause(id);
            return;
        }
        if record.status == TransferStatus::Unknown
            && self.note_unknown_status(id, record, was_unknown)
        {
            self.note_finish(id, record);
            self.transfer_ended(id);
            return;
        }
        if was_ending {
            // A transfer that is active again has not ended.
            self.change_attempt(id, |attempt| attempt.ended_at = None);
            self.state.observations(id).take_asking();
        }
        let machine = self.state.run(id.run);
        if let Some(limit) = machine.is_stalled(id.number, record.status, moved_at, self.now) {
            self.cancel_run(id.run, CancelCause::Stall, AttemptEnd::Stalled { limit }.into());
        }
        self.changed_runs.insert(id.run);
    }

    /// Handles a transfer that had vanished, or was thought over, and is active again.
    fn seen_again(&mut self, id: AttemptId) {
        let row = self.state.attempt(id).reopened();
        self.put_attempt(row);
        if self.state.run(id.run).is_over() {
            self.cancel_extra_transfer(id, CancelReason::ReturnedTransfer);
        }
    }

    /// Takes back the end of an attempt whose transfer is active again, or still: somebody has
    /// resumed it, or the agent was wrong. Its run follows it again if it has no other one that may
    /// succeed; one that is over only waits for it. Nothing is sent beside it.
    fn goes_on(&mut self, id: AttemptId, record: &Transfer) {
        let row = self.state.attempt(id).found(record, self.now);
        self.put_attempt(row);
        let text = format!("transfer {} was over, and is active again", record.id);
        self.log_run(Level::Warn, id.run, None, text);
        if !self.state.run(id.run).is_over() {
            self.give_part(id, record);
        }
    }

    /// Reports that complete looks no longer show a transfer. Its run waits for it until its
    /// `timeout`: the transfer may be at work, and to ask again could double it.
    pub(super) fn report_gone(&mut self, id: AttemptId, transfer: TransferId) {
        let now = self.now;
        let until = self.state.attempt(id).deadline;
        let since = self.state.observations(id).unseen_since(now);
        let reason = UnderWay::Gone { transfer, since, until };
        self.change_attempt(id, |attempt| attempt.reason = reason.clone().into());
        if self.decides(id) && self.state.run(id.run).state() == RunState::Running {
            self.move_run(id.run, RunState::Running, reason, Level::Warn);
        }
    }

    /// Takes back that a transfer is gone: a look shows it.
    fn note_listed(&mut self, id: AttemptId, record: &Transfer) {
        if !self.state.attempt(id).reason.is_gone() {
            return;
        }
        let reason = UnderWay::Listed { transfer: record.id };
        self.change_attempt(id, |attempt| attempt.reason = reason.clone().into());
        if self.state.run(id.run).row().reason.is_gone() {
            self.move_run(id.run, RunState::Running, reason, Level::Info);
        }
    }
}
