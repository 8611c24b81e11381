//! The ways to one agent: its addresses, and who is at their other end.
//!
//! A connection is judged after it was made and before a byte goes out, by a layer around the
//! connector of the library. The layer is not told for which request a connection is made, and
//! not where it leads: each address has a client for each errand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{CONNECTION, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use tower::BoxError;
use tower::util::AndThenLayer;

use super::limits::HEADERS_MAX;
use super::neighbor::{Errand, Owners};
use crate::tls;

/// The ways to one agent.
#[derive(Debug)]
pub(super) struct Ways {
    /// Two for `localhost`, else one.
    ways: Vec<Way>,
    /// The last one is tried first: the first one did not answer as an agent does.
    last_first: AtomicBool,
    owners: Owners,
}

/// The way to one address.
#[derive(Debug)]
pub(super) struct Way {
    /// Asks whether an agent is at work there.
    status: Client,
    /// Asks all else.
    rest: Client,
    /// Who held the other end of the last connection of `status`, where that can be told.
    holder: Arc<Mutex<Option<u32>>>,
}

/// How long a request may take, and connecting for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) whole: Duration,
    pub(super) connecting: Duration,
}

impl Ways {
    pub(super) fn new(
        base: &Url,
        patience: Patience,
        owners: Owners,
    ) -> Result<Self, reqwest::Error> {
        let port = base.port_or_known_default().unwrap_or(80);
        let host = base.host_str().unwrap_or("").trim_matches(['[', ']']);
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![Some(SocketAddr::new(address, port))],
            Err(_) if host.eq_ignore_ascii_case("localhost") => loopback(port).map(Some).into(),
            Err(_) => vec![None],
        };
        let way = |address| Way::new(address, patience, &owners);
        let ways = addresses.into_iter().map(way).collect::<Result<_, _>>()?;
        Ok(Self { ways, last_first: AtomicBool::new(false), owners })
    }

    pub(super) fn owners(&self) -> &Owners {
        &self.owners
    }

    /// All of them, the one to be tried first at the head.
    pub(super) fn in_order(&self) -> Vec<&Way> {
        let mut ways: Vec<_> = self.ways.iter().collect();
        if self.last_first.load(Ordering::Relaxed) {
            ways.reverse();
        }
        ways
    }

    /// Tries the other address of `localhost` first from now on; false if there is none.
    pub(super) fn turn(&self) -> bool {
        self.last_first.fetch_xor(true, Ordering::Relaxed);
        self.ways.len() > 1
    }
}

impl Way {
    fn new(
        address: Option<SocketAddr>,
        patience: Patience,
        owners: &Owners,
    ) -> Result<Self, reqwest::Error> {
        let holder = Arc::default();
        let client = |errand| client(address, patience, owners, errand, &holder);
        let (status, rest) = (client(Errand::State)?, client(Errand::Secret)?);
        Ok(Self { status, rest, holder })
    }

    pub(super) fn client(&self, errand: Errand) -> &Client {
        match errand {
            Errand::State => &self.status,
            Errand::Secret => &self.rest,
        }
    }

    /// Who held the other end of the last connection that was made to ask for the agent's state.
    pub(super) fn holder(&self) -> Option<u32> {
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(
    address: Option<SocketAddr>,
    patience: Patience,
    owners: &Owners,
    errand: Errand,
    holder: &Arc<Mutex<Option<u32>>>,
) -> Result<Client, reqwest::Error> {
    // A keep-alive connection that the agent has just closed would turn a POST into an uncertain
    // one, and its other end may have changed hands; on loopback a fresh one costs nothing.
    let headers = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("close"))]);
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .timeout(patience.whole)
        .connect_timeout(patience.connecting)
        .http1_max_headers(HEADERS_MAX)
        .default_headers(headers)
        .tls_backend_preconfigured(tls::none())
        .user_agent(concat!("transferd/", env!("CARGO_PKG_VERSION")));
    if let Some(address) = address {
        let (owners, holder) = (owners.clone(), Arc::clone(holder));
        builder = builder
            // `localhost` is this machine whatever a resolver says, and needs no resolver thread.
            .resolve_to_addrs("localhost", &[address])
            .connector_layer(AndThenLayer::new(move |connection| {
                let (owners, holder) = (owners.clone(), Arc::clone(&holder));
                async move {
                    let uid = owners.judge(address, errand).await?;
                    if errand == Errand::State {
                        *holder.lock().unwrap_or_else(PoisonError::into_inner) = uid;
                    }
                    Ok::<_, BoxError>(connection)
                }
            }));
    }
    builder.build()
}

/// Both addresses of this machine, in the order in which .NET listens for `localhost`.
pub(super) fn loopback(port: u16) -> [SocketAddr; 2] {
    [
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port),
    ]
}
