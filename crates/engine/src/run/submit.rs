//! A request of the run: the intent before its POST, and what the answer to it changes.
//!
//! Every answer says one of three things: accepted, certainly not accepted, or perhaps (protocol,
//! rule 2). How one request bears on those of other runs is the engine's business.

use jiff::{SignedDuration, Timestamp};

use super::{Attempt, Ended, NextStep, Phase, RunMachine, RunState};
use crate::event::Happening;
use crate::ids::{AttemptId, TransferId, UserId};
use crate::input::Level;
use crate::reason::{AttemptEnd, NothingLeft, Reason, UnderWay, WaitReason};
use crate::time::shift;
use crate::transfer::Progress;

/// The state of the agent on which a request is made.
#[derive(Clone, Debug)]
pub(crate) struct IntentFacts {
    /// The owner of the token, if the agent reports it.
    pub(crate) user: Option<UserId>,
    /// Transfers like the request that are listed already.
    pub(crate) baseline: Vec<TransferId>,
    /// `agent.exclusive_user`.
    pub(crate) exclusive: bool,
    /// The agent's clock less ours, in milliseconds; 0 if unknown.
    pub(crate) offset_ms: i64,
}

/// A change of an attempt, and its effect on the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptChange {
    /// The attempt's new row.
    pub(crate) row: Attempt,
    /// The line in the run's timeline.
    pub(crate) event: Option<Happening>,
    /// How the run goes on.
    pub(crate) next: NextStep,
}

impl RunMachine {
    /// The row of the attempt that is made now.
    pub(crate) fn intent(&self, facts: IntentFacts, now: Timestamp) -> Attempt {
        let number = self.next_number();
        let offset_ms = facts.offset_ms;
        Attempt {
            id: AttemptId { run: self.id(), number },
            counts: true,
            fingerprint: self.fingerprint(),
            user: facts.user,
            baseline: facts.baseline,
            not_before: now,
            not_after: None,
            exclusive: Some(facts.exclusive),
            offset_ms,
            slack_ms: (offset_ms.min(0), offset_ms.max(0)),
            phase: Phase::Intent,
            own_crash: false,
            reason: UnderWay::Asking { attempt: number }.into(),
            transfer: None,
            ambiguous: false,
            deadline: shift(now, self.terms().timeout),
            status: None,
            progress: Progress::default(),
            moved_at: now,
            listed_at: None,
            cancel: None,
            outcome: None,
            ended_at: None,
            finished_at: None,
            cause: None,
            holds_until: None,
            watched_until: None,
        }
    }

    /// The change by a request that was accepted.
    pub(crate) fn on_accepted(&self, attempt: &Attempt, now: Timestamp) -> AttemptChange {
        let number = attempt.id.number;
        let reason = Reason::UnderWay(UnderWay::Accepted);
        let row = Attempt {
            phase: Phase::Accepted,
            not_after: Some(attempt.not_after.map_or(now, |at| at.max(now))),
            reason: reason.clone(),
            ..attempt.clone()
        };
        let event = Some(Happening::Accepted { attempt: number });
        AttemptChange {
            row,
            event,
            next: self.if_it_decides(number, NextStep::Queued(reason, Level::Debug)),
        }
    }

    /// The change by an uncertain answer: the request may have been accepted, which only a look can
    /// settle. The agent may carry it out until `late` after it was sent.
    pub(crate) fn on_uncertain(
        &self,
        attempt: &Attempt,
        why: UnderWay,
        late: SignedDuration,
        now: Timestamp,
    ) -> AttemptChange {
        let number = attempt.id.number;
        let reason = Reason::UnderWay(why);
        let row = Attempt {
            phase: Phase::Uncertain,
            not_after: Some(shift(attempt.not_before, late).max(now)),
            reason: reason.clone(),
            ..attempt.clone()
        };
        let event = Some(Happening::Uncertain { attempt: number, reason: reason.clone() });
        AttemptChange {
            row,
            event,
            next: self.if_it_decides(number, NextStep::Queued(reason, Level::Warn)),
        }
    }

