//! The known state of the agent: its last report about itself, the offset between its clock and
//! ours, and, if nothing can be submitted, the reason.
//!
//! Does not know when the agent is asked next (`looks`), nor who is notified of an outage
//! (`conditions`).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::query::AgentView;
use crate::duration;
use crate::limits::UNKNOWN_STATUSES_MAX;
use crate::reason::WaitReason;
use crate::time::shift;
use crate::transfer::{AgentState, Incomplete};

/// Why nothing can be submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unavailable {
    /// It does not answer, or not with anything usable.
    Away(String),
    /// Its port is held by a user who may not have the token.
    PortHeld(String),
    /// It answers, but accepts no work.
    Idle(AgentState),
    /// Its clock is so far ahead of ours, or behind if negative, that the dates of its records prove
    /// nothing.
    ClockFar(SignedDuration),
    /// It rejects our token.
    BadToken(String),
    /// Its list can't be read to its end, look after look: no decision may rely on it.
    Listing(Incomplete),
}

impl Unavailable {
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

    /// The reason why runs wait meanwhile.
    pub(super) fn wait(&self) -> WaitReason {
        match self {
            Self::Away(words) => WaitReason::Agent { words: words.clone() },
            Self::PortHeld(words) => WaitReason::Port { words: words.clone() },
            Self::Idle(_) | Self::ClockFar(_) => WaitReason::Agent { words: self.words() },
            Self::BadToken(words) => WaitReason::Token { words: words.clone() },
            Self::Listing(incomplete) => WaitReason::Listing { words: incomplete.words() },
        }
    }
}

/// Describes how far the agent's clock is from ours.
fn clock_words(ahead: SignedDuration) -> String {
    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
    let far = duration::span(ahead.abs());
    format!("the agent's clock is {far} {side} this machine's")
}

/// The known state of the agent.
#[derive(Debug, Default)]
pub(super) struct AgentLink {
    /// The state that it reported last.
    state: AgentState,
    /// Whether it answered the last request.
    reachable: Option<bool>,
    /// Whether it accepted our token on the last request.
    token_valid: Option<bool>,
    /// When it was last asked.
    asked_at: Option<Timestamp>,
    /// Its clock less ours, in milliseconds, as last reported.
    offset_ms: Option<i64>,
    /// Why nothing can be submitted.
    unavailable: Option<Unavailable>,
    /// Since when.
    unavailable_since: Option<Timestamp>,
    /// When that was last confirmed.
    failed_at: Option<Timestamp>,
    /// Since when runs can be submitted again, after an outage.
    recovered_at: Option<Timestamp>,
    /// Since when runs have been kept waiting by it, or ended without a start because of it. An
    /// outage belongs to the agent, and outlasts each of its runs.
    kept_waiting_since: Option<Timestamp>,
    /// It was logged that it reports no user.
    no_user_reported: bool,
    /// The same, of its list.
    no_user_listed_reported: bool,
    /// Lost requests that are looked for are another user's than the token.
    other_user: bool,
    /// Unknown values of `transferStatus` that were logged.
    unknown_statuses: BTreeSet<String>,
}

impl AgentLink {
    /// Notes that it was asked for its list, whatever the result.
    pub(super) fn asked(&mut self, now: Timestamp) {
        self.asked_at = Some(now);
    }

    /// Notes an answer with this state; an answer with a page of its list shows that it accepts our
    /// token.
    pub(super) fn answered(&mut self, state: AgentState, with_a_page: bool) {
        self.reachable = Some(true);
        self.state = state;
        if with_a_page {
            self.token_valid = Some(true);
        }
    }

    /// Notes an answer that is not usable.
    pub(super) fn answered_badly(&mut self) {
        self.reachable = Some(true);
    }

    /// Notes that a request did not reach it.
    pub(super) fn set_not_reached(&mut self) {
        self.reachable = Some(false);
    }

    /// Notes that it does not answer: the state that it reported last is worth nothing.
    pub(super) fn set_away(&mut self) {
        self.reachable = Some(false);
        self.state = AgentState::Unknown;
    }

    /// Notes that it rejects our token.
    pub(super) fn refused_token(&mut self) {
        self.token_valid = Some(false);
    }

    /// Notes the reading of its clock.
    pub(super) fn note_clock(&mut self, offset_ms: i64) {
        self.offset_ms = Some(offset_ms);
    }

    /// Its clock less ours, in milliseconds; 0 if it was never reported.
    pub(super) fn offset_ms(&self) -> i64 {
        self.offset_ms.unwrap_or(0)
    }

