//! Runs that are at work though their jobs are gone from the job file: they finish under the
//! definition that they started with, and hold a slot and a destination until then.

use std::collections::BTreeSet;

use super::driver::Driver;
use crate::control::document::RunDocument;
use crate::core::ids::JobName;

/// The runs of removed jobs that are told: an operator who has removed more looks at `history`.
const TOLD_MAX: usize = 100;

impl Driver {
    /// These runs, the oldest job first by name.
    pub(super) fn runs_of_removed_jobs(&self) -> Vec<RunDocument> {
        let runs = self.engine().active_runs().filter_map(|run| {
            let view = self.engine().run_view(run)?;
            (!self.stands_in_file(&view.run.job)).then(|| self.live(run)).flatten()
        });
        runs.take(TOLD_MAX).collect()
    }

    /// The removed jobs that have such a run, and come after this one by name.
    pub(super) fn removed_jobs_at_work(&self, after: Option<&JobName>) -> BTreeSet<JobName> {
        let runs = self.runs_of_removed_jobs();
        runs.into_iter().map(|run| run.job).filter(|job| Some(job) > after).collect()
    }

    fn stands_in_file(&self, job: &JobName) -> bool {
        self.event_loop.jobs().jobs.contains_key(job)
    }
}
