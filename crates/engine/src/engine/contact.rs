//! What is known of the agent, and when it is looked at next.
//!
//! One look at a time serves all runs. Nothing to look for: nothing is asked.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::starting::Starting;
use crate::duration;
use crate::ids::{TransferId, UserId};
use crate::input::Effect;
use crate::limits::{
    AGENT_RETRY_CAP, COVERED_GAP, HINTED_LOOK_GAP, LOOK_FRESHNESS, LOOK_LOST, SLOWEST_LOOK,
    TOKEN_RETRY,
};
use crate::matching::{baseline_since, shift, window};
use crate::place::Fingerprint;
use crate::run::{Attempt, Phase};
use crate::transfer::{AgentState, Incomplete, LookRequest, Transfer};

/// Why nothing can be submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It does not answer, or not usefully.
    Away(String),
    /// Its port is held by a user who may not have the token.
    PortHeld(String),
    /// It answers, but takes no work.
    Idle(AgentState),
    /// Its clock is so far ahead of ours, or behind if negative, that the dates of its records prove
    /// nothing.
    ClockFar(SignedDuration),
    /// It does not take our token.
    BadToken(String),
    /// Its list can't be read to its end, look after look: nothing may stand on what it shows.
    Listing(Incomplete),
}

impl Trouble {
    /// In words, for `status` and alerts.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Away(words) => format!("the agent can't be used: {words}"),
            Self::PortHeld(words) => words.clone(),
            Self::Idle(state) => format!("the agent is {}", state.word()),
            Self::ClockFar(ahead) => clock_words(*ahead),
            Self::BadToken(words) => format!("no good token: {words}"),
            Self::Listing(incomplete) => {
                format!("the agent's list can't be read to its end: {}", incomplete.words())
            }
        }
    }
}

/// What an agent is told by whose clock is far from ours.
fn clock_words(ahead: SignedDuration) -> String {
    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
    let far = duration::format_short(ahead.abs());
    format!("the agent's clock is {far} {side} this machine's")
}

/// What a complete look has shown, as the ground that submits stand on.
#[derive(Clone, Debug)]
pub(super) struct Fresh {
    /// When it came back. An agent that takes a second to answer would else never be fresh.
    pub(super) came_at: Timestamp,
    /// The fingerprints that it looked for.
    pub(super) fingerprints: BTreeSet<Fingerprint>,
    /// What it saw of them.
    pub(super) listed: Vec<Shown>,
    /// How far back it was read, by the agent's dates; absent if to the list's end.
    pub(super) read_back_to: Option<Timestamp>,
    /// Whose token it was.
    pub(super) user: Option<UserId>,
    /// The agent's clock less ours, in milliseconds; 0 if it does not tell.
    pub(super) offset_ms: i64,
}

/// A record that a look has shown: what it is like, exactly and but for spelling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) fingerprint: Fingerprint,
    pub(super) loose_fingerprint: Fingerprint,
    pub(super) id: TransferId,
}

impl From<&Transfer> for Shown {
    fn from(record: &Transfer) -> Self {
        let Transfer { fingerprint, loose_fingerprint, id, .. } = *record;
        Self { fingerprint, loose_fingerprint, id }
    }
}

/// What is known of the agent.
#[derive(Debug)]
pub(super) struct Contact {
    /// The look under way.
    pub(super) under_way: Option<LookRequest>,
    /// When it was asked for, by the clock as it was set then: its answer says so, too.
    pub(super) under_way_since: Option<Timestamp>,
    /// The clock was set since then.
    pub(super) set_under_way: bool,
    /// When the last look began, by the clock as it is set now.
    pub(super) last_began: Option<Timestamp>,
    /// When the last look began that has come back, or failed.
    pub(super) last_answered: Option<Timestamp>,
    /// When the last complete look of an agent at work began and came back, by the clock as it is set
    /// now.
    pub(super) complete: Option<(Timestamp, Timestamp)>,
    /// The last complete look.
    pub(super) fresh: Option<Fresh>,
    /// The agent's clock less ours, in milliseconds, when it last told.
    pub(super) offset_ms: i64,
    /// It has told.
    pub(super) offset_known: bool,
    /// Why nothing can be submitted.
    pub(super) trouble: Option<Trouble>,
    /// Since when.
    pub(super) trouble_since: Option<Timestamp>,
    /// Since when runs have been kept waiting by it, or ended without a start because of it. An
    /// outage is the agent's, and outlasts each of its runs.
    pub(super) kept_waiting_since: Option<Timestamp>,
    /// When the trouble was last seen to go on.
    pub(super) failed_at: Option<Timestamp>,
    /// Looks that failed in a row, or were not complete.
    pub(super) failures: u32,
    /// Looks in a row that could not be read to the list's end.
    pub(super) incomplete: u32,
    /// No look before this, after a failure.
    pub(super) retry_at: Option<Timestamp>,
    /// No look for the sake of submits before this.
    pub(super) submit_look_at: Option<Timestamp>,
    /// Something has changed, said the notification socket or our own request.
    hinted: bool,
    /// Fingerprints of runs that could be submitted after a look.
    pub(super) wanted: BTreeSet<Fingerprint>,
    /// When the next look is due; `None` while one is under way or none is needed.
    pub(super) next_look: Option<Timestamp>,
    /// What the agent last said of itself.
    pub(super) agent: AgentState,
    /// Whether it answered, when last asked.
    pub(super) reachable: Option<bool>,
    /// Whether it took our token, when last asked.
    pub(super) token_valid: Option<bool>,
    /// When it was last asked.
    pub(super) asked_at: Option<Timestamp>,
    /// It was said that the agent tells no user.
    pub(super) weak_evidence_said: bool,
    /// Values of `transferStatus` that are not known, and were said.
    pub(super) unknown_statuses: BTreeSet<String>,
    /// Requests that the agent start.
    pub(super) starting: Starting,
}

