//! Connections to one agent: its addresses, and the user at the other end.
//!
//! A connection is checked after it was made and before a byte goes out. Knows nothing of HTTP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::{Host, Url};

use super::neighbor::{Ends, Errand, Held, Owners};
use crate::address;

/// The addresses of one agent.
#[derive(Debug)]
pub(super) struct Ways {
    /// Two for `localhost`, else one.
    ways: Vec<Way>,
    /// Try the last one first: the first one did not answer like an agent.
    last_first: AtomicBool,
    owners: Owners,
}

/// One address.
#[derive(Debug)]
pub(super) struct Way {
    target: Target,
    owners: Owners,
    /// The user at the other end of the last connection that was made to ask for the agent's state,
    /// if known.
    holder: Mutex<Option<u32>>,
}

#[derive(Debug)]
enum Target {
    Address(SocketAddr),
    /// A name that a resolver knows, and a port.
    Named(String, u16),
}

/// The reason why a connection could not be made, or may not be used.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// It was not made in time.
    Late,
    /// The user at its other end may not have the data to be sent.
    Held(Held),
    /// Refused, no such name, no way there.
    Failed(io::Error),
}

impl Ways {
    pub(super) fn new(base: &Url, owners: Owners) -> Self {
        let port = base.port_or_known_default().unwrap_or(80);
        let one = |address| vec![Target::Address(SocketAddr::new(address, port))];
        let targets = match base.host() {
            Some(Host::Ipv4(address)) => one(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => one(IpAddr::V6(address)),
            // Needs no resolver thread.
            Some(Host::Domain(name)) if address::is_localhost(name) => {
                address::loopback(port).map(Target::Address).into()
            }
            Some(Host::Domain(name)) => vec![Target::Named(name.to_owned(), port)],
            None => Vec::new(),
        };
        let way = |target| Way { target, owners: owners.clone(), holder: Mutex::default() };
        let ways = targets.into_iter().map(way).collect();
        Self { ways, last_first: AtomicBool::new(false), owners }
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
    /// Makes a connection, and checks the user at its other end. One is made for each request: a
    /// kept one that the agent has just closed would turn a POST into an uncertain one, and its
    /// other end may have changed hands; on loopback a fresh one costs nothing.
    pub(super) async fn connect(
        &self,
        errand: Errand,
        patience: Duration,
    ) -> Result<TcpStream, NoConnection> {
        let connecting = async {
            match &self.target {
                Target::Address(address) => TcpStream::connect(address).await,
                Target::Named(host, port) => first_of(host, *port, patience).await,
            }
        };
        let stream = timeout(patience, connecting).await.map_err(|_| NoConnection::Late)?;
        let stream = stream.map_err(NoConnection::Failed)?;
        // A request is one small packet: it need not wait for another.
        stream.set_nodelay(true).map_err(NoConnection::Failed)?;
        let ends = Ends::of(&stream).map_err(NoConnection::Failed)?;
        let uid = self.owners.judge(&ends, errand).map_err(NoConnection::Held)?;
        if errand == Errand::State {
            *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = uid;
        }
        Ok(stream)
    }

    /// The user at the other end of the last connection that was made to ask for the agent's state.
    pub(super) fn holder(&self) -> Option<u32> {
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection to the first address of a name that accepts one. Each address has its share of the
/// time, since one that does not answer must not hide the next.
async fn first_of(host: &str, port: u16, patience: Duration) -> io::Result<TcpStream> {
    let addresses: Vec<_> = lookup_host((host, port)).await?.collect();
    let share = patience / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut failure = io::Error::other("the name has no address");
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}
