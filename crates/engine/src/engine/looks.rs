//! Looks: when the agent's list is read next and for what purpose, and which decisions may rely on
//! the last reading.
//!
//! One look at a time serves all runs. While no run needs a look, the agent is not asked.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::agent_link::Unavailable;
use crate::ids::{AccessId, TransferId, UserId};
use crate::input::Effect;
use crate::limits::{
    AGENT_RETRY_CAP, COVERED_GAP, HINTED_LOOK_GAP, LOOK_FRESHNESS, LOOK_LOST, SLOWEST_LOOK,
    TOKEN_RETRY,
};
use crate::matching::{baseline_since, window};
use crate::place::{Fingerprint, TransferRequest};
use crate::run::{Attempt, Before, Phase};
use crate::time::shift;
use crate::transfer::{Gap, Incomplete, Look, LookFailure, LookRequest, Transfer};

/// The result of a complete look, as the baseline for submits.
#[derive(Clone, Debug)]
pub(super) struct Baseline {
    /// When it came back: measured from its start, a slow agent would never give a fresh look.
    came_at: Timestamp,
    /// The fingerprints that it looked for.
    fingerprints: BTreeSet<Fingerprint>,
    /// The records that it saw of them.
    listed: Vec<Shown>,
    /// How far back it was read, by the agent's dates; absent if to the list's end.
    read_back_to: Option<Timestamp>,
    /// The agent and the token that it was made with.
    access: AccessId,
    /// The user of its token.
    user: Option<UserId>,
    /// The agent's clock less ours, in milliseconds; 0 if unknown.
    offset_ms: i64,
}

/// A record that a look has shown.
#[derive(Clone, Debug)]
struct Shown {
    /// The fingerprints that it may have.
    fingerprints: Vec<Fingerprint>,
    /// The same, loose in spelling.
    loose_fingerprints: Vec<Fingerprint>,
    id: TransferId,
    /// It is not over.
    is_active: bool,
}

impl Shown {
    fn of(record: &Transfer) -> Self {
        Self {
            fingerprints: record.fingerprints().collect(),
            loose_fingerprints: record.loose_fingerprints().collect(),
            id: record.id,
            is_active: !record.status.is_terminal(),
        }
    }
}

impl Baseline {
    /// The baseline from the look that answers this request, and came back now.
    pub(super) fn of(look: Look, request: LookRequest, offset_ms: i64, now: Timestamp) -> Self {
        Self {
            came_at: now,
            fingerprints: request.fingerprints,
            listed: look.transfers.iter().map(Shown::of).collect(),
            read_back_to: look.read_back_to,
            access: look.access,
            user: look.user,
            offset_ms,
        }
    }

    /// The records of a fingerprint that are already listed.
    pub(super) fn listed(&self, fingerprint: Fingerprint) -> Vec<TransferId> {
        let alike = self.listed.iter().filter(|shown| shown.fingerprints.contains(&fingerprint));
        alike.map(|shown| shown.id).collect()
    }

    /// The state of the list before a request.
    pub(super) fn before(&self, request: &TransferRequest) -> Before {
        let (exact, loose) = (request.fingerprint(), request.loose_fingerprint());
        let alike = self.listed.iter().filter(|shown| shown.loose_fingerprints.contains(&loose));
        let mut same = self.listed.iter().filter(|shown| shown.fingerprints.contains(&exact));
        Before {
            shown: alike.map(|shown| shown.id).collect(),
            read_back_to: self.read_back_to,
            active: same.any(|shown| shown.is_active),
        }
    }

    /// The agent and the token that it was made with.
    pub(super) fn access(&self) -> AccessId {
        self.access
    }

    /// The user of its token.
    pub(super) fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The agent's clock less ours, in milliseconds; 0 if unknown.
    pub(super) fn offset_ms(&self) -> i64 {
        self.offset_ms
    }
}

/// A look under way.
#[derive(Debug)]
struct UnderWay {
    request: LookRequest,
    /// When it was asked for, by the clock as it was set then: its answer says so, too.
    since: Timestamp,
    /// The clock was set since then.
    clock_set: bool,
}

