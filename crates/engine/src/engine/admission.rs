//! Admission: which runs in state `waiting` may start now, first come, first served.
//!
//! A run starts when no earlier run of its job may still be active, no other request for the same
//! transfer is open, no overlapping destination is taken, a slot is free, the agent accepts work,
//! and there was a complete look less than a second ago (protocol, rules 1, 3, 11).

use jiff::Timestamp;

use super::Engine;
use super::agent_link::Unavailable;
use crate::ids::{JobName, RunId};
use crate::input::Level;
use crate::reason::WaitReason;
use crate::run::{Attempt, Phase, RunMachine, RunState};

impl Engine {
    /// Starts every run that may start, and notes why the others wait.
    pub(super) fn admit(&mut self) {
        if !std::mem::take(&mut self.admission_due) && !self.looks.are_wanted() {
            return;
        }
        self.looks.want_none();
        if self.state.waiting().next().is_none() {
            return;
        }
        let limit = self.set.agent.max_active;
        let mut slots = self.free_slots();
        let order: Vec<RunId> = self.state.waiting().map(RunMachine::id).collect();
        for id in order {
            if slots == 0 {
                // An obstacle that only the job's own runs can end is the better answer, and cheap
                // to find.
                let own = self.own_obstacle(self.state.run(id));
                self.note_wait(id, own.unwrap_or(WaitReason::Slot { limit }));
                continue;
            }
            if let Some(wait) = self.obstacle(id) {
                self.note_wait(id, wait);
                continue;
            }
            slots -= 1;
            let machine = self.state.run(id);
            let fingerprint = machine.fingerprint();
            if let Some(wait) = self.agent_wait() {
                self.looks.want(fingerprint);
                self.note_wait(id, wait);
            } else if let Some(baseline) = self.looks.baseline_for(fingerprint, self.now).cloned() {
                self.submit(id, &baseline);
            } else {
                self.looks.want(fingerprint);
                self.note_wait(id, WaitReason::List);
            }
        }
    }

    /// Why no run can be submitted now, if so.
    pub(super) fn agent_wait(&self) -> Option<WaitReason> {
        self.agent_link.unavailable().map(Unavailable::wait)
    }

    /// How many more transfers may be in flight.
    fn free_slots(&self) -> u32 {
        let taken = self
            .state
            .open_attempts()
            .filter(|attempt| match attempt.phase {
                Phase::Intent | Phase::Uncertain | Phase::Accepted => {
                    let since = self.state.run(attempt.id.run).canceling_since(attempt);
                    since.is_none_or(|since| !self.is_stuck(since)) && !self.has_vanished(attempt)
                }
                Phase::GivenUp | Phase::Refused | Phase::Closed => false,
            })
            .count();
        self.set.agent.max_active.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// True for a transfer that was listed once, and that complete looks over `adopt_window` have not
    /// shown since: an agent that has forgotten its list must not keep all slots taken.
    fn has_vanished(&self, attempt: &Attempt) -> bool {
        let machine = self.state.run(attempt.id.run);
        attempt.transfer.is_some()
            && machine.was_searched_for(attempt.id.number, self.adopt_window())
    }

    /// The obstacle of our own that keeps a run from starting, if any.
    pub(super) fn obstacle(&self, id: RunId) -> Option<WaitReason> {
        let machine = self.state.run(id);
        if let Some(wait) = self.own_obstacle(machine) {
            return Some(wait);
        }
        let place = (machine.row().ready_at, id);
        let destination = &machine.row().request.destination;
        self.state
            .overlapping(destination)
            .into_iter()
            .find(|other| self.keeps_destination(*other, machine, place))
            .map(|run| WaitReason::Destination { run, job: self.job_of(run) })
    }

    /// Obstacles that do not come from destinations: an earlier run of the job, its last
    /// transfer, a request for the same transfer.
    fn own_obstacle(&self, machine: &RunMachine) -> Option<WaitReason> {
        let id = machine.id();
        if let Some(behind) = machine.row().behind
            && self.state.find_run(behind).is_some_and(|other| !other.is_over())
        {
            return Some(WaitReason::Run { run: behind, job: self.job_of(behind) });
        }
        if self.state.steps_behind(id)
            && let Some(before) = self.state.goes_before(id, &machine.row().job)
        {
            return Some(WaitReason::Run { run: before, job: self.job_of(before) });
        }
        let last = self.state.in_flight_of(&machine.row().job).find(|other| other.occupies());
        if let Some(last) = last {
            return Some(if last.id() == id {
                WaitReason::LastRequest
            } else {
                WaitReason::LastTransfer { run: last.id(), job: self.job_of(last.id()) }
            });
        }
        let identical = self
            .state
            .open_like(machine.fingerprint())
            // One of its own is its last transfer.
            .find(|other| other.is_unlisted());
        let run = identical?.id.run;
        Some(WaitReason::Identical { run, job: self.job_of(run) })
    }

    /// The job of a run that is in the way.
    fn job_of(&self, run: RunId) -> Option<JobName> {
        self.state.find_run(run).map(|machine| machine.row().job.clone())
    }

    /// True when `other`, whose destination overlaps, is active there, or was here first.
    fn keeps_destination(
        &self,
        other: RunId,
        machine: &RunMachine,
        place: (Timestamp, RunId),
    ) -> bool {
        let rival = self.state.run(other);
        if !rival.terms().exclusive && !machine.terms().exclusive {
            return false;
        }
        if rival.occupies() {
            return true;
        }
        rival.state() == RunState::Waiting
            && (rival.row().ready_at, other) < place
            && self.own_obstacle(rival).is_none()
    }

    /// Notes the obstacle of a run; a new one is recorded and logged.
    fn note_wait(&mut self, id: RunId, wait: WaitReason) {
        let machine = self.state.run_mut(id);
        let momentary = wait == WaitReason::List;
        let level = match wait {
            // Logged once for all runs, or too common to be logged for each.
            WaitReason::Slot { .. }
            | WaitReason::Agent { .. }
            | WaitReason::Port { .. }
            | WaitReason::Token { .. }
            | WaitReason::Listing { .. }
            | WaitReason::List
            | WaitReason::Look => Level::Debug,
            WaitReason::Run { .. }
            | WaitReason::LastTransfer { .. }
            | WaitReason::LastRequest
            | WaitReason::Identical { .. }
            | WaitReason::Destination { .. } => Level::Info,
        };
        if !machine.set_wait(wait) || momentary {
            return;
        }
        let machine = self.state.run(id);
        let reason = machine.reason();
        if machine.row().reason == reason {
            return;
        }
        self.move_run(id, RunState::Waiting, reason, level);
    }
}
