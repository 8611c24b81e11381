//! Followers of the event stream: a request for new events waits until there are some.
//!
//! Keeps true: the loop reads no events itself; the database is asked beside it.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use super::driver::Driver;
use crate::control::events::{EventsDocument, HappenedDocument, PAGE_MAX};
use crate::control::request::{EventsQuery, Refused, Reply};
use crate::core::meant::{CoveredJobs, is_glob};
use crate::core::record::Record;
use crate::store::StoreError;
use crate::store::thread::StoreHandle;

/// The most followers at once: more are a client's bug, and each of them costs a database query for
/// every event.
const FOLLOWERS_MAX: usize = 64;

/// The means by which followers wait.
#[derive(Debug)]
pub(super) struct Followers {
    /// Changes whenever an event has become durable.
    recorded: watch::Sender<()>,
    places: Arc<Semaphore>,
}

impl Followers {
    /// No followers.
    pub(super) fn new() -> Self {
        let places = Arc::new(Semaphore::new(FOLLOWERS_MAX));
        Self { recorded: watch::Sender::new(()), places }
    }

    /// Wakes the followers that wait for events in these records.
    pub(super) fn tell(&self, records: &[Record]) {
        if records.iter().any(|record| matches!(record, Record::Event(_))) {
            self.recorded.send_replace(());
        }
    }
}

impl Driver {
    /// Answers with the events after a given one; waits if there are none yet.
    pub(super) fn events_asked(&self, query: EventsQuery, mut reply: Reply<EventsDocument>) {
        let jobs = match self.jobs_followed(&query.jobs) {
            Ok(jobs) => jobs,
            Err(refused) => return drop(reply.send(Err(refused))),
        };
        let Ok(place) = Arc::clone(&self.followers.places).try_acquire_owned() else {
            let words = format!("{FOLLOWERS_MAX} clients follow the events already");
            return drop(reply.send(Err(Refused::Unavailable(words))));
        };
        // Subscribed before the first read: an event recorded between the two is not missed.
        let mut recorded = self.followers.recorded.subscribe();
        let store = self.store.clone();
        tokio::spawn(async move {
            let _place = place;
            loop {
                match page(&store, &query, &jobs).await {
                    Ok(Some(page)) => return drop(reply.send(Ok(page))),
                    Ok(None) => {}
                    Err(error) => {
                        let refused = Refused::Unavailable(error.to_string());
                        return drop(reply.send(Err(refused)));
                    }
                }
                tokio::select! {
                    changed = recorded.changed() => if changed.is_err() { return },
                    () = reply.closed() => return,
                }
            }
        });
    }

    /// The jobs that words select: a name must be that of a job, perhaps of one that has left the
    /// file and may still have a run; a glob also selects future jobs.
    fn jobs_followed(&self, words: &[String]) -> Result<CoveredJobs, Refused> {
        for name in words.iter().filter(|word| !is_glob(word)) {
            if !self.engine().jobs_ever_known().any(|job| job.as_str() == name) {
                self.known_job(name)?;
            }
        }
        CoveredJobs::parse(words).map_err(Refused::No)
    }
}

/// The events after a given one; none if there are none. Without one, the place of the next event.
async fn page(
    store: &StoreHandle,
    query: &EventsQuery,
    jobs: &CoveredJobs,
) -> Result<Option<EventsDocument>, StoreError> {
    let Some(since) = query.since else {
        let last = store.last_event().await?;
        return Ok(Some(EventsDocument { last, events: Vec::new() }));
    };
    let happened = store.happened(since, PAGE_MAX).await?;
    let Some(last) = happened.last().map(|one| one.id) else { return Ok(None) };
    let wanted = happened.into_iter().filter(|one| jobs.cover(&one.job));
    let document = |happened| HappenedDocument::new(happened, query.detail);
    Ok(Some(EventsDocument { last, events: wanted.map(document).collect() }))
}
