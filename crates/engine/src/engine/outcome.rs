//! Ends: of a transfer, of an attempt, of a run; what is tried again; and what time alone brings
//! about.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Engine;
use super::state::Live;
use crate::event::Happening;
use crate::ids::{AttemptId, RunId};
use crate::input::Level;
use crate::job::Verdict;
use crate::limits::WATCH;
use crate::matching::shift;
use crate::reason::{AttemptEnd, CancelReason, NothingLeft, Reason, UnderWay};
use crate::run::{Attempt, CancelCause, CancelWish, Ended, Phase, Run, RunState, Trigger};
use crate::transfer::{Progress, TransferStatus};

/// The delay before the next attempt when `used` are used up: initial × multiplier^(used-1),
/// capped, ±10 % (contract, `retry`). The same run and attempt always get the same.
pub(super) fn retry_delay(run: &Run, used: u32) -> SignedDuration {
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

impl Engine {
    /// The agent has reported the end of a transfer of ours, and its row holds how it ended.
    pub(super) fn transfer_ended(&mut self, id: AttemptId) {
        let now = self.now;
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let Some(attempt) = live.attempts.get(&id.number) else { return };
        let status = attempt.status;
        let (outcome, reason) = judge(live, attempt, now);
        let (reason, cause) = self.with_cause(id, reason);
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let Some(attempt) = live.attempts.get(&id.number) else { return };
        // A retry after one that was seen to be over is not a double of it.
        let doubled = status == Some(TransferStatus::Completed)
            && live.attempts.values().any(|other| {
                other.id != id
                    && other.status == Some(TransferStatus::Completed)
                    && other.ended_at.is_none_or(|ended| attempt.not_before < ended)
            });
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Closed;
            attempt.outcome = Some(outcome);
            attempt.ended_at.get_or_insert(now);
            attempt.reason = reason.clone();
            attempt.cause = cause;
        });
        let number = id.number;
        let ended = Happening::TransferEnded { attempt: number, reason: reason.clone() };
        self.event(id.run, ended);
        if doubled {
            self.tell(Level::Error, id.run, format!("doubled: {}", Happening::Doubled));
            self.event(id.run, Happening::Doubled);
            self.raise_doubled(id.run);
        }
        let Some(live) = self.state.runs.get(&id.run) else { return };
        if live.run.state.is_over() {
            return;
        }
        if live.run.follows != Some(number) {
            // A second transfer that completes is the run's success, unless the first may be yet.
            let other_works = live.followed_is_at_work();
            if outcome != Ended::Succeeded || other_works {
                return;
            }
            self.change_run(id.run, |run| run.follows = Some(number));
        }
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let wish = live.run.cancel.as_ref().map(|wish| wish.cause);
        match outcome {
            Ended::Succeeded => self.end_run(id.run, RunState::Succeeded, reason),
            Ended::TimedOut => self.timed_out(id.run, reason),
            Ended::Canceled => {
                if wish.is_some() || !self.succeeds_by_another(id.run) {
                    self.end_run(id.run, RunState::Canceled, reason);
                }
            }
            Ended::Failed => match wish {
                Some(CancelCause::Operator | CancelCause::Replaced | CancelCause::Double) => {
                    self.end_run(id.run, RunState::Canceled, reason);
                }
                Some(CancelCause::Timeout | CancelCause::Stall) => {
                    self.timed_out(id.run, reason);
                }
                None => self.failed_unless_another_may_succeed(id, reason),
            },
        }
    }

    /// Ends a run as another of its attempts did that has succeeded meanwhile, where the one that it
    /// follows came to nothing. False if there is none.
    pub(super) fn succeeds_by_another(&mut self, id: RunId) -> bool {
        let Some(live) = self.state.runs.get(&id) else { return false };
        let good = live.attempts.values().find(|it| it.outcome == Some(Ended::Succeeded));
        let Some((number, reason)) = good.map(|it| (it.id.number, it.reason.clone())) else {
            return false;
        };
        self.change_run(id, |run| run.follows = Some(number));
        self.end_run(id, RunState::Succeeded, reason);
        true
    }

    /// The followed attempt failed in a way that another try can mend.
    pub(super) fn failed(&mut self, id: RunId, reason: Reason) {
        let Some(live) = self.state.runs.get(&id) else { return };
        if !live.may_try_again() || reason.outlasts_retries() {
            let attempts = live.used();
            let reason = match attempts {
                1 => reason,
                _ if reason.outlasts_retries() => reason,
                _ => Reason::AttemptsExhausted { because: Box::new(reason), attempts },
            };
            self.end_run(id, RunState::Failed, reason);
            return;
        }
        let ready_at = self.retry_after(id, self.now);
        self.back_off(id, ready_at, reason);
    }

    /// The followed attempt went past its time, and nothing of it is at work any more.
    pub(super) fn timed_out(&mut self, id: RunId, reason: Reason) {
        if self.succeeds_by_another(id) {
            return;
        }
        let Some(live) = self.state.runs.get(&id) else { return };
        if !live.run.terms.retry.on_timeout || !live.may_try_again() {
            self.end_run(id, RunState::TimedOut, reason);
            return;
        }
        let ready_at = self.retry_after(id, self.now);
        self.back_off(id, ready_at, reason);
    }

    /// Another attempt is to be made, not before `ready_at`.
    fn back_off(&mut self, id: RunId, ready_at: Timestamp, because: Reason) {
        let Some(live) = self.state.runs.get(&id) else { return };
        let reason = Reason::BackingOff {
            because: Box::new(because),
            attempt: live.used().saturating_add(1),
            of: live.run.terms.retry.max_attempts,
            at: (ready_at > self.now).then_some(ready_at),
        };
        self.change_run(id, |run| {
            run.ready_at = ready_at;
            run.cancel = None;
        });
        self.move_run(id, RunState::BackingOff, reason, Level::Warn);
    }

    /// Ends a run. Its open attempts are looked for on (protocol, rule 9).
    pub(super) fn end_run(&mut self, id: RunId, state: RunState, reason: impl Into<Reason>) {
        let (now, reason) = (self.now, reason.into());
        let Some(live) = self.state.runs.get(&id) else { return };
        if live.run.state.is_over() {
            return;
        }
        let job = live.run.job.clone();
        let follows = live.run.follows;
        let doubles: Vec<AttemptId> = live
            .attempts
            .values()
            .filter(|attempt| attempt.is_active())
            .filter(|attempt| !attempt.ambiguous || follows == Some(attempt.id.number))
            .map(|attempt| attempt.id)
            .collect();
        // Requests that are unanswered, looked for or not listed yet stay so: their own answer,
        // window and timeout settle them, and until then they hold what they hold.
        for attempt in doubles {
            let reason = CancelReason::EndOfRun.into();
            let (cause, told) = (CancelCause::Double, false);
            self.wish_cancel(attempt, CancelWish { at: now, cause, reason, told });
        }
        self.change_run(id, |run| {
            run.state = state;
            run.reason = reason.clone();
            run.ended_at = Some(now);
        });
        self.note_end(id);
        let recovers = self.mark_end(&job, id, state);
        let level = if state.is_failure() { Level::Error } else { Level::Info };
        self.say_state(id, state, reason, level);
        self.raise_end(id, recovers);
    }

    /// Gives an attempt up that was not found. It stays open and is looked for (rule 9), and
    /// keeps job and destination for as long as it might still come (rule 11).
    pub(super) fn give_up(&mut self, id: AttemptId, end: AttemptEnd) {
        let (now, reason) = (self.now, Reason::Ended(end));
        let window = self.adopt_window();
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let watch = WATCH.max(live.run.terms.timeout);
        let absent = live.sightings.get(&id.number).map(|sighting| sighting.absent_for);
        let searched = absent.unwrap_or_default() >= window;
        self.change_attempt(id, |attempt| {
            let (holds_until, outcome) = match attempt.phase {
                Phase::Accepted => {
                    let late = shift(attempt.deadline.max(now), window);
                    (if attempt.transfer.is_some() { now } else { late }, Ended::TimedOut)
                }
                Phase::Uncertain if searched => (now, Ended::Failed),
                Phase::Uncertain
                | Phase::Intent
                | Phase::GivenUp
                | Phase::Refused
                | Phase::Closed => (shift(now, window), Ended::Failed),
            };
            attempt.phase = Phase::GivenUp;
            attempt.outcome = Some(outcome);
            attempt.ended_at = Some(now);
            attempt.holds_until = Some(holds_until);
            attempt.watched_until = Some(shift(now, watch));
            attempt.reason = reason.clone();
        });
        self.event(id.run, Happening::GivenUp { attempt: id.number, reason });
    }

    /// Looks after a run: everything that time, or what was just recorded, brings about.
    pub(super) fn tend(&mut self, id: RunId) {
        let Some(live) = self.state.runs.get(&id) else { return };
        let attempts: Vec<AttemptId> = live
            .attempts
            .values()
            .filter(|attempt| attempt.phase.is_open())
            .map(|attempt| attempt.id)
            .collect();
        for attempt in attempts {
            self.tend_attempt(attempt);
        }
        self.tell_stuck(id);
        let Some(live) = self.state.runs.get(&id) else { return };
        let run = &live.run;
        match run.state {
            RunState::BackingOff if run.ready_at <= self.now => {
                self.change_run(id, |run| {
                    run.state = RunState::Waiting;
                    run.reason = Reason::NextAttempt;
                });
            }
            RunState::Waiting => self.enforce_start_within(id),
            RunState::BackingOff
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::Canceling
            | RunState::Succeeded
            | RunState::Failed
            | RunState::TimedOut
            | RunState::Canceled
            | RunState::Skipped => {}
        }
    }

    /// A run that can't be queued in time is skipped.
    fn enforce_start_within(&mut self, id: RunId) {
        let Some(live) = self.state.runs.get(&id) else { return };
        let Some(within) = live.run.terms.start_within else { return };
        if start_limit(&live.run).is_none_or(|limit| self.now < limit)
            || !live.attempts.values().all(|attempt| attempt.phase == Phase::Refused)
        {
            return;
        }
        let waited = Box::new(self.wait_reason(live));
        self.run_was_kept_waiting();
        self.end_run(id, RunState::Skipped, Reason::StartWithin { limit: within, waited });
    }

    /// What time brings about for one open attempt.
    fn tend_attempt(&mut self, id: AttemptId) {
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let Some(attempt) = live.attempts.get(&id.number) else { return };
        let absent = live.sightings.get(&id.number).map(|sighting| sighting.absent_for);
        let absent = absent.unwrap_or_default() >= self.adopt_window();
        let late = attempt.deadline <= self.now && self.contact.has_asked_about(attempt.deadline);
        let follows = live.run.follows == Some(id.number) && !live.run.state.is_over();
        // One that vanished while it was cancelled and is listed again was timed out already.
        let between_attempts = live.run.state.is_between_attempts();
        match attempt.phase {
            Phase::Uncertain if absent || late => self.not_found(id, absent),
            Phase::Accepted if attempt.transfer.is_none() => {
                if late {
                    self.never_listed(id, follows);
                }
            }
            Phase::Accepted if attempt.is_ending() => self.end_with_cause(id),
            Phase::Accepted => {
                if attempt.cancel.is_some() && absent {
                    self.vanished_while_canceling(id, follows);
                } else if !follows && late && absent {
                    // An ambiguous one, left alone to its end, which nobody will see now.
                    self.give_up(id, AttemptEnd::Vanished { canceling: false });
                } else if follows && late && live.run.cancel.is_none() && !between_attempts {
                    let end = AttemptEnd::PastTimeout { limit: live.run.terms.timeout };
                    self.cancel_run(id.run, CancelCause::Timeout, end.into());
                }
                self.send_cancel(id);
            }
            Phase::GivenUp => {
                if follows && late && live.only_hopes() {
                    let end = AttemptEnd::LostUntilTimeout { limit: live.run.terms.timeout };
                    self.end_run(id.run, RunState::Failed, end);
                }
                let over = |attempt: &Attempt| attempt.watched_until.is_some_and(|t| t <= self.now);
                if self.state.attempt(id).is_some_and(|attempt| over(attempt)) {
                    self.change_attempt(id, |attempt| attempt.phase = Phase::Closed);
                }
            }
            Phase::Intent | Phase::Uncertain | Phase::Refused | Phase::Closed => {}
        }
    }

    /// An uncertain request was looked for in vain (protocol, rule 6).
    fn not_found(&mut self, id: AttemptId, searched: bool) {
        let Some(attempt) = self.state.attempt(id).map(|attempt| Attempt::clone(attempt)) else {
            return;
        };
        let words = attempt.reason.lost_words();
        self.give_up(id, AttemptEnd::NotFound { words, searched });
        let Some(live) = self.state.runs.get(&id.run) else { return };
        if live.run.state.is_over() || live.run.follows != Some(id.number) {
            return;
        }
        if live.run.state == RunState::Canceling {
            self.end_canceling(id.run, NothingLeft::NotFound);
        } else if !searched {
            let end = AttemptEnd::UnfoundPastTimeout { limit: live.run.terms.timeout };
            self.timed_out(id.run, end.into());
        } else if attempt.own_crash {
            self.change_run(id.run, |run| run.ready_at = attempt.not_before);
            self.move_run(id.run, RunState::Waiting, Reason::SentAgain, Level::Info);
        } else if live.may_try_again() {
            let ready_at = self.retry_after(id.run, live.asked_at(&attempt)).max(self.now);
            self.back_off(id.run, ready_at, AttemptEnd::RequestLost.into());
        } else {
            self.move_run(id.run, RunState::Queued, UnderWay::LastAnswerLost, Level::Warn);
        }
    }

    /// An accepted request was never listed until its timeout (rule 7).
    fn never_listed(&mut self, id: AttemptId, follows: bool) {
        let Some(live) = self.state.runs.get(&id.run) else { return };
        let end = AttemptEnd::NeverListed { limit: live.run.terms.timeout };
        let canceling = live.run.state == RunState::Canceling;
        self.give_up(id, end.clone());
        if !follows {
            return;
        }
        if canceling {
            self.end_canceling(id.run, NothingLeft::NeverListed);
        } else {
            self.timed_out(id.run, end.into());
        }
    }

    /// A transfer that is being cancelled is not listed any more: the run ends, the id is watched.
    fn vanished_while_canceling(&mut self, id: AttemptId, follows: bool) {
        self.give_up(id, AttemptEnd::Vanished { canceling: true });
        if follows {
            self.end_canceling(id.run, NothingLeft::Gone);
        }
    }

    /// When time alone next changes something for a run.
    pub(super) fn wake_of(&self, id: RunId) -> Option<Timestamp> {
        let live = self.state.runs.get(&id)?;
        let of_run = match live.run.state {
            RunState::BackingOff => Some(live.run.ready_at),
            RunState::Waiting => start_limit(&live.run),
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
        let open = live.attempts.values().filter(|attempt| attempt.phase.is_open());
        let of_attempts = open.flat_map(|attempt| {
            let wish = attempt.cancel.as_ref();
            let stuck_at = wish.map(|wish| shift(wish.at, self.set.agent.adopt_window));
            let sighting = wish.and_then(|_| live.sightings.get(&attempt.id.number));
            let cancel_next = sighting.and_then(|sighting| sighting.cancel_next);
            let given_up = [attempt.holds_until, attempt.watched_until];
            let asked = live.asked_until(attempt.id.number);
            [Some(attempt.deadline), stuck_at, cancel_next, asked].into_iter().chain(given_up)
        });
        let times = of_attempts.chain([of_run, super::vigil::stuck_from(live)]).flatten();
        times.filter(|at| *at > self.now).min()
    }
}