/// Looks at the agent's list: the last ones, the one under way, the next one.
#[derive(Debug, Default)]
pub(super) struct Looks {
    under_way: Option<UnderWay>,
    /// When the last one began, by the clock as it is set now.
    last_began: Option<Timestamp>,
    /// When the last one began that has returned or failed.
    last_answered: Option<Timestamp>,
    /// When the last complete one of a working agent began and returned, by the current clock.
    last_complete: Option<(Timestamp, Timestamp)>,
    /// The last complete one showed fewer records than the agent counts.
    short: bool,
    /// The result of the last complete one.
    fresh: Option<Baseline>,
    /// Consecutive looks that failed, or were not complete.
    failures: u32,
    /// Consecutive looks that could not be read to the list's end.
    incomplete: u32,
    /// After a failure: no look before this.
    retry_at: Option<Timestamp>,
    /// No look for submits before this.
    submit_look_at: Option<Timestamp>,
    /// The notification socket or our own request has hinted at a change.
    hinted: bool,
    /// Fingerprints of runs that could be submitted after a look.
    wanted: BTreeSet<Fingerprint>,
    /// When the next one is due, or the one under way counts as lost; absent when none is needed.
    next: Option<Timestamp>,
}

impl Looks {
    /// Notes that something has changed at the agent: the next look comes at once.
    pub(super) fn hint(&mut self) {
        self.hinted = true;
    }

    /// Notes that a run with this fingerprint could be submitted after a look.
    pub(super) fn want(&mut self, fingerprint: Fingerprint) {
        self.wanted.insert(fingerprint);
    }

    /// Notes that no run could be submitted after a look.
    pub(super) fn want_none(&mut self) {
        self.wanted.clear();
    }

    /// True when a run could be submitted after a look.
    pub(super) fn are_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// When the next one is due, or the one under way counts as lost; absent when none is needed.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// When the last complete one of a working agent began and returned.
    pub(super) fn last_complete(&self) -> Option<(Timestamp, Timestamp)> {
        self.last_complete
    }

    /// The complete look that a submit of this fingerprint may rely on now.
    pub(super) fn baseline_for(
        &self,
        fingerprint: Fingerprint,
        now: Timestamp,
    ) -> Option<&Baseline> {
        self.fresh.as_ref().filter(|fresh| {
            let age = now.duration_since(fresh.came_at);
            !age.is_negative() && age < LOOK_FRESHNESS && fresh.fingerprints.contains(&fingerprint)
        })
    }

    /// True once a look was tried after the request was sent, near its deadline or after it. A
    /// daemon that was down, or a machine that slept, looks before it declares that a transfer is
    /// past its time.
    pub(super) fn have_asked_about(&self, sent: Timestamp, deadline: Timestamp) -> bool {
        let is_near = |began: Timestamp| sent <= began && deadline <= shift(began, COVERED_GAP);
        self.last_answered.is_some_and(is_near)
    }

    /// True while the last one that was answered was complete. A look begins when it was asked for,
    /// or a little later.
    pub(super) fn last_was_complete(&self) -> bool {
        let last = self.last_answered.zip(self.last_complete);
        last.is_some_and(|(asked, (began, _))| asked <= began)
    }

    /// Begins a look.
    fn begin(&mut self, request: LookRequest, now: Timestamp) {
        self.hinted = false;
        self.last_began = Some(now);
        self.under_way = Some(UnderWay { request, since: now, clock_set: false });
    }

    /// When the one under way will count as lost.
    fn lost_at(&self, patience: SignedDuration, now: Timestamp) -> Option<Timestamp> {
        self.under_way.as_ref().map(|_| shift(self.last_began.unwrap_or(now), patience))
    }

    /// The request of the look under way, if this is its result: a lost look that returns late had
    /// another request.
    pub(super) fn come_back(
        &mut self,
        result: &mut Result<Look, LookFailure>,
    ) -> Option<LookRequest> {
        let is_its = |under_way: &mut UnderWay| match result {
            Ok(look) => under_way.since <= look.began_at,
            Err(_) => true,
        };
        let under_way = self.under_way.take_if(is_its)?;
        if let Ok(look) = result
            && under_way.clock_set
        {
            // Its times were measured by another clock than ours: it proves presence alone.
            look.incomplete.get_or_insert(Incomplete {
                gap: Gap::ClockSet,
                pages: 0,
                records: 0,
                total: None,
                took: SignedDuration::ZERO,
            });
        }
        self.last_answered = self.last_began;
        Some(under_way.request)
    }

