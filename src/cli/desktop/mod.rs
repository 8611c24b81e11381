//! `desktop`: shows notifications on the user's desktop, about their own service and the system's.
//!
//! Follows events as `events` does, and asks for the status now and then. Asks the daemon only for
//! what it already knows, so that an idle daemon leaves the agent alone. Does not end by itself: a
//! daemon that is away is waited for.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use futures_util::future::join_all;
use tokio::sync::mpsc;

use super::ask::{runtime, say};
use super::places::{Places, Search, system_socket};
use super::{Exit, Global, Scope};
use crate::clock;
use crate::control::client::{Client, ClientError};
use crate::control::request::{EventsQuery, StatusQuery};
use crate::control::socket;
use crate::signals::Interrupts;
use notices::{Notice, Watcher};
use screen::{ToShow, show};

mod limits;
mod notices;
mod notify;
mod open;
mod screen;
mod shown;
#[cfg(test)]
mod tests;
mod wanted;

/// Options of `transferd desktop`.
#[derive(Debug, ClapArgs)]
pub struct Args {}

/// Carries out `desktop`.
pub fn run(_: Args, global: &Global, _: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let services = services(global);
    // There is nobody to tell if standard error is gone.
    let _ = writeln!(err, "{}", followed(&services));
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(err, &format!("nothing can be followed: {error}"));
            return Exit::No;
        }
    };
    runtime.block_on(async {
        let mut signals = match Interrupts::listen() {
            Ok(signals) => signals,
            Err(error) => {
                say(err, &format!("signals can't be heard: {error}"));
                return Exit::No;
            }
        };
        let (tell, told) = mpsc::channel(limits::WAITING);
        let followers = join_all(services.into_iter().map(|one| follow(one, tell.clone())));
        tokio::select! {
            biased;
            () = signals.next() => {}
            _ = followers => {}
            () = show(told, err) => {}
        }
        Exit::Done
    })
}

/// A followed service.
struct Service {
    socket: PathBuf,
    /// The options by which a command reaches this one.
    options: Arc<Global>,
}

fn services(global: &Global) -> Vec<Service> {
    let sockets = sockets(Places::here(global).search(), global.scope);
    let service = |socket| {
        let scope = if socket == system_socket() { Scope::System } else { global.scope };
        Service { socket, options: Arc::new(Global { scope, ..global.clone() }) }
    };
    sockets.into_iter().map(service).collect()
}

/// The message at the start: which daemons answer.
fn followed(services: &[Service]) -> String {
    let listed = |wanted: fn(&Service) -> bool| {
        let listed = services.iter().filter(|service| wanted(service));
        let listed: Vec<_> =
            listed.map(|service| format!("`{}`", service.socket.display())).collect();
        listed.join(", ")
    };
    match listed(|service| socket::answers(&service.socket).is_ok()) {
        none if none.is_empty() => {
            let looked = listed(|_| true);
            format!("no daemon answers yet (looked at {looked}); waiting for one")
        }
        some => format!("following the daemon at {some}"),
    }
}

/// The sockets of all services that are meant: both without an option.
fn sockets(search: Search, scope: Scope) -> Vec<PathBuf> {
    let other = match scope {
        Scope::Unsaid => search.other.map(|(_, _, path)| path),
        Scope::System | Scope::User => None,
    };
    let mut sockets = search.meant;
    sockets.extend(other);
    sockets.dedup();
    sockets
}

/// Follows one daemon, whenever it runs.
async fn follow(service: Service, tell: mpsc::Sender<ToShow>) {
    let Service { socket, options } = service;
    let tell = |notice| {
        let told = ToShow { notice, by: Arc::clone(&options) };
        let tell = tell.clone();
        // The receiver lives as long as this process.
        async move { drop(tell.send(told).await) }
    };
    let mut watcher = Watcher::default();
    let mut query = EventsQuery::default();
    loop {
        if let Ok(client) = Client::connect(&socket) {
            // It has stopped, or refuses us: it is tried again.
            let _ = listen(&client, &mut watcher, &mut query, &tell).await;
        }
        tokio::time::sleep(limits::RETRY).await;
    }
}

/// Reports events until the daemon is gone.
async fn listen(
    client: &Client,
    watcher: &mut Watcher,
    query: &mut EventsQuery,
    tell: impl AsyncFn(Notice),
) -> Result<(), ClientError> {
    let mut following = client.events(query).await?;
    let known = StatusQuery { known: true, detail: true, ..StatusQuery::default() };
    let mut looks = tokio::time::interval(limits::LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let notices = tokio::select! {
            // The first status comes before the events since then.
            biased;
            _ = looks.tick() => watcher.looked(&client.status(&known).await?, clock::now()),
            happened = following.next() => {
                query.since = following.last().or(query.since);
                let happened = happened?;
                if Watcher::occasion(&happened).is_some() {
                    // The job file may have changed its wishes since the last status.
                    let job = Some(happened.job.to_string());
                    let one = StatusQuery { job, ..known.clone() };
                    let status = client.status(&one).await;
                    status.iter().for_each(|status| watcher.heed(status));
                }
                watcher.happened(&happened).into_iter().collect()
            }
        };
        for notice in notices {
            tell(notice).await;
        }
    }
}
