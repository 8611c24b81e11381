//! Near misses: records that almost match a request but are not taken for its transfer. They are
//! reported loudly, since the run would otherwise wait in silence (docs/protocol.md, rule 4), and a
//! request whose answer was lost is not sent again beside one (rule 6).

use std::collections::BTreeMap;

use super::Engine;
use crate::event::Happening;
use crate::ids::AttemptId;
use crate::input::Level;
use crate::limits::NEAR_MISS_DEPTH;
use crate::matching::{Miss, evidence, expected_date, shift};
use crate::place::Fingerprint;
use crate::reason::{NearMiss, UnderWay};
use crate::run::{Attempt, Before, Phase, RunMachine, RunState, Sighting};
use crate::transfer::Transfer;

impl Engine {
    /// Reports a request that is followed only by records that fail on date, user or spelling.
    /// Where its answer was lost, a record of another user is somebody else's.
    pub(super) fn report_near_misses(&mut self, unclaimed: &BTreeMap<Fingerprint, Vec<&Transfer>>) {
        let exclusive = self.set.agent.exclusive_user;
        let said = |machine: &RunMachine, attempt: &Attempt| {
            machine.sighting(attempt.id.number).is_some_and(Sighting::is_near_miss_reported)
        };
        let unlisted: Vec<AttemptId> = self
            .state
            .open_attempts()
            .filter(|attempt| {
                attempt.is_unlisted() && matches!(attempt.phase, Phase::Accepted | Phase::Uncertain)
            })
            .map(|attempt| attempt.id)
            .collect();
        for id in unlisted {
            let machine = self.state.run(id.run);
            let attempt = self.state.attempt(id);
            if said(machine, attempt) {
                continue;
            }
            let loose = machine.row().request.loose_fingerprint();
            let before = machine.sighting(id.number).and_then(Sighting::before);
            let near = unclaimed.values().flatten().filter(|record| {
                record.loose_fingerprint == loose
                    && is_new(attempt, before, record)
                    && !self.state.is_owned(record.id)
            });
            let missed = near.filter_map(|record| {
                evidence(attempt, record, exclusive).err().map(|miss| (*record, miss))
            });
            // A sync's record between the same places may be ages old; of the others, take the
            // newest.
            let Some((near, miss)) = missed
                .filter(|(_, miss)| match miss {
                    Miss::Kind => false,
                    Miss::User => attempt.phase == Phase::Accepted,
                    Miss::Places | Miss::Baseline | Miss::Date => true,
                })
                .max_by_key(|(record, _)| (record.requested_at, record.id))
            else {
                continue;
            };
            let date = near.requested_at.filter(|_| miss == Miss::Date);
            let off = date.map(|at| at.duration_since(expected_date(attempt)));
            let near = NearMiss { transfer: near.id, differs: miss, off, exclusive };
            self.state.sighting(id).set_near_miss_reported();
            if self.decides(id) {
                self.change_run(id.run, |run| {
                    if run.state == RunState::Queued {
                        run.reason = UnderWay::NearMiss(near).into();
                    }
                });
            }
            let what = Happening::NearMiss(near);
            self.log_run(Level::Warn, id.run, Some(what.kind()), what.to_string());
            self.record_event(id.run, what);
        }
    }
}

/// True for a record that was not listed before the POST of the attempt. After a restart the look
/// before the POST is no longer known, and only records not much older than the POST count as new.
fn is_new(attempt: &Attempt, before: Option<&Before>, record: &Transfer) -> bool {
    if attempt.baseline.contains(&record.id) {
        return false;
    }
    let earliest = shift(attempt.not_before, -NEAR_MISS_DEPTH);
    match before {
        Some(before) => !before.may_have_known(record),
        None => record.requested_at.is_none_or(|at| at >= earliest),
    }
}
