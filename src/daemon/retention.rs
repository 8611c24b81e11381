//! Decides when old rows are deleted, and by which clock.
//!
//! A clock that is wrong for a moment must not delete years of history. Age is judged only by a
//! clock that has proven itself: it goes on from the newest row, or the daemon has run by it for a
//! day. Until then rows are deleted only for being too many, not for being too old.

use jiff::{SignedDuration, Timestamp};

use super::driver::Driver;
use crate::clock;
use crate::core::record::Record;
use crate::core::store::HistoryPolicy;
use crate::store::query::HistoryQuery;

/// Runs deleted in one step of retention, between which commits get their turn.
const STEP: usize = 64;

/// The least time between two rounds of retention, made when a run ends: an idle daemon has no past
/// that grows.
const PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// How much of `max_runs` may end before that time is over: as many runs stand above it then. A
/// round counts all rows, so that each run that ends pays for few.
const PART: u64 = 10;

/// Steps of one round, so that at most ten thousand runs are deleted before the log says so and
/// there is time for somebody to notice.
const STEPS_MAX: usize = 160;

/// A clock that is ahead of the newest row, or was set forward, by more than this is not trusted at
/// first; and it takes as long until it is.
const DOUBT: SignedDuration = SignedDuration::from_hours(24);

/// The state of the clock by which age is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    /// The time since boot from which it is trusted.
    trusted_from: SignedDuration,
    /// When retention was last done.
    last: Option<Timestamp>,
    /// The runs that have ended since.
    ended: u64,
}

impl Retention {
    /// At a start: `newest` is the time of the newest row.
    pub(super) fn new(
        newest: Option<Timestamp>,
        now: Timestamp,
        since_boot: SignedDuration,
    ) -> Self {
        let mut retention = Self { trusted_from: SignedDuration::ZERO, last: None, ended: 0 };
        if newest.is_some_and(|newest| now.duration_since(newest).abs() > DOUBT) {
            retention.doubt(since_boot);
        }
        retention
    }

    /// Follows a step of the clock.
    pub(super) fn clock_stepped(&mut self, by: SignedDuration, since_boot: SignedDuration) {
        self.last = None;
        if by.abs() > DOUBT {
            self.doubt(since_boot);
        }
    }

    fn doubt(&mut self, since_boot: SignedDuration) {
        self.trusted_from = since_boot + DOUBT;
        tracing::info!(
            "the clock is more than a day away from what was recorded last: no run is forgotten \
             for its age for a day"
        );
    }

    /// Counts runs that have ended; true if it is time for a round now.
    fn count_ended(&mut self, ended: usize, max_runs: u64, now: Timestamp) -> bool {
        self.ended += ended as u64;
        let is_over = |last| now.duration_since(last).abs() >= PAUSE;
        ended > 0 && (self.last.is_none_or(is_over) || self.ended >= (max_runs / PART).max(1))
    }

    /// The policy that applies now.
    fn policy(&self, policy: HistoryPolicy, since_boot: SignedDuration) -> HistoryPolicy {
        let trusted = self.trusted_from <= since_boot;
        let keep = if trusted { policy.keep } else { SignedDuration::MAX };
        HistoryPolicy { keep, ..policy }
    }
}

/// The query for the newest row.
pub(super) fn newest() -> HistoryQuery {
    HistoryQuery { limit: 1, ..HistoryQuery::default() }
}

impl Driver {
    /// Deletes old runs, if enough have just ended.
    pub(super) fn prune_after(&mut self, record: &[Record]) {
        let ended = record.iter().filter(|record| match record {
            Record::Run { run, .. } => run.state.is_over(),
            Record::Attempt(_)
            | Record::Event(_)
            | Record::Job(_)
            | Record::AgentFacts(_)
            | Record::AlertQueued(_)
            | Record::AlertGone(_)
            | Record::PauseOfAll(_)
            | Record::Reported(_) => false,
        });
        let max_runs = self.in_force.settings.history.max_runs;
        if self.retention.count_ended(ended.count(), max_runs, clock::now()) {
            self.prune();
        }
    }

    /// Deletes runs that are too old or too many, in small steps beside the loop: at a start and
    /// after a change of `history`, too.
    pub(super) fn prune(&mut self) {
        let now = clock::now();
        self.retention.last = Some(now);
        self.retention.ended = 0;
        let policy = self.retention.policy(self.in_force.settings.history, clock::since_boot());
        let store = self.store.clone();
        tokio::spawn(async move {
            let mut forgotten = 0;
            for _ in 0..STEPS_MAX {
                match store.prune(policy, now, STEP).await {
                    Ok(some) => {
                        forgotten += some;
                        if some < STEP {
                            break;
                        }
                    }
                    Err(error) => {
                        tracing::debug!("old runs could not be forgotten: {error}");
                        break;
                    }
                }
            }
            if forgotten > 0 {
                tracing::info!("{forgotten} old runs were forgotten, as `history:` says");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * n)
    }

    /// Whether age counts, this many hours after the start.
    fn judges_age(retention: Retention, hours: i64) -> bool {
        let policy = HistoryPolicy::default();
        retention.policy(policy, SignedDuration::from_hours(hours)).keep == policy.keep
    }

    #[test]
    fn a_clock_that_goes_on_from_the_newest_row_is_believed() {
        for newest in [None, Some(day(100)), Some(day(99))] {
            assert!(judges_age(Retention::new(newest, day(100), SignedDuration::ZERO), 0));
        }
    }

    #[test]
    fn a_clock_that_is_days_ahead_or_behind_is_believed_after_a_day() {
        for newest in [day(0), day(300)] {
            let retention = Retention::new(Some(newest), day(100), SignedDuration::ZERO);
            assert!(!judges_age(retention, 0) && !judges_age(retention, 23));
            assert!(judges_age(retention, 24));
        }
    }

    #[test]
    fn a_round_is_due_in_time_or_once_a_part_of_the_most_runs_has_ended() {
        let mut retention = Retention::new(None, day(100), SignedDuration::ZERO);
        let later = |minutes| day(100) + SignedDuration::from_mins(minutes);
        assert!(!retention.count_ended(0, 2, later(0)) && retention.count_ended(1, 2, later(0)));
        let rounds = |max_runs, minutes| {
            let mut retention = Retention { last: Some(later(0)), ended: 0, ..retention };
            (1..=30).find(|_| retention.count_ended(1, max_runs, later(minutes)))
        };
        assert_eq!((rounds(3, 1), rounds(200, 1), rounds(100_000, 1)), (Some(1), Some(20), None));
        assert_eq!(rounds(100_000, 10), Some(1));
    }

    #[test]
    fn a_leap_of_the_clock_is_doubted_and_a_step_is_not() {
        let mut retention = Retention::new(None, day(100), SignedDuration::ZERO);
        retention.clock_stepped(SignedDuration::from_hours(2), SignedDuration::from_hours(5));
        assert!(judges_age(retention, 5));
        retention.clock_stepped(SignedDuration::from_hours(48), SignedDuration::from_hours(6));
        assert!(!judges_age(retention, 29));
        assert!(judges_age(retention, 30));
    }
}