/// Until when a run must have been queued. What a person asks for is late by intent: a trigger
/// counts from when it was asked for, and what repeats others waits for its turn, however long.
fn start_limit(run: &Run) -> Option<Timestamp> {
    let within = run.terms.start_within?;
    let from = match run.trigger {
        Trigger::Schedule | Trigger::CatchUp => run.scheduled_for.unwrap_or(run.created_at),
        Trigger::Manual => run.created_at,
        Trigger::Retry | Trigger::Backfill => return None,
    };
    Some(shift(from, within))
}

/// What a terminal status means for the attempt (contract, promises 4 and 5).
pub(super) fn judge(live: &Live, attempt: &Attempt, now: Timestamp) -> (Ended, Reason) {
    let run = &live.run;
    match attempt.status.unwrap_or(TransferStatus::Unknown) {
        TransferStatus::Completed => judge_completed(run, &attempt.progress),
        TransferStatus::Canceled => match &attempt.cancel {
            Some(wish) => match wish.cause {
                CancelCause::Timeout | CancelCause::Stall => {
                    // A person's wish came later, and outranks that.
                    let outranks = |wish: &&CancelWish| match wish.cause {
                        CancelCause::Operator | CancelCause::Replaced => true,
                        CancelCause::Timeout | CancelCause::Stall | CancelCause::Double => false,
                    };
                    match run.cancel.as_ref().filter(outranks) {
                        Some(later) => (Ended::Canceled, later.reason.clone()),
                        None => (Ended::TimedOut, wish.reason.clone()),
                    }
                }
                CancelCause::Operator | CancelCause::Replaced | CancelCause::Double => {
                    (Ended::Canceled, wish.reason.clone())
                }
            },
            // Our own cancel, its wish lost with a full disk, is not taken for a person's.
            None if attempt.deadline <= now => {
                let end = AttemptEnd::CanceledPastTimeout { limit: run.terms.timeout };
                (Ended::TimedOut, end.into())
            }
            None => (Ended::Canceled, CancelReason::Person.into()),
        },
        TransferStatus::Error
        | TransferStatus::Created
        | TransferStatus::Running
        | TransferStatus::Canceling
        | TransferStatus::Pausing
        | TransferStatus::Paused => (Ended::Failed, AttemptEnd::AgentError.into()),
        TransferStatus::Unknown => {
            let sighting = live.sightings.get(&attempt.id.number);
            let status = sighting.and_then(|sighting| sighting.unknown_status.clone());
            let status = status.unwrap_or_default();
            (Ended::Failed, AttemptEnd::UnknownStatus { status }.into())
        }
    }
}

