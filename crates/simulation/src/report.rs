//! The report of a simulation.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::check::Violation;

/// The results of one seed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Events played.
    pub steps: u64,
    /// Simulated time.
    pub simulated: SignedDuration,
    /// How often each kind of fault struck.
    pub faults: BTreeMap<String, u64>,
    /// How often each residue that the protocol names was seen, with its cause.
    pub residues: BTreeMap<&'static str, u64>,
    /// How runs ended.
    pub ends: BTreeMap<&'static str, u64>,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// The trace, if it was asked for.
    pub trace: String,
}

impl Report {
    /// Counts a fault.
    pub(super) fn count(&mut self, kind: &str, times: u64) {
        match self.faults.get_mut(kind) {
            Some(count) => *count += times,
            None if times > 0 => {
                self.faults.insert(kind.to_owned(), times);
            }
            None => {}
        }
    }

    /// Adds another seed's counts to a total.
    pub fn add(&mut self, other: &Report) {
        self.steps += other.steps;
        self.simulated = self.simulated.saturating_add(other.simulated);
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
        for (residue, count) in &other.residues {
            *self.residues.entry(residue).or_default() += count;
        }
        for (end, count) in &other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.violations.extend(other.violations.iter().cloned());
    }
}
