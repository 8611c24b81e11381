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

/// How long nothing could be recorded before people are told, beyond the log.
const SILENT_MAX: SignedDuration = SignedDuration::from_mins(5);

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
    /// How often it has come. What comes and goes for hours is told the first time, the second,
    /// the fourth, and so on.
    times: u64,
    /// People were told, by what needs no database.
    pub(super) people_told: bool,
}

impl Trouble {
    fn new(now: Timestamp) -> Self {
        let (words, delay) = (String::new(), SignedDuration::ZERO);
        Self {
            words,
            since: now,
            retry_at: now,
            delay,
            over_at: None,
            times: 1,
            people_told: false,
        }
    }

    /// Goes on, or comes back; the line for the log, if that is news.
    fn goes_on(&mut self, words: &str, now: Timestamp) -> Option<String> {
        let back = self.over_at.take().is_some();
        if back {
            self.since = now;
            self.times += 1;
        }
        let news = self.words != words || (back && self.is_told());
        words.clone_into(&mut self.words);
        // Operators may ask in between; that does not put off the next try.
        if self.retry_at <= now {
            self.delay = (self.delay * 2).clamp(RETRY.0, RETRY.1);
            self.retry_at = now + self.delay;
        }
        let again = match self.times {
            1 => String::new(),
            times => format!(" ({times} times now: it comes and goes)"),
        };
        news.then(|| format!("the state can't be recorded, so nothing is queued: {words}{again}"))
    }

    /// Seems to be over; the line for the log, if it was told of.
    fn is_over(&mut self, now: Timestamp) -> Option<String> {
        self.over_at = Some(now);
        let lasted = now.duration_since(self.since);
        self.is_told().then(|| format!("the state can be recorded again, after {lasted:#.0}"))
    }

    /// True once it has not come back for so long that it will not.
    fn is_forgotten(&self, now: Timestamp) -> bool {
        self.over_at.is_some_and(|at| now.duration_since(at) > CALM)
    }

    /// True once it has lasted for so long that people are to be told.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let lasts = self.over_at.is_none() && now.duration_since(self.since) >= SILENT_MAX;
        lasts && !self.people_told
    }

    fn is_told(&self) -> bool {
        self.times.is_power_of_two()
    }
}

