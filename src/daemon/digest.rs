//! Reads the history for a digest beside the loop, page by page.

use std::collections::HashMap;

use crate::core::digest::{Gathered, Gathering, Reading};
use crate::core::ids::RunId;
use crate::store::StoreError;
use crate::store::thread::StoreHandle;

/// Events of one page: a commit meanwhile waits for one page at most.
const PAGE: usize = 500;

/// Summarizes the events after a given one; without one, returns only the end of the history.
pub(super) async fn gather(
    store: &StoreHandle,
    jobs: &[String],
    after: Option<u64>,
) -> Result<Reading, StoreError> {
    let last = store.last_event().await?;
    let Some(after) = after else { return Ok(Reading { last, gathered: Gathered::default() }) };
    let mut gathering = Gathering::new(jobs);
    // A database that was put back has fewer of them than were reported.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::run::RunState;
    use crate::store::memory::MemoryStore;
    use crate::store::tests::sample::{event, new_run, run};
    use crate::store::thread::StoreThread;

    #[tokio::test]
    async fn each_end_since_is_counted_however_many_pages_that_takes() {
        let store = StoreThread::spawn(MemoryStore::new());
        let mut ends = Vec::new();
        for (number, second) in (1..=1_200).zip(0..) {
            ends.push(new_run(run(number, "nightly", RunState::Succeeded)));
            ends.push(event(number, second, RunState::Succeeded));
        }
        store.commit(ends).await.unwrap();
        let begin = gather(&store, &[], None).await.unwrap();
        assert_eq!(begin, Reading { last: 1_200, gathered: Gathered::default() });
        let all = gather(&store, &[], Some(50)).await.unwrap();
        assert_eq!((all.last, all.gathered.runs.succeeded), (1_200, 1_150));
        let others = gather(&store, &["hourly".to_owned()], Some(50)).await.unwrap();
        assert_eq!((others.last, others.gathered.runs.succeeded), (1_200, 0));
        let none = gather(&store, &[], Some(1_200)).await.unwrap();
        assert_eq!(none, begin);
    }
}
