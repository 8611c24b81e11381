//! How sentences name runs, transfers and times: the reader's choice.

use jiff::Timestamp;

use crate::ids::{JobName, RunId, TransferId};

/// How a sentence names runs, transfers and times.
pub trait Wording {
    /// A run's id.
    fn run(&self, run: RunId) -> String;
    /// A transfer's id.
    fn transfer(&self, transfer: TransferId) -> String;
    /// An instant.
    fn time(&self, at: Timestamp) -> String;
}

/// Ids in full, times in UTC to the second: for readers who see only the sentence.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Wording for Plain {
    fn run(&self, run: RunId) -> String {
        run.to_string()
    }

    fn transfer(&self, transfer: TransferId) -> String {
        transfer.to_string()
    }

    fn time(&self, at: Timestamp) -> String {
        format!("{at:.0}")
    }
}

/// A run, with its job if that is known.
pub(super) fn run_of(wording: &dyn Wording, run: RunId, job: Option<&JobName>) -> String {
    match job {
        Some(job) => format!("run {} of `{job}`", wording.run(run)),
        None => format!("run {}", wording.run(run)),
    }
}
