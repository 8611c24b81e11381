//! Transfers like ours that no row knows. Where an older copy of the database was put back,
//! occurrences that were queued after the copy count as missed, and would be queued again without a
//! word.
//!
//! This is reported before they are caught up, and does not prevent it: a person may have copied
//! the same objects by hand.

use std::sync::Arc;

use jiff::Timestamp;

use super::Engine;
use crate::event::Happening;
use crate::ids::{RunId, TransferId};
use crate::input::Level;
use crate::limits::SKEW;
use crate::matching::evidence;
use crate::run::{Attempt, RunMachine, Trigger};
use crate::time::shift;
use crate::transfer::{Look, Transfer};

impl Engine {
    /// Reports, for each run that may repeat one that no row knows, a similar transfer that was
    /// requested after its time.
    pub(super) fn report_unrecorded(&mut self, look: &Look) {
        let mut found: Vec<(RunId, TransferId, Timestamp)> = Vec::new();
        let began = self.began;
        for machine in self.state.waiting().filter(|machine| may_be_repeated(machine, began)) {
            let mut like_it = look.transfers.iter().filter_map(|record| {
                Some((record.id, self.requested_since(machine, look, record)?))
            });
            found.extend(like_it.next().map(|(transfer, at)| (machine.id(), transfer, at)));
        }
        for (id, transfer, requested_at) in found {
            self.state.run_mut(id).set_unrecorded_reported();
            let what = Happening::Unrecorded { transfer, requested_at };
            let text = format!("{what}; was an older copy of the database put back?");
            self.report_as(Level::Warn, id, what, text);
        }
    }

    /// When a record was requested, by our clock, if it equals a run's request, came after its
    /// time, has no owner, and is not about to get one.
    fn requested_since(
        &self,
        machine: &RunMachine,
        look: &Look,
        record: &Transfer,
    ) -> Option<Timestamp> {
        let offset = self.agent_link.offset();
        let at = shift(record.requested_at?, -offset);
        let is_ours = record.user == look.user && !record.of_sync && !record.of_retry_batch;
        let since = shift(machine.row().scheduled_for?, -SKEW);
        let is_like_it = is_ours && record.fits(machine.fingerprint()) && since <= at;
        let exclusive = self.set.agent.exclusive_user;
        let may_be_of = |attempt: &Arc<Attempt>| evidence(attempt, record, exclusive).is_ok();
        let has_owner = self.state.is_owned(record.id)
            || self.state.open_like(machine.fingerprint()).any(may_be_of);
        (is_like_it && !has_owner).then_some(at)
    }
}

/// True for an occurrence that may have been queued before the database was put back, and was not
/// reported yet: one that is caught up, or was due before this engine began.
fn may_be_repeated(machine: &RunMachine, began: Timestamp) -> bool {
    let run = machine.row();
    let is_of_before = match run.trigger {
        Trigger::CatchUp => true,
        Trigger::Schedule => run.scheduled_for.is_some_and(|at| at < began),
        Trigger::Manual | Trigger::Retry | Trigger::Backfill => false,
    };
    is_of_before && !machine.has_begun() && !machine.is_unrecorded_reported()
}
