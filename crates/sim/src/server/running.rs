//! The simulated agent's life: bind, serve, go down and come back on the same port, stop.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{Notice, World, WorldOptions};
use transferd_clock as clock;

use super::api;
use super::connection::{Kill, MortalListener};
use super::shared::{SeenRequest, Shared};

/// The interval of reports about files in motion, while there are listeners.
const FRAME_PACE: Duration = Duration::from_millis(500);
/// The interval of saving the state for events that happen by themselves.
const SAVE_PACE: Duration = Duration::from_secs(1);
/// Pause before a port that is taken is tried again.
const BIND_RETRY: Duration = Duration::from_millis(50);
/// A wait that means "until something changes".
const LONG: Duration = Duration::from_secs(3_600);

/// How to start a simulated agent.
#[derive(Clone, Debug, Default)]
pub struct SimOptions {
    /// The options of its world.
    pub world: WorldOptions,
    /// The seed of all random choices.
    pub seed: u64,
    /// Port on 127.0.0.1; 0 for any.
    pub port: u16,
    /// A file from which the world is restored, and in which it is kept.
    pub state: Option<PathBuf>,
}

/// The simulated agent.
#[derive(Debug)]
pub struct Sim;

/// Controls a simulated agent from within the same process. It stops when [`SimHandle::stop`] is
/// called or the last clone is dropped with its runtime.
#[derive(Clone)]
pub struct SimHandle {
    shared: Arc<Shared>,
    tasks: Arc<tokio::sync::Mutex<Vec<JoinHandle<()>>>>,
}

impl std::fmt::Debug for SimHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimHandle").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

impl Sim {
    /// Starts one on the current runtime. It answers requests at the URL from now on.
    ///
    /// # Errors
    /// If the port can't be bound, or the state file can't be read.
    pub async fn start(options: SimOptions) -> io::Result<(SimHandle, String)> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|error| {
            io::Error::new(error.kind(), format!("`{address}` can't be bound: {error}"))
        })?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let world = world(&options)?;
        let shared = Shared::new(world, options.state, url.clone());
        let serving = tokio::spawn(serve(Arc::clone(&shared), listener, address));
        let living = tokio::spawn(live(Arc::clone(&shared)));
        let tasks = Arc::new(tokio::sync::Mutex::new(vec![serving, living]));
        Ok((SimHandle { shared, tasks }, url))
    }
}

/// The world that was kept, under the current options; else a new one.
fn world(options: &SimOptions) -> io::Result<World> {
    let now = clock::now();
    let kept = match &options.state {
        Some(path) => match std::fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    match kept {
        Some(bytes) => {
            let mut world: World = serde_json::from_slice(&bytes)?;
            world.come_back(now);
            world.set_options(options.world.clone(), now);
            Ok(world)
        }
        None => Ok(World::new(options.world.clone(), options.seed, now)),
    }
}

/// Serves while the agent is up; while it is down, connections are refused.
async fn serve(shared: Arc<Shared>, first: TcpListener, address: SocketAddr) {
    let mut down = shared.down.subscribe();
    let mut bound = Some(first);
    loop {
        let listener = match bound.take() {
            Some(listener) => listener,
            None => match bind(&shared, address).await {
                Some(listener) => listener,
                None => return,
            },
        };
        let agent_down = CancellationToken::new();
        let mortal = MortalListener { listener, agent_down: agent_down.clone() };
        let routes = Router::new()
            .fallback(api::handle)
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<Kill>();
        tokio::select! {
            _ = async { axum::serve(mortal, routes).await } => {}
            () = became(&mut down, true) => {}
            () = shared.stop.cancelled() => {
                // Sockets get the time for a closing frame; plain connections have nothing to send.
                tokio::time::sleep(Duration::from_millis(20)).await;
                agent_down.cancel();
                return;
            }
        }
        agent_down.cancel();
        tokio::select! {
            () = became(&mut down, false) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

/// Waits until the agent is down, or up.
async fn became(down: &mut watch::Receiver<bool>, wanted: bool) {
    // The sender lives as long as the world that this task holds.
    let _ = down.wait_for(|down| *down == wanted).await;
}

async fn bind(shared: &Shared, address: SocketAddr) -> Option<TcpListener> {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Some(listener),
            Err(error) => {
                tracing::warn!("the simulated agent can't bind {address} again: {error}");
                tokio::select! {
                    () = tokio::time::sleep(BIND_RETRY) => {}
                    () = shared.stop.cancelled() => return None,
                }
            }
        }
    }
}

/// Advances the world between requests, so that listeners get its events and it can go down.
async fn live(shared: Arc<Shared>) {
    let mut told = clock::now();
    let mut saved = (clock::since_boot(), 0);
    loop {
        let listening = shared.frames.receiver_count() > 0;
        let (next, revision, busy) = shared.with(|world, now| {
            world.advance(now);
            if listening {
                for frame in world.file_frames(told, now) {
                    world.tell(Notice::File(frame));
                }
                told = now;
            }
            let busy = world.transfers().any(crate::world::SimTransfer::is_active);
            (world.next_event(), world.revision(), busy)
        });
        let pace = if listening && busy { FRAME_PACE } else { LONG };
        let pace = next.map_or(pace, |at| pace.min(until(at)));
        let unsaved = shared.state.is_some() && revision != saved.1;
        if unsaved && (clock::since_boot() - saved.0).unsigned_abs() >= SAVE_PACE {
            shared.save();
            saved = (clock::since_boot(), revision);
        }
        tokio::select! {
            () = tokio::time::sleep(if unsaved { pace.min(SAVE_PACE) } else { pace }) => {}
            () = shared.changed.notified() => {
                // Many requests at once are no reason to check as often.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            () = shared.stop.cancelled() => {
                shared.save();
                return;
            }
        }
    }
}

fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(clock::now())).unwrap_or_default()
}

impl SimHandle {
    /// Reads or changes the world, now.
    pub fn with<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        self.shared.with(|world, now| {
            world.advance(now);
            act(world, now)
        })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The last requests to the API, oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.seen()
    }

    /// Stops it: sockets are closed with code 1000, the port is free, the state is kept.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        for task in self.tasks.lock().await.drain(..) {
            // A task that panicked has ended as well.
            let _ = task.await;
        }
    }
}
