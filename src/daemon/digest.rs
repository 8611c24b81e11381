//! What the history says for a digest, read beside the loop, page by page.

use crate::core::digest::{Gathered, Gathering, Reading};
use crate::store::thread::StoreHandle;
use crate::store::{RunMatch, StoreError};

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
        for one in page.into_iter().filter(|one| one.id <= last) {
            let Some(state) = gathering.end(&one.job, &one.event.what) else { continue };
            match store.run(&one.event.run.to_string()).await? {
                RunMatch::One(found) => {
                    gathering.add(&one.job, state, Some((&found.run, &found.attempts)));
                }
                RunMatch::None | RunMatch::Several(_) => gathering.add(&one.job, state, None),
            }
        }
        after = end;
    }
    Ok(Reading { last, gathered: gathering.finish() })
}
