//! Asking the agent why a transfer failed: once, and with a short wait for the answer.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, RunMachine};
use crate::cause::OurRow;
use crate::ids::TransferId;
use crate::limits::CAUSE_PATIENCE;
use crate::matching::shift;
use crate::reason::Reason;

/// The question why a transfer failed.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    since: Timestamp,
    transfer: TransferId,
    /// What the history says; absent while it is asked, and if it says nothing.
    row: Option<OurRow>,
}

impl Asking {
    /// It is asked now.
    pub(crate) fn about(transfer: TransferId, now: Timestamp) -> Self {
        Self { since: now, transfer, row: None }
    }

    /// Takes the answer in, if it is one to this question.
    pub(crate) fn is_answered(&mut self, transfer: TransferId, row: Option<OurRow>) -> bool {
        let is_ours = self.transfer == transfer;
        if is_ours {
            self.row = row;
        }
        is_ours
    }

    /// What the history has said.
    pub(crate) fn into_row(self) -> Option<OurRow> {
        self.row
    }

    /// The clock was set.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.since = shift(self.since, by);
    }

    /// True once its cause is not waited for any longer, also by a clock that went back unseen.
    fn is_late(&self, now: Timestamp) -> bool {
        now < self.since || now.duration_since(self.since) >= CAUSE_PATIENCE
    }
}

/// Whether the end of a transfer waits for its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CauseWait {
    /// The agent is to be asked about this transfer.
    Ask(TransferId),
    /// It has been asked, and may yet answer.
    Asked,
    /// There is nothing to ask, or nothing to wait for any longer.
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
        let asking = self.sighting(attempt.id.number).and_then(|sighting| sighting.asking());
        match asking.filter(|asking| asking.transfer == transfer) {
            None => CauseWait::Ask(transfer),
            Some(asking) if asking.is_late(now) => CauseWait::Over,
            Some(_) => CauseWait::Asked,
        }
    }

    /// Until when the end of an attempt's transfer waits for its cause at most.
    pub(super) fn asked_until(&self, number: u32) -> Option<Timestamp> {
        let asking = self.sighting(number)?.asking()?;
        Some(shift(asking.since, CAUSE_PATIENCE))
    }
}