    /// Notes the records that a look has shown: any record seen since the last complete look
    /// existed before the next request as well.
    pub(super) fn note_records(&mut self, records: &[Transfer]) {
        if let Some(fresh) = &mut self.fresh {
            fresh.listed.extend(records.iter().map(Shown::of));
        }
    }

    /// Notes a complete look of a working agent.
    pub(super) fn note_complete(&mut self, began: Timestamp, came: Timestamp, short: bool) {
        self.last_complete = Some((began, came));
        self.short = short;
    }

    /// The last complete one showed fewer records than the agent counts.
    pub(super) fn are_short(&self) -> bool {
        self.short
    }

    /// Makes this look the baseline for submits.
    pub(super) fn keep_baseline(&mut self, fresh: Baseline) {
        self.fresh = Some(fresh);
    }

    /// Notes that a look was read to the list's end, and runs may be submitted.
    pub(super) fn note_read_to_end(&mut self) {
        self.failures = 0;
        self.incomplete = 0;
        self.submit_look_at = None;
    }

    /// Notes that a look could not be read to the list's end; returns how many in a row that makes.
    pub(super) fn count_incomplete(&mut self, gap: &Gap) -> u32 {
        if *gap != Gap::ClockSet {
            self.incomplete = self.incomplete.saturating_add(1);
        }
        self.incomplete
    }

    /// Notes that no decision may rely on the last look; the next one for submits comes a little
    /// later.
    pub(super) fn again_soon(&mut self, poll_interval: SignedDuration, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        let delay = backoff(self.failures).min(poll_interval);
        self.submit_look_at = Some(shift(now, delay));
    }

    /// Delays the next look, after one that failed, or showed that nothing can be submitted.
    pub(super) fn put_off(&mut self, why: &Unavailable, now: Timestamp) {
        self.fresh = None;
        // The requests of one moment fail together: that is one failure, whose delay is running.
        let is_delayed = self.retry_at.is_some_and(|at| now < at);
        let delay = match why {
            Unavailable::BadToken(_) => TOKEN_RETRY,
            _ if is_delayed => return,
            Unavailable::Away(_)
            | Unavailable::PortHeld(_)
            | Unavailable::Idle(_)
            | Unavailable::ClockFar(_)
            | Unavailable::Listing(_) => backoff(self.failures),
        };
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(shift(now, delay));
    }

    /// Ends the delay of the next look.
    pub(super) fn put_off_no_longer(&mut self) {
        self.retry_at = None;
    }

    /// Notes that nothing may be queued on the ground of the last look.
    pub(super) fn drop_baseline(&mut self) {
        self.fresh = None;
    }

    /// Notes another token: a delayed look is made at once.
    pub(super) fn token_changed(&mut self) {
        self.retry_at = None;
        self.submit_look_at = None;
    }

    /// Lets waiting runs be submitted from now on, if the next look allows.
    pub(super) fn for_submits_now(&mut self, now: Timestamp) {
        self.submit_look_at = Some(now);
    }

    /// Follows a step of the clock: spans measured before mean nothing now.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.fresh = None;
        if let Some(under_way) = &mut self.under_way {
            under_way.clock_set = true;
            // It may have begun under either clock.
            under_way.since = under_way.since.min(shift(under_way.since, by));
        }
        self.last_complete =
            self.last_complete.map(|(began, came)| (shift(began, by), shift(came, by)));
        self.last_began = self.last_began.map(|at| shift(at, by));
        self.last_answered = self.last_answered.map(|at| shift(at, by));
        self.retry_at = self.retry_at.map(|at| shift(at, by));
        self.submit_look_at = self.submit_look_at.map(|at| shift(at, by));
    }
}

/// 1 s, 2 s, 4 s … up to the cap.
fn backoff(failures: u32) -> SignedDuration {
    let seconds = 1_i64 << failures.min(6);
    SignedDuration::from_secs(seconds).min(AGENT_RETRY_CAP)
}