    /// The change by the end of the process, or a failed commit, between the intent and the answer:
    /// it uses up no attempt. The request may have been sent, and may be carried out until `late`
    /// after its intent.
    pub(crate) fn on_unanswered(&self, attempt: &Attempt, late: SignedDuration) -> AttemptChange {
        let number = attempt.id.number;
        let reason = Reason::UnderWay(UnderWay::AnswerLostInCrash);
        let row = Attempt {
            phase: Phase::Uncertain,
            own_crash: true,
            counts: false,
            not_after: Some(shift(attempt.not_before, late)),
            reason: reason.clone(),
            ..attempt.clone()
        };
        let event = Some(Happening::Uncertain { attempt: number, reason: reason.clone() });
        AttemptChange {
            row,
            event,
            next: self.if_it_decides(number, NextStep::Queued(reason, Level::Info)),
        }
    }

    /// The change by a request that was certainly not accepted, for a reason beyond the run: it uses
    /// up no attempt, and the run waits on.
    pub(crate) fn on_not_taken(
        &self,
        attempt: &Attempt,
        end: AttemptEnd,
        wait: WaitReason,
        now: Timestamp,
    ) -> AttemptChange {
        let row = attempt.not_counted(end, now);
        let next = self.if_refused(attempt.id.number, NextStep::WaitsOn(wait));
        AttemptChange { row, event: None, next }
    }

    /// The change by a refusal that another try would only repeat.
    pub(crate) fn on_refused(
        &self,
        attempt: &Attempt,
        words: String,
        now: Timestamp,
    ) -> AttemptChange {
        let number = attempt.id.number;
        let reason = Reason::Ended(AttemptEnd::Refused { words: words.clone() });
        let row = refused(attempt, reason.clone(), now);
        let event = Some(Happening::Refused { attempt: number, words });
        let next = self.if_refused(number, NextStep::Ends(RunState::Failed, reason));
        AttemptChange { row, event, next }
    }

    /// The change by the news that a request whose answer was lost had been accepted: its transfer
    /// is waited for from now on.
    pub(crate) fn on_accepted_after_all(&self, attempt: &Attempt, words: String) -> AttemptChange {
        let number = attempt.id.number;
        let reason = UnderWay::AcceptedAfterAll { attempt: number, words: words.clone() };
        let reason = Reason::UnderWay(reason);
        let row = Attempt { reason: reason.clone(), ..attempt.reopened() };
        let event = Some(Happening::AcceptedAfterAll { attempt: number, words });
        // A run that is over, or follows another request, goes on as it does.
        let next = if self.state().is_between_attempts() || self.is_decided_by(number) {
            NextStep::AcceptedAfterAll(number, reason)
        } else {
            NextStep::Stays
        };
        AttemptChange { row, event, next }
    }

    /// How the run goes on by one of its attempts, if that decides about it.
    fn if_it_decides(&self, number: u32, next: NextStep) -> NextStep {
        if self.is_decided_by(number) { next } else { NextStep::Stays }
    }

    /// How the run goes on once this request is certainly not accepted: a run that is to be canceled
    /// has nothing left at the agent.
    fn if_refused(&self, number: u32, next: NextStep) -> NextStep {
        if self.follows(number) && self.state() == RunState::Canceling {
            return NextStep::NothingLeft(NothingLeft::NotQueued);
        }
        self.if_it_decides(number, next)
    }
}

impl Attempt {
    /// The row of a request that was certainly not accepted, and uses up no attempt.
    pub(crate) fn not_counted(&self, end: AttemptEnd, now: Timestamp) -> Self {
        Self { counts: false, ..refused(self, end.into(), now) }
    }

    /// True if its answer was lost, and its transfer, if there is one, was never listed: not for one
    /// that was accepted and not listed until its timeout.
    pub(crate) fn may_be_accepted_unseen(&self) -> bool {
        let is_doubtful = match self.phase {
            Phase::Uncertain => true,
            Phase::GivenUp => self.outcome == Some(Ended::Failed),
            Phase::Intent | Phase::Accepted | Phase::Refused | Phase::Closed => false,
        };
        is_doubtful && self.transfer.is_none()
    }

    /// True while the answer to its POST is outstanding, or was lost, and its transfer was not found
    /// either.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.phase, Phase::Intent | Phase::Uncertain) && self.transfer.is_none()
    }
}

/// The row of a request that was certainly not accepted.
fn refused(attempt: &Attempt, reason: Reason, now: Timestamp) -> Attempt {
    Attempt {
        phase: Phase::Refused,
        outcome: Some(Ended::Failed),
        ended_at: Some(now),
        reason,
        ..attempt.clone()
    }
}
