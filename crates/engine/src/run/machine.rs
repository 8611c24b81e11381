//! A run in memory: its row, the rows of its attempts, and the observations of them.
//!
//! It answers questions about itself, and decides what follows from a fact; the whole of its life
//! is decided in this folder. It records nothing, requests nothing, and knows neither other runs
//! nor its callers. Keeps true: rows change by [`RunMachine::put`] and [`RunMachine::put_attempt`]
//! alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::observations::Observations;
use super::{Attempt, Phase, Run, RunState};
use crate::ids::RunId;
use crate::job::Terms;
use crate::place::Fingerprint;
use crate::reason::{Reason, WaitReason};
use crate::time::shift;

/// A run that is not over, or whose attempts are still looked for.
#[derive(Debug)]
pub(crate) struct RunMachine {
    row: Arc<Run>,
    /// The fingerprint of its request, which never changes: it is needed for each waiting run at
    /// each step.
    fingerprint: Fingerprint,
    /// By number.
    attempts: BTreeMap<u32, Tracked>,
    /// Its last known obstacle.
    wait: Option<WaitReason>,
    /// It was reported that the agent lists a similar transfer that no row knows.
    unrecorded_reported: bool,
}

/// An attempt, and the observations of it.
#[derive(Debug)]
struct Tracked {
    row: Arc<Attempt>,
    observations: Observations,
}

impl RunMachine {
    /// A run of which only the row is known so far.
    pub(crate) fn new(row: Arc<Run>) -> Self {
        Self {
            fingerprint: row.request.fingerprint(),
            row,
            attempts: BTreeMap::new(),
            wait: None,
            unrecorded_reported: false,
        }
    }

    /// Puts its row in its place.
    pub(crate) fn put(&mut self, row: Arc<Run>) {
        self.row = row;
    }

    /// Puts an attempt's row in its place; returns the previous one.
    pub(crate) fn put_attempt(&mut self, row: Arc<Attempt>) -> Option<Arc<Attempt>> {
        match self.attempts.get_mut(&row.id.number) {
            Some(tracked) => Some(std::mem::replace(&mut tracked.row, row)),
            None => {
                let tracked = Tracked { row, observations: Observations::default() };
                self.attempts.insert(tracked.row.id.number, tracked);
                None
            }
        }
    }

    /// Its row.
    pub(crate) fn row(&self) -> &Arc<Run> {
        &self.row
    }

    /// Its id.
    pub(crate) fn id(&self) -> RunId {
        self.row.id
    }

    /// Its state.
    pub(crate) fn state(&self) -> RunState {
        self.row.state
    }

    /// True once it has ended; its attempts may still be looked for.
    pub(crate) fn is_over(&self) -> bool {
        self.row.state.is_over()
    }

    /// The terms it started under.
    pub(crate) fn terms(&self) -> &Terms {
        &self.row.terms
    }

    /// The fingerprint by which records of its transfers are recognized in a listing.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The rows of its attempts, by number.
    pub(crate) fn attempts(&self) -> impl DoubleEndedIterator<Item = &Arc<Attempt>> {
        self.attempts.values().map(|tracked| &tracked.row)
    }

    /// Those whose transfer may exist and is not known to be over.
    pub(crate) fn open_attempts(&self) -> impl DoubleEndedIterator<Item = &Arc<Attempt>> {
        self.attempts().filter(|attempt| attempt.phase.is_open())
    }

    /// True while one of them is open: the run stays in memory, though it may be over.
    pub(crate) fn is_looked_for(&self) -> bool {
        self.open_attempts().next().is_some()
    }

