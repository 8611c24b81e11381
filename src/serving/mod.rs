//! Serves HTTP on a socket without being held up by any client.
//!
//! [`slots`] decides how many connections there may be and which of them gives way, [`paced`] how
//! fast a client has to read. Knows nothing of the content served.
//!
//! Keeps true: there are never more connections than allowed, none lasts without end, and a silent
//! one keeps nobody out.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

mod heard;
mod paced;
mod slots;

use heard::Heard;
use paced::Paced;
use slots::Place;
pub use slots::{Slots, Ticket};

/// Pause after a connection could not be accepted for lack of a resource, most often of
/// descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Bounds of serving.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once.
    pub connections_max: usize,
    /// Large answers at once: each takes memory while it is made and read.
    pub large_max: usize,
    /// A request with its headers, in bytes.
    pub head_bytes_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// How long the head of a request may take to arrive.
    pub head_wait: Duration,
    /// How long a connection may last. Each is for one request.
    pub connection_wait: Duration,
    /// The slowest allowed reading of an answer.
    pub pace: Pace,
}

/// The slowest allowed reading of an answer: an average rate after a grace period.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The grace period.
    pub grace: Duration,
    /// The required rate.
    pub bytes_per_second: u32,
}

/// A socket that accepts connections.
pub trait Door {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next connection.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Door for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Door for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// Accepts connections until it is dropped, and the socket with it. Connections under way end by
/// themselves. `routes` makes the router for one of them.
pub async fn serve<D: Door>(
    door: D,
    slots: &Arc<Slots>,
    routes: impl Fn(&D::Stream, &Ticket) -> Router,
) -> Infallible {
    loop {
        match door.next().await {
            Ok(stream) => {
                let place = slots.take().await;
                let router = routes(&stream, &place.ticket());
                tokio::spawn(connection(stream, router, place));
                // It gets a chance to send its request before it may have to give way.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                tracing::debug!("a connection could not be accepted: {error}");
                if !concerns_one_connection(&error) {
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Answers one request.
async fn connection<S>(stream: S, router: Router, place: Place)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let ticket = place.ticket();
    let bounds = ticket.bounds();
    let routes = TowerToHyperService::new(router);
    let asked = ticket.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        routes.call(request.map(|body| Heard::new(body, asked.clone())))
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_wait)
        .max_buf_size(bounds.head_bytes_max)
        .max_headers(bounds.headers_max)
        .keep_alive(false)
        .serve_connection(TokioIo::new(Paced::new(stream, ticket.clone())), service);
    tokio::select! {
        biased;
        () = ticket.has_to_go() => tracing::debug!("a connection gave way to another one"),
        served = timeout(bounds.connection_wait, serving) => match served {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("a connection broke: {error}"),
            Err(_) => tracing::debug!("a connection took too long"),
        },
    }
    drop(place);
}

/// Whether an error of accept(2) is about a connection that is gone already.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests;