impl Engine {
    /// Requests a look if one is due, else sets its time.
    pub(super) fn plan_look(&mut self) {
        let patience = self.set.agent.request_timeout.saturating_mul(2) + LOOK_LOST;
        if let Some(lost_at) = self.looks.lost_at(patience, self.now) {
            if self.now < lost_at {
                self.looks.next = Some(lost_at);
                return;
            }
            self.looks.under_way = None;
            self.state.break_series();
        }
        let due = self.look_due_at();
        if due.is_none_or(|at| self.now < at) {
            self.looks.next = due;
            return;
        }
        let request = self.look_request();
        self.looks.begin(request.clone(), self.now);
        // Nothing else need happen until then, but a lost look must be noticed.
        self.looks.next = Some(shift(self.now, patience));
        self.then(Effect::Look(request));
    }

    /// When the next look is due, if one is needed.
    fn look_due_at(&self) -> Option<Timestamp> {
        let last = self.looks.last_began.filter(|at| *at <= self.now);
        let after = |gap: SignedDuration| last.map_or(self.now, |last| shift(last, gap));
        let followed =
            self.state.open_attempts().map(|attempt| self.look_interval(attempt)).min().map(&after);
        let hinted = (self.looks.hinted && followed.is_some()).then_some(self.now);
        // None is further off than that: it was set by a clock that went back since.
        let is_of_this_clock = |at: &Timestamp| *at <= shift(self.now, TOKEN_RETRY);
        let submits = (!self.looks.wanted.is_empty())
            .then(|| self.looks.submit_look_at.filter(is_of_this_clock).unwrap_or(self.now));
        let at = [followed, hinted, submits].into_iter().flatten().min()?;
        let retry = self.looks.retry_at.filter(is_of_this_clock);
        let gap = last.map(|last| shift(last, HINTED_LOOK_GAP));
        [Some(at), retry, gap].into_iter().flatten().max()
    }

    /// How often an attempt has to be looked at: new and doubtful ones at `poll_interval`, old ones
    /// less often, none less than once a minute.
    pub(super) fn look_interval(&self, attempt: &Attempt) -> SignedDuration {
        let poll = self.set.agent.poll_interval;
        match attempt.phase {
            Phase::GivenUp if attempt.occupies() => poll,
            Phase::GivenUp => SLOWEST_LOOK.max(poll),
            Phase::Uncertain | Phase::Intent => poll,
            Phase::Accepted | Phase::Refused | Phase::Closed => {
                let since = attempt.cancel.as_ref().map_or(attempt.not_before, |cancel| cancel.at);
                let age = self.now.duration_since(since);
                poll.max((age / 60).min(SLOWEST_LOOK))
            }
        }
    }

    /// The request of the next look.
    fn look_request(&self) -> LookRequest {
        let exclusive = self.set.agent.exclusive_user;
        let since = if self.looks.wanted.is_empty() {
            self.now
        } else {
            baseline_since(self.now, self.agent_link.offset_ms(), exclusive)
        };
        let mut request = LookRequest {
            since,
            fingerprints: self.looks.wanted.clone(),
            transfers: BTreeSet::new(),
            requests: Arc::default(),
        };
        let mut requests = Vec::new();
        for attempt in self.state.open_attempts() {
            request.since = request.since.min(window(attempt, exclusive).0);
            request.fingerprints.insert(attempt.fingerprint);
            request.transfers.extend(attempt.transfer);
            let machine = self.state.run(attempt.id.run);
            if attempt.is_unlisted() {
                request.fingerprints.insert(machine.row().request.loose_fingerprint());
            }
            requests.push(machine.row().request.clone());
        }
        // Records that equal a run's request but for the spelling must be known before it is sent,
        // too.
        let wanted = self.state.waiting();
        for machine in wanted.filter(|it| self.looks.wanted.contains(&it.fingerprint())) {
            request.fingerprints.insert(machine.row().request.loose_fingerprint());
            requests.push(machine.row().request.clone());
        }
        request.requests = requests.into();
        request
    }
}
