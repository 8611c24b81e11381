//! When a commit fails: nothing of its step is done but what needs no record, the engine is
//! thrown away, and rebuilt from the rows until they can be written again.
//!
//! Cancels need no room on the disk (protocol, rule 10): whatever is due to be cancelled is
//! cancelled at each try. Everything else waits, and is caught up by the rules of `catch_up`.

use std::collections::BTreeSet;
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

/// Trouble that comes back within this time was not over.
const CALM: SignedDuration = SignedDuration::from_secs(60);

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
    /// Since when all seems well again. Room that is gone at once was none: trouble that comes
    /// back within [`CALM`] goes on where it was.
    over_at: Option<Timestamp>,
}

impl Trouble {
    fn new(now: Timestamp) -> Self {
        let (words, delay) = (String::new(), SignedDuration::ZERO);
        Self { words, since: now, retry_at: now, delay, over_at: None }
    }

    /// Goes on, or comes back.
    fn goes_on(&mut self, words: &str, now: Timestamp) {
        let back = self.over_at.take().is_some();
        if back {
            self.since = now;
        }
        if back || self.words != words {
            tracing::error!("the state can't be recorded, so nothing is queued: {words}");
        }
        words.clone_into(&mut self.words);
        // Operators may ask in between; that does not put off the next try.
        if self.retry_at <= now {
            self.delay = (self.delay * 2).clamp(RETRY.0, RETRY.1);
            self.retry_at = now + self.delay;
        }
    }
}

impl Driver {
    /// The trouble that the database is in now.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref().filter(|trouble| trouble.over_at.is_none())
    }

    /// Deals with a step that could not be made durable.
    pub(super) fn commit_failed(&mut self, step: Step, error: &StoreError, now: Timestamp) {
        // Whatever the engine that is gone still had under way is uncertain now.
        self.epoch += 1;
        let forgotten = |t: &Trouble| t.over_at.is_some_and(|at| now.duration_since(at) > CALM);
        let mut trouble = self.trouble.take().filter(|trouble| !forgotten(trouble));
        let trouble = trouble.get_or_insert_with(|| Trouble::new(now));
        trouble.goes_on(&error.to_string(), now);
        self.trouble = Some(trouble.clone());
        let wanted = step.then.iter().filter_map(|effect| match effect {
            Effect::Cancel { transfer } => Some(*transfer),
            Effect::Look(_) | Effect::Submit { .. } | Effect::Reply { .. } => None,
        });
        let wanted: BTreeSet<_> = wanted.chain(self.engine.overdue(now)).collect();
        let canceled = !wanted.is_empty();
        for transfer in wanted {
            self.perform(Effect::Cancel { transfer });
        }
        let mut words = error.to_string();
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
        let due = self.trouble.as_ref().is_none_or(|trouble| trouble.retry_at <= now);
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
                if let Some(trouble) = &mut self.trouble {
                    let now = clock::now();
                    let lasted = now.duration_since(trouble.since);
                    tracing::warn!("the state can be recorded again, after {lasted:#.0}");
                    trouble.over_at = Some(now);
                }
                self.done(step);
            }
            Err(error) => self.commit_failed(step, &error, now),
        }
    }
}
