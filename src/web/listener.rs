//! The TCP socket: bound where the job file says, bound anew when it says otherwise, tried again
//! while it can't be had.
//!
//! Keeps true: what is asked is answered, though the address changes meanwhile.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::ask::Ask;
use super::limits::{BIND_RETRY, BOUNDS, HEAD_WAIT_HERE};
use super::pages::Pages;
use crate::serving::{Bounds, Slots, serve};

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
                    let (slots, router) = (Slots::new(bounds(at)), self.pages.router(at));
                    let accepting = serve(listener, &slots, |_, ticket| {
                        router.clone().layer(Extension(ticket.clone()))
                    });
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

/// How much is served at this address.
fn bounds(at: SocketAddr) -> Bounds {
    let here = at.ip().is_loopback();
    Bounds { head_wait: if here { HEAD_WAIT_HERE } else { BOUNDS.head_wait }, ..BOUNDS }
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
