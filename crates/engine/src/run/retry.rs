//! How a run goes on when an attempt has ended: it ends as the attempt did, follows another attempt
//! of its own, or tries again.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Attempt, CancelCause, Ended, LookedFor, Phase, Run, RunMachine, RunState};
use crate::input::Level;
use crate::reason::{AttemptEnd, NothingLeft, Reason, WaitReason};
use crate::time::shift;
use crate::transfer::TransferStatus;

/// How a run goes on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NextStep {
    /// Unchanged.
    Stays,
    /// It ends in this state.
    Ends(RunState, Reason),
    /// It ends as a success, by this attempt.
    SucceedsBy(u32, Reason),
    /// It waits until its transfer is listed, if there is one; with the level of the log's line.
    Queued(Reason, Level),
    /// It waits before its next request, which uses up no further attempt.
    WaitsOn(WaitReason),
    /// A lost request, which it follows from now on, had been accepted.
    AcceptedAfterAll(u32, Reason),
    /// It makes another attempt, not before this time.
    BacksOff(Timestamp, Reason),
    /// It follows another attempt that is under way.
    Follows(u32, RunState, Reason),
    /// It repeats a request that never arrived.
    SendsAgain(Timestamp),
    /// It has no attempt left, and waits for a lost request to turn up; with the agent's answer to
    /// the last one, if that was not lost.
    WaitsForLostRequest(Option<String>),
    /// It was to be canceled, and has nothing left at the agent.
    NothingLeft(NothingLeft),
}

/// The delay before the next attempt when `used` are used up: initial × multiplier^(used-1),
/// capped, ±10 % (docs/job-file.md, "`jobs.NAME.retry`"). The same run and attempt always get the
/// same delay.
fn retry_delay(run: &Run, used: u32) -> SignedDuration {
    let retry = &run.terms.retry;
    let exponent = i32::try_from(used.saturating_sub(1)).unwrap_or(i32::MAX);
    let plain = retry.initial_delay.as_secs_f64() * retry.multiplier.powi(exponent);
    let capped = plain.min(retry.max_delay.as_secs_f64());
    let (chance, _) = Uuid::new_v5(&run.id.0, &used.to_be_bytes()).as_u64_pair();
    #[expect(clippy::cast_precision_loss, reason = "below 2^11, exact")]
    let spread = 0.9 + 0.2 * ((chance % 1001) as f64 / 1000.0);
    let millis = (capped * spread * 1000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "durations are at most 365 days")]
    SignedDuration::from_millis(millis as i64)
}

impl RunMachine {
    /// How many attempts are used up.
    pub(crate) fn used(&self) -> u32 {
        let used = self.attempts().filter(|attempt| attempt.counts).count();
        u32::try_from(used).unwrap_or(u32::MAX)
    }

    /// True while `retry` allows a further attempt.
    fn may_try_again(&self) -> bool {
        self.used() < self.terms().retry.max_attempts
    }

    /// When the next attempt may be made, if the delay counts from `from`.
    fn retry_after(&self, from: Timestamp) -> Timestamp {
        shift(from, retry_delay(self.row(), self.used()))
    }

    /// True if a transfer that has just completed is a second one of the run. A retry after one
    /// that was seen to be over is not a double of it.
    pub(crate) fn is_doubled_by(&self, attempt: &Attempt) -> bool {
        let completed = Some(TransferStatus::Completed);
        attempt.status == completed
            && self.attempts().any(|other| {
                other.id != attempt.id
                    && other.status == completed
                    && other.ended_at.is_none_or(|ended| attempt.not_before < ended)
            })
    }

    /// How the run goes on when the transfer of an attempt has ended, and its row says so.
    pub(crate) fn on_end(
        &self,
        number: u32,
        ended: Ended,
        why: Reason,
        now: Timestamp,
    ) -> NextStep {
        if self.is_over() {
            return NextStep::Stays;
        }
        if self.row().follows != Some(number) {
            // A second transfer that completes is the run's success, unless the first may still
            // become it.
            if ended != Ended::Succeeded || self.followed_is_at_work() {
                return NextStep::Stays;
            }
            return NextStep::SucceedsBy(number, why);
        }
        let cancel = self.row().cancel.as_ref();
        match ended {
            Ended::Succeeded => NextStep::Ends(RunState::Succeeded, why),
            Ended::TimedOut => self.on_timeout(why, now),
            Ended::Canceled => match self.success_of_another() {
                Some(success) if cancel.is_none() => success,
                Some(_) | None => NextStep::Ends(RunState::Canceled, why),
            },
            // The request decides about the run; how the transfer ended is the attempt's.
            Ended::Failed => match cancel {
                Some(cancel) => {
                    let reason = cancel.with_nothing_left(NothingLeft::Failed);
                    match cancel.cause {
                        CancelCause::Operator | CancelCause::Replaced | CancelCause::Double => {
                            NextStep::Ends(RunState::Canceled, reason)
                        }
                        CancelCause::Timeout | CancelCause::Stall => self.on_timeout(reason, now),
                    }
                }
                None => self.on_failure(number, why, now),
            },
        }
    }

