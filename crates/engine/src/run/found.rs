//! A transfer in the agent's list that is one of the run's: it is found, or seen again.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, Phase, RunMachine};
use crate::event::Happening;
use crate::reason::{CancelReason, UnderWay};
use crate::transfer::{Transfer, TransferStatus};

/// The part of a transfer that was just found in its run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OnFound {
    /// The one that it follows, from now on if not before.
    Follows(UnderWay),
    /// One too many: it is canceled if it is active.
    TooMany(CancelReason),
}

/// The changes by a look that shows a transfer of the run.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The attempt's new row, if the changes are worth a record.
    pub(crate) row: Option<Attempt>,
    /// The line in the run's timeline.
    pub(crate) event: Option<Happening>,
    /// When the transfer's counters last moved.
    pub(crate) moved_at: Timestamp,
}

impl RunMachine {
    /// How long the agent took to list a transfer that is now found: known only of an accepted
    /// request, and only as far as looks, `apart` from one another, have missed it. A daemon that was
    /// down, and a machine that slept, have seen no delay.
    pub(crate) fn listing_delay(
        &self,
        attempt: &Attempt,
        apart: SignedDuration,
        now: Timestamp,
    ) -> Option<SignedDuration> {
        let missed =
            self.observations(attempt.id.number).filter(|observations| observations.is_missed())?;
        let is_first = attempt.listed_at.is_none() && attempt.phase == Phase::Accepted;
        // It was listed after the last look that did not show it.
        let most = missed.absent_for() + apart;
        is_first.then(|| now.duration_since(self.asked_at(attempt)).min(most))
    }

    /// The part in the run of this attempt's transfer, which was just found.
    pub(crate) fn on_found(&self, attempt: &Attempt, record: &Transfer) -> OnFound {
        let (number, transfer) = (attempt.id.number, record.id);
        if self.is_over() {
            return OnFound::TooMany(CancelReason::LateTransfer);
        }
        let late = !self.follows(number);
        if late && self.followed_is_good() {
            return OnFound::TooMany(CancelReason::SecondTransfer);
        }
        OnFound::Follows(UnderWay::Follows { attempt: number, transfer, late })
    }

    /// True when the followed transfer is known, and has succeeded or may yet.
    fn followed_is_good(&self) -> bool {
        let Some(followed) = self.followed() else { return false };
        let failed = followed.status.is_some_and(TransferStatus::is_failure);
        let completed = followed.status == Some(TransferStatus::Completed);
        followed.transfer.is_some() && !failed && (followed.is_at_work() || completed)
    }

    /// Takes in a look that shows the transfer of an attempt.
    pub(crate) fn on_seen(&mut self, number: u32, record: &Transfer, now: Timestamp) -> Seen {
        let (attempt, observations) = self.tracked(number);
        let moved_at = observations.moved_by(attempt, record, now);
        observations.saw(now, record, moved_at);
        let is_changed = attempt.status != Some(record.status);
        let is_due = observations.progress_is_due(now) || record.status.is_terminal();
        let is_recorded = is_changed || (is_due && attempt.progress != record.progress);
        if is_recorded {
            observations.note_progress_recorded(now);
        }
        let row = is_recorded.then(|| Attempt {
            status: Some(record.status),
            progress: record.progress,
            moved_at,
            ..Attempt::clone(attempt)
        });
        let event = if is_changed { status_event(attempt, record.status) } else { None };
        Seen { row, event, moved_at }
    }
}

impl Attempt {
    /// The row of an attempt whose transfer was just found.
    pub(crate) fn found(&self, record: &Transfer, now: Timestamp) -> Self {
        Self {
            transfer: Some(record.id),
            reason: UnderWay::Listed { transfer: record.id }.into(),
            listed_at: self.listed_at.or(Some(now)),
            moved_at: now,
            ..self.reopened()
        }
    }

    /// The row of an attempt that was thought over, or lost, and has a transfer that is waited for.
    pub(crate) fn reopened(&self) -> Self {
        Self {
            phase: Phase::Accepted,
            outcome: None,
            ended_at: None,
            holds_until: None,
            watched_until: None,
            ..self.clone()
        }
    }
}

/// The line in the timeline for a change of status, if it is worth one.
fn status_event(before: &Attempt, status: TransferStatus) -> Option<Happening> {
    let attempt = before.id.number;
    let was_paused =
        matches!(before.status, Some(TransferStatus::Paused | TransferStatus::Pausing));
    match status {
        TransferStatus::Paused => Some(Happening::Paused { attempt }),
        TransferStatus::Running if was_paused => Some(Happening::Resumed { attempt }),
        TransferStatus::Created
        | TransferStatus::Running
        | TransferStatus::Completed
        | TransferStatus::Canceled
        | TransferStatus::Error
        | TransferStatus::Canceling
        | TransferStatus::Pausing
        | TransferStatus::Unknown => None,
    }
}
