//! Asking the agent why a transfer failed: once, and with a short wait for the answer.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, RunMachine};
use crate::cause::OurRow;
use crate::ids::TransferId;
use crate::limits::CAUSE_PATIENCE;
use crate::reason::Reason;
use crate::time::shift;

/// A query for the cause of a failed transfer.
#[derive(Clone, Debug)]
pub(crate) struct PendingQuery {
    since: Timestamp,
    transfer: TransferId,
    /// The row of the history; absent while the query is under way, and if there is none.
    row: Option<OurRow>,
}

impl PendingQuery {
    /// A query made now.
    pub(crate) fn about(transfer: TransferId, now: Timestamp) -> Self {
        Self { since: now, transfer, row: None }
    }

    /// Takes in the answer, if it is one to this query.
    pub(crate) fn take_answer(&mut self, transfer: TransferId, row: Option<OurRow>) -> bool {
        let is_ours = self.transfer == transfer;
        if is_ours {
            self.row = row;
        }
        is_ours
    }

    /// The row of the history.
    pub(crate) fn into_row(self) -> Option<OurRow> {
        self.row
    }

    /// Follows a step of the clock.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.since = shift(self.since, by);
    }

    /// True once the cause is no longer waited for, even by a clock that went back unseen.
    fn is_late(&self, now: Timestamp) -> bool {
        now < self.since || now.duration_since(self.since) >= CAUSE_PATIENCE
    }
}

/// Whether the end of a transfer waits for its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CauseWait {
    /// Query the agent about this transfer.
    Ask(TransferId),
    /// The query was made, and may yet be answered.
    Asked,
    /// There is nothing to ask, or no need to wait any longer.
    Over,
}

impl RunMachine {
    /// Whether the end of an attempt's transfer waits for its cause.
    pub(crate) fn cause_wait(&self, attempt: &Attempt, now: Timestamp) -> CauseWait {
        let Some(transfer) = attempt.transfer else { return CauseWait::Over };
        if self.is_over() || attempt.cancel.is_some() {
            return CauseWait::Over;
        }
        let (_, reason) = self.verdict(attempt, now);
        if !matches!(&reason, Reason::Ended(end) if end.may_have_cause()) {
            return CauseWait::Over;
        }
        let asking =
            self.observations(attempt.id.number).and_then(|observations| observations.asking());
        match asking.filter(|asking| asking.transfer == transfer) {
            None => CauseWait::Ask(transfer),
            Some(asking) if asking.is_late(now) => CauseWait::Over,
            Some(_) => CauseWait::Asked,
        }
    }

    /// The time up to which the end of an attempt's transfer waits for its cause.
    pub(super) fn asked_until(&self, number: u32) -> Option<Timestamp> {
        let asking = self.observations(number)?.asking()?;
        Some(shift(asking.since, CAUSE_PATIENCE))
    }
}
