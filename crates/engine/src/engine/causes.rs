//! Why a transfer failed: the agent's history is asked once when its end is seen, and frames that
//! name objects are kept until then.
//!
//! The run does not end before the answer is there, so that whoever waits for it sees the cause,
//! and no retry is sent that is of no use; but not for longer than [`CAUSE_PATIENCE`]. That the
//! transfer is over, and how, is in the attempt's row from the first look that shows it
//! ([`Attempt::is_ending`]): after a crash the agent is asked again, and the end holds even if the
//! list has forgotten the transfer meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::outcome::judge;
use super::state::Live;
use crate::cause::{Cause, CauseClass, CauseQuery, END_SLACK, FailedObject, FailedObjects, OurRow};
use crate::ids::{AttemptId, TransferId};
use crate::input::Effect;
use crate::limits::{CAUSE_PATIENCE, SKEW, UNCLAIMED_FAILURES_MAX};
use crate::matching::shift;
use crate::reason::{AttemptEnd, Reason};
use crate::run::{Attempt, Run};

/// The agent is asked why a transfer failed.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    /// Since when.
    pub(super) since: Timestamp,
    /// The transfer.
    transfer: TransferId,
    /// What the history says; absent while it is asked, and if it says nothing.
    row: Option<OurRow>,
}

/// Objects that frames have named, by transfer.
#[derive(Debug, Default)]
pub(super) struct Failures {
    of: BTreeMap<TransferId, FailedObjects>,
    /// The transfers, in the order in which they were first named.
    order: VecDeque<TransferId>,
}

impl Failures {
    /// Takes a frame in. Of transfers that nobody owns, the oldest makes room.
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

impl Live {
    /// Until when the end of an attempt's transfer waits for its cause at most.
    pub(super) fn asked_until(&self, number: u32) -> Option<Timestamp> {
        self.asking(number).map(|asking| shift(asking.since, CAUSE_PATIENCE))
    }

    /// True while the followed transfer may yet succeed: one whose end has been seen has failed.
    pub(super) fn followed_is_at_work(&self) -> bool {
        self.followed().is_some_and(|attempt| attempt.is_at_work())
    }

    fn asking(&self, number: u32) -> Option<&Asking> {
        self.sightings.get(&number)?.asking.as_ref()
    }
}

impl Engine {
    /// A frame names an object that could not be transferred.
    pub(super) fn object_failed(&mut self, transfer: TransferId, object: FailedObject) {
        let Self { failures, state, .. } = self;
        if state.in_flight.is_empty() {
            *failures = Failures::default();
            return;
        }
        failures.add(transfer, object, |id| state.owner.contains_key(&id));
    }

    /// A transfer of ours is over: its end is taken in, once it is known why if it failed.
    pub(super) fn end_with_cause(&mut self, id: AttemptId) {
        if !self.waits_for_cause(id) {
            self.transfer_ended(id);
        }
    }

    /// True while the agent is asked why a transfer failed, which begins here.
    fn waits_for_cause(&mut self, id: AttemptId) -> bool {
        let now = self.now;
        let Some(live) = self.state.runs.get(&id.run) else { return false };
        let Some(attempt) = live.attempts.get(&id.number) else { return false };
        let Some(transfer) = attempt.transfer else { return false };
        if live.run.state.is_over() || attempt.cancel.is_some() {
            return false;
        }
        let (_, reason) = judge(live, attempt, now);
        if !matches!(&reason, Reason::Ended(end) if end.may_have_cause()) {
            return false;
        }
        if let Some(asking) = live.asking(id.number).filter(|asking| asking.transfer == transfer) {
            return !is_late(asking, now);
        }
        let query = self.cause_query(live, attempt, transfer);
        let Some(sighting) = self.state.sighting(id) else { return false };
        sighting.asking = Some(Asking { since: now, transfer, row: None });
        self.touched.insert(id.run);
        self.then(Effect::LearnCause { attempt: id, query });
        true
    }

    /// How a row of ours is found: it ended when the list says, else after the transfer was asked for.
    fn cause_query(&self, live: &Live, attempt: &Attempt, transfer: TransferId) -> CauseQuery {
        let theirs = |at: Timestamp| shift(at, SignedDuration::from_millis(attempt.offset_ms));
        let sighting = live.sightings.get(&attempt.id.number);
        let listed_end = sighting.and_then(|sighting| sighting.listed_end);
        let listed_end = listed_end.or(attempt.finished_at.map(theirs));
        let first = listed_end.unwrap_or_else(|| theirs(attempt.not_before));
        CauseQuery {
            transfer,
            places: live.run.request.loose_fingerprint(),
            user: attempt.user.or(sighting.and_then(|sighting| sighting.user)),
            ended: (shift(first, -END_SLACK), theirs(shift(self.now, SKEW)).max(first)),
            listed_end,
        }
    }

    /// The history has answered, or can't be asked.
    pub(super) fn cause_learned(
        &mut self,
        id: AttemptId,
        transfer: TransferId,
        row: Option<OurRow>,
    ) {
        let is_ending = self.state.attempt(id).is_some_and(|attempt| attempt.is_ending());
        let Some(sighting) = self.state.sighting(id) else { return };
        let Some(asking) = &mut sighting.asking else { return };
        if is_ending && asking.transfer == transfer {
            asking.row = row;
            self.transfer_ended(id);
        }
    }

    /// The agent's words on why a run failed, wholly or in part.
    pub(super) fn cause_of(&self, run: &Run) -> Option<String> {
        let cause = self.state.runs.get(&run.id)?.followed()?.cause.as_ref()?;
        Some(cause.message.clone())
    }

    /// The cause of an end, as far as it was learned, and the reason with it.
    pub(super) fn with_cause(
        &mut self,
        id: AttemptId,
        reason: Reason,
    ) -> (Reason, Option<Arc<Cause>>) {
        let transfer = self.state.attempt(id).and_then(|attempt| attempt.transfer);
        let named = transfer.map(|transfer| self.failures.take(transfer)).unwrap_or_default();
        let asking = self.state.sighting(id).and_then(|sighting| sighting.asking.take());
        let row = asking.and_then(|asking| asking.row);
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
        let reason = AttemptEnd::Caused { end, told: cause.told(), lasting };
        (reason.into(), Some(Arc::new(cause)))
    }
}

/// True once its cause is not waited for any longer, also by a clock that went back unseen.
fn is_late(asking: &Asking, now: Timestamp) -> bool {
    now < asking.since || now.duration_since(asking.since) >= CAUSE_PATIENCE
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
