//! Submits an attempt: the intent before its POST, and the answer to it.
//!
//! Every answer says one of three things: accepted, certainly not accepted, or perhaps (protocol,
//! rule 2).

use std::sync::Arc;

use super::Engine;
use super::agent_link::Trouble;
use super::looks::Fresh;
use crate::event::Happening;
use crate::ids::{AttemptId, RunId, TransferId};
use crate::input::{Effect, Level};
use crate::limits::LATE_PROCESSING;
use crate::matching::shift;
use crate::reason::{AttemptEnd, NothingLeft, Reason, UnderWay, WaitReason};
use crate::record::Record;
use crate::run::{Attempt, Ended, Phase, RunState, Sighting};
use crate::transfer::{Progress, Refusal, SubmitAnswer};

impl Engine {
    /// Records the intent to queue a run's transfer, and asks for the POST.
    pub(super) fn submit(&mut self, id: RunId, ground: &Fresh) {
        let machine = self.state.run(id);
        let request = machine.row().request.clone();
        let fingerprint = machine.fingerprint();
        let number = machine.next_number();
        let attempt = AttemptId { run: id, number };
        let row = Attempt {
            id: attempt,
            counts: true,
            fingerprint,
            user: ground.user(),
            baseline: ground.listed(fingerprint),
            not_before: self.now,
            not_after: None,
            offset_ms: ground.offset_ms(),
            slack_ms: (ground.offset_ms().min(0), ground.offset_ms().max(0)),
            phase: Phase::Intent,
            own_crash: false,
            reason: UnderWay::Asking { attempt: number }.into(),
            transfer: None,
            ambiguous: false,
            deadline: shift(self.now, machine.terms().timeout),
            status: None,
            progress: Progress::default(),
            moved_at: self.now,
            listed_at: None,
            cancel: None,
            outcome: None,
            ended_at: None,
            finished_at: None,
            cause: None,
            holds_until: None,
            watched_until: None,
        };
        self.record(Record::Attempt(Arc::new(row)));
        let before = ground.before(&request);
        *self.state.sighting(attempt) = Sighting::of_request(before);
        let asking = Reason::UnderWay(UnderWay::Asking { attempt: number });
        self.change_run(id, |run| {
            run.state = RunState::Submitting;
            run.follows = Some(number);
            run.reason = asking.clone();
        });
        let what = Happening::State { state: RunState::Submitting, reason: asking };
        let event = Some(what.kind());
        self.event(id, what);
        let (from, to) = (self.named(&request.source), self.named(&request.destination));
        let text = format!("submitting: attempt {number}, from {from} to {to}");
        self.tell(Level::Info, id, event, text);
        self.then(Effect::Submit { attempt, request });
    }

    /// Takes in the answer to a POST. One that comes after we gave up waiting still counts.
    pub(super) fn submitted(&mut self, id: AttemptId, answer: SubmitAnswer) {
        // It may come so late that its run was dropped from memory.
        let Some(attempt) = self.state.find_attempt(id) else { return };
        if !matches!(attempt.phase, Phase::Intent | Phase::Uncertain) || attempt.transfer.is_some()
        {
            return;
        }
        let lost_before = attempt.phase == Phase::Uncertain;
        match answer {
            // Nothing new; above all it does not show that the request was processed any later.
            SubmitAnswer::Uncertain(_) | SubmitAnswer::Unclear(_) if lost_before => {}
            SubmitAnswer::Accepted => self.accepted(id),
            SubmitAnswer::Uncertain(words) => self.uncertain(id, UnderWay::AnswerLost { words }),
            SubmitAnswer::Unclear(answer) => {
                self.uncertain(id, UnderWay::UnclearAnswer { answer });
            }
            SubmitAnswer::Refused(Refusal::NotSent(words)) => {
                let end = AttemptEnd::NotSent { words: words.clone() };
                self.not_taken(id, end, WaitReason::Agent { words: words.clone() });
                self.agent_link.was_not_reached();
                self.trouble_is(Trouble::Away(words));
            }
            SubmitAnswer::Refused(Refusal::BadToken(words)) => {
                let end = AttemptEnd::TokenRefused { words: words.clone() };
                self.not_taken(id, end, WaitReason::Token { words: words.clone() });
                self.agent_link.refused_token();
                self.token_was_refused();
                self.trouble_is(Trouble::BadToken(words));
            }
            SubmitAnswer::Refused(Refusal::Final(words)) => self.refused(id, words),
            SubmitAnswer::Refused(Refusal::Duplicate(words)) => self.duplicate(id, words),
        }
    }

