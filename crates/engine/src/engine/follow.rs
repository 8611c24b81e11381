//! Following transfers: a listed record is claimed as ours, or a transfer already claimed is seen
//! again.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::event::Happening;
use crate::ids::AttemptId;
use crate::input::Level;
use crate::reason::{AttemptEnd, CancelReason, Reason, UnderWay};
use crate::record::Record;
use crate::run::{Attempt, CancelCause, CancelWish, Phase, RunState, Sighting};
use crate::transfer::{Transfer, TransferStatus};

impl Engine {
    /// Gives a record to its owner (protocol, rule 4). Its status is handled by `saw`.
    pub(super) fn claim(&mut self, id: AttemptId, record: &Transfer) {
        let now = self.now;
        let machine = self.state.run(id.run);
        let attempt = self.state.attempt(id);
        let sighting = machine.sighting(id.number);
        let watched = sighting.is_some_and(Sighting::is_missed);
        if watched && attempt.listed_at.is_none() && attempt.phase == Phase::Accepted {
            self.learn_delay(now.duration_since(machine.asked_at(attempt)));
        }
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Accepted;
            attempt.transfer = Some(record.id);
            attempt.reason = UnderWay::Listed { transfer: record.id }.into();
            attempt.listed_at.get_or_insert(now);
            attempt.moved_at = now;
            attempt.outcome = None;
            attempt.ended_at = None;
            attempt.holds_until = None;
            attempt.watched_until = None;
        });
        self.state.sighting(id).is_found();
        let (attempt, transfer) = (id.number, record.id);
        self.event(id.run, Happening::Listed { attempt, transfer });
        let machine = self.state.run(id.run);
        if machine.is_over() {
            self.another_transfer(id, CancelReason::LateTransfer);
            return;
        }
        if machine.row().follows == Some(id.number) {
            self.follow(id, UnderWay::Follows { attempt, transfer, late: false });
            return;
        }
        let has_good = machine.followed().is_some_and(|followed| {
            let failed = followed.status.is_some_and(TransferStatus::is_failure);
            followed.transfer.is_some()
                && !failed
                && (machine.followed_is_at_work()
                    || followed.status == Some(TransferStatus::Completed))
        });
        if has_good {
            self.another_transfer(id, CancelReason::SecondTransfer);
        } else {
            self.change_run(id.run, |run| run.follows = Some(id.number));
            self.follow(id, UnderWay::Follows { attempt, transfer, late: true });
        }
    }

    /// Makes the run follow this transfer from now on, or go on canceling it.
    fn follow(&mut self, id: AttemptId, reason: UnderWay) {
        let machine = self.state.run(id.run);
        if let Some(wish) = machine.row().cancel.clone() {
            self.wish_cancel(id, wish);
            if self.state.run(id.run).state() != RunState::Canceling {
                self.move_run(id.run, RunState::Canceling, reason, Level::Info);
            }
            return;
        }
        if machine.state() != RunState::Running {
            self.move_run(id.run, RunState::Running, reason, Level::Info);
        }
    }

    /// Handles a second transfer for one run: canceled when seen active, unless it can't be told
    /// apart from somebody else's (protocol, rule 8).
    fn another_transfer(&mut self, id: AttemptId, why: CancelReason) {
        if self.state.attempt(id).ambiguous {
            return;
        }
        let reason = Reason::Canceled(why);
        self.tell(Level::Warn, id.run, None, format!("{reason}; it is canceled if it is active"));
        let wish = CancelWish { at: self.now, cause: CancelCause::Double, reason, told: false };
        self.wish_cancel(id, wish);
    }

    /// Learns from the time between POST and listing, which bounds how long an uncertain request is
    /// looked for. It counts only while looks follow one another: a daemon that was down has seen
    /// no delay.
    fn learn_delay(&mut self, delay: SignedDuration) {
        if delay > self.state.learned().longest_listing_delay {
            let mut learned = self.state.learned();
            learned.longest_listing_delay = delay;
            self.record(Record::Learned(learned));
        }
    }

    /// Takes in a look that shows one of our transfers.
    pub(super) fn saw(&mut self, id: AttemptId, record: &Transfer) {
        let now = self.now;
        let attempt = self.state.attempt(id);
        if !attempt.phase.is_open() || attempt.transfer != Some(record.id) {
            return;
        }
        if attempt.phase == Phase::GivenUp {
            self.seen_again(id);
        }
        let attempt = Arc::clone(self.state.attempt(id));
        let sighting = self.state.sighting(id);
        let moved_at = sighting.moved_by(&attempt, record, now);
        sighting.saw(now, record, moved_at);
        let due = sighting.progress_is_due(now);
        let changed = attempt.status != Some(record.status);
        let is_over = record.status.is_terminal();
        if changed || ((due || is_over) && attempt.progress != record.progress) {
            sighting.progress_is_recorded(now);
            self.change_attempt(id, |attempt| {
                attempt.status = Some(record.status);
                attempt.progress = record.progress;
                attempt.moved_at = moved_at;
            });
        }
        if changed {
            self.say_status(&attempt, record.status);
        }
        if is_over {
            self.note_finish(id, record);
            self.end_with_cause(id);
            return;
        }
        if record.status == TransferStatus::Unknown && self.unknown_is_over(id, record) {
            self.note_finish(id, record);
            self.transfer_ended(id);
            return;
        }
        if attempt.ended_at.is_some() {
            // A transfer that is active again has not ended.
            self.change_attempt(id, |attempt| attempt.ended_at = None);
            self.state.sighting(id).take_asking();
        }
        self.enforce_stall(id, record.status, moved_at);
        self.touched.insert(id.run);
    }

    /// Handles a transfer that had vanished, or was thought over, and is active again.
    fn seen_again(&mut self, id: AttemptId) {
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Accepted;
            attempt.outcome = None;
            attempt.ended_at = None;
            attempt.holds_until = None;
            attempt.watched_until = None;
        });
        if self.state.run(id.run).is_over() {
            self.another_transfer(id, CancelReason::ReturnedTransfer);
        }
    }

    /// Cancels a transfer that is past `stall_timeout`, as one past `timeout`.
    fn enforce_stall(&mut self, id: AttemptId, status: TransferStatus, moved_at: Timestamp) {
        let machine = self.state.run(id.run);
        let Some(limit) = machine.terms().stall_timeout else { return };
        let stalled = self.now.duration_since(moved_at);
        if status != TransferStatus::Running || stalled < limit || !self.decides(id) {
            return;
        }
        self.cancel_run(id.run, CancelCause::Stall, AttemptEnd::Stalled { limit }.into());
    }

    /// Records a change of status in the run's timeline.
    fn say_status(&mut self, before: &Attempt, status: TransferStatus) {
        let attempt = before.id.number;
        let what = match status {
            TransferStatus::Paused => Happening::Paused { attempt },
            TransferStatus::Running
                if matches!(
                    before.status,
                    Some(TransferStatus::Paused | TransferStatus::Pausing)
                ) =>
            {
                Happening::Resumed { attempt }
            }
            TransferStatus::Created
            | TransferStatus::Running
            | TransferStatus::Completed
            | TransferStatus::Canceled
            | TransferStatus::Error
            | TransferStatus::Canceling
            | TransferStatus::Pausing
            | TransferStatus::Unknown => return,
        };
        self.event(before.id.run, what);
    }
}
