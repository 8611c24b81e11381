//! The store's own thread: it groups waiting commits into one flush and answers after it.
//!
//! A database connection lives on one thread and blocks it while the disk works; the daemon's
//! loop never does. The thread sleeps in its queue when there is nothing to do. Requests are
//! carried out in the order in which they were asked, so a read sees each commit before it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::query::Older;
use super::{Happened, HistoryQuery, RunMatch, RunWithAttempts, Store, StoreError};
use crate::core::event::Event;
use crate::core::ids::{JobName, RunId};
use crate::core::outcomes::Outcomes;
use crate::core::record::{Record, Snapshot};
use crate::core::repeat::PastRun;
use crate::core::store::HistoryPolicy;

/// Requests that may wait in the queue; more wait in their callers. The daemon itself has a
/// handful.
const QUEUE: usize = 256;

/// Commits that share one flush: all that can be waiting.
const GROUP: usize = QUEUE;

/// Rows read in one turn, between which commits get theirs: some 2 ms of work.
const PAGE: usize = 200;

/// Queries for a part of the past that are answered in one turn: each finds a run by an index.
const QUESTIONS_PAGE: usize = 50;

/// Jobs whose past is counted in one turn: a job that runs each minute has 20,000 runs in a
/// fortnight, which take a few milliseconds, and no more are kept than `history.max_runs`.
const OUTCOMES_PAGE: usize = 10;

type Ask = Box<dyn FnOnce(&mut dyn Store) + Send>;
type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

enum Request {
    Commit(Vec<Record>, Reply<()>),
    /// Any other request: carries its own reply.
    Ask(Ask),
    Close(Reply<()>),
}

/// The thread; it ends when its store is closed or all handles are gone.
#[derive(Debug)]
pub struct StoreThread;

/// A handle on the store's thread. Cheap to clone.
///
/// A request is carried out even if its caller stops waiting. Once the thread is gone, by
/// [`StoreHandle::close`] or because it died, every answer is [`StoreError::Closed`].
#[derive(Clone, Debug)]
pub struct StoreHandle {
    requests: mpsc::Sender<Request>,
}

impl StoreThread {
    /// Moves a store to a thread of its own.
    ///
    /// # Panics
    /// If the system can't start a thread: the daemon could not start either.
    pub fn spawn(store: impl Store + Send + 'static) -> StoreHandle {
        let (requests, queue) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || serve(store, queue))
            .expect("the system can start the store's thread");
        StoreHandle { requests }
    }
}

fn serve(mut store: impl Store, mut queue: mpsc::Receiver<Request>) {
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some(request) = next.take() {
            match request {
                Request::Commit(records, reply) => {
                    next = commit_waiting(&mut store, (records, reply), &mut queue);
                }
                Request::Ask(ask) => ask(&mut store),
                Request::Close(reply) => {
                    let closed = store.close();
                    drop(store);
                    // The caller may have gone away; ignore the send error.
                    let _ = reply.send(closed);
                    return;
                }
            }
        }
    }
    if let Err(error) = store.close() {
        tracing::warn!("failed to close the state: {error}");
    }
}

/// Commits the first and all commits that wait directly behind it; returns the request behind them,
/// if one was taken from the queue.
fn commit_waiting(
    store: &mut impl Store,
    first: (Vec<Record>, Reply<()>),
    queue: &mut mpsc::Receiver<Request>,
) -> Option<Request> {
    let mut group = vec![first.0];
    let mut replies = vec![first.1];
    let mut other = None;
    while group.len() < GROUP {
        match queue.try_recv() {
            Ok(Request::Commit(records, reply)) => {
                group.push(records);
                replies.push(reply);
            }
            Ok(request) => {
                other = Some(request);
                break;
            }
            Err(_) => break,
        }
    }
    let results = match group.as_slice() {
        [one] => vec![store.commit(one)],
        several => store.commit_group(several),
    };
    for (reply, result) in replies.into_iter().zip(results) {
        let _ = reply.send(result);
    }
    other
}

impl StoreHandle {
    /// Makes all records durable, or none of them; answers when they are.
    pub async fn commit(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.ask_by(|reply| Request::Commit(records, reply)).await
    }

    /// The rows that the engine is rebuilt from.
    pub async fn load(&self) -> Result<Snapshot, StoreError> {
        self.ask(|store| store.load()).await
    }

    /// Runs, newest first; read page by page, so that commits get their turn in between.
    pub async fn history(&self, query: HistoryQuery) -> Result<Vec<RunWithAttempts>, StoreError> {
        let mut history: Vec<RunWithAttempts> = Vec::new();
        loop {
            let wanted = (query.limit - history.len()).min(PAGE);
            let last = history.last().map(|last| Older::than(&last.run));
            let page =
                HistoryQuery { limit: wanted, before: last.or(query.before), ..query.clone() };
            let found = self.ask(move |store| store.history(&page)).await?;
            let no_more = found.len() < wanted;
            history.extend(found);
            if no_more || history.len() >= query.limit {
                return Ok(history);
            }
        }
    }

    /// The run of an id, or of its beginning.
    pub async fn run(&self, id_or_prefix: &str) -> Result<RunMatch, StoreError> {
        let text = id_or_prefix.to_owned();
        self.ask(move |store| store.run(&text)).await
    }