impl Driver {
    /// The trouble that the database is in now.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref().filter(|trouble| trouble.over_at.is_none())
    }

    /// Deals with a step that could not be made durable.
    pub(super) fn commit_failed(&mut self, step: Step, error: &StoreError, now: Timestamp) {
        self.end_if_gone(error);
        // Whatever the engine that is gone still had under way is uncertain now.
        self.epoch += 1;
        let known = self.trouble.take().filter(|trouble| !trouble.is_forgotten(now));
        let mut trouble = known.unwrap_or_else(|| Trouble::new(now));
        if let Some(line) = trouble.goes_on(&error.to_string(), now) {
            tracing::error!("{line}");
        }
        self.trouble = Some(trouble);
        self.tell_of_trouble(now);
        let wanted = step.then.iter().filter_map(|effect| match effect {
            Effect::Cancel { transfer } => Some(*transfer),
            Effect::Look(_)
            | Effect::Submit { .. }
            | Effect::StartAgent
            | Effect::LearnCause { .. }
            | Effect::Deliver { .. }
            | Effect::Reply { .. } => None,
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
            | Input::CauseLearned { .. }
            | Input::ObjectFailed { .. }
            | Input::Delivered { .. }
            | Input::AgentStarted(_)
            | Input::Receipt(_)
            | Input::Notified
            | Input::TokenChanged
            | Input::TokenEnds(_)
            | Input::JobFileJudged(_)
            | Input::ClockStepped { .. } => false,
        });
        if !due && !asked {
            return;
        }
        let durable = match self.store.load().await {
            Ok(durable) => durable,
            Err(error) => return self.commit_failed(Step::default(), &error, now),
        };
        self.tally.resume(&durable);
        let (engine, mut step) =
            Engine::recover(durable, Arc::clone(&self.set), self.host.clone(), now);
        self.epoch += 1;
        self.engine = engine;
        // Answers are to effects of engines before this one.
        let inputs = inputs.into_iter().filter(|input| match input {
            Input::Submitted { .. }
            | Input::Looked(_)
            | Input::CancelAnswered { .. }
            | Input::CauseLearned { .. }
            | Input::AgentStarted(_)
            | Input::Delivered { .. } => false,
            Input::TimeReached
            | Input::JobsReplaced(_)
            | Input::Receipt(_)
            | Input::Notified
            | Input::ObjectFailed { .. }
            | Input::TokenChanged
            | Input::TokenEnds(_)
            | Input::JobFileJudged(_)
            | Input::ClockStepped { .. }
            | Input::Operator { .. } => true,
        });
        let inputs = inputs.chain(self.standing_facts());
        add(&mut step, handle_all(&mut self.engine, inputs.collect(), now));
        let store = self.store.clone();
        let written = if step.record.is_empty() {
            store.check_writable().await
        } else {
            self.commit(step.record.clone()).await
        };
        match written {
            Ok(()) => {
                let over = self.trouble.as_mut().and_then(|trouble| trouble.is_over(clock::now()));
                if let Some(line) = over {
                    tracing::warn!("{line}");
                }
                self.done(step);
            }
            Err(error) => self.commit_failed(step, &error, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a trouble that is over at each try and back at once comes to: when each try is, in
    /// seconds from the first failure, and what the log is told.
    fn comes_and_goes(times: usize, words: impl Fn(usize) -> String) -> (Vec<i64>, Vec<String>) {
        let begin = Timestamp::UNIX_EPOCH;
        let (mut trouble, mut now) = (Trouble::new(begin), begin);
        let (mut tries, mut told) = (Vec::new(), Vec::new());
        for time in 0..times {
            told.extend(trouble.goes_on(&words(time), now));
            now = trouble.retry_at;
            tries.push(now.duration_since(begin).as_secs());
            told.extend(trouble.is_over(now));
        }
        (tries, told)
    }

    #[test]
    fn what_fails_again_after_each_mending_is_tried_less_and_less_often() {
        let (tries, _) = comes_and_goes(7, |_| "a conflict".to_owned());
        assert_eq!(tries, [1, 3, 7, 15, 30, 45, 60]);
    }

    #[test]
    fn what_comes_and_goes_for_hours_is_told_a_few_times() {
        // A conflict that stays: at each try all seems well until the same records come again.
        let (tries, told) = comes_and_goes(1_000, |_| "a conflict".to_owned());
        assert!(tries[999] > 4 * 3_600, "{} s", tries[999]);
        assert_eq!(told.len(), 20, "{told:#?}");
        assert_eq!(told[0], "the state can't be recorded, so nothing is queued: a conflict");
        assert_eq!(told[1], "the state can be recorded again, after 1s");
        assert!(told[18].ends_with("a conflict (512 times now: it comes and goes)"));
    }

    #[test]
    fn other_trouble_is_always_told() {
        let (_, told) = comes_and_goes(6, |time| format!("trouble {time}"));
        assert_eq!(told.iter().filter(|line| line.contains("trouble")).count(), 6, "{told:#?}");
    }

    #[test]
    fn people_are_told_once_of_trouble_that_has_lasted_for_five_minutes() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut trouble = Trouble::new(begin);
        trouble.goes_on("full", begin);
        assert!(!trouble.is_due(begin + SILENT_MAX - SignedDuration::from_secs(1)));
        assert!(trouble.is_due(begin + SILENT_MAX));
        trouble.people_told = true;
        assert!(!trouble.is_due(begin + SILENT_MAX * 2));
        let mut over = Trouble::new(begin);
        over.is_over(begin);
        assert!(!over.is_due(begin + SILENT_MAX));
    }

    #[test]
    fn trouble_that_stays_away_is_forgotten() {
        let begin = Timestamp::UNIX_EPOCH;
        let mut trouble = Trouble::new(begin);
        trouble.goes_on("full", begin);
        assert!(!trouble.is_forgotten(begin + CALM * 9), "it is not over");
        trouble.is_over(begin);
        assert!(!trouble.is_forgotten(begin + CALM));
        assert!(trouble.is_forgotten(begin + CALM + SignedDuration::from_secs(1)));
    }
}