    /// Continues after the followed attempt went past its time, and nothing of it is active any
    /// more.
    pub(crate) fn on_timeout(&self, why: Reason, now: Timestamp) -> NextStep {
        if let Some(success) = self.success_of_another() {
            return success;
        }
        if !self.terms().retry.on_timeout || !self.may_try_again() {
            return NextStep::Ends(RunState::TimedOut, why);
        }
        self.backs_off(self.retry_after(now), why, now)
    }

    /// Continues after the followed transfer failed. If another of the run has completed meanwhile,
    /// that is its success; a later request that is under way, sent when this transfer was thought
    /// lost, is followed instead of given up.
    fn on_failure(&self, number: u32, why: Reason, now: Timestamp) -> NextStep {
        if let Some(success) = self.success_of_another() {
            return success;
        }
        let hope = self
            .open_attempts()
            .rev()
            .find(|other| other.cancel.is_none() && other.phase != Phase::GivenUp);
        if let Some(hope) = hope {
            let (other, because) = (hope.id.number, Box::new(why));
            let reason = Reason::AnotherUnderWay { attempt: number, because, other };
            return NextStep::Follows(other, hope.state(), reason);
        }
        if self.may_try_again() && !why.outlasts_retries() {
            return self.backs_off(self.retry_after(now), why, now);
        }
        let attempts = self.used();
        NextStep::Ends(
            RunState::Failed,
            match attempts {
                1 => why,
                _ if why.outlasts_retries() => why,
                _ => Reason::AttemptsExhausted { because: Box::new(why), attempts },
            },
        )
    }

    /// Continues after an uncertain request was looked for in vain, by looks over the whole window,
    /// or until it was past its time (protocol, rule 6).
    pub(crate) fn on_not_found(
        &self,
        attempt: &Attempt,
        looked: LookedFor,
        now: Timestamp,
    ) -> NextStep {
        let unseen = !looked.completely;
        let answer = attempt.reason.unclear_answer();
        if !self.follows(attempt.id.number) {
            NextStep::Stays
        } else if self.state() == RunState::Canceling {
            let is_blind = unseen && !looked.in_vain;
            NextStep::NothingLeft(match is_blind {
                true => NothingLeft::NeverSeen,
                false => NothingLeft::NotFound,
            })
        } else if !looked.in_vain {
            let limit = self.terms().timeout;
            self.on_timeout(AttemptEnd::UnfoundPastTimeout { limit, answer, unseen }.into(), now)
        } else if attempt.own_crash {
            NextStep::SendsAgain(attempt.not_before)
        } else if self.may_try_again() {
            let ready_at = self.retry_after(self.asked_at(attempt)).max(now);
            self.backs_off(ready_at, AttemptEnd::RequestLost { answer }.into(), now)
        } else {
            NextStep::WaitsForLostRequest(answer)
        }
    }

    /// Continues after an accepted request was never listed until its timeout (protocol, rule 7).
    pub(crate) fn on_never_listed(&self, number: u32, why: AttemptEnd, now: Timestamp) -> NextStep {
        if !self.follows(number) {
            NextStep::Stays
        } else if self.state() == RunState::Canceling {
            NextStep::NothingLeft(why.nothing_left())
        } else {
            self.on_timeout(why.into(), now)
        }
    }

    /// The success of another attempt, where the followed one failed.
    fn success_of_another(&self) -> Option<NextStep> {
        let good = self.attempts().find(|it| it.outcome == Some(Ended::Succeeded))?;
        Some(NextStep::SucceedsBy(good.id.number, good.reason.clone()))
    }

    fn backs_off(&self, ready_at: Timestamp, because: Reason, now: Timestamp) -> NextStep {
        let reason = Reason::BackingOff {
            because: Box::new(because),
            attempt: self.used().saturating_add(1),
            of: self.terms().retry.max_attempts,
            at: (ready_at > now).then_some(ready_at),
        };
        NextStep::BacksOff(ready_at, reason)
    }
}
