//! The whole life of a cancel: the request to cancel the run, and the transfer that it follows, is
//! recorded first; the agent is then asked repeatedly until the agent reports an end, or
//! complete looks no longer show the transfer (protocol, rule 10). A cancel that lasts is reported,
//! and gives its slot back.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Attempt, Ended, Phase, RunMachine, RunState};
use crate::duration;
use crate::ids::{AttemptId, TransferId};
use crate::limits::{CANCEL_RETRY, STUCK_AFTER};
use crate::reason::{AttemptEnd, CancelReason, NothingLeft, Reason};
use crate::time::shift;
use crate::transfer::CancelAnswer;

/// The request to cancel, recorded before any request (protocol, rule 10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequest {
    /// Since when.
    pub at: Timestamp,
    /// The cause, which decides how the run ends.
    pub cause: CancelCause,
    /// The reason, with which the attempt may end.
    pub reason: Reason,
    /// It was reported that this takes long.
    #[serde(rename = "told", default, skip_serializing_if = "std::ops::Not::not")]
    pub reported: bool,
}

impl CancelRequest {
    /// The reason for the end of what was to be canceled and has nothing left at the agent.
    pub(crate) fn with_nothing_left(&self, how: NothingLeft) -> Reason {
        Reason::NothingLeft { because: Box::new(self.reason.clone()), how }
    }
}

/// Why a run or transfer is to be canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelCause {
    /// An operator asked.
    Operator,
    /// `overlap: replace`.
    Replaced,
    /// Past `timeout`.
    Timeout,
    /// Past `stall_timeout`.
    Stall,
    /// A second transfer for one run, or one that turned up after its run was over.
    Double,
}

impl CancelCause {
    /// How a run or an attempt ends that is canceled for this cause.
    pub(crate) fn end(self) -> Ended {
        match self {
            Self::Operator | Self::Replaced | Self::Double => Ended::Canceled,
            Self::Timeout | Self::Stall => Ended::TimedOut,
        }
    }

    /// True for the request of a time that has passed.
    fn is_of_time(self) -> bool {
        match self {
            Self::Timeout | Self::Stall => true,
            Self::Operator | Self::Replaced | Self::Double => false,
        }
    }

    /// True for a request that outranks a timeout's: there must be no retry.
    pub(crate) fn outranks_time(self) -> bool {
        match self {
            Self::Operator | Self::Replaced => true,
            Self::Timeout | Self::Stall | Self::Double => false,
        }
    }
}

/// The effect of a request to cancel a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnCancel {
    /// Nothing of it can be active: it ends at once, in this state.
    Ends(RunState),
    /// It is recorded for the run, and for the transfer of this attempt, if one is known.
    Requested(Option<AttemptId>),
    /// The run is being canceled: this request replaces the earlier one.
    Outranks,
    /// The run is over, or being canceled for as good a reason.
    Nothing,
}

/// The requests to cancel one transfer.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancelCalls {
    under_way: bool,
    made: u32,
    /// No request before this.
    next: Option<Timestamp>,
    /// The agent has refused the last one.
    refused: bool,
}

impl CancelCalls {
    /// True when one may be made.
    fn may_be_made(&self, now: Timestamp) -> bool {
        !self.under_way && self.next.is_none_or(|next| next <= now)
    }

    /// Notes a request; true for the first.
    pub(crate) fn note_request(&mut self) -> bool {
        self.under_way = true;
        self.made = self.made.saturating_add(1);
        self.made == 1
    }

    /// Takes in an answer. Returns the agent's words of a first refusal: whatever the answer is,
    /// the listing shows the end.
    pub(crate) fn answered(&mut self, answer: &CancelAnswer, now: Timestamp) -> Option<String> {
        let delay = duration::doubling(CANCEL_RETRY, self.made);
        self.under_way = false;
        self.next = Some(shift(now, delay));
        match answer {
            CancelAnswer::NotTaken(words) => {
                self.refused = true;
                (self.made == 1).then(|| words.clone())
            }
            CancelAnswer::Taken => {
                self.refused = false;
                None
            }
        }
    }

    /// The next one need not wait for its time.
    pub(crate) fn allow_at_once(&mut self) {
        self.next = None;
    }

    /// When the next one may be made.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// True if the agent has refused the last one.
    pub(crate) fn was_refused(&self) -> bool {
        self.refused
    }

    /// Follows a step of the clock.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration) {
        self.next = self.next.map(|at| shift(at, by));
    }
}

impl RunMachine {
    /// The effect of a request to cancel the run.
    pub(crate) fn on_cancel(&self, cause: CancelCause) -> OnCancel {
        match self.state() {
            RunState::Waiting | RunState::BackingOff => OnCancel::Ends(cause.end().state()),
            RunState::Submitting | RunState::Queued | RunState::Running => {
                if self.waits_for_lost_request() {
                    return OnCancel::Ends(cause.end().state());
                }
                let active = self.followed().filter(|attempt| attempt.is_active());
                OnCancel::Requested(active.map(|attempt| attempt.id))
            }
            RunState::Canceling if cause.outranks_time() && !self.is_requested_by_people() => {
                OnCancel::Outranks
            }
            RunState::Canceling
            | RunState::Succeeded
            | RunState::Failed
            | RunState::TimedOut
            | RunState::Canceled
            | RunState::Skipped => OnCancel::Nothing,
        }
    }

    /// True if it is to be canceled for more than a time that has passed.
    fn is_requested_by_people(&self) -> bool {
        self.row().cancel.as_ref().is_some_and(|cancel| cancel.cause.outranks_time())
    }

