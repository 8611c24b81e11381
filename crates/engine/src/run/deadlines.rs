//! Deadlines: which changes of a run time alone brings about, and when.

use jiff::{SignedDuration, Timestamp};

use super::{AtAgent, Attempt, Ended, Phase, Run, RunMachine, RunState, Trigger};
use crate::ids::TransferId;
use crate::limits::WATCH;
use crate::reason::{AttemptEnd, NothingLeft, Reason};
use crate::time::shift;
use crate::transfer::TransferStatus;

/// The search for an attempt so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LookedFor {
    /// Complete looks over the whole window have not shown its transfer.
    pub(crate) in_vain: bool,
    /// It is past its deadline, and the agent was asked since, or just before.
    pub(crate) past_deadline: bool,
    /// The last look was complete: what it has not shown does not exist.
    pub(crate) completely: bool,
}

/// The effect of time on an open attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OnTime {
    /// Nothing.
    Nothing,
    /// An uncertain request was not found.
    NotFound,
    /// An accepted one was never listed.
    NeverListed(AttemptEnd),
    /// The end of its transfer need not, or may not, wait for its cause any longer.
    Ending,
    /// Its transfer is not listed any more, and that is news: it is waited for.
    Gone(TransferId),
    /// Its transfer is not listed any more; the run is to be canceled if it follows this one.
    Vanished { canceling: bool },
    /// The run is to be canceled.
    PastTimeout(AttemptEnd),
    /// The run has waited long enough for the lost request.
    LostUntilTimeout(AttemptEnd),
}

impl RunMachine {
    /// The effect of time on an open attempt.
    pub(crate) fn on_time(&self, attempt: &Attempt, looked: LookedFor) -> OnTime {
        let LookedFor { in_vain, past_deadline, completely } = looked;
        let follows = self.follows(attempt.id.number);
        let limit = self.terms().timeout;
        match attempt.at_agent() {
            AtAgent::Unlisted => match attempt.phase {
                Phase::Uncertain if in_vain || past_deadline => OnTime::NotFound,
                Phase::Accepted if past_deadline => {
                    OnTime::NeverListed(AttemptEnd::NeverListed { limit, unseen: !completely })
                }
                Phase::Uncertain
                | Phase::Accepted
                | Phase::Intent
                | Phase::GivenUp
                | Phase::Refused
                | Phase::Closed => OnTime::Nothing,
            },
            AtAgent::Ending(_) => OnTime::Ending,
            AtAgent::Listed(transfer) => {
                // One that vanished while it was canceled and is listed again has timed out
                // already.
                let between_attempts = self.state().is_between_attempts();
                if attempt.cancel.is_some() && in_vain {
                    OnTime::Vanished { canceling: true }
                } else if !follows && past_deadline && in_vain {
                    // An ambiguous one is left alone to its end, which nobody will see now.
                    OnTime::Vanished { canceling: false }
                } else if follows
                    && past_deadline
                    && self.row().cancel.is_none()
                    && !between_attempts
                {
                    OnTime::PastTimeout(AttemptEnd::PastTimeout { limit })
                } else if in_vain && !attempt.reason.is_gone() {
                    OnTime::Gone(transfer)
                } else {
                    OnTime::Nothing
                }
            }
            AtAgent::Missing if follows && past_deadline && self.waits_for_lost_request() => {
                let answer = attempt.reason.unclear_answer();
                OnTime::LostUntilTimeout(AttemptEnd::LostUntilTimeout { limit, answer })
            }
            AtAgent::Missing | AtAgent::Over => OnTime::Nothing,
        }
    }

    /// True once complete looks over the window have not shown the transfer of an attempt.
    pub(crate) fn was_searched_for(&self, number: u32, window: SignedDuration) -> bool {
        self.observations(number).is_some_and(|observations| observations.absent_for() >= window)
    }

