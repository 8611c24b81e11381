//! Admission: which runs in state `waiting` may start now, first come, first served.
//!
//! A run starts when no earlier run of its job may still be active, no other request for the same
//! transfer is open, no overlapping destination is taken, a slot is free, the agent accepts work,
//! and there was a complete look less than a second ago (protocol, rules 1, 3, 11).

use jiff::Timestamp;

use super::Engine;
use super::agent_link::Trouble;
use crate::ids::RunId;
use crate::input::Level;
use crate::reason::{Reason, WaitReason};
use crate::run::{Phase, RunMachine, RunState, Wait};

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
        let mut slots = self.free_slots();
        let order: Vec<RunId> = self.state.waiting().map(RunMachine::id).collect();
        for id in order {
            if slots == 0 {
                // An obstacle that only the job's own runs can end is the better answer, and cheap
                // to find.
                let own = self.own_obstacle(self.state.run(id));
                self.note_wait(id, own.unwrap_or(Wait::Slot));
                continue;
            }
            if let Some(wait) = self.obstacle(id) {
                self.note_wait(id, wait);
                continue;
            }
            slots -= 1;
            let machine = self.state.run(id);
            let fingerprint = machine.fingerprint();
            if let Some(wait) = self.trouble() {
                self.looks.want(fingerprint);
                self.note_wait(id, wait);
            } else if let Some(ground) = self.looks.ground(fingerprint, self.now).cloned() {
                self.submit(id, &ground);
            } else {
                self.looks.want(fingerprint);
                self.note_wait(id, Wait::Look);
            }
        }
    }

    /// The trouble that keeps every run from being submitted.
    fn trouble(&self) -> Option<Wait> {
        self.agent_link.trouble().map(Trouble::wait)
    }

    /// The trouble as a reason.
    pub(super) fn trouble_reason(&self) -> Option<WaitReason> {
        self.trouble().map(|wait| self.reason_to_wait(&wait, None))
    }

    /// How many more transfers may be in flight.
    fn free_slots(&self) -> u32 {
        let taken = self
            .state
            .open_attempts()
            .filter(|attempt| match attempt.phase {
                Phase::Intent | Phase::Uncertain | Phase::Accepted => {
                    attempt.cancel.as_ref().is_none_or(|wish| !self.is_stuck(wish.at))
                }
                Phase::GivenUp | Phase::Refused | Phase::Closed => false,
            })
            .count();
        self.set.agent.max_active.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// The obstacle of our own that keeps a run from starting, if any.
    pub(super) fn obstacle(&self, id: RunId) -> Option<Wait> {
        let machine = self.state.run(id);
        if let Some(wait) = self.own_obstacle(machine) {
            return Some(wait);
        }
        let place = (machine.row().ready_at, id);
        let destination = &machine.row().request.destination;
        self.state
            .overlapping(destination)
            .filter(|other| *other != id)
            .find(|other| self.keeps_destination(*other, machine, place))
            .map(Wait::Destination)
    }

    /// Obstacles that do not come from destinations: an earlier run of the job, its last
    /// transfer, a request for the same transfer.
    fn own_obstacle(&self, machine: &RunMachine) -> Option<Wait> {
        let id = machine.id();
        if let Some(behind) = machine.row().behind
            && self.state.find_run(behind).is_some_and(|other| !other.is_over())
        {
            return Some(Wait::Behind(behind));
        }
        if self.state.steps_behind(id)
            && let Some(before) = self.state.goes_before(id, &machine.row().job)
        {
            return Some(Wait::Behind(before));
        }
        let last =
            self.state.in_flight_of(&machine.row().job).find(|other| other.occupies(self.now));
        if let Some(last) = last {
            return Some(Wait::LastTransfer(last.id()));
        }
        let identical = self
            .state
            .open_like(machine.fingerprint())
            .find(|other| other.id.run != id && other.is_unlisted());
        identical.map(|attempt| Wait::Identical(attempt.id.run))
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
        if rival.occupies(self.now) {
            return true;
        }
        rival.state() == RunState::Waiting
            && (rival.row().ready_at, other) < place
            && self.own_obstacle(rival).is_none()
    }

    /// Notes the obstacle of a run; a new kind of obstacle is recorded and logged.
    fn note_wait(&mut self, id: RunId, wait: Wait) {
        let machine = self.state.run_mut(id);
        let momentary = wait == Wait::Look;
        let level = match wait {
            // Logged once for all runs, or too common to be logged for each.
            Wait::Slot
            | Wait::Agent(_)
            | Wait::Port(_)
            | Wait::Token(_)
            | Wait::Listing(_)
            | Wait::Look => Level::Debug,
            Wait::Behind(_) | Wait::LastTransfer(_) | Wait::Identical(_) | Wait::Destination(_) => {
                Level::Info
            }
        };
        if !machine.is_found_waiting_for(wait) || momentary {
            return;
        }
        let machine = self.state.run(id);
        let reason = self.wait_reason(machine);
        if machine.row().reason == reason {
            return;
        }
        self.move_run(id, RunState::Waiting, reason, level);
    }

    /// The reason why a run waits.
    pub(super) fn wait_reason(&self, machine: &RunMachine) -> Reason {
        match machine.wait() {
            Some(wait) => Reason::Waits(self.reason_to_wait(wait, Some(machine.id()))),
            None => machine.row().reason.clone(),
        }
    }

    /// A wait as a reason, with the names of the jobs whose runs are in the way. `waiting` is the
    /// run that waits, if it is one.
    fn reason_to_wait(&self, wait: &Wait, waiting: Option<RunId>) -> WaitReason {
        let job_of = |run: RunId| self.state.find_run(run).map(|machine| machine.row().job.clone());
        match *wait {
            Wait::Behind(run) => WaitReason::Run { run, job: job_of(run) },
            Wait::LastTransfer(run) if Some(run) == waiting => WaitReason::LastRequest,
            Wait::LastTransfer(run) => WaitReason::LastTransfer { run, job: job_of(run) },
            Wait::Identical(run) => WaitReason::Identical { run, job: job_of(run) },
            Wait::Destination(run) => WaitReason::Destination { run, job: job_of(run) },
            Wait::Slot => WaitReason::Slot { limit: self.set.agent.max_active },
            Wait::Agent(ref words) => WaitReason::Agent { words: words.clone() },
            Wait::Port(ref words) => WaitReason::Port { words: words.clone() },
            Wait::Token(ref words) => WaitReason::Token { words: words.clone() },
            Wait::Listing(ref incomplete) => WaitReason::Listing { words: incomplete.words() },
            Wait::Look => WaitReason::List,
        }
    }
}
