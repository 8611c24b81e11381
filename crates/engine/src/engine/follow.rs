//! Following transfers: a record is found to be ours, or a known one is seen again.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::event::Happening;
use crate::ids::AttemptId;
use crate::input::Level;
use crate::limits::{COVERED_GAP, PROGRESS_RECORD};
use crate::matching::shift;
use crate::reason::{AttemptEnd, CancelReason, Reason, UnderWay};
use crate::record::Record;
use crate::run::{Attempt, CancelCause, CancelWish, Phase, RunState};
use crate::transfer::{Transfer, TransferStatus};

impl Engine {
    /// A record has found its owner (protocol, rule 4). What its status means is `saw`'s.
    pub(super) fn claim(&mut self, id: AttemptId, record: &Transfer) {
        let now = self.now;
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let Some(attempt) = live.attempts.get(&id.number) else { return };
        let sighting = live.sightings.get(&id.number);
        let watched = sighting.is_some_and(|sighting| sighting.absent_at.is_some());
        if watched && attempt.listed_at.is_none() && attempt.phase == Phase::Accepted {
            self.learn_delay(now.duration_since(live.asked_at(attempt)));
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
        if let Some(sighting) = self.state.sighting(id) {
            sighting.absent_for = SignedDuration::ZERO;
            sighting.absent_at = None;
        }
        let (attempt, transfer) = (id.number, record.id);
        self.event(id.run, Happening::Listed { attempt, transfer });
        let Some(live) = self.state.runs.get(&id.run) else { return };
        if live.run.state.is_over() {
            self.another_transfer(id, CancelReason::LateTransfer);
            return;
        }
        if live.run.follows == Some(id.number) {
            self.follow(id, UnderWay::Follows { attempt, transfer, late: false });
            return;
        }
        let has_good = live.followed().is_some_and(|followed| {
            let failed = followed.status.is_some_and(TransferStatus::is_failure);
            followed.transfer.is_some()
                && !failed
                && (live.followed_is_at_work()
                    || followed.status == Some(TransferStatus::Completed))
        });
        if has_good {
            self.another_transfer(id, CancelReason::SecondTransfer);
        } else {
            self.change_run(id.run, |run| run.follows = Some(id.number));
            self.follow(id, UnderWay::Follows { attempt, transfer, late: true });
        }
    }

    /// The run follows this transfer from now on, or goes on cancelling it.
    fn follow(&mut self, id: AttemptId, reason: UnderWay) {
        let Some(live) = self.state.runs.get(&id.run) else { return };
        if let Some(wish) = live.run.cancel.clone() {
            self.wish_cancel(id, wish);
            let state = self.state.runs.get(&id.run).map(|live| live.run.state);
            if state != Some(RunState::Canceling) {
                self.move_run(id.run, RunState::Canceling, reason, Level::Info);
            }
            return;
        }
        if live.run.state != RunState::Running {
            self.move_run(id.run, RunState::Running, reason, Level::Info);
        }
    }

    /// The followed transfer failed. Another of the run that has completed meanwhile is its success;
    /// a later request that is under way, sent when this transfer was thought lost, is followed
    /// instead of given up.
    pub(super) fn failed_unless_another_may_succeed(&mut self, id: AttemptId, reason: Reason) {
        if self.succeeds_by_another(id.run) {
            return;
        }
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let hope = live.attempts.values().rev().find(|other| {
            other.id != id
                && other.cancel.is_none()
                && other.phase.is_open()
                && other.phase != Phase::GivenUp
        });
        let Some((number, state)) = hope.map(|other| (other.id.number, other.state())) else {
            self.failed(id.run, reason);
            return;
        };
        self.change_run(id.run, |run| run.follows = Some(number));
        let (attempt, because) = (id.number, Box::new(reason));
        let reason = Reason::AnotherUnderWay { attempt, because, other: number };
        self.move_run(id.run, state, reason, Level::Warn);
    }

    /// A second transfer for one run: cancelled when seen active, unless it can't be told from
    /// somebody else's (protocol, rule 8).
    fn another_transfer(&mut self, id: AttemptId, why: CancelReason) {
        let Some(attempt) = self.state.attempt(id) else { return };
        if attempt.ambiguous {
            return;
        }
        let reason = Reason::Canceled(why);
        self.tell(Level::Warn, id.run, format!("{reason}; it is canceled if it is active"));
        let wish = CancelWish { at: self.now, cause: CancelCause::Double, reason, told: false };
        self.wish_cancel(id, wish);
    }

    /// The time from POST to listing bounds how long an uncertain one is looked for. It counts
    /// only where looks have followed one another: a daemon that was down has seen no delay.
    fn learn_delay(&mut self, delay: SignedDuration) {
        if delay > self.state.learned.longest_listing_delay {
            let mut learned = self.state.learned;
            learned.longest_listing_delay = delay;
            self.record(Record::Learned(learned));
        }
    }

    /// A look shows a transfer of ours.
    pub(super) fn saw(&mut self, id: AttemptId, record: &Transfer) {
        let now = self.now;
        let Some(attempt) = self.state.attempt(id) else { return };
        if !attempt.phase.is_open() || attempt.transfer != Some(record.id) {
            return;
        }
        if attempt.phase == Phase::GivenUp {
            self.seen_again(id);
        }
        let Some(attempt) = self.state.attempt(id).map(Arc::clone) else { return };
        let moved_at = self.moved_at(&attempt, record);
        let Some(sighting) = self.state.sighting(id) else { return };
        sighting.absent_for = SignedDuration::ZERO;
        sighting.absent_at = None;
        sighting.seen_at = Some(now);
        sighting.user = record.user;
        sighting.listed_end = record.ended_at;
        sighting.agent_away = false;
        sighting.moved_at = Some(moved_at);
        sighting.progress = Some(record.progress);
        sighting.pace.saw(now, record.progress.bytes_transferred);
        let due = sighting
            .recorded_at
            .is_none_or(|at| now.duration_since(at) >= PROGRESS_RECORD || now < at);
        let changed = attempt.status != Some(record.status);
        let is_over = record.status.is_terminal();
        if changed || ((due || is_over) && attempt.progress != record.progress) {
            sighting.recorded_at = Some(now);
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
            // One that is at work again has not ended.
            self.change_attempt(id, |attempt| attempt.ended_at = None);
            if let Some(sighting) = self.state.sighting(id) {
                sighting.asking = None;
            }
        }
        self.enforce_stall(id, record.status, moved_at);
        self.touched.insert(id.run);
    }

    /// One that had vanished, or was thought over, is at work again.
    fn seen_again(&mut self, id: AttemptId) {
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Accepted;
            attempt.outcome = None;
            attempt.ended_at = None;
            attempt.holds_until = None;
            attempt.watched_until = None;
        });
        if self.state.runs.get(&id.run).is_some_and(|live| live.run.state.is_over()) {
            self.another_transfer(id, CancelReason::ReturnedTransfer);
        }
    }

    /// When the counters last moved, by a clock that stands still while the transfer is paused or
    /// the agent is away. After a restart it goes on from the row.
    fn moved_at(&self, attempt: &Attempt, record: &Transfer) -> Timestamp {
        let now = self.now;
        let live = self.state.runs.get(&attempt.id.run);
        let sighting = live.and_then(|live| live.sightings.get(&attempt.id.number));
        let last = sighting.and_then(|sighting| sighting.progress).unwrap_or(attempt.progress);
        if record.progress.moved_since(&last) || attempt.status.is_none() {
            return now;
        }
        let moved_at = sighting.and_then(|sighting| sighting.moved_at).unwrap_or(attempt.moved_at);
        let Some(seen_at) = sighting.and_then(|sighting| sighting.seen_at) else {
            return moved_at.min(now);
        };
        let away = sighting.is_some_and(|sighting| sighting.agent_away);
        let stands_still = match record.status {
            TransferStatus::Running | TransferStatus::Unknown => away,
            TransferStatus::Created
            | TransferStatus::Completed
            | TransferStatus::Canceled
            | TransferStatus::Error
            | TransferStatus::Canceling
            | TransferStatus::Pausing
            | TransferStatus::Paused => true,
        };
        let unseen = now.duration_since(seen_at);
        // A machine that slept has not seen its transfer stand still all that time.
        let still = if stands_still { unseen } else { unseen - unseen.min(COVERED_GAP) };
        shift(moved_at, still).min(now)
    }

    /// Past `stall_timeout` a transfer is cancelled as past `timeout`.
    fn enforce_stall(&mut self, id: AttemptId, status: TransferStatus, moved_at: Timestamp) {
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let Some(limit) = live.run.terms.stall_timeout else { return };
        let stalled = self.now.duration_since(moved_at);
        if status != TransferStatus::Running || stalled < limit || !self.decides(id) {
            return;
        }
        self.cancel_run(id.run, CancelCause::Stall, AttemptEnd::Stalled { limit }.into());
    }

    /// A change of status, in the run's timeline.
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
