//! Near misses: records that almost match a request but are not taken for its transfer. They are
//! reported loudly, since the run would otherwise wait in silence (docs/protocol.md, rule 4), and a
//! request whose answer was lost is not sent again beside one that may be its own (rule 6).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Engine;
use crate::event::Happening;
use crate::ids::AttemptId;
use crate::input::Level;
use crate::limits::NEAR_MISS_DEPTH;
use crate::matching::{evidence, expected_date, window};
use crate::place::Fingerprint;
use crate::reason::{Miss, NearMiss, UnderWay};
use crate::run::{Attempt, Before, Observations, Phase, RunState};
use crate::time::shift;
use crate::transfer::Transfer;

impl Engine {
    /// Reports a request that is followed only by records that fail on date, user or spelling.
    /// Where its answer was lost, a record of another user is somebody else's.
    pub(super) fn report_near_misses(&mut self, unclaimed: &BTreeMap<Fingerprint, Vec<&Transfer>>) {
        let unlisted: Vec<AttemptId> = self
            .state
            .open_attempts()
            .filter(|attempt| {
                attempt.is_unlisted() && matches!(attempt.phase, Phase::Accepted | Phase::Uncertain)
            })
            .map(|attempt| attempt.id)
            .collect();
        for id in unlisted {
            let missed = self.near_misses(id, unclaimed);
            self.note_what_may_be_listed(id, &missed);
            if self.state.observations(id).is_near_miss_reported() {
                continue;
            }
            let attempt = self.state.attempt(id);
            // A sync's record between the same places may be ages old; of the others, take the
            // newest.
            let newest = missed
                .into_iter()
                .filter(|(_, miss)| match miss {
                    Miss::Kind => false,
                    Miss::User => attempt.phase == Phase::Accepted,
                    Miss::Places | Miss::Baseline | Miss::Date => true,
                })
                .max_by_key(|(record, _)| (record.requested_at, record.id));
            if let Some((near, miss)) = newest {
                self.report_near_miss(id, near, miss);
            }
        }
    }

    /// The new records that are like a request but for spelling, and why each is no evidence.
    fn near_misses<'a>(
        &self,
        id: AttemptId,
        unclaimed: &BTreeMap<Fingerprint, Vec<&'a Transfer>>,
    ) -> Vec<(&'a Transfer, Miss)> {
        let exclusive = self.set.agent.exclusive_user;
        let machine = self.state.run(id.run);
        let attempt = self.state.attempt(id);
        let loose = machine.row().request.loose_fingerprint();
        let before = machine.observations(id.number).and_then(Observations::before);
        let near = unclaimed.values().flatten().filter(|record| {
            record.is_like(loose)
                && is_new(attempt, before, record)
                && !self.state.is_owned(record.id)
        });
        let missed = near.filter_map(|record| {
            evidence(attempt, record, exclusive).err().map(|miss| (*record, miss))
        });
        missed.collect()
    }

    /// Notes that the agent has answered, and whether it lists a record that may be the transfer of
    /// a request whose answer was lost.
    fn note_what_may_be_listed(&mut self, id: AttemptId, missed: &[(&Transfer, Miss)]) {
        let exclusive = self.set.agent.exclusive_user;
        let answered_at = self.state.observations(id).note_answer(self.now);
        let attempt = self.state.attempt(id);
        let may_be_own = attempt.phase == Phase::Uncertain
            && missed
                .iter()
                .any(|(record, miss)| may_be_own(attempt, record, *miss, answered_at, exclusive));
        if may_be_own {
            self.state.observations(id).set_may_be_listed();
        }
    }

    fn report_near_miss(&mut self, id: AttemptId, near: &Transfer, miss: Miss) {
        let exclusive = self.set.agent.exclusive_user;
        let date = near.requested_at.filter(|_| miss == Miss::Date);
        let off = date.map(|at| at.duration_since(expected_date(self.state.attempt(id))));
        let near = NearMiss { transfer: near.id, differs: miss, off, exclusive };
        self.state.observations(id).set_near_miss_reported();
        if self.decides(id) {
            self.change_run(id.run, |run| {
                if run.state == RunState::Queued {
                    run.reason = UnderWay::NearMiss(near).into();
                }
            });
        }
        self.report(Level::Warn, id.run, Happening::NearMiss(near));
    }
}

/// True for a record that may be the transfer of a request whose answer was lost, though it is no
/// evidence: it is of that time and spelled otherwise, or does not tell its time, or is of a later
/// one, up to which the agent did not answer at all: it may have hung with the request in its
/// socket.
fn may_be_own(
    attempt: &Attempt,
    record: &Transfer,
    miss: Miss,
    answered_at: Timestamp,
    exclusive: bool,
) -> bool {
    let (earliest, latest) = window(attempt, exclusive);
    let is_late = |at: Timestamp| latest.is_some_and(|latest| latest < at);
    match miss {
        Miss::Places => record.requested_at.is_none_or(|at| earliest <= at && !is_late(at)),
        Miss::Date => record.requested_at.is_none_or(|at| is_late(at) && is_late(answered_at)),
        Miss::User | Miss::Kind | Miss::Baseline => false,
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
