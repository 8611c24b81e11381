//! Asks the agent's history, once, why a transfer failed, and keeps the frames that name objects
//! until then.
//!
//! The run does not end before the answer is there, so that anyone waiting for the run sees the
//! cause, and no useless retry is sent; but the wait is at most
//! [`CAUSE_PATIENCE`](crate::limits::CAUSE_PATIENCE). That the transfer is over, and how it ended,
//! is in the attempt's row from the first look that shows it ([`Attempt::is_ending`]): after a
//! crash the agent is asked again, and the end holds even if the list has forgotten the transfer
//! meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::cause::{Cause, CauseClass, CauseQuery, END_SLACK, FailedObject, FailedObjects, OurRow};
use crate::ids::{AttemptId, TransferId};
use crate::input::Effect;
use crate::limits::{SKEW, UNCLAIMED_FAILURES_MAX};
use crate::reason::{AttemptEnd, Reason};
use crate::run::{Attempt, CauseWait, PendingQuery, Run, RunMachine};
use crate::time::shift;

/// Objects that frames have named, by transfer.
#[derive(Debug, Default)]
pub(super) struct Failures {
    of: BTreeMap<TransferId, FailedObjects>,
    /// The transfers, in the order in which they were first named.
    order: VecDeque<TransferId>,
}

impl Failures {
    /// Takes in a frame. Of transfers without an owner, the oldest makes room.
    fn add(&mut self, id: TransferId, object: FailedObject, is_owned: impl Fn(TransferId) -> bool) {
        if !self.of.contains_key(&id) {
            let unclaimed = self.order.iter().filter(|known| !is_owned(**known)).count();
            let oldest = self.order.iter().position(|known| !is_owned(*known));
            if unclaimed >= UNCLAIMED_FAILURES_MAX
                && let Some(gone) = oldest.and_then(|oldest| self.order.remove(oldest))
            {
                self.of.remove(&gone);
            }
            self.order.push_back(id);
        }
        self.of.entry(id).or_default().add(object);
    }

    fn take(&mut self, id: TransferId) -> FailedObjects {
        self.order.retain(|known| *known != id);
        self.of.remove(&id).unwrap_or_default()
    }
}

impl Engine {
    /// Takes in a frame that names an object that could not be transferred.
    pub(super) fn on_object_failed(&mut self, transfer: TransferId, object: FailedObject) {
        let Self { failures, state, .. } = self;
        if state.in_flight_ids().is_empty() {
            *failures = Failures::default();
            return;
        }
        failures.add(transfer, object, |id| state.owner(id).is_some());
    }

    /// Handles the end of one of our transfers; after a failure, once its cause is known.
    pub(super) fn end_with_cause(&mut self, id: AttemptId) {
        if !self.ask_for_cause(id) {
            self.transfer_ended(id);
        }
    }

    /// Asks the agent why a transfer failed, once; true while the answer is awaited.
    fn ask_for_cause(&mut self, id: AttemptId) -> bool {
        let now = self.now;
        let machine = self.state.run(id.run);
        let attempt = self.state.attempt(id);
        let transfer = match machine.cause_wait(attempt, now) {
            CauseWait::Over => return false,
            CauseWait::Asked => return true,
            CauseWait::Ask(transfer) => transfer,
        };
        let query = self.cause_query(machine, attempt, transfer);
        let observations = self.state.observations(id);
        observations.ask(PendingQuery::about(transfer, now));
        self.changed_runs.insert(id.run);
        self.then(Effect::LearnCause { attempt: id, query });
        true
    }

