//! What the history says for a digest, read beside the loop, page by page.

use std::collections::HashMap;

use crate::core::digest::{Gathered, Gathering, Reading};
use crate::core::ids::RunId;
use crate::store::StoreError;
use crate::store::thread::StoreHandle;

/// Events of one page: what is recorded meanwhile waits for one page at most.
const PAGE: usize = 500;

/// Counts what ended after an event; without one, only tells where the history stands.
pub(super) async fn gather(
    store: &StoreHandle,
    jobs: &[String],
    after: Option<u64>,
) -> Result<Reading, StoreError> {
    let last = store.last_event().await?;
    let Some(after) = after else { return Ok(Reading { last, gathered: Gathered::default() }) };
    let mut gathering = Gathering::new(jobs);
    // A database that was put back has fewer of them than were told of.
    let mut after = after.min(last);
    while after < last {
        let page = store.happened(after, PAGE).await?;
        let Some(end) = page.last().map(|one| one.id) else { break };
        let page = page.iter().filter(|one| one.id <= last);
        let ends: Vec<_> = page
            .filter_map(|one| {
                Some((&one.job, one.event.run, gathering.end(&one.job, &one.event.what)?))
            })
            .collect();
        let ids: Vec<RunId> = ends.iter().map(|(_, run, _)| *run).collect();
        let runs = store.runs(&ids).await?;
        let runs: HashMap<RunId, _> = runs.iter().map(|found| (found.run.id, found)).collect();
        for (job, run, state) in ends {
            let found = runs.get(&run).map(|found| (&*found.run, found.attempts.as_slice()));
            gathering.add(job, state, found);
        }
        after = end;
    }
    Ok(Reading { last, gathered: gathering.finish() })
}
