//! What happens, as a stream: server-sent events over the control socket.
//!
//! Keeps true: a client that reads slowly holds no more than one page in memory, and nothing is
//! left out: it goes on behind the event that it was told last.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::request::{Asked, EventsQuery, Request};
use crate::core::event::Happening;
use crate::core::ids::{JobName, RunId};
use crate::core::reason::Telling;

/// Events of one page: some hundred kilobytes.
pub const PAGE_MAX: usize = 500;

/// So often something is sent although nothing happens, so that either end notices a dead one.
const ALIVE: Duration = Duration::from_secs(15);

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
    /// In words.
    pub detail: String,
    /// What happened as a value; left out of `--json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Happening>,
}

impl HappenedDocument {
    /// What happened, for this reader.
    pub fn told(&self, telling: &dyn Telling) -> String {
        self.facts.as_ref().map_or_else(|| self.detail.clone(), |facts| facts.told(telling))
    }
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsDocument {
    /// The last event that was looked at, be it of another job: the next page comes after it.
    pub last: u64,
    /// What happened, in order.
    pub events: Vec<HappenedDocument>,
}

/// Where a client is.
struct Follower {
    ask: mpsc::Sender<Asked>,
    query: EventsQuery,
    page: VecDeque<HappenedDocument>,
}

/// Streams what happens, each event as `data:` with its `id:`, until either end goes.
pub fn stream(ask: mpsc::Sender<Asked>, query: EventsQuery) -> Response {
    let follower = Follower { ask, query, page: VecDeque::new() };
    let events = stream::unfold(follower, |mut follower| async {
        if follower.query.since.is_none() {
            // Without data: where a client stands that comes back before anything has happened.
            follower.turn().await?;
            let last = follower.query.since.unwrap_or(0);
            let sse = SseEvent::default().id(last.to_string());
            return Some((Ok::<_, Infallible>(sse), follower));
        }
        let event = follower.next().await?;
        let sse = SseEvent::default().id(event.id.to_string()).json_data(&event).ok()?;
        Some((Ok::<_, Infallible>(sse), follower))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}

impl Follower {
    /// The next event; none once the daemon is gone or refuses.
    async fn next(&mut self) -> Option<HappenedDocument> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Some(event);
            }
            self.turn().await?;
        }
    }

    /// Fetches the next page, which may be empty.
    async fn turn(&mut self) -> Option<()> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Events(self.query.clone(), reply);
        self.ask.send(Asked { request, by: None }).await.ok()?;
        let page = answer.await.ok()?.ok()?;
        self.query.since = Some(page.last);
        self.page.extend(page.events);
        Some(())
    }
}