    /// Notes a frame that says the agent has carried the request out (protocol, rule 14). It
    /// decides nothing, and causes a look at once.
    pub(super) fn receipt(&mut self, id: AttemptId) {
        let is_open = self.state.find_attempt(id).is_some_and(|attempt| attempt.phase.is_open());
        // Any local process can repeat it.
        if is_open && self.state.sighting(id).is_first_receipt() {
            self.event(id.run, Happening::Receipt { attempt: id.number });
            self.looks.hint();
        }
    }

    /// Handles an accepted request.
    fn accepted(&mut self, id: AttemptId) {
        let now = self.now;
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Accepted;
            attempt.not_after = Some(attempt.not_after.map_or(now, |at| at.max(now)));
            attempt.reason = UnderWay::Accepted.into();
        });
        self.event(id.run, Happening::Accepted { attempt: id.number });
        if self.decides(id) {
            // The event before it names the attempt, and the one behind it its transfer.
            self.move_run(id.run, RunState::Queued, UnderWay::Accepted, Level::Debug);
        }
    }

    /// Handles an uncertain answer: the request may have been accepted, which only a look can
    /// settle.
    fn uncertain(&mut self, id: AttemptId, why: UnderWay) {
        let late = self.set.agent.request_timeout + LATE_PROCESSING;
        let now = self.now;
        let reason = Reason::UnderWay(why);
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Uncertain;
            attempt.not_after = Some(shift(attempt.not_before, late).max(now));
            attempt.reason = reason.clone();
        });
        let (attempt, lost) = (id.number, reason.clone());
        self.event(id.run, Happening::Uncertain { attempt, reason: lost });
        if self.decides(id) {
            self.move_run(id.run, RunState::Queued, reason, Level::Warn);
        }
    }

    /// Handles a request that was certainly not accepted, for a reason beyond the run: it waits on.
    fn not_taken(&mut self, id: AttemptId, end: AttemptEnd, wait: WaitReason) {
        self.is_not_counted(id, end);
        if !self.ends_by_wish(id) && self.decides(id) {
            self.move_run(id.run, RunState::Waiting, wait, Level::Debug);
        }
    }

    /// It was certainly not taken, and uses up no attempt.
    fn is_not_counted(&mut self, id: AttemptId, end: AttemptEnd) {
        let now = self.now;
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Refused;
            attempt.counts = false;
            attempt.outcome = Some(Ended::Failed);
            attempt.ended_at = Some(now);
            attempt.reason = end.into();
        });
    }

    /// Handles a refusal that another try would only repeat.
    fn refused(&mut self, id: AttemptId, words: String) {
        let now = self.now;
        let reason = Reason::Ended(AttemptEnd::Refused { words: words.clone() });
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Refused;
            attempt.outcome = Some(Ended::Failed);
            attempt.ended_at = Some(now);
            attempt.reason = reason.clone();
        });
        self.event(id.run, Happening::Refused { attempt: id.number, words });
        if !self.ends_by_wish(id) && self.decides(id) {
            self.end_run(id.run, RunState::Failed, reason);
        }
    }

    /// "It is there already": the lost 200 of an earlier request for the same transfer
    /// (protocol, rule 2).
    fn duplicate(&mut self, id: AttemptId, words: String) {
        let Some(earlier) = self.lost_before(id) else {
            match self.turned_up_since(id) {
                Some(run) => self.waits_for_another(id, run, words),
                None => self.refused(id, words),
            }
            return;
        };
        if earlier.run == id.run {
            self.is_not_counted(id, AttemptEnd::Refused { words: words.clone() });
            self.change_run(id.run, |run| {
                if run.follows == Some(id.number) {
                    run.follows = Some(earlier.number);
                }
            });
        } else {
            self.waits_for_another(id, earlier.run, words.clone());
        }
        self.accepted_after_all(earlier, words);
    }

    /// It was refused for a transfer of another run: it is sent again when that is over.
    fn waits_for_another(&mut self, id: AttemptId, other: RunId, words: String) {
        let job = Some(self.state.run(other).row().job.clone());
        self.not_taken(
            id,
            AttemptEnd::Refused { words },
            WaitReason::Identical { run: other, job },
        );
    }

    /// The request whose lost 200 a DUPLICATE tells of, if there is one that can be: of the same run
    /// rather than of another, the last one rather than an earlier. There is none if the look before
    /// has shown what the agent can have meant: for one of the same run a transfer of ours.
    fn lost_before(&self, id: AttemptId) -> Option<AttemptId> {
        let machine = self.state.run(id.run);
        let before = machine.sighting(id.number).and_then(Sighting::before);
        let of_others = before.is_some_and(|before| !before.active);
        let mut at_work = self.at_work_like(id);
        let of_own =
            !at_work.any(|(_, it)| before.is_some_and(|before| before.shown.contains(&it)));
        let is_lost = |other: &&Arc<Attempt>| {
            // One that was accepted, and never listed until its timeout, is not a question.
            let doubtful = match other.phase {
                Phase::Uncertain => true,
                Phase::GivenUp => other.outcome == Some(Ended::Failed),
                Phase::Intent | Phase::Accepted | Phase::Refused | Phase::Closed => false,
            };
            let may_be = if other.id.run == id.run { of_own } else { of_others };
            other.id != id && doubtful && other.transfer.is_none() && may_be
        };
        let lost = self.state.open_like(self.state.attempt(id).fingerprint).filter(is_lost);
        let last = lost.max_by_key(|it| (it.id.run == id.run, it.not_before, it.id.number))?;
        Some(last.id)
    }

    /// The run whose transfer is like this request, is at work, and has turned up since the look that
    /// the request stands on.
    fn turned_up_since(&self, id: AttemptId) -> Option<RunId> {
        let machine = self.state.run(id.run);
        let before = machine.sighting(id.number).and_then(Sighting::before)?;
        let mut at_work = self.at_work_like(id);
        at_work.find(|(_, transfer)| !before.shown.contains(transfer)).map(|(run, _)| run)
    }

    /// The transfers of other runs that are like an attempt's, and at work.
    fn at_work_like(&self, id: AttemptId) -> impl Iterator<Item = (RunId, TransferId)> {
        let alike = self.state.open_like(self.state.attempt(id).fingerprint);
        let others = alike.filter(move |other| other.id.run != id.run);
        others.filter_map(|other| Some((other.id.run, other.active_transfer()?)))
    }

    /// A request whose answer was lost had been accepted: its transfer is waited for from now on, by
    /// its run too unless that is over, or follows another one.
    fn accepted_after_all(&mut self, id: AttemptId, words: String) {
        let what = UnderWay::AcceptedAfterAll { attempt: id.number, words: words.clone() };
        let reason = Reason::UnderWay(what);
        self.change_attempt(id, |attempt| {
            attempt.phase = Phase::Accepted;
            attempt.outcome = None;
            attempt.ended_at = None;
            attempt.holds_until = None;
            attempt.watched_until = None;
            attempt.reason = reason.clone();
        });
        self.event(id.run, Happening::AcceptedAfterAll { attempt: id.number, words });
        if self.state.run(id.run).state().is_between_attempts() {
            self.change_run(id.run, |run| run.follows = Some(id.number));
        }
        if self.decides(id) {
            self.move_run(id.run, RunState::Queued, reason, Level::Info);
        }
    }

    /// True when the attempt decides about its run: the run follows it, is not over, and nobody
    /// wishes it canceled.
    pub(super) fn decides(&self, id: AttemptId) -> bool {
        self.state.run(id.run).is_decided_by(id.number)
    }

    /// Ends the run of a failed attempt, if it is to be canceled.
    fn ends_by_wish(&mut self, id: AttemptId) -> bool {
        let machine = self.state.run(id.run);
        if machine.state() != RunState::Canceling || machine.row().follows != Some(id.number) {
            return false;
        }
        self.end_canceling(id.run, NothingLeft::NotQueued);
        true
    }
}
