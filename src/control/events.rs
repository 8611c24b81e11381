//! The stream of events: server-sent events, for the control socket and the page alike.
//!
//! Keeps true: a client that reads slowly holds no more than one page in memory, and nothing is
//! left out: it continues after the event that it was sent last.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::json;
use super::request::{Asked, EventsQuery, Refused, Request, put};
use crate::core::event::{Event, Facts, Happening};
use crate::core::ids::{JobName, RunId, TransferId};
use crate::core::reason::{Reason, ReasonCode, Wording};
use crate::core::store::Happened;

/// Events of one page: some hundred kilobytes.
pub const PAGE_MAX: usize = 500;

/// The interval of signs of life, so that either end notices a dead one.
const ALIVE: Duration = Duration::from_secs(15);

/// The longest answer: a little shorter than a connection may last, so that it has a proper end,
/// which browsers do not take for an error.
const LASTS: Duration = Duration::from_secs(50);

/// When a client should reconnect after that.
const RETRY: Duration = Duration::from_secs(1);

/// One event, as `events --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HappenedDocument {
    /// Grows from event to event.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// One word.
    pub event: String,
    /// The job.
    pub job: JobName,
    /// The run.
    pub run: RunId,
    /// The attempt that it is about; null where it is about none.
    #[serde(default)]
    pub attempt: Option<u32>,
    /// The transfer that it is about; null where it is about none.
    #[serde(default)]
    pub transfer_id: Option<TransferId>,
    /// Why, in one word; null where there is nothing to say.
    #[serde(default)]
    pub reason_code: Option<ReasonCode>,
    /// The run that is, or was, in the way.
    #[serde(default)]
    pub blocked_by: Option<RunId>,
    /// Until when the reason holds.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// The bound that was met, as the job file writes it.
    #[serde(default)]
    pub limit: Option<String>,
    /// In words.
    pub detail: String,
    /// What happened as a value; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Happening>,
}

impl HappenedDocument {
    /// An event as a document, with `detail` also as a value.
    pub fn new(happened: Happened, detail: bool) -> Self {
        let Happened { id, job, event: Event { run, at, what } } = happened;
        let Facts { attempt, transfer, reason } = what.facts();
        Self {
            id,
            at,
            event: what.kind().word().to_owned(),
            job,
            run,
            attempt,
            transfer_id: transfer,
            reason_code: reason.and_then(Reason::code),
            blocked_by: reason.and_then(Reason::blocked_by),
            until: reason.and_then(Reason::until),
            limit: reason.and_then(Reason::limit),
            detail: what.to_string(),
            facts: detail.then_some(what),
        }
    }

    /// The event, for this reader.
    pub fn sentence(&self, wording: &dyn Wording) -> String {
        self.facts.as_ref().map_or_else(|| self.detail.clone(), |facts| facts.sentence(wording))
    }
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsDocument {
    /// The last event that was read, possibly of another job: the next page comes after it.
    pub last: u64,
    /// The events, in order.
    pub events: Vec<HappenedDocument>,
}

/// A follower, and its place in the stream.
struct Follower {
    ask: mpsc::Sender<Asked>,
    query: EventsQuery,
    page: VecDeque<HappenedDocument>,
}

/// Streams events, each as `data:` with its `id:`, until either end goes, or for as long as one
/// answer lasts: a client that wants more reconnects and names its last event.
///
/// # Errors
/// There is no such job, or there are too many followers.
pub async fn stream(ask: mpsc::Sender<Asked>, query: EventsQuery) -> Result<Response, Refused> {
    let wanted = query.since;
    let mut follower = Follower { ask, query, page: VecDeque::new() };
    // Answers at once whether the request is valid, and where the stream stands now.
    follower.query.since = None;
    let now = follower.turn().await?;
    // A database that was put back has fewer of them than the client has seen.
    let since = wanted.map_or(now, |since| since.min(now));
    follower.query.since = Some(since);
    // Without data: it gives the client's place, in case it reconnects before the first event.
    let first = SseEvent::default().id(since.to_string()).retry(RETRY);
    let events = stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        let sse = SseEvent::default().id(event.id.to_string()).data(json::text(&event).ok()?);
        Some((Ok::<_, Infallible>(sse), follower))
    });
    let events = stream::iter([Ok(first)]).chain(events).take_until(Box::pin(sleep(LASTS)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

impl Follower {
    /// The next event; none once the daemon is gone or refuses.
    async fn next(&mut self) -> Option<HappenedDocument> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Some(event);
            }
            self.turn().await.ok()?;
        }
    }

    /// Fetches the next page, which may be empty; returns the id of its last event.
    async fn turn(&mut self) -> Result<u64, Refused> {
        let query = self.query.clone();
        let events = |reply| Request::Events(query, reply);
        let page = put(self.ask.clone(), None, events).await?;
        self.query.since = Some(page.last);
        self.page.extend(page.events);
        Ok(page.last)
    }
}

/// The last event of a client that reconnects, as it names it (`Last-Event-ID`, HTML, "Server-sent
/// events").
pub fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.trim().parse().ok()
}
