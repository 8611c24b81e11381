//! Transfers whose `transferStatus` the vendor's page does not list: reported once for each value,
//! and taken as over when everything else says so.

use super::Engine;
use crate::event::Happening;
use crate::ids::AttemptId;
use crate::input::Level;
use crate::reason::UnderWay;
use crate::run::RunState;
use crate::transfer::Transfer;

/// Complete, in percent.
const WHOLE: f64 = 100.0;

impl Engine {
    /// Reports an unknown status of one of our transfers, and judges whether the transfer is over:
    /// it is with an end date, and also with all its bytes if it can't be canceled. It would
    /// otherwise keep its job and destination for good. The second look in a row that shows the
    /// status decides (`was_unknown` tells of the look before): an agent may leave it out now and
    /// then.
    pub(super) fn note_unknown_status(
        &mut self,
        id: AttemptId,
        record: &Transfer,
        was_unknown: bool,
    ) -> bool {
        let word = record.unknown_status.clone().unwrap_or_default();
        let observations = self.state.observations(id);
        let refused = observations.cancel().was_refused();
        if observations.note_status(&word) {
            self.record_unknown_status(id, &word, record);
            return false;
        }
        let is_over = record.ended_at.is_some() || (refused && record.progress.percent >= WHOLE);
        was_unknown && is_over
    }

    fn record_unknown_status(&mut self, id: AttemptId, word: &str, record: &Transfer) {
        let (transfer, status) = (record.id, word.to_owned());
        if self.decides(id) {
            let status = status.clone();
            self.change_run(id.run, |run| {
                if run.state == RunState::Running {
                    run.reason = UnderWay::UnknownStatus { transfer, status }.into();
                }
            });
        }
        let what = Happening::UnknownStatus { transfer, status };
        let (kind, text) = (what.kind(), what.to_string());
        self.record_event(id.run, what);
        if self.agent_link.note_status(word) {
            self.log_run(Level::Warn, id.run, Some(kind), text);
        }
    }
}
