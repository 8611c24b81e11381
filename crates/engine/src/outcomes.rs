//! Counts of runs by outcome.

use jiff::Timestamp;

use super::run::RunState;

/// Counts of runs by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that failed or timed out.
    pub failed: u64,
    /// Runs that were canceled.
    pub canceled: u64,
    /// Occurrences that were skipped.
    pub skipped: u64,
    /// Unfinished runs.
    pub active: u64,
}

impl Outcomes {
    /// Adds runs in a state.
    pub fn add(&mut self, state: RunState, runs: u64) {
        let count = match state {
            RunState::Succeeded => &mut self.succeeded,
            RunState::Failed | RunState::TimedOut => &mut self.failed,
            RunState::Canceled => &mut self.canceled,
            RunState::Skipped => &mut self.skipped,
            RunState::Waiting
            | RunState::Submitting
            | RunState::Queued
            | RunState::Running
            | RunState::BackingOff
            | RunState::Canceling => &mut self.active,
        };
        *count = count.saturating_add(runs);
    }

    /// The day that an instant lies in; `days` holds the start of each day and the end of the last
    /// one.
    pub fn day_of(days: &[Timestamp], at: Timestamp) -> Option<usize> {
        let begun = days.partition_point(|begin| *begin <= at);
        (begun > 0 && begun < days.len()).then(|| begun - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_with_its_first_instant_and_ends_before_the_next() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let days = [at(0), at(10), at(20)];
        let found = [-1, 0, 9, 10, 19, 20].map(|second| Outcomes::day_of(&days, at(second)));
        assert_eq!(found, [None, Some(0), Some(0), Some(1), Some(1), None]);
        assert_eq!(Outcomes::day_of(&[], at(0)), None);
    }
}
