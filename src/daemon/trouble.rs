//! When a commit fails: nothing of its step is done but what needs no record, the engine is
//! thrown away, and rebuilt from the rows until they can be written again.
//!
//! Cancels need no room on the disk (protocol, rule 10): whatever is due to be cancelled is
//! cancelled at each try. Everything else waits, and is caught up by the rules of `catch_up`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::driver::{Driver, add, handle_all};
use crate::clock;
use crate::control::request::Refused;
use crate::core::engine::Engine;
use crate::core::input::{Effect, Input, Step};
use crate::store::StoreError;

/// First and longest delay between two tries. A full disk is emptied by people.
const RETRY: (SignedDuration, SignedDuration) =
    (SignedDuration::from_secs(1), SignedDuration::from_secs(15));

/// The database can't be written.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// What is wrong.
    pub(super) words: String,
    /// Since when.
    pub(super) since: Timestamp,
    /// When it is tried again.
    pub(super) retry_at: Timestamp,
    delay: SignedDuration,
}

impl Driver {
    /// Deals with a step that could not be made durable.
    pub(super) fn commit_failed(&mut self, step: Step, error: &StoreError, now: Timestamp) {
        // Whatever the engine that is gone still had under way is uncertain now.
        self.epoch += 1;
        let words = error.to_string();
        let first = self.trouble.is_none();
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            words: words.clone(),
            since: now,
            retry_at: now,
            delay: SignedDuration::ZERO,
        });
        if first || trouble.words != words {
            tracing::error!("the state can't be recorded, so nothing is queued: {words}");
        }
        trouble.words = words;
        trouble.delay = (trouble.delay * 2).clamp(RETRY.0, RETRY.1);
        trouble.retry_at = now + trouble.delay;
        let mut canceled = false;
        for effect in step.then {
            match effect {
                Effect::Cancel { .. } => {
                    canceled = true;
                    self.perform(effect);
                }
                Effect::Look(_) | Effect::Submit { .. } | Effect::Reply { .. } => {}
            }
        }
        let mut words = self.trouble.as_ref().map(|t| t.words.clone()).unwrap_or_default();
        if canceled {
            words.push_str("; the agent was asked to cancel all the same");
        }
        for (_, pending) in self.pending.drain() {
            pending.refuse(Refused::Unavailable(words.clone()));
        }
        self.job_file_unsettled(&words);
    }

    /// Rebuilds the engine from the rows, hands it the inputs, and tries to commit.
    pub(super) async fn mend(&mut self, inputs: Vec<Input>, now: Timestamp) {
        let due = self.trouble.as_ref().is_none_or(|t| t.retry_at <= now || t.delay == RETRY.0);
        let asked = inputs.iter().any(|input| match input {
            Input::Operator { .. } | Input::JobsReplaced(_) => true,
            Input::TimeReached
            | Input::Submitted { .. }
            | Input::Looked(_)
            | Input::CancelAnswered { .. }
            | Input::Notified
            | Input::TokenChanged
            | Input::ClockStepped { .. } => false,
        });
        if !due && !asked {
            return;
        }
        let durable = match self.store.load().await {
            Ok(durable) => durable,
            Err(error) => return self.commit_failed(Step::default(), &error, now),
        };
        let (engine, mut step) =
            Engine::recover(durable, Arc::clone(&self.set), self.host.clone(), now);
        self.epoch += 1;
        self.engine = engine;
        // Answers are to effects of engines before this one.
        let inputs = inputs.into_iter().filter(|input| match input {
            Input::Submitted { .. } | Input::Looked(_) | Input::CancelAnswered { .. } => false,
            Input::TimeReached
            | Input::JobsReplaced(_)
            | Input::Notified
            | Input::TokenChanged
            | Input::ClockStepped { .. }
            | Input::Operator { .. } => true,
        });
        add(&mut step, handle_all(&mut self.engine, inputs.collect(), now));
        let store = self.store.clone();
        let written = if step.record.is_empty() {
            store.check_writable().await
        } else {
            self.commit(step.record.clone()).await
        };
        match written {
            Ok(()) => {
                if let Some(trouble) = self.trouble.take() {
                    let lasted = clock::now().duration_since(trouble.since);
                    tracing::warn!("the state can be recorded again, after {lasted:#.0}");
                }
                self.done(step);
            }
            Err(error) => self.commit_failed(step, &error, now),
        }
    }
}