    /// True once an attempt was made.
    pub(crate) fn has_begun(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// How many attempts were made.
    pub(crate) fn made(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// The number of the next attempt. An attempt that was refused without being used up leaves its
    /// number.
    pub(crate) fn next_number(&self) -> u32 {
        match self.attempts().next_back() {
            Some(last) if last.phase == Phase::Refused && !last.counts => last.id.number,
            Some(last) => last.id.number.saturating_add(1),
            None => 1,
        }
    }

    /// The row of an attempt.
    pub(crate) fn attempt(&self, number: u32) -> Option<&Arc<Attempt>> {
        self.attempts.get(&number).map(|tracked| &tracked.row)
    }

    /// The observations of an attempt.
    pub(crate) fn observations(&self, number: u32) -> Option<&Observations> {
        self.attempts.get(&number).map(|tracked| &tracked.observations)
    }

    /// The same, for adding to them.
    pub(crate) fn observations_mut(&mut self, number: u32) -> Option<&mut Observations> {
        self.attempts.get_mut(&number).map(|tracked| &mut tracked.observations)
    }

    /// An attempt of the run, and the observations of it.
    pub(super) fn tracked(&mut self, number: u32) -> (&Arc<Attempt>, &mut Observations) {
        let tracked = self.attempts.get_mut(&number);
        let Tracked { row, observations } =
            tracked.unwrap_or_else(|| panic!("attempt {number} is one of the run's"));
        (row, observations)
    }

    /// Notes that the agent could not be asked, or was not working: no absence counts across that.
    pub(crate) fn break_series(&mut self) {
        self.attempts.values_mut().for_each(|tracked| tracked.observations.break_series());
    }

    /// Follows a step of the clock: the observations move with it.
    pub(crate) fn clock_stepped(&mut self, by: SignedDuration) {
        self.attempts.values_mut().for_each(|tracked| tracked.observations.clock_stepped(by));
    }

    /// The attempt whose outcome decides the run.
    pub(crate) fn followed(&self) -> Option<&Arc<Attempt>> {
        self.attempt(self.row.follows?)
    }

    /// True for the attempt whose outcome decides the run, while the run is not over.
    pub(crate) fn follows(&self, number: u32) -> bool {
        self.row.follows == Some(number) && !self.is_over()
    }

    /// True when the attempt decides about the run: it is followed, the run is not over, and nobody
    /// has asked to cancel it.
    pub(crate) fn is_decided_by(&self, number: u32) -> bool {
        self.follows(number) && self.row.state != RunState::Canceling
    }

    /// True while the followed transfer may yet succeed: one whose end was seen has failed.
    pub(crate) fn followed_is_at_work(&self) -> bool {
        self.followed().is_some_and(|attempt| attempt.is_at_work())
    }

    /// When an attempt's intent was committed, by the current clock: a deadline moves with the
    /// clock, `not_before` does not.
    pub(crate) fn asked_at(&self, attempt: &Attempt) -> Timestamp {
        shift(attempt.deadline, -self.row.terms.timeout)
    }

    /// True while a transfer of the run may be active.
    pub(crate) fn occupies(&self) -> bool {
        self.attempts().any(|attempt| attempt.occupies())
    }

    /// True when the run has used up its attempts on requests that were never found, and waits for
    /// one that may yet turn up (protocol, rule 6).
    pub(crate) fn waits_for_lost_request(&self) -> bool {
        self.row.state == RunState::Queued
            && self.followed().is_some_and(|attempt| attempt.phase == Phase::GivenUp)
    }

    /// Its last known obstacle.
    pub(crate) fn wait(&self) -> Option<&WaitReason> {
        self.wait.as_ref()
    }

    /// The reason why it waits: its obstacle where one is known, else that of its row.
    pub(crate) fn reason(&self) -> Reason {
        match &self.wait {
            Some(wait) => Reason::Waits(wait.clone()),
            None => self.row.reason.clone(),
        }
    }

    /// Notes its obstacle; false if it is the known one.
    pub(crate) fn set_wait(&mut self, wait: WaitReason) -> bool {
        let wait = Some(wait);
        let is_new = self.wait != wait;
        self.wait = wait;
        is_new
    }

    /// True once it was reported that the agent lists a similar transfer that no row knows.
    pub(crate) fn is_unrecorded_reported(&self) -> bool {
        self.unrecorded_reported
    }

    /// Notes that this was reported.
    pub(crate) fn set_unrecorded_reported(&mut self) {
        self.unrecorded_reported = true;
    }
}
