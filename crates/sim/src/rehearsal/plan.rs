//! The plan of a rehearsal: the job set, the span of time, and how long transfers take.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::limits::{LOOKS_APART, OCCURRENCES_MAX, WORK_MAX};
use crate::world::{Chance, Endings, Span, WorldOptions};
use transferd_engine::engine::Host;
use transferd_engine::ids::JobName;
use transferd_engine::job::JobSet;

/// The duration of a job's transfers, and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Given by the user.
    Given(SignedDuration),
    /// The duration of one of these, drawn anew for each transfer. Not empty.
    Measured(Vec<SignedDuration>),
    /// A default, for lack of knowledge.
    Assumed(SignedDuration),
}

impl Pace {
    /// How long the next transfer takes.
    pub(super) fn draw(&self, chance: &mut Chance) -> SignedDuration {
        match self {
            Self::Given(duration) | Self::Assumed(duration) => *duration,
            Self::Measured(seen) if seen.is_empty() => SignedDuration::ZERO,
            Self::Measured(seen) => seen[chance.below(seen.len())],
        }
    }
}

/// The bounds of a rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Occurrences.
    pub occurrences: u64,
    /// Steps of the engine, and the waiting runs at each.
    pub work: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { occurrences: OCCURRENCES_MAX, work: WORK_MAX }
    }
}

/// A rehearsal to be played.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The job file.
    pub set: Arc<JobSet>,
    /// The machine: it decides jitter and `{hostname}`.
    pub host: Host,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// The zone in which the hours of the day are counted.
    pub zone: TimeZone,
    /// The starts of the timeline's cells, in order; the first at `from` or before.
    pub cells: Vec<Timestamp>,
    /// How long transfers take, by job.
    pub paces: BTreeMap<JobName, Pace>,
    /// How long they take for all other jobs.
    pub otherwise: Pace,
    /// The share of transfers that end in an error.
    pub fail: f64,
    /// The seed of all random choices.
    pub seed: u64,
    /// The job whose runs are kept individually; absent for all jobs.
    pub kept: Option<JobName>,
    /// Its bounds, at which it stops.
    pub bounds: Bounds,
}

impl Rehearsal {
    /// How long the transfers of a job take.
    pub fn pace(&self, job: &JobName) -> &Pace {
        self.paces.get(job).unwrap_or(&self.otherwise)
    }

    /// The agent's options: without faults, except for the share of transfers that is to fail.
    pub(super) fn world(&self) -> WorldOptions {
        WorldOptions {
            pick_up: Span::millis(500, 3_000),
            cancel_takes: Span::millis(500, 3_000),
            endings: Endings { error: self.fail, ..Endings::default() },
            ..WorldOptions::default()
        }
    }

    /// The job set as the engine gets it, with looks as rare as possible without changing the
    /// result. Progress must be seen more often than `stall_timeout` requires.
    pub(super) fn unhurried_set(&self) -> JobSet {
        let mut set = JobSet::clone(&self.set);
        let stalls = set.jobs.values().filter_map(|job| job.terms.stall_timeout);
        let apart = stalls.map(|limit| limit / 4).fold(LOOKS_APART, SignedDuration::min);
        set.agent.poll_interval = set.agent.poll_interval.max(apart);
        // Nobody is notified of events that did not happen.
        set.alerts = Vec::new();
        set
    }
}
