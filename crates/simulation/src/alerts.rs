//! The checker of alerts: each is recorded once, in the commit of what it reports.
//!
//! Deliveries are not simulated, as nothing of a run depends on them: each stays under way until
//! its daemon dies. Keeps true: checking alerts draws no random values, so that seeds are what they
//! were without it.

use std::collections::BTreeMap;

use transferd_engine::alert::Occasion;
use transferd_engine::ids::RunId;
use transferd_engine::job::{Alert, AlertChannel, AlertEvent};
use transferd_engine::record::Record;
use transferd_engine::run::RunState;

use super::check::Checker;
use super::simulation::{Observer, Simulation};

/// The entry in every simulated job file: it is notified of each end.
pub(super) fn entry() -> Alert {
    let on = vec![
        AlertEvent::Succeeded,
        AlertEvent::Failed,
        AlertEvent::TimedOut,
        AlertEvent::Canceled,
        AlertEvent::Skipped,
    ];
    let channel = AlertChannel::Command(vec!["tell".to_owned()]);
    Alert { on, jobs: Vec::new(), channel }
}

impl<O: Observer> Simulation<O> {
    /// Checks that each run that ends in this commit is reported in it, once, and nothing else is.
    pub(super) fn check_alerts(&mut self, number: usize, records: &[Record]) {
        // A job file from outside has entries of its own, or none.
        if self.plan.daemons[number].set.alerts != [entry()] {
            return;
        }
        let mut untold: BTreeMap<RunId, RunState> = BTreeMap::new();
        for record in records {
            if let Record::Run { was, run } = record
                && run.state.is_over()
                && was.is_none_or(|was| !was.is_over())
            {
                untold.insert(run.id, run.state);
            }
        }
        for record in records {
            let Record::AlertQueued(alert) = record else { continue };
            let ended = alert.run.and_then(|run| untold.remove(&run));
            let told = match alert.occasion {
                Occasion::Event(event) => event.word(),
                Occasion::Started | Occasion::Digest => alert.occasion.word(),
            };
            let right = ended.is_some_and(|state| state.word() == told);
            if !right || !self.daemons[number].alerts.insert(alert.id) {
                let words = format!("`{told}` is about {:?}, which is {ended:?}", alert.run);
                self.violation(Checker::Alerts, number, words);
            }
        }
        for (run, state) in untold {
            let words = format!("run {run} is {}, and nobody is told", state.word());
            self.violation(Checker::Alerts, number, words);
        }
    }
}
