//! `POST /transfer/transfer` and `cancel_transfer`: their effects and answers.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use transferd_engine::ids::{TransferId, UserId};
use transferd_engine::place::TransferRequest;
use transferd_engine::transfer::{AgentState, TransferStatus};

use super::api::{Endpoint, Outcome, ProblemCode, Reply};
use super::events::Event;
use super::faults::Fault;
use super::options::Script;
use super::state::World;
use super::transfers::{By, CancelFact, Ending, Origin, Plan, SimTransfer};

/// The posts that are remembered, for checking the client; older ones are dropped.
const POSTS_MAX: usize = 200_000;
/// The requests that are remembered as likely places of foreign transfers.
const RECENT_MAX: usize = 8;

/// The result of one POST.
#[derive(Clone, Debug, PartialEq)]
pub struct PostResult {
    /// Its number: [`World::posts`] has its later fate.
    pub number: u64,
    /// The client's answer.
    pub reply: Reply<()>,
}

/// The world's record of one POST.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PostFact {
    /// When it arrived.
    pub at: Timestamp,
    /// The owner of its token, if that was good.
    pub user: Option<UserId>,
    /// The request.
    pub request: Arc<TransferRequest>,
    /// The resulting transfer.
    pub transfer: Option<TransferId>,
    /// The client's answer, in one word.
    pub outcome: String,
    /// Its fault, in one word.
    pub fault: Option<String>,
    script: Option<Script>,
}

impl World {
    /// `POST /transfer/transfer`.
    pub fn post_transfer(
        &mut self,
        token: &str,
        request: &TransferRequest,
        now: Timestamp,
    ) -> PostResult {
        self.advance(now);
        // A POST that never arrives has a number of its own, too: no other's fate is taken for its.
        let number = self.next_post;
        self.next_post += 1;
        if self.down {
            return PostResult { number, reply: Reply::now(Outcome::NotReached) };
        }
        self.revision += 1;
        let script = self.script_for(request);
        let scripted = script.as_ref().and_then(|script| script.fault);
        if let Some(fault) = scripted {
            self.count_fault(Endpoint::Post, fault);
        }
        let fault = scripted.or_else(|| self.draw_fault(Endpoint::Post));
        let verdict = self.judge_post(token, request, now);
        let mut fact = PostFact {
            at: now,
            user: verdict.as_ref().ok().copied(),
            request: Arc::new(request.clone()),
            transfer: None,
            outcome: String::new(),
            fault: fault.map(|fault| fault.word().to_owned()),
            script,
        };
        let honest = match verdict {
            Ok(user) if fault.is_none_or(Fault::acts) => {
                fact.transfer = Some(self.accept(number, &fact, user, now));
                Outcome::Answer(())
            }
            Ok(_) => Outcome::ServerError,
            Err(refusal) => refusal.map(|never| match never {}),
        };
        let reply = match fault {
            // A late one is processed in its time only if it would be accepted then.
            Some(Fault::Late(by)) => {
                self.plan(now + by, Event::LatePost { number });
                Reply::now(Outcome::Dropped)
            }
            Some(fault) => Reply { after: fault.delay(), outcome: fault.outcome(honest) },
            None => Reply::now(honest),
        };
        fact.outcome = reply.outcome.word().to_owned();
        self.posts.insert(number, fact);
        while self.posts.len() > POSTS_MAX {
            self.posts.pop_first();
        }
        PostResult { number, reply }
    }

    /// All records of past POSTs, by number.
    pub fn posts(&self) -> impl Iterator<Item = (u64, &PostFact)> {
        self.posts.iter().map(|(number, fact)| (*number, fact))
    }

    /// The record of one POST.
    pub fn post(&self, number: u64) -> Option<&PostFact> {
        self.posts.get(&number)
    }

    fn judge_post(
        &self,
        token: &str,
        request: &TransferRequest,
        now: Timestamp,
    ) -> Result<UserId, Outcome<std::convert::Infallible>> {
        let user = self.check_token(token, now)?;
        if !user.may_transfer() {
            return Err(Outcome::Problem(ProblemCode::Access));
        }
        if self.agent == AgentState::Stopped {
            return Err(Outcome::Problem(ProblemCode::Transfer));
        }
        let known = |id| self.options.accounts.iter().any(|account| account.id == id);
        let both_known = known(request.source.account) && known(request.destination.account);
        if self.options.strict_accounts && !both_known {
            return Err(Outcome::Problem(ProblemCode::NotFound));
        }
        if self.options.variants.duplicate_check && self.is_active_already(request) {
            return Err(Outcome::Problem(ProblemCode::Duplicate));
        }
        Ok(user.id)
    }

    fn is_active_already(&self, request: &TransferRequest) -> bool {
        let fingerprint = request.fingerprint();
        self.active.iter().any(|id| self.transfers[id].fingerprint == fingerprint)
    }

    pub(crate) fn process_late_post(&mut self, number: u64, now: Timestamp) {
        let Some(fact) = self.posts.get(&number).cloned() else { return };
        let Some(user) = fact.user else { return };
        if self.down {
            return;
        }
        self.count("post_processed_late");
        let transfer = self.accept(number, &fact, user, now);
        if let Some(fact) = self.posts.get_mut(&number) {
            fact.transfer = Some(transfer);
        }
    }

