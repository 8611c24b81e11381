//! What the engine wants done, as tasks whose answers come back as events.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use jiff::SignedDuration;

use super::driver::Driver;
use super::event::Event;
use super::failpoint::{self, Failpoint};
use crate::clock;
use crate::core::alert::Delivery;
use crate::core::input::{Effect, Input};
use crate::core::record::Record;
use crate::core::transfer::{CancelAnswer, LookFailure, SubmitAnswer};

/// Runs forgotten in one step of retention, between which commits get their turn.
const PRUNE_STEP: usize = 200;

/// Retention is looked after at most this often, when a run ends: an idle daemon has no past that
/// grows.
const PRUNE_PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// What is said of a task of ours that panicked. The loop must get an answer all the same.
const PANICKED: &str = "internal error: the request panicked";

impl Driver {
    /// Performs an effect whose step is durable.
    pub(super) fn perform(&mut self, effect: Effect) {
        let client = self.agent.client().clone();
        match effect {
            Effect::Look(request) => {
                let lost = Input::Looked(Err(LookFailure::Unusable(PANICKED.to_owned())));
                self.answer(lost, async move { Input::Looked(client.look(&request).await) });
            }
            Effect::Submit { attempt, request } => {
                let answer = SubmitAnswer::Uncertain(PANICKED.to_owned());
                self.answer(Input::Submitted { attempt, answer }, async move {
                    Input::Submitted { attempt, answer: client.submit(&request).await }
                });
            }
            Effect::Cancel { transfer } => {
                let answer = CancelAnswer::NotTaken(PANICKED.to_owned());
                self.answer(Input::CancelAnswered { transfer, answer }, async move {
                    Input::CancelAnswered { transfer, answer: client.cancel(transfer).await }
                });
            }
            Effect::Deliver { alert, channel } => {
                let (courier, withheld) = (self.courier.clone(), self.agent.secret_variables());
                let id = alert.id;
                let delivery = Delivery::Failed(PANICKED.to_owned());
                self.answer(Input::Delivered { alert: id, delivery }, async move {
                    let delivery = courier.deliver(&alert, &channel, &withheld).await;
                    Input::Delivered { alert: id, delivery }
                });
            }
            Effect::Reply { to, answer } => self.reply(to, answer),
        }
    }

    /// Runs a request to the agent, or a delivery, beside the loop; brings back its answer, or `lost` if it
    /// panics.
    fn answer(&self, lost: Input, asking: impl Future<Output = Input> + Send + 'static) {
        let (events, epoch) = (self.events.clone(), self.epoch);
        tokio::spawn(async move {
            let input = AssertUnwindSafe(asking).catch_unwind().await.unwrap_or(lost);
            failpoint::pass(Failpoint::AfterEffect);
            // The loop is gone only when the daemon stops; then the answer is uncertain.
            let _ = events.send(Event::Answer { epoch, input });
        });
    }

    /// Forgets what is too old, in small steps beside the loop, if a run has just ended.
    pub(super) fn prune_after(&mut self, record: &[Record]) {
        let ended = record.iter().any(|record| match record {
            Record::Run { run, .. } => run.state.is_over(),
            Record::Attempt(_)
            | Record::Event(_)
            | Record::Mark(_)
            | Record::Learned(_)
            | Record::AlertQueued(_)
            | Record::AlertGone(_)
            | Record::Told(_) => false,
        });
        let now = clock::now();
        let lately = self.pruned_at.is_some_and(|at| now.duration_since(at).abs() < PRUNE_PAUSE);
        if !ended || lately {
            return;
        }
        self.pruned_at = Some(now);
        let (store, policy) = (self.store.clone(), self.set.history);
        tokio::spawn(async move {
            loop {
                match store.prune(policy, now, PRUNE_STEP).await {
                    Ok(PRUNE_STEP) => {}
                    Ok(_) => return,
                    Err(error) => {
                        tracing::debug!("old runs could not be forgotten: {error}");
                        return;
                    }
                }
            }
        });
    }
}