    /// The runs with these ids, as far as they exist; read page by page.
    pub async fn runs(&self, ids: &[RunId]) -> Result<Vec<RunWithAttempts>, StoreError> {
        let found = self.ask_each(ids, PAGE, |store, id| store.run(&id.to_string())).await?;
        let one = |found| match found {
            RunMatch::One(found) => Some(*found),
            // Only one run has a whole id.
            RunMatch::None | RunMatch::Several(_) => None,
        };
        Ok(found.into_iter().filter_map(one).collect())
    }

    /// The answers to several queries for a few runs each, in the order of the queries.
    pub async fn histories(
        &self,
        queries: &[HistoryQuery],
    ) -> Result<Vec<Vec<RunWithAttempts>>, StoreError> {
        self.ask_each(queries, QUESTIONS_PAGE, |store, query| store.history(query)).await
    }

    /// The events of a run.
    pub async fn events(&self, run: RunId) -> Result<Vec<Event>, StoreError> {
        self.ask(move |store| store.events(run)).await
    }

    /// The events of all runs after a given one.
    pub async fn happened(&self, after: u64, limit: usize) -> Result<Vec<Happened>, StoreError> {
        self.ask(move |store| store.happened(after, limit)).await
    }

    /// The id of the event that was recorded last.
    pub async fn last_event(&self) -> Result<u64, StoreError> {
        self.ask(|store| store.last_event()).await
    }

    /// The last run of each job that has one; read page by page.
    pub async fn last_runs(&self, jobs: &[JobName]) -> Result<Vec<RunWithAttempts>, StoreError> {
        let mut last = Vec::new();
        for page in jobs.chunks(PAGE) {
            let page = page.to_vec();
            last.extend(self.ask(move |store| store.last_runs(&page)).await?);
        }
        Ok(last)
    }

    /// The runs of a job for a span of scheduled times; see [`Store::runs_of_time`].
    pub async fn runs_of_time(
        &self,
        job: JobName,
        (from, to): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<PastRun>, StoreError> {
        self.ask(move |store| store.runs_of_time(&job, from, to, limit)).await
    }

    /// The outcomes of some jobs' runs on some days, a few jobs at a time; see [`Store::outcomes`].
    pub async fn outcomes(
        &self,
        jobs: &[JobName],
        days: Arc<[Timestamp]>,
    ) -> Result<Vec<Vec<Outcomes>>, StoreError> {
        let mut outcomes = Vec::with_capacity(jobs.len());
        for page in jobs.chunks(OUTCOMES_PAGE) {
            let (page, days) = (page.to_vec(), Arc::clone(&days));
            outcomes.extend(self.ask(move |store| store.outcomes(&page, &days)).await?);
        }
        Ok(outcomes)
    }

    /// How long the last good transfers of some jobs took, a few jobs at a time; see
    /// [`Queries::durations`].
    pub async fn durations(
        &self,
        jobs: &[JobName],
        most: usize,
    ) -> Result<Vec<Vec<SignedDuration>>, StoreError> {
        self.ask_each(jobs, OUTCOMES_PAGE, move |store, job| store.durations(job, most)).await
    }

    /// Keeps the text of a valid job set.
    pub async fn save_job_set(&self, text: String) -> Result<(), StoreError> {
        self.ask(move |store| store.save_job_set(&text)).await
    }

    /// The text that was kept last.
    pub async fn last_job_set(&self) -> Result<Option<String>, StoreError> {
        self.ask(|store| store.last_job_set()).await
    }

    /// Keeps the user who first held the agent's port.
    pub async fn save_agent_user(&self, uid: u32) -> Result<(), StoreError> {
        self.ask(move |store| store.save_agent_user(uid)).await
    }

    /// The user that was kept.
    pub async fn agent_user(&self) -> Result<Option<u32>, StoreError> {
        self.ask(|store| store.agent_user()).await
    }

    /// Deletes a few old runs; see [`Store::prune`].
    pub async fn prune(
        &self,
        policy: HistoryPolicy,
        now: Timestamp,
        step_limit: usize,
    ) -> Result<usize, StoreError> {
        self.ask(move |store| store.prune(policy, now, step_limit)).await
    }

    /// Proves that the store can write, by writing.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        self.ask(|store| store.check_writable()).await
    }

    /// Checks that records are certain to be found again; see [`Store::check_standing`].
    pub async fn check_standing(&self) -> Result<(), StoreError> {
        self.ask(|store| store.check_standing()).await
    }

    /// Ends the thread, after the requests before. Answers when the files are tidy.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.ask_by(Request::Close).await
    }

    /// Makes the same query for each of these, `page` of them in one turn; returns the answers in
    /// their order.
    async fn ask_each<Q: Clone + Send + 'static, T: Send + 'static>(
        &self,
        of: &[Q],
        page: usize,
        ask: impl Fn(&mut dyn Store, &Q) -> Result<T, StoreError> + Copy + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        let mut answers = Vec::with_capacity(of.len());
        for page in of.chunks(page) {
            let page = page.to_vec();
            let answered = self.ask(move |store| {
                page.iter().map(|one| ask(store, one)).collect::<Result<Vec<_>, _>>()
            });
            answers.extend(answered.await?);
        }
        Ok(answers)
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask_by(|reply: Reply<T>| {
            Request::Ask(Box::new(move |store| {
                // The caller may have gone away; ignore the send error.
                let _ = reply.send(ask(store));
            }))
        })
        .await
    }

    async fn ask_by<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}
