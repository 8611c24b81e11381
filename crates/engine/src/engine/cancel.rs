//! Cancelling: the wish is recorded first, then asked for again and again until the agent reports
//! an end (protocol, rule 10).

use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::state::Live;
use crate::duration;
use crate::event::Happening;
use crate::ids::{AttemptId, RunId, TransferId};
use crate::input::{Effect, Level};
use crate::limits::CANCEL_RETRY;
use crate::matching::shift;
use crate::reason::{NothingLeft, Reason};
use crate::run::{Attempt, CancelCause, CancelWish, RunState};
use crate::transfer::CancelAnswer;

impl Engine {
    /// Wishes a run cancelled. What has nothing at the agent ends at once.
    pub(super) fn cancel_run(&mut self, id: RunId, cause: CancelCause, reason: Reason) {
        let Some(live) = self.state.runs.get(&id) else { return };
        match live.run.state {
            RunState::Waiting | RunState::BackingOff => {
                self.end_run(id, end_of(cause), reason);
            }
            RunState::Submitting | RunState::Queued | RunState::Running => {
                if live.only_hopes() {
                    self.end_run(id, end_of(cause), reason);
                    return;
                }
                let wish = CancelWish { at: self.now, cause, reason: reason.clone(), told: false };
                let followed = live.followed().map(|attempt| (attempt.id, attempt.is_active()));
                self.change_run(id, |run| run.cancel = Some(wish.clone()));
                self.move_run(id, RunState::Canceling, reason, Level::Info);
                if let Some((attempt, true)) = followed {
                    self.wish_cancel(attempt, wish);
                }
            }
            RunState::Canceling => {
                // A person's wish outranks a timeout's: there is to be no retry.
                if cause == CancelCause::Operator || cause == CancelCause::Replaced {
                    self.change_run(id, |run| {
                        if let Some(wish) = &mut run.cancel {
                            wish.cause = cause;
                            wish.reason = reason;
                        }
                    });
                }
            }
            RunState::Succeeded
            | RunState::Failed
            | RunState::TimedOut
            | RunState::Canceled
            | RunState::Skipped => {}
        }
    }

    /// Records the wish to cancel an attempt's transfer; `tend` sends the request.
    pub(super) fn wish_cancel(&mut self, id: AttemptId, wish: CancelWish) {
        self.change_attempt(id, |attempt| {
            attempt.cancel.get_or_insert(wish);
        });
        self.touched.insert(id.run);
    }

    /// Sends a cancel request if one is due.
    pub(super) fn send_cancel(&mut self, id: AttemptId) {
        let now = self.now;
        let Some(attempt) = self.state.attempt(id) else { return };
        let Some(transfer) = attempt.transfer else { return };
        if attempt.cancel.is_none() || !attempt.is_active() {
            return;
        }
        let Some(sighting) = self.state.sighting(id) else { return };
        if sighting.cancel_under_way || sighting.cancel_next.is_some_and(|at| now < at) {
            return;
        }
        sighting.cancel_under_way = true;
        sighting.cancel_tries = sighting.cancel_tries.saturating_add(1);
        if sighting.cancel_tries == 1 {
            self.event(id.run, Happening::CancelRequested { transfer });
        }
        self.then(Effect::Cancel { transfer });
    }

    /// Transfers that are to be cancelled, or are past their time: what to ask for where nothing
    /// can be recorded. No last look is asked for first: the agent minds no cancel of a transfer
    /// that is over, and a completed one stays completed.
    pub fn overdue(&self, now: Timestamp) -> Vec<TransferId> {
        let past = |live: &Live, attempt: &Attempt| {
            attempt.deadline <= now
                && !live.run.state.is_over()
                && live.run.follows == Some(attempt.id.number)
        };
        let in_flight = self.state.in_flight.iter().filter_map(|id| self.state.runs.get(id));
        let attempts = in_flight.flat_map(|live| live.attempts.values().map(move |a| (live, a)));
        attempts
            .filter(|(_, attempt)| attempt.is_active())
            .filter(|(live, attempt)| attempt.cancel.is_some() || past(live, attempt))
            .filter_map(|(_, attempt)| attempt.transfer)
            .collect()
    }

    /// Takes the answer to a cancel request in. Whatever it is, the listing tells the end.
    pub(super) fn cancel_answered(&mut self, transfer: TransferId, answer: &CancelAnswer) {
        let now = self.now;
        let Some(id) = self.state.owner.get(&transfer).copied() else { return };
        let Some(sighting) = self.state.sighting(id) else { return };
        let delay = duration::doubling(CANCEL_RETRY, sighting.cancel_tries);
        sighting.cancel_under_way = false;
        sighting.cancel_next = Some(shift(now, delay));
        let first_try = sighting.cancel_tries == 1;
        sighting.cancel_refused = matches!(answer, CancelAnswer::NotTaken(_));
        self.touched.insert(id.run);
        self.contact.hint();
        if let CancelAnswer::NotTaken(words) = answer
            && first_try
        {
            let what = Happening::CancelRefused { words: words.clone() };
            self.tell(Level::Warn, id.run, what.to_string());
            self.event(id.run, what);
        }
    }

    /// A run that was to be cancelled has nothing left at the agent.
    pub(super) fn end_canceling(&mut self, id: RunId, how: NothingLeft) {
        let Some(live) = self.state.runs.get(&id) else { return };
        let Some(wish) = live.run.cancel.clone() else { return };
        let reason = Reason::NothingLeft { because: Box::new(wish.reason), how };
        match wish.cause {
            CancelCause::Operator | CancelCause::Replaced | CancelCause::Double => {
                self.end_run(id, RunState::Canceled, reason);
            }
            CancelCause::Timeout | CancelCause::Stall => {
                self.change_run(id, |run| run.cancel = None);
                self.timed_out(id, reason);
            }
        }
    }

    /// True while the cancelling of an attempt has lasted so long that it gives its slot back.
    pub(super) fn is_stuck(&self, since: Timestamp) -> bool {
        self.now.duration_since(since) >= self.set.agent.adopt_window.max(SignedDuration::ZERO)
    }
}

/// How a run ends that is cancelled for `cause`.
fn end_of(cause: CancelCause) -> RunState {
    match cause {
        CancelCause::Operator | CancelCause::Replaced | CancelCause::Double => RunState::Canceled,
        CancelCause::Timeout | CancelCause::Stall => RunState::TimedOut,
    }
}