    /// The script that applies to this request, if any; counts it for all that name its place.
    fn script_for(&mut self, request: &TransferRequest) -> Option<Script> {
        let mut applies = None;
        for script in &mut self.options.scripts {
            if !request.destination.path.contains(&script.destination) {
                continue;
            }
            let number = script.seen;
            script.seen += 1;
            let last = script.times.map(|times| script.skip + times);
            let meant = number >= script.skip && last.is_none_or(|last| number < last);
            if meant && applies.is_none() {
                applies = Some(script.clone());
            }
        }
        applies
    }

    fn accept(&mut self, number: u64, fact: &PostFact, user: UserId, now: Timestamp) -> TransferId {
        let kind = if self.options.variants.manual_type { 8 } else { 1 };
        let mut transfer = self.draw_transfer(&fact.request, user, kind, now);
        transfer.origin = Origin::Post(number);
        if let Some(script) = &fact.script {
            let ending = script.ending.unwrap_or(transfer.plan.ending);
            self.set_ending(&mut transfer.plan, ending);
            if !script.errors.is_empty() {
                transfer.errors.clone_from(&script.errors);
            }
            if let Some(failing) = script.failing.filter(|_| ending == Ending::Partial) {
                transfer.plan.objects = transfer.plan.objects.max(failing);
                transfer.plan.failing = failing;
            }
            transfer.plan.pick_up = script.pick_up.unwrap_or(transfer.plan.pick_up);
            transfer.plan.duration = script.duration.unwrap_or(transfer.plan.duration);
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((user, Arc::clone(&fact.request)));
        self.create(transfer, now)
    }

    /// Draws a transfer's life.
    pub(crate) fn draw_transfer(
        &mut self,
        request: &Arc<TransferRequest>,
        user: UserId,
        kind: u32,
        now: Timestamp,
    ) -> SimTransfer {
        let id = TransferId(self.chance.uuid());
        let objects = self.chance.between(self.options.objects).max(1);
        let object_bytes = self.chance.between(self.options.object_bytes);
        let mut plan = Plan {
            pick_up: self.chance.span(self.options.pick_up),
            duration: self.chance.span(self.options.duration),
            ending: Ending::Completed,
            until: 1.0,
            objects,
            failing: 0,
            skipped: 0,
            bytes: objects.saturating_mul(object_bytes),
        };
        let ending = self.draw_ending();
        self.set_ending(&mut plan, ending);
        let requested_at =
            self.chance.near(now + self.options.clock_skew, self.options.date_jitter);
        SimTransfer {
            id,
            user,
            kind,
            sync_cycle: None,
            retry_batch: None,
            request: Arc::clone(request),
            fingerprint: request.fingerprint(),
            loose_fingerprint: request.loose_fingerprint(),
            accepted_at: now,
            requested_at,
            started_at: None,
            ended_at: None,
            status: TransferStatus::Created,
            listed: false,
            gone: false,
            origin: Origin::Foreign,
            cancels: Vec::new(),
            plan,
            errors: self.error_for(id),
            worked: SignedDuration::ZERO,
            working_since: None,
            waiting: None,
            due_at: None,
            turn: 0,
        }
    }

    /// Why it would fail: derived from its id, so that it takes no random values from others.
    fn error_for(&self, id: TransferId) -> Vec<String> {
        let errors = &self.options.errors;
        let (low, _) = id.0.as_u64_pair();
        let chosen = usize::try_from(low % errors.len().max(1) as u64).unwrap_or_default();
        errors.get(chosen).cloned().into_iter().collect()
    }

    fn draw_ending(&mut self) -> Ending {
        let shares = self.options.endings;
        let mut drawn = self.chance.fraction();
        for (share, ending) in [
            (shares.partial, Ending::Partial),
            (shares.empty, Ending::Empty),
            (shares.error, Ending::Error),
            (shares.stall, Ending::Stall),
            (shares.vanish, Ending::Vanish),
        ] {
            if drawn < share {
                return ending;
            }
            drawn -= share;
        }
        Ending::Completed
    }

    fn set_ending(&mut self, plan: &mut Plan, ending: Ending) {
        plan.ending = ending;
        plan.failing = 0;
        plan.until = match ending {
            Ending::Completed | Ending::Empty => 1.0,
            Ending::Partial => {
                plan.failing = 1 + self.chance.between((0, plan.objects / 3));
                1.0
            }
            Ending::Error | Ending::Stall | Ending::Vanish =>
            // Short decimals come back from JSON unchanged.
            {
                ((0.05 + 0.9 * self.chance.fraction()) * 1_000.0).round() / 1_000.0
            }
        };
    }

    /// `POST /transfer/cancel_transfer`.
    pub fn cancel(&mut self, token: &str, id: TransferId, now: Timestamp) -> Reply<()> {
        self.answer_signed_in(Endpoint::Cancel, token, now, |world, user| {
            let listed = world.transfers.get(&id).is_some_and(|found| found.listed);
            if !listed {
                return Outcome::Problem(ProblemCode::NotFound);
            }
            if world.chance.happens(world.options.faults.cancel_ignored) {
                world.count("cancel_ignored");
                return world.ignore_cancel(id, user, now);
            }
            if world.begin_cancel(id, By::Client(user), now) {
                Outcome::Answer(())
            } else {
                Outcome::Problem(ProblemCode::Transfer)
            }
        })
    }

    fn ignore_cancel(&mut self, id: TransferId, user: UserId, now: Timestamp) -> Outcome<()> {
        if let Some(transfer) = self.transfers.get_mut(&id)
            && transfer.status == TransferStatus::Running
        {
            transfer.cancels.push(CancelFact { at: now, by: By::Client(user) });
            return Outcome::Answer(());
        }
        Outcome::Problem(ProblemCode::Transfer)
    }
}
