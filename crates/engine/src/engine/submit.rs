//! Submits: records what the run's machine says of a request and its answer, and finds the request
//! of which a DUPLICATE tells.

use std::sync::Arc;

use super::Engine;
use super::agent_link::Unavailable;
use super::looks::Baseline;
use crate::event::Happening;
use crate::ids::{AttemptId, RunId, TransferId};
use crate::input::{Effect, Level};
use crate::limits::LATE_PROCESSING;
use crate::reason::{AttemptEnd, Reason, UnderWay, WaitReason};
use crate::record::Record;
use crate::run::{Attempt, IntentFacts, Observations, Phase, RunState};
use crate::transfer::{Refusal, SubmitAnswer};

impl Engine {
    /// Records the intent to queue a run's transfer, and asks for the POST.
    pub(super) fn submit(&mut self, id: RunId, baseline: &Baseline) {
        let machine = self.state.run(id);
        let request = machine.row().request.clone();
        let facts = IntentFacts {
            user: baseline.user(),
            baseline: baseline.listed(machine.fingerprint()),
            exclusive: self.set.agent.exclusive_user,
            offset_ms: baseline.offset_ms(),
        };
        let row = machine.intent(facts, self.now);
        let attempt = row.id;
        self.record(Record::Attempt(Arc::new(row)));
        let before = baseline.before(&request);
        *self.state.observations(attempt) = Observations::of_request(before);
        let number = attempt.number;
        let asking = Reason::UnderWay(UnderWay::Asking { attempt: number });
        self.change_run(id, |run| {
            run.state = RunState::Submitting;
            run.follows = Some(number);
            run.reason = asking.clone();
        });
        let what = Happening::State { state: RunState::Submitting, reason: asking };
        let (from, to) = (self.named(&request.source), self.named(&request.destination));
        let text = format!("submitting: attempt {number}, from {from} to {to}");
        self.report_as(Level::Info, id, what, text);
        self.then(Effect::Submit { attempt, access: baseline.access(), request });
    }

    /// Takes in the answer to a POST. One that comes after we gave up waiting still counts.
    pub(super) fn on_submitted(&mut self, id: AttemptId, answer: SubmitAnswer) {
        // It may come so late that its run was dropped from memory.
        let Some(attempt) = self.state.find_attempt(id) else { return };
        if !attempt.is_unanswered() {
            return;
        }
        let (machine, now) = (self.state.run(id.run), self.now);
        let late = self.set.agent.request_timeout + LATE_PROCESSING;
        match answer {
            // Nothing new; above all it does not show that the request was processed any later.
            SubmitAnswer::Uncertain(_) | SubmitAnswer::Unclear(_)
                if attempt.phase == Phase::Uncertain => {}
            SubmitAnswer::Accepted => self.apply_change(machine.on_accepted(attempt, now)),
            SubmitAnswer::Uncertain(words) => {
                let why = UnderWay::AnswerLost { words };
                self.apply_change(machine.on_uncertain(attempt, why, late, now));
            }
            SubmitAnswer::Unclear(answer) => {
                let why = UnderWay::UnclearAnswer { answer };
                self.apply_change(machine.on_uncertain(attempt, why, late, now));
            }
            SubmitAnswer::Refused(Refusal::NotSent(words)) => {
                let end = AttemptEnd::NotSent { words: words.clone() };
                let wait = WaitReason::Agent { words: words.clone() };
                self.apply_change(machine.on_not_taken(attempt, end, wait, now));
                self.agent_link.set_not_reached();
                self.set_unavailable(Unavailable::Away(words));
            }
            SubmitAnswer::Refused(Refusal::OtherAccess) => {
                let words = "the agent or its token was changed after the list was read";
                let end = AttemptEnd::NotSent { words: words.to_owned() };
                self.apply_change(machine.on_not_taken(attempt, end, WaitReason::List, now));
                self.looks.drop_baseline();
            }
            SubmitAnswer::Refused(Refusal::BadToken(words)) => {
                let end = AttemptEnd::TokenRefused { words: words.clone() };
                let wait = WaitReason::Token { words: words.clone() };
                self.apply_change(machine.on_not_taken(attempt, end, wait, now));
                self.agent_link.refused_token();
                self.token_was_refused();
                self.set_unavailable(Unavailable::BadToken(words));
            }
            SubmitAnswer::Refused(Refusal::Final(words)) => {
                self.apply_change(machine.on_refused(attempt, words, now));
            }
            SubmitAnswer::Refused(Refusal::Duplicate(words)) => self.duplicate(id, words),
        }
    }