impl Default for Contact {
    fn default() -> Self {
        Self {
            under_way: None,
            under_way_since: None,
            set_under_way: false,
            last_began: None,
            last_answered: None,
            complete: None,
            fresh: None,
            offset_ms: 0,
            offset_known: false,
            trouble: None,
            trouble_since: None,
            kept_waiting_since: None,
            failed_at: None,
            failures: 0,
            incomplete: 0,
            retry_at: None,
            submit_look_at: None,
            hinted: false,
            wanted: BTreeSet::new(),
            next_look: None,
            agent: AgentState::Unknown,
            reachable: None,
            token_valid: None,
            asked_at: None,
            weak_evidence_said: false,
            unknown_statuses: BTreeSet::new(),
            starting: Starting::default(),
        }
    }
}

impl Contact {
    /// Something has changed at the agent: the next look comes at once.
    pub(super) fn hint(&mut self) {
        self.hinted = true;
    }

    /// The complete look that a submit of this fingerprint may stand on now.
    pub(super) fn ground(&self, fingerprint: Fingerprint, now: Timestamp) -> Option<&Fresh> {
        self.fresh.as_ref().filter(|fresh| {
            let age = now.duration_since(fresh.came_at);
            !age.is_negative() && age < LOOK_FRESHNESS && fresh.fingerprints.contains(&fingerprint)
        })
    }

    /// True once a look was tried near a deadline or after it. A daemon that was down, or a
    /// machine that slept, looks before it says that a transfer is past its time.
    pub(super) fn has_asked_about(&self, deadline: Timestamp) -> bool {
        self.last_answered.is_some_and(|began| deadline <= shift(began, COVERED_GAP))
    }

    /// A failure was seen: how long until the agent is asked again.
    pub(super) fn failed(&mut self, trouble: Trouble, now: Timestamp) {
        let delay = match &trouble {
            Trouble::BadToken(_) => TOKEN_RETRY,
            Trouble::Away(_)
            | Trouble::PortHeld(_)
            | Trouble::Idle(_)
            | Trouble::ClockFar(_)
            | Trouble::Listing(_) => backoff(self.failures),
        };
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(shift(now, delay));
        self.fresh = None;
        if self.trouble.is_none() {
            self.trouble_since = Some(now);
        }
        self.failed_at = Some(now);
        self.trouble = Some(trouble);
    }

    /// The trouble is over: since when there was one, if there was.
    pub(super) fn recovered(&mut self) -> Option<Timestamp> {
        self.kept_waiting_since = None;
        self.failed_at = None;
        self.trouble.take()?;
        self.trouble_since.take()
    }

    /// The clock was set: spans that it measured mean nothing now.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.fresh = None;
        self.set_under_way = true;
        // The look may have begun by either clock.
        self.under_way_since = self.under_way_since.map(|at| at.min(shift(at, by)));
        self.complete = self.complete.map(|(began, came)| (shift(began, by), shift(came, by)));
        self.last_began = self.last_began.map(|at| shift(at, by));
        self.last_answered = self.last_answered.map(|at| shift(at, by));
        self.retry_at = self.retry_at.map(|at| shift(at, by));
        self.trouble_since = self.trouble_since.map(|at| shift(at, by));
        self.kept_waiting_since = self.kept_waiting_since.map(|at| shift(at, by));
        self.failed_at = self.failed_at.map(|at| shift(at, by));
        self.submit_look_at = self.submit_look_at.map(|at| shift(at, by));
        self.starting.clock_stepped(by);
    }
}