    /// The same, as a duration.
    pub(super) fn offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.offset_ms())
    }

    /// True once it has reported its clock.
    pub(super) fn knows_clock(&self) -> bool {
        self.offset_ms.is_some()
    }

    /// Notes that nothing can be submitted, as was just seen.
    pub(super) fn set_unavailable(&mut self, why: Unavailable, now: Timestamp) {
        if self.unavailable.is_none() {
            self.unavailable_since = Some(now);
        }
        self.failed_at = Some(now);
        self.unavailable = Some(why);
    }

    /// Runs can be submitted again; returns since when they could not.
    pub(super) fn recovered(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.kept_waiting_since = None;
        self.unavailable.take()?;
        self.recovered_at = Some(now);
        self.unavailable_since.take()
    }

    /// Since when it has answered, if it did not before.
    pub(super) fn recovered_at(&self) -> Option<Timestamp> {
        self.recovered_at
    }

    /// Why nothing can be submitted.
    pub(super) fn unavailable(&self) -> Option<&Unavailable> {
        self.unavailable.as_ref()
    }

    /// Since when nothing can be submitted.
    pub(super) fn unavailable_since(&self) -> Option<Timestamp> {
        self.unavailable_since.filter(|_| self.unavailable.is_some())
    }

    /// When that was last confirmed.
    pub(super) fn failed_at(&self) -> Option<Timestamp> {
        self.failed_at
    }

    /// True when it is known to accept work.
    pub(super) fn takes_work(&self) -> bool {
        self.unavailable.is_none() && self.reachable == Some(true)
    }

    /// Notes that it has kept a run waiting since then.
    pub(super) fn kept_waiting(&mut self, since: Timestamp) {
        self.kept_waiting_since.get_or_insert(since);
    }

    /// Since when runs have been kept waiting, or ended without a start, because it is unavailable.
    pub(super) fn kept_waiting_since(&self) -> Option<Timestamp> {
        self.kept_waiting_since
    }

    /// Notes that it reports no user; true if that was not logged yet.
    pub(super) fn note_no_user(&mut self) -> bool {
        !std::mem::replace(&mut self.no_user_reported, true)
    }

    /// Notes that a record that was taken for ours does not tell its user; false if that was noted
    /// already.
    pub(super) fn note_record_without_user(&mut self) -> bool {
        !std::mem::replace(&mut self.no_user_listed_reported, true)
    }

    /// Notes whether lost requests that are looked for are another user's than the token; true if
    /// that is news.
    pub(super) fn note_other_user(&mut self, is_another: bool) -> bool {
        std::mem::replace(&mut self.other_user, is_another) != is_another
    }

    /// True for an unknown value of `transferStatus` that was not logged yet. The number of values
    /// is bounded.
    pub(super) fn note_status(&mut self, status: &str) -> bool {
        let known = &mut self.unknown_statuses;
        known.len() < UNKNOWN_STATUSES_MAX && known.insert(status.to_owned())
    }

    /// Follows a step of the clock.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.unavailable_since = self.unavailable_since.map(|at| shift(at, by));
        self.kept_waiting_since = self.kept_waiting_since.map(|at| shift(at, by));
        self.failed_at = self.failed_at.map(|at| shift(at, by));
        self.recovered_at = self.recovered_at.map(|at| shift(at, by));
    }

    /// The whole state, for people.
    pub(super) fn view(&self) -> AgentView {
        AgentView {
            reachable: self.reachable,
            state: self.state,
            token_valid: self.token_valid,
            asked_at: self.asked_at,
            words: self.unavailable().map(Unavailable::words).unwrap_or_default(),
            unavailable_since: self.unavailable_since(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_unknown_statuses_so_many_are_reported_each_once() {
        let mut link = AgentLink::default();
        for number in 0..UNKNOWN_STATUSES_MAX {
            assert!(link.note_status(&number.to_string()));
        }
        assert!(!link.note_status("0"), "once");
        assert!(!link.note_status("one more"));
    }

    #[test]
    fn an_outage_moves_with_a_clock_that_is_set() {
        let (at, by) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        let mut link = AgentLink::default();
        link.set_unavailable(Unavailable::Away("refused".to_owned()), at);
        link.kept_waiting(at);
        link.clock_stepped(by);
        let times = [link.unavailable_since(), link.failed_at(), link.kept_waiting_since()];
        assert_eq!(times, [Some(at + by); 3]);
    }
}
