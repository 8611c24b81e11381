//! Asks the daemon's loop for the pages: slice by slice, so that ten thousand jobs do not hold it
//! up, and never for long.
//!
//! Keeps true: no question here changes anything.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ask::{Ask, Ground, Planned};
use super::limits::{LOOP_WAIT, PAST_WAIT};
use crate::control::document::{RunDocument, ShowDocument, StatusDocument};
use crate::control::events;
use crate::control::request::{
    Asked, EventsQuery, HistoryQuery, Refused, Reply, Request, ShowQuery, Slice, StatusQuery, put,
    stops,
};
use crate::core::ids::JobName;
use crate::core::outcomes::Outcomes;
use crate::metrics::page::Page;
use crate::metrics::snapshot::{JobFigures, SLICE};
use crate::serving::Ticket;

/// The channels to the loop.
#[derive(Clone, Debug)]
pub(super) struct Questions {
    asks: mpsc::Sender<Ask>,
    requests: mpsc::Sender<Asked>,
}

/// The refusal when the loop, or the disk that it waits for, hangs.
fn hangs() -> Refused {
    Refused::Unavailable("the daemon does not answer: its loop, or the disk, hangs".to_owned())
}

/// Runs work that takes a while on a thread beside the loop: a page of hundreds of jobs takes some
/// ten milliseconds, in which a run may come due.
pub(super) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refused> {
    let broken = |_| Refused::Unavailable("the answer could not be made".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(broken)
}

/// Waits for the turn of an answer that may be large.
pub(super) async fn large(turn: &Ticket) -> Result<(), Refused> {
    let busy = |_| Refused::Unavailable("others are still being answered".to_owned());
    timeout(LOOP_WAIT, turn.large()).await.map_err(busy)
}

impl Questions {
    pub(super) fn new(asks: mpsc::Sender<Ask>, requests: mpsc::Sender<Asked>) -> Self {
        Self { asks, requests }
    }

    /// Sends a request to the loop.
    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        let asking = async {
            self.asks.send(ask(reply)).await.map_err(|_| stops())?;
            answer.await.map_err(|_| stops())
        };
        timeout(LOOP_WAIT, asking).await.map_err(|_| hangs())?
    }

    /// Sends a request that the control socket knows too.
    async fn request<T: Send>(
        &self,
        request: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, Refused> {
        self.request_within(LOOP_WAIT, request).await
    }

    /// The same, for requests that wait for the database.
    async fn request_within<T: Send>(
        &self,
        wait: Duration,
        request: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, Refused> {
        let asking = put(self.requests.clone(), None, request);
        timeout(wait, asking).await.map_err(|_| hangs())?
    }

    /// All figures, those of the jobs slice by slice.
    pub(super) async fn figures(&self) -> Result<Page, Refused> {
        let figures = self.ask(Ask::Figures).await?;
        let ask = |after, reply| Ask::Jobs { after, reply };
        let jobs = self.all(|job: &JobFigures| &job.name, ask).await?;
        Ok(Page::new(figures, jobs))
    }

    /// All answers to a request job by job, slice by slice.
    async fn all<T>(
        &self,
        name: impl Fn(&T) -> &JobName,
        ask: impl Fn(Option<JobName>, oneshot::Sender<Vec<T>>) -> Ask,
    ) -> Result<Vec<T>, Refused> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map(|one| name(one).clone());
            let slice = self.ask(|reply| ask(after, reply)).await?;
            let more = slice.len() >= SLICE;
            all.extend(slice);
            if !more {
                return Ok(all);
            }
        }
    }

    /// Whether records can be written.
    pub(super) async fn health(&self) -> Result<(), Refused> {
        self.ask(Ask::Health).await?.map_err(Refused::Unavailable)
    }

    /// `status`, with extra data for people.
    pub(super) async fn status(&self) -> Result<StatusDocument, Refused> {
        let mut whole: Option<StatusDocument> = None;
        loop {
            let last = whole.as_ref().and_then(|status| status.jobs.last());
            let slice = Slice { after: last.map(|job| job.name.clone()), most: SLICE };
            let status = self.request(|reply| Request::StatusSlice(slice, reply)).await?;
            let more = status.jobs.len() >= SLICE;
            match &mut whole {
                Some(whole) => whole.jobs.extend(status.jobs),
                None => whole = Some(status),
            }
            if !more && let Some(mut whole) = whole {
                whole.add_job_problems();
                return Ok(whole);
            }
        }
    }

    /// `status` of one job.
    pub(super) async fn status_of(&self, job: String) -> Result<StatusDocument, Refused> {
        let query = StatusQuery { job: Some(job), detail: true, ..StatusQuery::default() };
        self.request(|reply| Request::Status(query, reply)).await
    }

    /// `history`.
    pub(super) async fn history(&self, query: HistoryQuery) -> Result<Vec<RunDocument>, Refused> {
        self.request_within(PAST_WAIT, |reply| Request::History(query, reply)).await
    }

    /// `show`.
    pub(super) async fn show(&self, run: String) -> Result<ShowDocument, Refused> {
        self.request(|reply| Request::Show(ShowQuery { run: Some(run) }, reply)).await
    }

    /// The stream of events.
    pub(super) async fn stream(&self, query: EventsQuery) -> Result<Response, Refused> {
        timeout(LOOP_WAIT, events::stream(self.requests.clone(), query))
            .await
            .map_err(|_| hangs())?
    }

    /// The coming occurrences of the jobs after one: as many as a slice holds, fewer only at the
    /// end.
    pub(super) async fn planned_after(
        &self,
        after: Option<JobName>,
    ) -> Result<Vec<Planned>, Refused> {
        self.ask(|reply| Ask::Planned { after, reply }).await
    }

    /// The coming occurrences of all jobs.
    pub(super) async fn planned(&self) -> Result<Vec<Planned>, Refused> {
        let ask = |after, reply| Ask::Planned { after, reply };
        self.all(|planned: &Planned| &planned.job.name, ask).await
    }

    /// The outcomes of some jobs' runs on some days.
    pub(super) async fn outcomes(
        &self,
        jobs: Vec<JobName>,
        days: Arc<[Timestamp]>,
    ) -> Result<Vec<Vec<Outcomes>>, Refused> {
        self.ask(|reply| Ask::Outcomes { jobs, days, reply }).await?
    }

    /// The input of a rehearsal.
    pub(super) async fn ground(&self) -> Result<Ground, Refused> {
        self.ask(Ask::Ground).await
    }

    /// How long the last good transfers of some jobs took.
    pub(super) async fn durations(
        &self,
        jobs: Vec<JobName>,
    ) -> Result<Vec<Vec<SignedDuration>>, Refused> {
        self.ask(|reply| Ask::Durations { jobs, reply }).await?
    }
}