/// 1 s, 2 s, 4 s … up to the cap.
pub(super) fn backoff(failures: u32) -> SignedDuration {
    let seconds = 1_i64 << failures.min(6);
    SignedDuration::from_secs(seconds).min(AGENT_RETRY_CAP)
}

impl Engine {
    /// The token's source has changed: it is tried at once.
    pub(super) fn token_changed(&mut self) {
        self.contact.starting.token_changed();
        if matches!(self.contact.trouble, Some(Trouble::BadToken(_))) {
            self.contact.retry_at = None;
            self.contact.submit_look_at = None;
        }
    }

    /// Asks for a look if one is due, else says when it will be.
    pub(super) fn plan_look(&mut self) {
        self.contact.next_look = None;
        let patience = self.set.agent.request_timeout.saturating_mul(2) + LOOK_LOST;
        if self.contact.under_way.is_some() {
            let lost_at = shift(self.contact.last_began.unwrap_or(self.now), patience);
            if self.now < lost_at {
                self.contact.next_look = Some(lost_at);
                return;
            }
            self.contact.under_way = None;
            self.break_series();
        }
        let Some(at) = self.look_due_at() else {
            self.contact.hinted = false;
            return;
        };
        if self.now < at {
            self.contact.next_look = Some(at);
            return;
        }
        let request = self.look_request();
        self.contact.hinted = false;
        self.contact.last_began = Some(self.now);
        self.contact.under_way = Some(request.clone());
        self.contact.under_way_since = Some(self.now);
        self.contact.set_under_way = false;
        // Nothing else need happen until then: a look that is lost must be noticed all the same.
        self.contact.next_look = Some(shift(self.now, patience));
        self.then(Effect::Look(request));
    }

    /// When the next look is due, if there is anything to look for.
    fn look_due_at(&self) -> Option<Timestamp> {
        let last = self.contact.last_began.filter(|at| *at <= self.now);
        let after = |gap: SignedDuration| last.map_or(self.now, |last| shift(last, gap));
        let followed =
            self.state.open_attempts().map(|attempt| self.look_interval(attempt)).min().map(&after);
        let hinted = (self.contact.hinted && followed.is_some()).then_some(self.now);
        let submits = (!self.contact.wanted.is_empty())
            .then(|| self.contact.submit_look_at.unwrap_or(self.now));
        let at = [followed, hinted, submits].into_iter().flatten().min()?;
        // A clock that went back must not stretch a retry.
        let retry = self.contact.retry_at.map(|at| at.min(shift(self.now, TOKEN_RETRY)));
        let gap = last.map(|last| shift(last, HINTED_LOOK_GAP));
        [Some(at), retry, gap].into_iter().flatten().max()
    }

    /// How often an attempt wants to be looked at: new and doubtful ones at `poll_interval`, old
    /// ones less often, none less than once a minute.
    pub(super) fn look_interval(&self, attempt: &Attempt) -> SignedDuration {
        let poll = self.set.agent.poll_interval;
        match attempt.phase {
            Phase::GivenUp => SLOWEST_LOOK.max(poll),
            Phase::Uncertain | Phase::Intent => poll,
            Phase::Accepted | Phase::Refused | Phase::Closed => {
                let since = attempt.cancel.as_ref().map_or(attempt.not_before, |wish| wish.at);
                let age = self.now.duration_since(since);
                poll.max((age / 60).min(SLOWEST_LOOK))
            }
        }
    }

    /// What the next look is to bring back.
    fn look_request(&self) -> LookRequest {
        let exclusive = self.set.agent.exclusive_user;
        let since = if self.contact.wanted.is_empty() {
            self.now
        } else {
            baseline_since(self.now, self.contact.offset_ms, exclusive)
        };
        let mut request = LookRequest {
            since,
            fingerprints: self.contact.wanted.clone(),
            transfers: BTreeSet::new(),
        };
        // What is like a run's request but for its spelling is known before it is sent, too.
        let wanted = self.state.waiting();
        let wanted = wanted.filter(|live| self.contact.wanted.contains(&live.fingerprint()));
        request.fingerprints.extend(wanted.map(|live| live.row().request.loose_fingerprint()));
        for attempt in self.state.open_attempts() {
            request.since = request.since.min(window(attempt, exclusive).0);
            request.fingerprints.insert(attempt.fingerprint);
            request.transfers.extend(attempt.transfer);
            if attempt.phase == Phase::Accepted && attempt.transfer.is_none() {
                let live = self.state.run(attempt.id.run);
                request.fingerprints.insert(live.row().request.loose_fingerprint());
            }
        }
        request
    }
}