/// A Completed transfer is not always a success.
fn judge_completed(run: &Run, progress: &Progress) -> (Ended, Reason) {
    let Progress { objects_total, objects_transferred, objects_failed, objects_skipped, .. } =
        *progress;
    let state = |verdict| match verdict {
        Verdict::Fail => Ended::Failed,
        Verdict::Accept => Ended::Succeeded,
    };
    let accounted =
        objects_transferred.saturating_add(objects_skipped).saturating_add(objects_failed);
    if objects_total == 0 && accounted == 0 {
        return (state(run.terms.empty), AttemptEnd::Empty.into());
    }
    // What the agent neither transferred nor skipped nor calls failed has not arrived either.
    let missing = objects_total.saturating_sub(accounted);
    let missing = if progress.objects_untold { 0 } else { missing };
    let accepted = run.terms.partial == Verdict::Accept;
    let (failed, total) = (objects_failed, objects_total);
    if missing > 0 {
        let transferred = objects_transferred;
        let end = AttemptEnd::ObjectsMissing { missing, failed, transferred, total, accepted };
        return (state(run.terms.partial), end.into());
    }
    if failed > 0 {
        let end = AttemptEnd::ObjectsFailed { failed, total, accepted };
        return (state(run.terms.partial), end.into());
    }
    let end = AttemptEnd::Completed { transferred: objects_transferred, skipped: objects_skipped };
    (Ended::Succeeded, end.into())
}
