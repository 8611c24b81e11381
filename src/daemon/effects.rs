//! Carries out the engine's effects, as tasks whose answers come back as events.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use super::driver::Driver;
use super::event::Event;
use super::failpoint::{self, Failpoint};
use crate::core::alert::Delivery;
use crate::core::event_loop::Epoch;
use crate::core::input::{Effect, Input};
use crate::core::job::AlertChannel;
use crate::core::transfer::{CancelAnswer, LookFailure, StartAnswer, SubmitAnswer};
use futures_util::FutureExt;

/// The error of a task of ours that panicked. The loop must get an answer anyway.
const PANICKED: &str = "internal error: the request panicked";

/// A failure that names the entry: many look alike where no address is shown.
pub(super) fn naming_entry(delivery: Delivery, entry: &str) -> Delivery {
    if entry.is_empty() {
        return delivery;
    }
    let told = |words: String| format!("{words} ({entry})");
    match delivery {
        Delivery::Delivered => Delivery::Delivered,
        Delivery::Failed(words) => Delivery::Failed(told(words)),
        Delivery::Later { words, after } => Delivery::Later { words: told(words), after },
        Delivery::Refused(words) => Delivery::Refused(told(words)),
    }
}

impl Driver {
    /// Performs an effect of the engine of that epoch.
    pub(super) fn perform(&mut self, epoch: Epoch, effect: Effect) {
        let client = self.agent.client().clone();
        match effect {
            Effect::Look(request) => {
                let lost = Input::Looked(Err(LookFailure::Unusable(PANICKED.to_owned())));
                self.answer(epoch, lost, async move { Input::Looked(client.look(&request).await) });
            }
            Effect::Submit { attempt, access, request } => {
                let answer = SubmitAnswer::Uncertain(PANICKED.to_owned());
                self.answer(epoch, Input::Submitted { attempt, answer }, async move {
                    let answer = client.submit(attempt, access, &request).await;
                    Input::Submitted { attempt, answer }
                });
            }
            Effect::Cancel { transfer } => {
                let answer = CancelAnswer::NotTaken(PANICKED.to_owned());
                self.answer(epoch, Input::CancelAnswered { transfer, answer }, async move {
                    Input::CancelAnswered { transfer, answer: client.cancel(transfer).await }
                });
            }
            Effect::StartAgent => {
                let lost = StartAnswer::NotTaken(PANICKED.to_owned());
                self.answer(epoch, Input::AgentStarted(lost), async move {
                    Input::AgentStarted(client.start().await)
                });
            }
            Effect::LearnCause { attempt, query } => {
                let transfer = query.transfer;
                let lost = Input::CauseLearned { attempt, transfer, row: None };
                self.answer(epoch, lost, async move {
                    let row = client.cause(&query).await;
                    Input::CauseLearned { attempt, transfer, row }
                });
            }
            Effect::Deliver { alert, channel } => {
                let (courier, withheld) = (self.courier(), self.agent.secret_variables());
                let (id, entry) = (alert.id, self.entry_of(&channel));
                let delivery = Delivery::Failed(PANICKED.to_owned());
                self.answer(epoch, Input::Delivered { alert: id, delivery }, async move {
                    let delivery = courier.deliver(&alert, &channel, &withheld).await;
                    let delivery = naming_entry(delivery, &entry);
                    Input::Delivered { alert: id, delivery }
                });
            }
            Effect::GatherDigest { digest, jobs, after } => {
                let store = self.store.clone();
                let answer = Err(PANICKED.to_owned());
                self.answer(epoch, Input::DigestGathered { digest, after, answer }, async move {
                    let answer = super::digest::gather(&store, &jobs, after).await;
                    let answer = answer.map_err(|error| error.to_string());
                    Input::DigestGathered { digest, after, answer }
                });
            }
            Effect::Reply { to, answer } => self.reply(to, answer),
        }
    }

    /// The entries of the job file in force with this channel.
    pub(super) fn entry_of(&self, channel: &AlertChannel) -> String {
        self.in_force.settings.entries.of_channel(channel, &self.in_force.set)
    }

    /// Runs a request to the agent, or a delivery, beside the loop; returns its answer to the loop,
    /// or `lost` if it panics.
    fn answer(
        &self,
        epoch: Epoch,
        lost: Input,
        asking: impl Future<Output = Input> + Send + 'static,
    ) {
        let events = self.events.clone();
        tokio::spawn(async move {
            let input = AssertUnwindSafe(asking).catch_unwind().await.unwrap_or(lost);
            failpoint::pass(Failpoint::AfterEffect);
            // The loop is gone only when the daemon stops; then the answer is uncertain.
            let _ = events.send(Event::Answer { epoch, input });
        });
    }
}