    /// Notes a frame that says the agent has carried the request out (protocol, rule 14). It
    /// decides nothing, and causes a look at once.
    pub(super) fn on_receipt(&mut self, id: AttemptId) {
        let is_open = self.state.find_attempt(id).is_some_and(|attempt| attempt.phase.is_open());
        // Any local process can repeat it.
        if is_open && self.state.observations(id).note_receipt() {
            self.record_event(id.run, Happening::Receipt { attempt: id.number });
            self.looks.hint();
        }
    }

    /// "It is there already": the lost 200 of an earlier request for the same transfer
    /// (protocol, rule 2).
    fn duplicate(&mut self, id: AttemptId, words: String) {
        let Some(earlier) = self.lost_before(id) else {
            match self.turned_up_since(id) {
                Some(run) => self.wait_for_another(id, run, words),
                None => {
                    let machine = self.state.run(id.run);
                    let change = machine.on_refused(self.state.attempt(id), words, self.now);
                    self.apply_change(change);
                }
            }
            return;
        };
        if earlier.run == id.run {
            let end = AttemptEnd::Refused { words: words.clone() };
            let row = self.state.attempt(id).not_counted(end, self.now);
            self.put_attempt(row);
            self.change_run(id.run, |run| {
                if run.follows == Some(id.number) {
                    run.follows = Some(earlier.number);
                }
            });
        } else {
            self.wait_for_another(id, earlier.run, words.clone());
        }
        let machine = self.state.run(earlier.run);
        let change = machine.on_accepted_after_all(self.state.attempt(earlier), words);
        self.apply_change(change);
    }

    /// It was refused for a transfer of another run: it is sent again when that is over.
    fn wait_for_another(&mut self, id: AttemptId, other: RunId, words: String) {
        let job = Some(self.state.run(other).row().job.clone());
        let wait = WaitReason::Identical { run: other, job };
        let end = AttemptEnd::Refused { words };
        let machine = self.state.run(id.run);
        let change = machine.on_not_taken(self.state.attempt(id), end, wait, self.now);
        self.apply_change(change);
    }

    /// The request whose lost 200 a DUPLICATE tells of, if there is one that can be: of the same run
    /// rather than of another, the last one rather than an earlier. There is none if the look before
    /// has shown what the agent can have meant: for one of the same run a transfer of ours.
    fn lost_before(&self, id: AttemptId) -> Option<AttemptId> {
        let machine = self.state.run(id.run);
        let before = machine.observations(id.number).and_then(Observations::before);
        let of_others = before.is_some_and(|before| !before.active);
        let mut at_work = self.at_work_like(id);
        let of_own =
            !at_work.any(|(_, it)| before.is_some_and(|before| before.shown.contains(&it)));
        let is_lost = |other: &&Arc<Attempt>| {
            let may_be = if other.id.run == id.run { of_own } else { of_others };
            // A run that has succeeded has nothing at work: DUPLICATE means somebody else's transfer.
            let may_be = may_be && self.state.run(other.id.run).state() != RunState::Succeeded;
            other.id != id && may_be && other.may_be_accepted_unseen()
        };
        let lost = self.state.open_like(self.state.attempt(id).fingerprint).filter(is_lost);
        let last = lost.max_by_key(|it| (it.id.run == id.run, it.not_before, it.id.number))?;
        Some(last.id)
    }

    /// The run whose transfer is like this request, is at work, and has turned up since the look that
    /// the request stands on.
    fn turned_up_since(&self, id: AttemptId) -> Option<RunId> {
        let machine = self.state.run(id.run);
        let before = machine.observations(id.number).and_then(Observations::before)?;
        let mut at_work = self.at_work_like(id);
        at_work.find(|(_, transfer)| !before.shown.contains(transfer)).map(|(run, _)| run)
    }

    /// The transfers of other runs that are like an attempt's, and at work.
    fn at_work_like(&self, id: AttemptId) -> impl Iterator<Item = (RunId, TransferId)> {
        let alike = self.state.open_like(self.state.attempt(id).fingerprint);
        let others = alike.filter(move |other| other.id.run != id.run);
        others.filter_map(|other| Some((other.id.run, other.active_transfer()?)))
    }

    /// True when the attempt decides about its run: the run follows it, is not over, and nobody
    /// has asked to cancel it.
    pub(super) fn decides(&self, id: AttemptId) -> bool {
        self.state.run(id.run).is_decided_by(id.number)
    }
}
