//! Totals of several runs, in bytes and cost: the last line of `history` for people.

use std::fmt;

use super::words::{bytes, count};
use crate::control::document::RunDocument;
pub use crate::core::amount::dollars;

/// The sum over the attempts of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    runs: usize,
    objects: u64,
    bytes: u64,
    /// Absent while no attempt has a cost.
    cost_usd: Option<f64>,
    /// The runs that had a transfer, and so a cost.
    paid: usize,
    /// The runs whose transfers all report their cost.
    known: usize,
}

impl Totals {
    /// The sum over these runs. Each attempt counts with its own amounts and cost.
    pub fn of(runs: &[RunDocument]) -> Self {
        let mut totals = Self { runs: runs.len(), ..Self::default() };
        for run in runs {
            let mut transfers = run.attempts.iter().filter(|a| a.transfer_id.is_some()).peekable();
            if transfers.peek().is_some() {
                totals.paid += 1;
                totals.known += usize::from(transfers.all(|attempt| attempt.cost_usd.is_some()));
            }
        }
        for attempt in runs.iter().flat_map(|run| &run.attempts) {
            totals.objects = totals.objects.saturating_add(attempt.objects.transferred);
            totals.bytes = totals.bytes.saturating_add(attempt.bytes.transferred);
            if let Some(cost) = attempt.cost_usd {
                *totals.cost_usd.get_or_insert(0.0) += cost;
            }
        }
        totals
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = count(self.runs, "run");
        let objects = usize::try_from(self.objects).unwrap_or(usize::MAX);
        write!(f, "{runs}: {}, {}", count(objects, "object"), bytes(self.bytes))?;
        match self.cost_usd {
            Some(cost) if self.known < self.paid => {
                let (known, paid) = (self.known, count(self.paid, "run"));
                write!(f, ", {} for {known} of {paid}", dollars(cost))
            }
            Some(cost) => write!(f, ", {}", dollars(cost)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_to_the_cent_and_small_ones_are_not_nothing() {
        assert_eq!(dollars(0.0), "$0.00");
        assert_eq!(dollars(0.0004), "$0.0004");
        assert_eq!(dollars(12.345), "$12.35");
    }

    #[test]
    fn where_no_cost_is_told_none_is_summed() {
        assert_eq!(Totals::default().to_string(), "0 runs: 0 objects, 0 B");
        let cost_usd = Some(1.5);
        let totals = Totals { runs: 2, objects: 1, bytes: 1_024, cost_usd, paid: 1, known: 1 };
        assert_eq!(totals.to_string(), "2 runs: 1 object, 1.0 KiB, $1.50");
        let some = Totals { runs: 6, paid: 5, known: 3, ..totals };
        assert_eq!(some.to_string(), "6 runs: 1 object, 1.0 KiB, $1.50 for 3 of 5 runs");
    }
}
