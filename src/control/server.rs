//! The daemon's end of the control socket: routes to [`Request`]s, answers to HTTP.
//!
//! Decides nothing: each request goes to the daemon's loop through one channel, and waits there
//! for its answer. Only who may write to the socket's file can ask, so there is no other check.

use std::future::Future;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};

use super::document::ErrorDocument;
use super::request::{
    CancelQuery, HistoryQuery, JobQuery, PauseQuery, Refused, Reply, Request, ShowQuery,
    StatusQuery,
};

/// Questions that wait for the loop; the next one waits at its connection.
pub const WAITING_MAX: usize = 64;

/// The longest body: a pause's reason is the longest thing that people write.
const BODY_MAX: usize = 64 * 1024;

/// Serves the socket until it is dropped.
///
/// # Errors
/// None in practice: trouble with accepting is waited out.
pub async fn serve(listener: UnixListener, ask: mpsc::Sender<Request>) -> std::io::Result<()> {
    axum::serve(listener, router(ask)).await
}

/// The routes.
fn router(ask: mpsc::Sender<Request>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/runs", get(history))
        .route("/v1/run", get(show))
        .route("/v1/trigger", post(trigger))
        .route("/v1/cancel", post(cancel))
        .route("/v1/pause", post(pause))
        .route("/v1/resume", post(resume))
        .route("/v1/reload", post(reload))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(ask)
}

type Ask = State<mpsc::Sender<Request>>;

async fn status(State(ask): Ask, Query(query): Query<StatusQuery>) -> Response {
    put(ask, |reply| Request::Status(query, reply)).await
}

async fn history(State(ask): Ask, Query(query): Query<HistoryQuery>) -> Response {
    put(ask, |reply| Request::History(query, reply)).await
}

async fn show(State(ask): Ask, Query(query): Query<ShowQuery>) -> Response {
    put(ask, |reply| Request::Show(query, reply)).await
}

async fn trigger(State(ask): Ask, Json(query): Json<JobQuery>) -> Response {
    put(ask, |reply| Request::Trigger(query, reply)).await
}

async fn cancel(State(ask): Ask, Json(query): Json<CancelQuery>) -> Response {
    put(ask, |reply| Request::Cancel(query, reply)).await
}

async fn pause(State(ask): Ask, Json(query): Json<PauseQuery>) -> Response {
    put(ask, |reply| Request::Pause(query, reply)).await
}

async fn resume(State(ask): Ask, Json(query): Json<JobQuery>) -> Response {
    put(ask, |reply| Request::Resume(query, reply)).await
}

async fn reload(State(ask): Ask) -> Response {
    put(ask, Request::Reload).await
}

/// Puts a question to the loop and turns its answer into HTTP.
fn put<T: Serialize + Send + 'static>(
    ask: mpsc::Sender<Request>,
    request: impl FnOnce(Reply<T>) -> Request,
) -> impl Future<Output = Response> + Send {
    let (reply, answer) = oneshot::channel();
    let request = request(reply);
    async move {
        let gone = || Refused::Unavailable("the daemon is stopping".to_owned());
        let answer = match ask.send(request).await {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(gone()),
        };
        match answer {
            Ok(document) => Json(document).into_response(),
            Err(refused) => refused.into_response(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::No(_) => StatusCode::CONFLICT,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(ErrorDocument { error: self.words().to_owned() })).into_response()
    }
}
