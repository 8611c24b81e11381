//! Queries of the past and their answers.
//!
//! Knows no SQL; the meaning of each field here holds for both stores.

use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::event::Event;
use crate::ids::{JobName, RunId};
use crate::run::{Attempt, Run, RunState};
use crate::store::HistoryPolicy;

/// The most events of one run in an answer: a run that waits for days with changing reasons must
/// not fill the caller's memory.
pub const EVENTS_MAX: usize = 10_000;

/// The most runs that are named when the beginning of an id matches several.
pub const SEVERAL_MAX: usize = 10;

/// A run and its attempts, by number.
#[derive(Clone, Debug, PartialEq)]
pub struct RunWithAttempts {
    /// The run.
    pub run: Arc<Run>,
    /// Its attempts.
    pub attempts: Vec<Arc<Attempt>>,
}

/// An event with its place among all events.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// Grows with each event that is recorded.
    pub id: u64,
    /// The job of its run.
    pub job: JobName,
    /// The event.
    pub event: Event,
}

/// The criteria for past runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only of this job.
    pub job: Option<JobName>,
    /// Only in one of these states; empty for any.
    pub states: Vec<RunState>,
    /// Only for this scheduled time, to the millisecond.
    pub scheduled_for: Option<Timestamp>,
    /// Only created at this instant or later.
    pub since: Option<Timestamp>,
    /// Only older than this run: the next page.
    pub before: Option<Older>,
    /// The most runs to return. The caller's own bound: all of them are held in memory.
    pub limit: usize,
}

/// A place in the history: right after a run, even if that run is deleted meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Older {
    /// When the run was created.
    pub created_at: Timestamp,
    /// The run.
    pub run: RunId,
}

impl Older {
    /// The place right after this run.
    pub fn than(run: &Run) -> Self {
        Self { created_at: run.created_at, run: run.id }
    }
}

/// The runs that match an id, or its beginning.
#[derive(Clone, Debug, PartialEq)]
pub enum RunMatch {
    /// No run has such an id.
    None,
    /// One run has it.
    One(Box<RunWithAttempts>),
    /// Several runs have it: the first [`SEVERAL_MAX`] of them, by id.
    Several(Vec<RunId>),
}

/// All ids that begin with a text of hexadecimal digits, with or without the hyphens; absent when
/// no id can begin so.
pub fn ids_beginning_with(text: &str) -> Option<RangeInclusive<RunId>> {
    const DIGITS: usize = 32;
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    let hexadecimal = digits.chars().all(|c| c.is_ascii_hexdigit());
    if digits.is_empty() || digits.len() > DIGITS || !hexadecimal {
        return None;
    }
    let filled = |with: &str| {
        let text = digits.clone() + &with.repeat(DIGITS - digits.len());
        u128::from_str_radix(&text, 16).ok().map(|value| RunId(Uuid::from_u128(value)))
    };
    Some(filled("0")?..=filled("f")?)
}

/// The millisecond before which a run must have ended to be older than the policy keeps.
pub fn prune_cutoff(policy: HistoryPolicy, now: Timestamp) -> i64 {
    now.checked_sub(policy.keep).unwrap_or(Timestamp::MIN).as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_stands_for_all_ids_that_start_so() {
        let id = |text: &str| RunId(text.parse().unwrap());
        let ids = ids_beginning_with("6D0F-6b").unwrap();
        assert_eq!(*ids.start(), id("6d0f6b00-0000-0000-0000-000000000000"));
        assert_eq!(*ids.end(), id("6d0f6bff-ffff-ffff-ffff-ffffffffffff"));
        let whole = id("6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01");
        assert_eq!(ids_beginning_with(&whole.to_string()), Some(whole..=whole));
        for no_beginning in ["", "-", "nightly", "6d0f6b0e-93f5-4c0b-9a56-2f6f33b27a01a", "é"] {
            assert_eq!(ids_beginning_with(no_beginning), None, "{no_beginning}");
        }
    }
}
