//! The TCP socket: bound where the job file says, bound anew when that changes, retried while the
//! address can't be had.
//!
//! Keeps true: a request is answered even if the address changes meanwhile.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::http::Uri;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::ask::Ask;
use super::limits::{BIND_RETRY, BOUNDS, HEAD_WAIT_HERE};
use super::page::{Foresight, PastDays};
use super::pages::Pages;
use super::questions::Questions;
use crate::control::request::Asked;
use crate::serving::{Bounds, Slots, serve};
use crate::settings::Settings;
use crate::words::without_innards;

/// The wanted address, and the name by which people reach it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `listen`.
    pub(super) at: Option<SocketAddr>,
    /// The host in `external_url`.
    pub(super) external_host: Option<String>,
}

impl Wanted {
    /// The address and name in a job file.
    pub fn of(settings: &Settings) -> Self {
        let url = settings.external_url.as_ref().and_then(|url| url.parse::<Uri>().ok());
        let external_host = url.and_then(|url| url.host().map(str::to_owned));
        Self { at: settings.listen, external_host }
    }
}

/// The TCP server. It ends when this is dropped.
#[derive(Debug)]
pub struct Web {
    wanted: watch::Sender<Wanted>,
    standing: Arc<Mutex<Standing>>,
}

/// Its state.
#[derive(Clone, Debug, Default)]
struct Standing {
    /// The address it is served at.
    served: Option<SocketAddr>,
    /// Why it is not served.
    problem: Option<String>,
}

impl Web {
    /// Serves at the wanted address, or nowhere yet. The pages send their requests to `asks` and
    /// `requests`, and show this machine as `hostname`. Must be called inside a runtime.
    pub fn start(
        wanted: Wanted,
        hostname: &str,
        asks: mpsc::Sender<Ask>,
        requests: mpsc::Sender<Asked>,
    ) -> Self {
        let (wanted, heard) = watch::channel(wanted);
        let standing = Arc::default();
        let questions = Questions::new(asks, requests);
        let server = Server {
            wanted: heard.clone(),
            standing: Arc::clone(&standing),
            pages: Pages {
                questions,
                past_days: PastDays::default(),
                foresight: Foresight::default(),
                hostname: hostname.into(),
                wanted: heard,
            },
        };
        tokio::spawn(server.serve());
        Self { wanted, standing }
    }

    /// Serves at that address from now on, or nowhere. An address that could not be bound is tried
    /// again now.
    pub fn listen(&self, wanted: Wanted) {
        self.wanted.send_replace(wanted);
    }

    /// The address it is served at, if it is.
    pub fn served(&self) -> Option<SocketAddr> {
        self.standing().served
    }

    /// Why nothing is served, if something should be.
    pub fn problem(&self) -> Option<String> {
        self.standing().problem
    }

    fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Server {
    wanted: watch::Receiver<Wanted>,
    standing: Arc<Mutex<Standing>>,
    pages: Pages,
}

impl Server {
    /// Serves until the last handle is gone.
    async fn serve(mut self) {
        let mut delay = BIND_RETRY.0;
        loop {
            let wanted = self.wanted.borrow_and_update().at;
            let Some(at) = wanted else {
                self.stands(None, None);
                match self.wanted.changed().await {
                    Ok(()) => continue,
                    Err(_) => return,
                }
            };
            match TcpListener::bind(at).await {
                Ok(listener) => {
                    delay = BIND_RETRY.0;
                    let bound = listener.local_addr().unwrap_or(at);
                    self.stands(Some(bound), None);
                    tracing::info!(
                        "the page is served at http://{bound}/, metrics are served at \
                         http://{bound}/metrics"
                    );
                    let (slots, router) = (Slots::new(bounds(at)), self.pages.router(at));
                    let accepting = serve(listener, &slots, |_, ticket| {
                        router.clone().layer(Extension(ticket.clone()))
                    });
                    tokio::select! {
                        never = accepting => match never {},
                        wanted = other_than(at, &mut self.wanted) => match wanted {
                            Ok(()) => tracing::info!("nothing is served at {bound} any more"),
                            Err(_) => return,
                        },
                    }
                }
                Err(error) => {
                    self.stands(None, Some(words(at, &error)));
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

    /// Keeps the state, and logs a problem if that is news.
    fn stands(&self, served: Option<SocketAddr>, problem: Option<String>) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) =
            problem.as_ref().filter(|words| standing.problem.as_ref() != Some(words))
        {
            tracing::error!("{words}; it is tried again");
        }
        *standing = Standing { served, problem };
    }
}

/// The bounds at this address.
fn bounds(at: SocketAddr) -> Bounds {
    let here = at.ip().is_loopback();
    Bounds { head_wait: if here { HEAD_WAIT_HERE } else { BOUNDS.head_wait }, ..BOUNDS }
}

/// Waits until another address, or none, is wanted.
async fn other_than(
    at: SocketAddr,
    wanted: &mut watch::Receiver<Wanted>,
) -> Result<(), watch::error::RecvError> {
    loop {
        wanted.changed().await?;
        if wanted.borrow_and_update().at != Some(at) {
            return Ok(());
        }
    }
}

/// The problem with an address, and how to fix it.
fn words(at: SocketAddr, error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => ": name another port, or end what has this one",
        io::ErrorKind::AddrNotAvailable => ": name an address of this machine",
        io::ErrorKind::PermissionDenied => ": name a port above 1023",
        _ => "",
    };
    let error = without_innards(&error.to_string());
    format!("`listen`: `{at}` can't be bound, neither page nor metrics are served ({error}){hint}")
}