    /// The query for our row: its end is the one in the list, else after the request for the
    /// transfer.
    fn cause_query(
        &self,
        machine: &RunMachine,
        attempt: &Attempt,
        transfer: TransferId,
    ) -> CauseQuery {
        let theirs = |at: Timestamp| shift(at, SignedDuration::from_millis(attempt.offset_ms));
        let observations = machine.observations(attempt.id.number);
        let listed_end = observations.and_then(|observations| observations.listed_end());
        let listed_end = listed_end.or(attempt.finished_at.map(theirs));
        let first = listed_end.unwrap_or_else(|| theirs(attempt.not_before));
        CauseQuery {
            transfer,
            places: machine.row().request.loose_fingerprint(),
            user: attempt.user.or(observations.and_then(|observations| observations.user())),
            ended: (shift(first, -END_SLACK), theirs(shift(self.now, SKEW)).max(first)),
            listed_end,
        }
    }

    /// Takes in the answer of the history, or that it can't be asked.
    pub(super) fn on_cause_learned(
        &mut self,
        id: AttemptId,
        transfer: TransferId,
        row: Option<OurRow>,
    ) {
        // It may come late: the run was dropped from memory, or the answer is no longer needed.
        let Some(attempt) = self.state.find_attempt(id) else { return };
        let is_ending = attempt.is_ending();
        let Some(asking) = self.state.observations(id).asking_mut() else { return };
        if is_ending && asking.take_answer(transfer, row) {
            self.transfer_ended(id);
        }
    }

    /// The agent's words on why a run failed, wholly or in part.
    pub(super) fn cause_of(&self, run: &Run) -> Option<String> {
        let cause = self.state.find_run(run.id)?.followed()?.cause.as_ref()?;
        Some(cause.message.clone())
    }

    /// The cause of an end, as far as it is known, and the reason including it.
    pub(super) fn with_cause(
        &mut self,
        id: AttemptId,
        reason: Reason,
    ) -> (Reason, Option<Arc<Cause>>) {
        let transfer = self.state.attempt(id).transfer;
        let named = transfer.map(|transfer| self.failures.take(transfer)).unwrap_or_default();
        let asking = self.state.observations(id).take_asking();
        let row = asking.and_then(PendingQuery::into_row);
        let Reason::Ended(end) = &reason else { return (reason, None) };
        if !end.may_have_cause() {
            return (reason, None);
        }
        let Some(mut cause) = Cause::of(row.as_ref(), named) else { return (reason, None) };
        if let AttemptEnd::ObjectsFailed { failed, .. }
        | AttemptEnd::ObjectsMissing { failed, .. } = end
        {
            cause.keep_to(*failed);
        }
        let accepted = matches!(
            end,
            AttemptEnd::ObjectsFailed { accepted: true, .. }
                | AttemptEnd::ObjectsMissing { accepted: true, .. }
        );
        let lasting = row
            .filter(|row| row.certain && !accepted && !cause.may_be_mended())
            .map(|row| CauseClass::of(&row.message))
            .filter(|class| class.outlasts_retries());
        let end = Box::new(end.clone());
        let reason = AttemptEnd::Caused { end, summary: cause.summary(), lasting };
        (reason.into(), Some(Arc::new(cause)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn of_transfers_that_nobody_owns_so_many_are_remembered_and_no_more() {
        let object = || FailedObject { path: "a".to_owned(), error: "denied".to_owned() };
        let id = |number| TransferId(Uuid::from_u128(number));
        let ours = id(1);
        let mut failures = Failures::default();
        let mut last = 0;
        for number in (1..).take(3 * UNCLAIMED_FAILURES_MAX) {
            last = number;
            failures.add(id(number), object(), |one| one == ours);
        }
        assert_eq!(failures.of.len(), UNCLAIMED_FAILURES_MAX + 1);
        assert_eq!(failures.order.len(), failures.of.len());
        assert_ne!(failures.take(ours), FailedObjects::default(), "ours make no room");
        assert_ne!(failures.take(id(last)), FailedObjects::default());
        assert_eq!(failures.take(id(2)), FailedObjects::default(), "the oldest went");
        assert_eq!(failures.order.len(), UNCLAIMED_FAILURES_MAX - 1);
    }
}
