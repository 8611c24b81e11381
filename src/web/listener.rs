//! The TCP socket: bound where the job file says, bound anew when it says otherwise, tried again
//! while it can't be had.
//!
//! Keeps true: what is asked is answered, though the address changes meanwhile; there are never more
//! connections than may be, and none lasts for ever.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::ask::Ask;
use super::limits::{
    ACCEPT_PAUSE, BIND_RETRY, CONNECTION_WAIT, CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_WAIT,
    HEADERS_MAX,
};
use super::pages::Pages;

/// What is served over TCP. It ends when this is dropped.
#[derive(Debug)]
pub struct Web {
    wanted: watch::Sender<Option<SocketAddr>>,
    problem: Arc<Mutex<Option<String>>>,
}

impl Web {
    /// Serves at this address, or nowhere yet. The pages put their questions to `ask`, and know this
    /// machine by `hostname`. Must be called inside a runtime.
    pub fn start(at: Option<SocketAddr>, hostname: &str, ask: mpsc::Sender<Ask>) -> Self {
        let (wanted, heard) = watch::channel(at);
        let problem = Arc::default();
        let server = Server {
            wanted: heard,
            problem: Arc::clone(&problem),
            pages: Pages::new(hostname, ask),
            connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        };
        tokio::spawn(server.serve());
        Self { wanted, problem }
    }

    /// Serves at this address from now on, or nowhere. What could not be bound is tried again now.
    pub fn listen(&self, at: Option<SocketAddr>) {
        self.wanted.send_replace(at);
    }

    /// Why nothing is served where something should be.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Server {
    wanted: watch::Receiver<Option<SocketAddr>>,
    problem: Arc<Mutex<Option<String>>>,
    pages: Pages,
    connections: Arc<Semaphore>,
}

impl Server {
    /// Serves for as long as somebody may want it.
    async fn serve(mut self) {
        let mut delay = BIND_RETRY.0;
        loop {
            let wanted = *self.wanted.borrow_and_update();
            let Some(at) = wanted else {
                self.set_problem(None);
                match self.wanted.changed().await {
                    Ok(()) => continue,
                    Err(_) => return,
                }
            };
            match TcpListener::bind(at).await {
                Ok(listener) => {
                    self.set_problem(None);
                    delay = BIND_RETRY.0;
                    let bound = listener.local_addr().unwrap_or(at);
                    tracing::info!("metrics are served at http://{bound}/metrics");
                    let accepting = accept(listener, self.pages.router(at), &self.connections);
                    tokio::select! {
                        never = accepting => match never {},
                        wanted = other_than(at, &mut self.wanted) => match wanted {
                            Ok(()) => tracing::info!("metrics are no longer served at {bound}"),
                            Err(_) => return,
                        },
                    }
                }
                Err(error) => {
                    self.set_problem(Some(words(at, &error)));
                    tokio::select! {
                        () = sleep(delay) => delay = (delay * 2).min(BIND_RETRY.1),
                        heard = self.wanted.changed() => match heard {
                            Ok(()) => delay = BIND_RETRY.0,
                            Err(_) => return,
                        },
                    }
                }
            }
        }
    }

    /// Remembers what is wrong, and tells the log if that is news.
    fn set_problem(&self, words: Option<String>) {
        let mut problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = words.as_ref().filter(|words| problem.as_ref() != Some(words)) {
            tracing::error!("{words}; it is tried again");
        }
        *problem = words;
    }
}

/// Waits until another address, or none, is wanted.
async fn other_than(
    at: SocketAddr,
    wanted: &mut watch::Receiver<Option<SocketAddr>>,
) -> Result<(), watch::error::RecvError> {
    loop {
        wanted.changed().await?;
        if *wanted.borrow_and_update() != Some(at) {
            return Ok(());
        }
    }
}

/// Takes connections until it is dropped, and the socket with it. They end by themselves.
async fn accept(listener: TcpListener, router: Router, connections: &Arc<Semaphore>) -> Infallible {
    loop {
        let Ok(permit) = Arc::clone(connections).acquire_owned().await else {
            // Nobody closes it.
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, router.clone(), permit));
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
async fn connection(stream: TcpStream, router: Router, permit: OwnedSemaphorePermit) {
    let service = TowerToHyperService::new(router);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_WAIT, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a connection for metrics broke: {error}"),
        Err(_) => tracing::debug!("a connection for metrics took too long"),
    }
    drop(permit);
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

/// What is wrong with an address, and what to do about it.
fn words(at: SocketAddr, error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => ": name another port, or end what has this one",
        io::ErrorKind::AddrNotAvailable => ": name an address of this machine",
        io::ErrorKind::PermissionDenied => ": name a port above 1023",
        _ => "",
    };
    format!("`listen`: `{at}` can't be bound, no metrics are served ({error}){hint}")
}