    /// An attempt's row once it is given up: it stays open and is looked for (protocol, rule 9),
    /// and keeps job and destination for as long as its transfer might still come (rule 11).
    pub(crate) fn given_up(
        &self,
        attempt: &Attempt,
        end: AttemptEnd,
        window: SignedDuration,
        now: Timestamp,
    ) -> Attempt {
        let searched = self.was_searched_for(attempt.id.number, window);
        let unlisted = end.nothing_left();
        let late = shift(attempt.deadline.max(now), window);
        let may_be_listed = self
            .observations(attempt.id.number)
            .is_some_and(|observations| observations.may_be_listed());
        let mut reason = Reason::from(end);
        let (holds_until, outcome) = match attempt.phase {
            Phase::Accepted => {
                let listed = attempt.transfer.is_some();
                let how = if listed { NothingLeft::Gone } else { unlisted };
                let cancel = self.request_in_force(attempt);
                if let Some(cancel) = cancel {
                    reason = cancel.with_nothing_left(how);
                }
                let outcome = cancel.map_or(Ended::TimedOut, |cancel| cancel.cause.end());
                ((!listed).then_some(late), outcome)
            }
            // It was waited for as an accepted one (rule 6).
            Phase::Uncertain if may_be_listed => (Some(late), Ended::Failed),
            Phase::Uncertain if searched => (None, Ended::Failed),
            Phase::Uncertain | Phase::Intent | Phase::GivenUp | Phase::Refused | Phase::Closed => {
                (Some(now), Ended::Failed)
            }
        };
        Attempt {
            phase: Phase::GivenUp,
            outcome: Some(outcome),
            ended_at: Some(now),
            holds_until,
            watched_until: Some(shift(now, WATCH.max(self.terms().timeout))),
            reason,
            ..attempt.clone()
        }
    }

    /// The limit by which a transfer that moved last at that time has stalled, if this attempt
    /// decides about the run.
    pub(crate) fn is_stalled(
        &self,
        number: u32,
        status: TransferStatus,
        moved_at: Timestamp,
        now: Timestamp,
    ) -> Option<SignedDuration> {
        let limit = self.terms().stall_timeout?;
        let stands_still =
            status == TransferStatus::Running && now.duration_since(moved_at) >= limit;
        (stands_still && self.is_decided_by(number)).then_some(limit)
    }

    /// The limit for queueing the run, if it was not queued in time and can't be any more.
    pub(crate) fn is_too_late_to_start(&self, now: Timestamp) -> Option<SignedDuration> {
        let limit = start_limit(self.row())?;
        let never_arrived = |attempt: &Attempt| {
            attempt.phase == Phase::Refused
                || attempt.transfer.is_none() && attempt.reason.proves_absence()
        };
        let never_queued = self.attempts().all(|attempt| never_arrived(attempt));
        self.terms().start_within.filter(|_| limit <= now && never_queued)
    }

    /// When time alone next changes something, where a cancel is stuck after `adopt_window`.
    pub(crate) fn wake(&self, adopt_window: SignedDuration, now: Timestamp) -> Option<Timestamp> {
        let of_run = match self.state() {
            RunState::BackingOff => Some(self.row().ready_at),
            RunState::Waiting => start_limit(self.row()),
            RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::Canceling
            | RunState::Succeeded
            | RunState::Failed
            | RunState::TimedOut
            | RunState::Canceled
            | RunState::Skipped => None,
        };
        let of_attempts = self.open_attempts().flat_map(|attempt| {
            let cancel = attempt.cancel.as_ref();
            let stuck_at = self.canceling_since(attempt).map(|since| shift(since, adopt_window));
            let observations = cancel.and_then(|_| self.observations(attempt.id.number));
            let cancel_next = observations.and_then(|observations| observations.cancel().next());
            let given_up = [attempt.holds_until, attempt.watched_until];
            let asked = self.asked_until(attempt.id.number);
            [Some(attempt.deadline), stuck_at, cancel_next, asked].into_iter().chain(given_up)
        });
        let times = of_attempts.chain([of_run, self.stuck_from()]).flatten();
        times.filter(|at| *at > now).min()
    }
}

/// The time by which a run must have been queued. A requested run is late by intent: a trigger
/// counts from its request, and a run that repeats others waits for its turn, however long.
fn start_limit(run: &Run) -> Option<Timestamp> {
    let within = run.terms.start_within?;
    let from = match run.trigger {
        Trigger::Schedule | Trigger::CatchUp => run.scheduled_for.unwrap_or(run.created_at),
        Trigger::Manual => run.created_at,
        Trigger::Retry | Trigger::Backfill => return None,
    };
    Some(shift(from, within))
}
