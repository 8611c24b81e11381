//! The causes of failed transfers, as a daemon hears them: the agent's history when it asks, and
//! frames, which anybody can send.

use transferd_engine::cause::{CauseClass, CauseQuery, FailedObject, HistoryRow};
use transferd_engine::event_loop::Epoch;
use transferd_engine::ids::{AttemptId, TransferId};
use transferd_engine::input::Input;
use transferd_engine::reason::ReasonCode;
use transferd_engine::run::Attempt;
use transferd_sim::world::{HistoryFact, HistoryPage, Outcome, World};

use super::check::Checker;
use super::daemon::Asker;
use super::mutation::Mutation;
use super::simulation::{Answer, Call, Event, Observer, Order, Simulation};

/// Frames of a flood: more than the engine keeps.
const FLOOD: usize = 200;

/// A row of the history as the engine gets it.
fn row(world: &World, fact: &HistoryFact) -> HistoryRow {
    let found = world.transfer(fact.transfer);
    HistoryRow {
        id: Some(TransferId(fact.id)),
        user: found.filter(|found| world.reports_user(found.id)).map(|found| found.user),
        places: found.map(|found| found.loose_fingerprint),
        ended_at: found.and_then(|found| found.ended_at).map(|at| world.agent_time(at)),
        message: fact.message.clone(),
    }
}

impl<O: Observer> Simulation<O> {
    /// Asks, for a daemon, why its transfer failed.
    pub(super) fn ask_why(
        &mut self,
        number: usize,
        epoch: Epoch,
        attempt: AttemptId,
        query: CauseQuery,
    ) {
        self.send(number, epoch, Call::Cause { attempt, query: Box::new(query) });
    }

    /// Handles a query for the cause of a failure that reaches the agent.
    pub(super) fn answer_cause_query(
        &mut self,
        number: usize,
        asker: Asker,
        attempt: AttemptId,
        query: &CauseQuery,
    ) {
        let page = HistoryPage { page: 1, page_size: 50, status: 20 };
        let reply = self.world.history(&self.daemons[number].token, page, self.now);
        if matches!(reply.outcome, Outcome::Stalled) {
            return;
        }
        let known = !self.world.options().variants.no_history;
        let answer = reply.outcome.answer().filter(|_| known);
        let rows: Vec<HistoryRow> = answer
            .map(|(facts, _)| facts.iter().map(|fact| row(&self.world, fact)).collect())
            .unwrap_or_default();
        let mut found = query.pick(&rows);
        if self.mutation == Some(Mutation::CausesInvented)
            && let Some(row) = &mut found
        {
            "Access Denied".clone_into(&mut row.message);
            row.certain = true;
        }
        let transfer = query.transfer;
        let input = Input::CauseLearned { attempt, transfer, row: found };
        self.reply(number, asker, reply.after, input);
    }

    /// Sends frames about objects to all listeners: true ones, and others.
    pub(super) fn send_object_frames(&mut self, number: usize) {
        if !self.chance.happens(self.hazards.frames) {
            return;
        }
        let ours: Vec<TransferId> = self.active[number].keys().copied().collect();
        if ours.is_empty() {
            return;
        }
        let id = ours[self.chance.below(ours.len())];
        let forged = |path: String| FailedObject { path, error: "Access Denied".to_owned() };
        if self.chance.happens(0.3) {
            self.send_request_frames(number, id);
            return;
        }
        let (kind, frames): (&str, Vec<(TransferId, FailedObject)>) = match self.chance.below(3) {
            0 => ("object_frames", self.true_frames(id)),
            1 => ("forged_frames", vec![(id, forged("forged.mov".to_owned()))]),
            _ => {
                let strangers = (0..FLOOD).map(|_| TransferId(self.chance.uuid()));
                let strangers: Vec<_> = strangers.collect();
                let flood = strangers.into_iter().flat_map(|stranger| [stranger, id]);
                let numbered = flood.enumerate();
                ("frames_flood", numbered.map(|(n, id)| (id, forged(n.to_string()))).collect())
            }
        };
        if frames.is_empty() {
            return;
        }
        self.count(kind);
        let asker = self.daemons[number].unasked();
        for (transfer, object) in frames {
            let input = Input::ObjectFailed { transfer, object };
            let answer = Box::new(Answer { order: Order::Any, input });
            self.schedule(self.now, Event::Answer { number, asker, answer });
        }
    }

    /// Sends frames about requests, which decide nothing: that of one that was accepted, and one of
    /// an attempt that perhaps never arrived.
    fn send_request_frames(&mut self, number: usize, id: TransferId) {
        let accepted = self.by_transfer.get(&id).map(|&post| self.posts[post].attempt);
        let open: Vec<AttemptId> = self.daemons[number].open.keys().copied().collect();
        let forged = (!open.is_empty()).then(|| open[self.chance.below(open.len())]);
        let asker = self.daemons[number].unasked();
        for (kind, attempt) in [("receipts", accepted), ("forged_receipts", forged)] {
            let Some(attempt) = attempt else { continue };
            self.count(kind);
            let answer = Box::new(Answer { order: Order::Any, input: Input::Receipt(attempt) });
            self.schedule(self.now, Event::Answer { number, asker, answer });
        }
    }

    fn true_frames(&self, id: TransferId) -> Vec<(TransferId, FailedObject)> {
        let found = self.world.transfer(id);
        let frames = found.into_iter().flat_map(|found| found.failed_frames());
        frames.map(|frame| (id, FailedObject { path: frame.path, error: frame.error })).collect()
    }

    /// Checks that a retry is called useless only if the agent's own row says so.
    pub(super) fn check_cause(&mut self, number: usize, attempt: &Attempt) {
        let class = match attempt.reason.code() {
            Some(ReasonCode::CauseAccess) => CauseClass::Access,
            Some(ReasonCode::CauseMissing) => CauseClass::Missing,
            _ => return,
        };
        let found = attempt.transfer.and_then(|id| self.world.transfer(id));
        let said = found.and_then(|found| found.message());
        if said.as_deref().map(CauseClass::of) != Some(class) {
            let id = attempt.id;
            let words = format!("{}/{} fails for good, and has not: {said:?}", id.run, id.number);
            self.violation(Checker::Truth, number, words);
        }
    }

    /// Counts of the history's variants.
    pub(super) fn counts_history(&self) -> [(&'static str, u64); 3] {
        let is = u64::from;
        [
            ("no_history", is(self.plan.agent_is(|it| it.no_history))),
            ("history_own_ids", is(self.plan.agent_is(|it| it.history_own_ids))),
            ("history_late", is(self.plan.agent_is(|it| it.history_late))),
        ]
    }
}