    /// Since when the transfer of an attempt is to be canceled: by its own request or, where it is
    /// not listed yet, by that of its run, or because its run is over.
    pub(crate) fn canceling_since(&self, attempt: &Attempt) -> Option<Timestamp> {
        let own = attempt.cancel.as_ref().map(|cancel| cancel.at);
        let of_run = match self.state() {
            RunState::Canceling => self.row().cancel.as_ref().map(|cancel| cancel.at),
            RunState::Succeeded
            | RunState::Failed
            | RunState::TimedOut
            | RunState::Canceled
            | RunState::Skipped => self.row().ended_at,
            RunState::Waiting
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::BackingOff => None,
        };
        own.or(of_run.filter(|_| attempt.is_unlisted()))
    }

    /// The reason to be canceling while the followed transfer is accepted and not listed, if that
    /// is not the reason yet.
    pub(crate) fn canceled_once_listed(&self, number: u32) -> Option<Reason> {
        let attempt = self.attempt(number).filter(|_| self.follows(number))?;
        let waits = self.state() == RunState::Canceling
            && attempt.phase == Phase::Accepted
            && attempt.is_unlisted();
        let because = Box::new(self.row().cancel.as_ref().filter(|_| waits)?.reason.clone());
        let reason = Reason::CanceledOnceListed { because, until: attempt.deadline };
        (self.row().reason != reason).then_some(reason)
    }

    /// The transfer of an attempt, if a request to cancel it is due.
    pub(crate) fn cancel_due(&self, number: u32, now: Timestamp) -> Option<TransferId> {
        let attempt = self.attempt(number).filter(|attempt| attempt.cancel.is_some())?;
        let may_be_made = self.observations(number)?.cancel().may_be_made(now);
        attempt.active_transfer().filter(|_| may_be_made)
    }

    /// The end of a run that was to be canceled and has nothing left at the agent.
    pub(crate) fn nothing_left(&self, how: NothingLeft) -> Option<(RunState, Reason)> {
        let cancel = self.row().cancel.as_ref()?;
        Some((cancel.cause.end().state(), cancel.with_nothing_left(how)))
    }

    /// The request by which an attempt's transfer is to be canceled: its own or, where it is not
    /// listed yet, its run's. A person's request for the run came later than that of a time that
    /// has passed, and outranks it.
    pub(super) fn request_in_force<'a>(
        &'a self,
        attempt: &'a Attempt,
    ) -> Option<&'a CancelRequest> {
        let of_run = self.row().cancel.as_ref();
        match &attempt.cancel {
            Some(own) => {
                let later = of_run.filter(|later| later.cause.outranks_time());
                Some(later.filter(|_| own.cause.is_of_time()).unwrap_or(own))
            }
            None => of_run.filter(|_| self.follows(attempt.id.number)),
        }
    }

    /// The request to cancel a transfer that is listed although the run is over: for this reason if
    /// it is a second one, else for the reason of the run's end.
    pub(crate) fn request_for_late(
        &self,
        number: u32,
        why: CancelReason,
        at: Timestamp,
    ) -> CancelRequest {
        let mut others = self.attempts().filter(|other| other.id.number != number);
        let is_second = others.any(|other| other.transfer.is_some());
        let end = match &self.row().reason {
            Reason::NothingLeft { because, .. } => because,
            reason => reason,
        };
        let (cause, because) = match self.state() {
            _ if is_second => (CancelCause::Double, None),
            RunState::TimedOut => {
                let limit = self.terms().timeout;
                let past = Reason::from(AttemptEnd::PastTimeout { limit });
                let by_request = matches!(self.row().reason, Reason::NothingLeft { .. });
                (CancelCause::Timeout, Some(if by_request { end.clone() } else { past }))
            }
            RunState::Canceled => (CancelCause::Operator, Some(end.clone())),
            RunState::Failed => (CancelCause::Double, Some(end.clone())),
            RunState::Waiting
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::BackingOff
            | RunState::Canceling
            | RunState::Succeeded
            | RunState::Skipped => (CancelCause::Double, None),
        };
        let late = |because| Reason::ListedLate { because: Box::new(because) };
        let reason = because.map_or_else(|| why.into(), late);
        CancelRequest { at, cause, reason, reported: false }
    }

    /// The attempts whose transfers are to be canceled when the run ends: all that are known and
    /// not known to be over, except those that may be somebody else's.
    pub(crate) fn left_at_its_end(&self) -> Vec<AttemptId> {
        let follows = self.row().follows;
        self.attempts()
            .filter(|attempt| attempt.is_active())
            .filter(|attempt| !attempt.ambiguous || follows == Some(attempt.id.number))
            .map(|attempt| attempt.id)
            .collect()
    }

    /// Transfers that are to be canceled, or are past their time.
    pub(crate) fn overdue(&self, now: Timestamp) -> impl Iterator<Item = TransferId> {
        let past =
            move |attempt: &Attempt| attempt.deadline <= now && self.follows(attempt.id.number);
        self.attempts()
            .filter(move |attempt| attempt.cancel.is_some() || past(attempt))
            .filter_map(|attempt| attempt.active_transfer())
    }

    /// The oldest request to cancel something of the run that the agent has not confirmed, and that
    /// was not reported.
    pub(crate) fn unconfirmed(&self) -> Option<&CancelRequest> {
        let of_run = self.row().cancel.iter().filter(|_| self.state() == RunState::Canceling);
        let open = self.attempts().filter(|attempt| attempt.phase.is_underway());
        let cancels = of_run.chain(open.filter_map(|attempt| attempt.cancel.as_ref()));
        cancels.filter(|cancel| !cancel.reported).min_by_key(|cancel| cancel.at)
    }

    /// When an unconfirmed cancel will have lasted long enough to be reported.
    pub(crate) fn stuck_from(&self) -> Option<Timestamp> {
        self.unconfirmed().map(|cancel| shift(cancel.at, STUCK_AFTER))
    }
}
