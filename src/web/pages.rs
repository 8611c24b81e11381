//! The routes: `/metrics` and `/healthz` for machines, the documents of `--json`, the page for
//! people.
//!
//! Large answers are written beside the loop, in pieces, so that neither ten thousand jobs nor a
//! slow reader hold it up.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::api;
use super::gate::{Gate, let_in};
use super::limits::LOOP_WAIT;
use super::listener::Wanted;
use super::page::{self, Foresight, PastDays};
use super::questions::Questions;
use crate::metrics::page::CONTENT_TYPE;
use crate::serving::Ticket;

/// The shared state of the pages.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    pub(super) questions: Questions,
    pub(super) past_days: PastDays,
    pub(super) foresight: Foresight,
    pub(super) hostname: Arc<str>,
    pub(super) wanted: watch::Receiver<Wanted>,
}

impl Pages {
    /// The routes for this address.
    pub(super) fn router(&self, at: SocketAddr) -> Router {
        let gate = Gate::new(at, self.wanted.clone());
        Router::new()
            .route("/", get(page::front))
            .route("/runs/{run}", get(page::run))
            .route("/calendar.ics", get(page::calendar))
            .route("/metrics", get(metrics))
            .route("/healthz", get(health))
            .merge(api::router())
            .fallback(async || (StatusCode::NOT_FOUND, "there is no such page\n"))
            .layer(middleware::from_fn_with_state(gate, let_in))
            .with_state(self.clone())
    }
}

async fn metrics(State(pages): State<Pages>, turn: Extension<Ticket>) -> Response {
    if timeout(LOOP_WAIT, turn.large()).await.is_err() {
        return unavailable("other scrapes are still under way");
    }
    let page = match pages.questions.figures().await {
        Ok(page) => page,
        Err(refused) => return unavailable(refused.words()),
    };
    let pieces = stream::unfold(page, |mut page| async {
        // The loop has its turn between two pieces, however fast the reader is.
        tokio::task::yield_now().await;
        let piece = page.next()?;
        Some((Ok::<_, Infallible>(piece), page))
    });
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], Body::from_stream(pieces)).into_response()
}

async fn health(State(pages): State<Pages>) -> Response {
    match pages.questions.health().await {
        Ok(()) => "ok\n".into_response(),
        Err(refused) => unavailable(refused.words()),
    }
}

fn unavailable(words: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{words}\n")).into_response()
}
