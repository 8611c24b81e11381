//! The daemon's end of the control socket: routes to [`Request`]s, answers to HTTP.
//!
//! Decides nothing: each request goes to the daemon's loop through one channel, and waits there for
//! its answer. Only users who may write to the socket's file can ask, so there is no other check.
//! The number and duration of requests are bounded in [`limits`](super::limits): a client that
//! opens connections and leaves them idle stops nobody's transfers.

use std::convert::Infallible;
use std::future::Future;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Serialize;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::document::ErrorDocument;
use super::events;
use super::json::JsonAnswer;
use super::limits::{BODY_MAX, BOUNDS, TURN_WAIT};
use super::peer::Peer;
use super::repeats::{BackfillQuery, RetryQuery, TriggerQuery};
use super::request::{
    self, Asked, CancelQuery, EventsQuery, HistoryQuery, JobQuery, PauseAllQuery, PauseQuery,
    Refused, Reply, Request, ShowQuery, StatusQuery,
};
use crate::serving::{Slots, Ticket, serve as serve_connections};

/// Serves the socket until it is dropped.
pub async fn serve(listener: UnixListener, ask: mpsc::Sender<Asked>) -> Infallible {
    let router = router(ask);
    let slots = Slots::new(BOUNDS);
    serve_connections(listener, &slots, |stream, ticket| {
        router.clone().layer(Extension(Peer::of(stream))).layer(Extension(ticket.clone()))
    })
    .await
}

/// The routes.
fn router(ask: mpsc::Sender<Asked>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/runs", get(history))
        .route("/v1/run", get(show))
        .route("/v1/trigger", post(trigger))
        .route("/v1/retry", post(retry))
        .route("/v1/backfill", post(backfill))
        .route("/v1/cancel", post(cancel))
        .route("/v1/pause", post(pause))
        .route("/v1/resume", post(resume))
        .route("/v1/pause-all", post(pause_all))
        .route("/v1/resume-all", post(resume_all))
        .route("/v1/reload", post(reload))
        .route("/v1/events", get(follow))
        // Under the same name as on `listen`.
        .route("/events", get(follow))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(ask)
}

type Ask = State<mpsc::Sender<Asked>>;
type By = Extension<Peer>;
type Turn = Extension<Ticket>;

async fn status(State(ask): Ask, turn: Turn, Query(query): Query<StatusQuery>) -> Response {
    put_large(ask, &turn, |reply| Request::Status(query, reply)).await
}

async fn history(State(ask): Ask, turn: Turn, Query(query): Query<HistoryQuery>) -> Response {
    put_large(ask, &turn, |reply| Request::History(query, reply)).await
}

async fn show(State(ask): Ask, Query(query): Query<ShowQuery>) -> Response {
    put(ask, None, |reply| Request::Show(query, reply)).await
}

async fn trigger(State(ask): Ask, by: By, Json(query): Json<TriggerQuery>) -> Response {
    put(ask, by.words().await, |reply| Request::Trigger(query, reply)).await
}

async fn retry(State(ask): Ask, by: By, Json(query): Json<RetryQuery>) -> Response {
    put(ask, by.words().await, |reply| Request::Retry(query, reply)).await
}

async fn backfill(State(ask): Ask, by: By, Json(query): Json<BackfillQuery>) -> Response {
    put(ask, by.words().await, |reply| Request::Backfill(query, reply)).await
}

async fn cancel(State(ask): Ask, by: By, Json(query): Json<CancelQuery>) -> Response {
    put(ask, by.words().await, |reply| Request::Cancel(query, reply)).await
}

async fn pause(State(ask): Ask, by: By, Json(query): Json<PauseQuery>) -> Response {
    put(ask, by.words().await, |reply| Request::Pause(query, reply)).await
}

async fn resume(State(ask): Ask, by: By, Json(query): Json<JobQuery>) -> Response {
    put(ask, by.words().await, |reply| Request::Resume(query, reply)).await
}

async fn pause_all(State(ask): Ask, by: By, Json(query): Json<PauseAllQuery>) -> Response {
    put(ask, by.words().await, |reply| Request::PauseAll(query, reply)).await
}

async fn resume_all(State(ask): Ask, by: By) -> Response {
    put(ask, by.words().await, Request::ResumeAll).await
}

async fn follow(
    State(ask): Ask,
    headers: HeaderMap,
    Query(mut query): Query<EventsQuery>,
) -> Result<Response, Refused> {
    query.since = events::last_event_id(&headers).or(query.since);
    events::stream(ask, query).await
}

async fn reload(State(ask): Ask, by: By) -> Response {
    put(ask, by.words().await, Request::Reload).await
}

/// Sends a request whose answer may be large, once it is its turn.
async fn put_large<T: Serialize + Send + 'static>(
    ask: mpsc::Sender<Asked>,
    turn: &Ticket,
    request: impl FnOnce(Reply<T>) -> Request,
) -> Response {
    match timeout(TURN_WAIT, turn.large()).await {
        Ok(()) => put(ask, None, request).await,
        Err(_) => {
            Refused::Unavailable("others are still being answered".to_owned()).into_response()
        }
    }
}

/// Sends a request to the loop and turns its answer into HTTP.
fn put<T: Serialize + Send + 'static>(
    ask: mpsc::Sender<Asked>,
    by: Option<String>,
    request: impl FnOnce(Reply<T>) -> Request,
) -> impl Future<Output = Response> + Send {
    let answer = request::put(ask, by, request);
    async move {
        match answer.await {
            Ok(document) => JsonAnswer(document).into_response(),
            Err(refused) => refused.into_response(),
        }
    }
}

impl Refused {
    /// Its HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::No(_) => StatusCode::CONFLICT,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error = self.words().to_owned();
        (self.status(), JsonAnswer(ErrorDocument { error })).into_response()
    }
}
