//! Why a transfer failed: the agent's history is asked once when its end is seen, and frames that
//! name objects are kept until then.
//!
//! The end is not recorded before the answer is there, so that whoever waits for it sees the cause,
//! and no retry is sent that is of no use; but not for longer than [`CAUSE_PATIENCE`]. Nothing of
//! this is durable: after a crash the transfer is seen to be over again, and asked about again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::outcome::judge;
use super::state::Live;
use crate::cause::{Cause, CauseClass, CauseQuery, FailedObject, FailedObjects, OurRow};
use crate::ids::{AttemptId, TransferId};
use crate::input::Effect;
use crate::limits::{CAUSE_PATIENCE, SKEW, UNCLAIMED_FAILURES_MAX};
use crate::matching::shift;
use crate::reason::{AttemptEnd, Reason};
use crate::run::{Attempt, Run};
use crate::transfer::Transfer;

/// Dates are whole seconds in places, and an end lies a moment before its record.
const END_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// The agent is asked why a transfer failed.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    /// Since when.
    pub(super) since: Timestamp,
    /// The transfer as it was listed last.
    record: Transfer,
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
    /// True while the end of an attempt's transfer waits for its cause.
    pub(super) fn is_asked_about(&self, number: u32) -> bool {
        self.asking(number).is_some()
    }

    /// Until when it waits at most.
    pub(super) fn asked_until(&self, number: u32) -> Option<Timestamp> {
        self.asking(number).map(|asking| shift(asking.since, CAUSE_PATIENCE))
    }

    /// True while the followed transfer may yet succeed: one that is asked about has failed.
    pub(super) fn followed_is_at_work(&self) -> bool {
        let followed = self.followed();
        followed.is_some_and(|it| it.is_active() && !self.is_asked_about(it.id.number))
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

    /// A look shows that a transfer of ours is over. True if the agent is asked why it failed, so
    /// that its end is not taken in yet.
    pub(super) fn asks_for_cause(&mut self, id: AttemptId, record: &Transfer) -> bool {
        let now = self.now;
        let Some(live) = self.state.runs.get(&id.run) else { return false };
        let Some(attempt) = live.attempts.get(&id.number) else { return false };
        if live.run.state.is_over() || attempt.cancel.is_some() {
            return false;
        }
        let (_, reason) = judge(&live.run, attempt, record, now);
        if !matches!(&reason, Reason::Ended(end) if end.may_have_cause()) {
            return false;
        }
        let query = self.cause_query(live, attempt, record);
        let Some(sighting) = self.state.sighting(id) else { return false };
        if let Some(asking) = &mut sighting.asking {
            asking.record = record.clone();
            return !is_late(asking, now);
        }
        sighting.asking = Some(Asking { since: now, record: record.clone(), row: None });
        self.touched.insert(id.run);
        self.then(Effect::LearnCause { attempt: id, query });
        true
    }

    /// What a row of ours is known by. It ended after we asked, and after it was last seen at work.
    fn cause_query(&self, live: &Live, attempt: &Attempt, record: &Transfer) -> CauseQuery {
        let theirs = |at: Timestamp| shift(at, SignedDuration::from_millis(attempt.offset_ms));
        let first = shift(attempt.not_before, -END_SLACK);
        CauseQuery {
            transfer: record.id,
            places: live.run.request.loose_fingerprint(),
            user: attempt.user.or(record.user),
            ended: (theirs(first), theirs(shift(self.now, SKEW))),
        }
    }

    /// The history has answered, or can't be asked.
    pub(super) fn cause_learned(
        &mut self,
        id: AttemptId,
        transfer: TransferId,
        row: Option<OurRow>,
    ) {
        let Some(sighting) = self.state.sighting(id) else { return };
        let Some(asking) = sighting.asking.as_mut() else { return };
        if asking.record.id == transfer {
            asking.row = row;
            self.take_end(id);
        }
    }

    /// An answer that does not come is not waited for any longer.
    pub(super) fn asks_no_longer_if_late(&mut self, id: AttemptId) {
        let Some(live) = self.state.runs.get(&id.run) else { return };
        if live.asking(id.number).is_some_and(|asking| is_late(asking, self.now)) {
            self.take_end(id);
        }
    }

    /// The agent's words on why a run failed, wholly or in part.
    pub(super) fn cause_of(&self, run: &Run) -> Option<String> {
        let cause = self.state.runs.get(&run.id)?.followed()?.cause.as_ref()?;
        Some(cause.message.clone())
    }

    /// Takes the end in that has waited for its cause.
    fn take_end(&mut self, id: AttemptId) {
        let Some(attempt) = self.state.attempt(id) else { return };
        let (open, transfer) = (attempt.phase.is_open(), attempt.transfer);
        let Some(sighting) = self.state.sighting(id) else { return };
        let Some(asking) = &sighting.asking else { return };
        let record = asking.record.clone();
        if open && transfer == Some(record.id) {
            self.transfer_ended(id, &record);
        } else {
            sighting.asking = None;
        }
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
        let Some(cause) = Cause::of(row.as_ref(), named) else { return (reason, None) };
        let accepted = matches!(
            end,
            AttemptEnd::ObjectsFailed { accepted: true, .. }
                | AttemptEnd::ObjectsMissing { accepted: true, .. }
        );
        let lasting = row
            .filter(|row| row.certain && !accepted)
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
