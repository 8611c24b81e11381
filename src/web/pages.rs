//! The pages: `/metrics`, `/healthz`, and one that names the two.
//!
//! Asks the loop slice by slice and writes beside it, a piece at a time, so that neither ten
//! thousand jobs nor a slow reader hold it up. Keeps true: nothing is changed by any request; a page
//! of another site that points its name at this machine is not answered (DNS rebinding).

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::ask::Ask;
use super::limits::LOOP_WAIT;
use crate::metrics::figures::{JobFigures, SLICE};
use crate::metrics::page::{CONTENT_TYPE, Page};
use crate::serving::Ticket;

/// What the front page says.
const FRONT: &str = concat!(
    "transferd ",
    env!("CARGO_PKG_VERSION"),
    "\n\n/metrics  for Prometheus\n/healthz  200 while all that is due can be recorded, else 503\n"
);

/// What the pages work with.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    ask: mpsc::Sender<Ask>,
    hostname: Arc<str>,
}

/// Why there is no answer, in words.
type Silent = &'static str;

/// The loop, or the disk that it waits for, hangs.
const HANGS: Silent = "the daemon does not answer: its loop, or the disk, hangs";

/// The loop is gone.
const STOPS: Silent = "the daemon is stopping";

impl Pages {
    pub(super) fn new(hostname: &str, ask: mpsc::Sender<Ask>) -> Self {
        Self { ask, hostname: hostname.into() }
    }

    /// The routes, as they are served at this address.
    pub(super) fn router(&self, at: SocketAddr) -> Router {
        let gate = Gate {
            // Where others are let in at all, they may use any name.
            hostname: at.ip().is_loopback().then(|| Arc::clone(&self.hostname)),
        };
        Router::new()
            .route("/", get(async || FRONT))
            .route("/metrics", get(metrics))
            .route("/healthz", get(health))
            .layer(middleware::from_fn_with_state(gate, let_in))
            .with_state(self.clone())
    }

    /// Puts a question to the loop.
    async fn put<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Silent> {
        let (reply, answer) = oneshot::channel();
        let asking = async {
            self.ask.send(ask(reply)).await.map_err(|_| STOPS)?;
            answer.await.map_err(|_| STOPS)
        };
        timeout(LOOP_WAIT, asking).await.map_err(|_| HANGS)?
    }

    /// All figures, those of the jobs slice by slice.
    async fn gather(&self) -> Result<Page, Silent> {
        let figures = self.put(Ask::Figures).await?;
        let mut jobs = Vec::new();
        loop {
            let after = jobs.last().map(|job: &JobFigures| job.name.clone());
            let slice = self.put(|reply| Ask::Jobs { after, reply }).await?;
            let more = slice.len() >= SLICE;
            jobs.extend(slice);
            if !more {
                return Ok(Page::new(figures, jobs));
            }
        }
    }
}

async fn metrics(State(pages): State<Pages>, turn: Extension<Ticket>) -> Response {
    if timeout(LOOP_WAIT, turn.large()).await.is_err() {
        return unavailable("other scrapes are still under way");
    }
    let page = match pages.gather().await {
        Ok(page) => page,
        Err(silent) => return unavailable(silent),
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
    match pages.put(Ask::Health).await {
        Ok(Ok(())) => "ok\n".into_response(),
        Ok(Err(words)) => unavailable(&words),
        Err(silent) => unavailable(silent),
    }
}

fn unavailable(words: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{words}\n")).into_response()
}

/// Who is let in.
#[derive(Clone, Debug)]
struct Gate {
    /// This machine's name, where requests must be meant for it.
    hostname: Option<Arc<str>>,
}

async fn let_in(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let mut response = if ![Method::GET, Method::HEAD].contains(request.method()) {
        let allowed = [(header::ALLOW, "GET, HEAD")];
        (StatusCode::METHOD_NOT_ALLOWED, allowed, "nothing can be changed here\n").into_response()
    } else if gate.is_meant(request.headers().get(header::HOST)) {
        next.run(request).await
    } else {
        let words = "ask by an address, by `localhost`, or by this machine's name\n";
        (StatusCode::MISDIRECTED_REQUEST, words).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Gate {
    /// Whether a request for this `Host` is meant for us. Browsers always name one.
    fn is_meant(&self, host: Option<&HeaderValue>) -> bool {
        let (Some(hostname), Some(host)) = (&self.hostname, host) else { return true };
        let Ok(host) = host.to_str() else { return false };
        let name = match host.rsplit_once(':') {
            // The colons of an address in brackets are not before a port.
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            Some(_) | None => host,
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        bare.parse::<IpAddr>().is_ok()
            || ["localhost", hostname].iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_loopback_only_addresses_and_names_of_this_machine_are_answered() {
        let gate = Gate { hostname: Some("box".into()) };
        let is_meant = |host: &str| gate.is_meant(Some(&HeaderValue::from_str(host).unwrap()));
        for host in ["127.0.0.1:29180", "127.0.0.1", "[::1]:29180", "[::1]", "LocalHost:1", "box"] {
            assert!(is_meant(host), "{host}");
        }
        for host in ["evil.example:29180", "127.0.0.1.evil.example", "box.evil.example", "", ":1"] {
            assert!(!is_meant(host), "{host}");
        }
        assert!(gate.is_meant(None), "HTTP/1.0 names no host");
        let open = Gate { hostname: None };
        assert!(open.is_meant(Some(&HeaderValue::from_static("scraped.example"))));
    }
}
